"""JSON lines over a private unix socket."""

import json
import os
import socket
import stat
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from some_rows import make_request
from steering_reliability.errors import InputError
from steering_reliability.generation.requests import SteeringRequest
from steering_reliability.process.system import longest_socket, runtime_folder
from steering_reliability.worker.protocol import (
    WorkerIdentity,
    private_folder,
    receive,
    request_from_json,
    request_to_json,
    send,
)

IDENTITY = WorkerIdentity("/models/m", "cpu", "float32", "resid_post", 64, 3072, 1234, "c0de")


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.mark.parametrize(
    "steering", [None, SteeringRequest("add", "3+4", 0.1 + 0.2, [3, 4], direction_files=["/3", "/4"])]
)
def test_a_request_survives_the_socket(pair, steering):
    request = make_request(["Hi", "\u2028 ü"], steering=steering, stop_strings=["</s>"])
    send(pair[0], request_to_json(request))
    found = request_from_json(receive(pair[1]))
    assert found == replace(request, prompts=[list(prompt) for prompt in request.prompts])


def test_what_is_no_request_or_no_json_is_an_error(pair):
    with pytest.raises(TypeError, match="unknown"):
        request_from_json(request_to_json(make_request(["Hi"])) | {"unknown": 1})
    with pytest.raises(ValueError, match="JSON"):
        send(pair[0], {"value": float("nan")})


@pytest.fixture
def short_path():
    """A socket's name may have 103 bytes at most, and pytest's folders are long, as a Mac's own are."""
    with tempfile.TemporaryDirectory(prefix="sr-", dir="/tmp") as folder:
        yield folder


def test_the_socket_folder_is_private_and_that_of_a_session_elsewhere_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "not here"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert private_folder().parent == tmp_path
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folder = private_folder()
    assert folder.parent == tmp_path
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert private_folder() == folder
    folder.chmod(0o750)
    with pytest.raises(InputError, match="not private to you"):
        private_folder()
    # A link in its place.
    folder.rmdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="not private to you"):
        private_folder()


def test_every_part_of_the_identity_has_a_socket_of_its_own(short_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", short_path)
    changes = [{"folder": "/other"}, {"dtype": "auto"}, {"hook_point": "resid_pre"}, {"owner": 1}, {"code": "x"}]
    changes += [{"max_rows": 8}, {"number": 1}]
    assert replace(IDENTITY).socket_path() == IDENTITY.socket_path()
    assert len({replace(IDENTITY, **change).socket_path() for change in [{}, *changes]}) == len(changes) + 1
    assert WorkerIdentity(**json.loads(IDENTITY.as_json())) == IDENTITY


def test_a_path_fits_a_mac_whoever_its_user_is():
    below = IDENTITY.socket_path().relative_to(runtime_folder())
    of_the_user = below.parent.name.replace(str(os.getuid()), "4294967294")
    longest = Path(f"/var/folders/zz/{'x' * 30}/T") / of_the_user / below.name
    assert len(str(longest)) <= 103


def test_a_path_too_long_for_a_socket_is_an_error(tmp_path, monkeypatch):
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    with pytest.raises(InputError, match=f"longer than the {longest_socket()} bytes") as caught:
        IDENTITY.socket_path()
    assert "TMPDIR" in caught.value.fix
