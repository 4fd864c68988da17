"""What is asked of the operating system, on Linux and as a Mac answers."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from steering_reliability.errors import InputError
from steering_reliability.process import system


@pytest.fixture
def on_a(monkeypatch):
    """Return a function that has the module believe that it runs on another system."""

    def believe(platform: str) -> None:
        monkeypatch.setattr(system, "sys", SimpleNamespace(platform=platform))
        if platform == "darwin":
            monkeypatch.delattr(os, "sched_getaffinity", raising=False)
        system.host_name.cache_clear()

    yield believe
    system.host_name.cache_clear()


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Return a function that puts a program of the system in front of all others."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def put(name: str, script: str) -> None:
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)

    return put


def test_windows_is_refused_with_one_message_and_the_others_pass(on_a):
    for passed in ("linux", "darwin"):
        on_a(passed)
        system.check_system()
    on_a("win32")
    with pytest.raises(InputError, match="not on Windows") as caught:
        system.check_system()
    assert "WSL" in caught.value.fix


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system lets nobody choose cores")
def test_cores_are_those_that_the_process_is_bound_to():
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})"
    code += "; from steering_reliability.process.system import cores; print(cores())"
    assert int(subprocess.check_output([sys.executable, "-c", code])) == 1


def test_without_binding_all_cores_count(on_a):
    on_a("darwin")
    assert system.cores() == psutil.cpu_count()


def test_a_control_group_counts_as_well_as_the_machine(tmp_path, monkeypatch):
    memory = SimpleNamespace(available=4_096_000, total=8_192_000)
    monkeypatch.setattr(system.psutil, "virtual_memory", lambda: memory)
    (tmp_path / "memory.max").write_text("3000000\n")
    (tmp_path / "memory.current").write_text("1000000\n")
    assert system.free_memory(group=tmp_path) == 2_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert system.free_memory(group=tmp_path) == system.free_memory(group=tmp_path / "none") == 4_096_000
    assert system.total_memory() == 8_192_000


@pytest.mark.parametrize("processes", ["/proc", "/nowhere"])
def test_a_process_is_told_from_a_later_one_of_its_number(processes):
    places = {"processes": Path(processes)}
    own = system.start_of(os.getpid(), **places)
    assert own == system.start_of(os.getpid(), **places) is not None
    time.sleep(0.05)
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    later = system.start_of(other.pid, **places)
    other.communicate()
    assert later > own
    assert system.start_of(other.pid, **places) is None


def test_a_mac_has_the_name_that_its_user_gave_it(on_a, program):
    program("scutil", '[ "$*" = "--get LocalHostName" ] && echo Mimis-Mac')
    on_a("linux")
    assert system.host_name() == socket.gethostname()
    on_a("darwin")
    assert system.host_name() == "Mimis-Mac"
    on_a("darwin")
    program("scutil", "exit 1")
    assert system.host_name() == socket.gethostname()


def test_a_mac_says_its_processor(on_a, program):
    program("sysctl", '[ "$*" = "-n machdep.cpu.brand_string" ] && echo "Apple M2 Pro"')
    on_a("darwin")
    assert system.processor_name() == "Apple M2 Pro"
    program("sysctl", "exit 1")
    assert system.processor_name() != ""


def test_only_linux_lists_its_processors(tmp_path):
    (tmp_path / "cpuinfo").write_text("model name\t: A\nflags\t\t: x y\n\nmodel name\t: B\n")
    assert system.processor_facts(listed=tmp_path / "cpuinfo") == {"model name": "A", "flags": "x y"}
    assert system.processor_facts(listed=tmp_path / "none") == {}


def test_sockets_go_to_the_sessions_folder_or_to_the_temporary_one(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", "/temporary")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert system.runtime_folder() == tmp_path
    for absent in (str(tmp_path / "not here"), ""):
        monkeypatch.setenv("XDG_RUNTIME_DIR", absent)
        assert system.runtime_folder() == Path("/temporary")
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert system.runtime_folder() == Path("/temporary")


def test_a_path_of_the_longest_kind_can_be_bound(on_a, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    longest = system.longest_socket()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("x" * longest)
    on_a("darwin")
    # The size of sun_path in sys/un.h is 104.
    assert system.longest_socket() == 103


@pytest.mark.parametrize(("chosen", "seen"), [(None, 3), ("", 0), ("-1", 0), ("1", 1), ("0,2", 2), ("0,1,2,3", 3)])
def test_gpus_are_counted_without_torch(tmp_path, monkeypatch, chosen, seen):
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if chosen is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    assert system.visible_gpus(driver=tmp_path) == seen
    assert system.visible_gpus(driver=tmp_path / "none") == 0
