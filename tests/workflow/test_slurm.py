"""A run on a real SLURM of two nodes, in groups, killed in the middle and resumed: the bytes of a local run."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from project import CLUSTER_PLUGINS, REPOSITORY, SMALL, Project, kill, processes_in

PROFILE = "workflow/profiles/slurm"
PLUGINS = (str(CLUSTER_PLUGINS),)
# What a test machine needs otherwise than a site: two cores, small jobs, no waiting between looks.
SMALL_MACHINE = (
    *("--set-threads", "complete_shard=1", "complete_baseline=1", "measure_activations=1"),
    *("--group-components", "shards=5", "--resources", "clients=2", "--jobs", "4"),
    *("--seconds-between-status-checks", "1"),
)
# And its partition, no accounts, no accounting.
HERE = (
    *("--workflow-profile", PROFILE, *SMALL_MACHINE),
    *("--default-resources", "slurm_partition=test", "mem_mb=1000", "runtime=10"),
    *("--slurm-no-account", "--slurm-status-command", "squeue"),
    *("--slurm-init-seconds-before-status-checks", "1"),
)
# Two layers, one strength of each intervention, no checks: 4 conditions and the baseline, three splits.
TWO_LAYERS = SMALL | {"experiment.layers": [0, 1]}
SHARDS = 15


def missing() -> str | None:
    """Why there can be no SLURM here."""
    if os.getuid() != 0:
        return "only root may start the daemons of SLURM"
    for program, package in (("slurmctld", "slurm-wlm"), ("munged", "munge")):
        if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") is None:
            return f"{program} is not installed (Debian's package {package})"
    if not (CLUSTER_PLUGINS / "snakemake_executor_plugin_slurm").is_dir():
        return "Snakemake's plugins for clusters are not here: make .plugins/ready"
    return None


pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))


@pytest.fixture(scope="module", autouse=True)
def slurm() -> None:
    done = subprocess.run([str(REPOSITORY / "tests/slurm/start")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def queued() -> list[str]:
    return subprocess.run(["squeue", "-h", "-o", "%i"], capture_output=True, text=True, check=True).stdout.split()


def nodes_used() -> set[str]:
    """Nodes that the scheduler gave to jobs of the last minutes."""
    jobs = subprocess.run(["scontrol", "--oneliner", "show", "jobs"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"\bNodeList=(node\d)", jobs))


def workers(project: Project) -> list[int]:
    """Processes that served the run."""
    log = (project.root / "results/tiny/logs/worker.log").read_text(encoding="utf-8")
    return [int(number) for number in re.findall(r"^worker (\d+) started", log, re.MULTILINE)]


@contextmanager
def clean_queue() -> Iterator[None]:
    try:
        yield
    finally:
        subprocess.run(["scancel", "--user", "root"], check=False)


@pytest.fixture(scope="module")
def small(fresh: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project of few shards in which nothing has run."""
    project = fresh.copy(tmp_path_factory.mktemp("small") / "project")
    project.configure(TWO_LAYERS)
    return project


@pytest.fixture(scope="module")
def expected(small: Project, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What a local run gives."""
    project = small.copy(tmp_path_factory.mktemp("local") / "project")
    run = project.snakemake("--cores", "2", "results")
    assert run.code == 0, run.output
    return project.numbers()


@pytest.mark.slow
def test_a_run_in_groups_has_the_bytes_of_a_local_one(
    small: Project, expected: dict[str, bytes], tmp_path: Path
) -> None:
    project = small.copy(tmp_path / "project")
    with clean_queue():
        run = project.snakemake(*HERE, "results", timeout=300, extra_path=PLUGINS)
    assert run.code == 0, run.output
    assert project.numbers() == expected
    # One worker per job and one job for many shards.
    assert 3 <= len(workers(project)) <= 6
    assert nodes_used() == {"node1", "node2"}
    # Each ended with its job.
    assert not [number for number in workers(project) if psutil.pid_exists(number)]


def wait_for_shards(
    process: "subprocess.Popen[bytes]", project: Project, *, n: int, seconds: float = 200
) -> dict[str, tuple[int, bytes]]:
    deadline = time.monotonic() + seconds
    while len(project.shards()) < n and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.2)
    kept = project.shards()
    assert n <= len(kept) < SHARDS
    return kept


def end_strays(project: Project, *, grace: float = 10) -> None:
    """Kill what a cancelled job leaves behind, as a cluster does that tracks jobs by cgroup.

    `proctrack/linuxproc` loses sight of a process whose parent is gone, and Snakemake's handler of SIGTERM can wait for
    a lock that its own process holds (`JobScheduler.exit_gracefully`, 9.27).
    """
    deadline = time.monotonic() + grace
    while left := processes_in(project.root):
        if time.monotonic() > deadline:
            for number in left:
                kill(number)
        time.sleep(0.2)


def test_a_run_whose_jobs_are_cancelled_and_which_is_killed_resumes(
    small: Project, expected: dict[str, bytes], tmp_path: Path
) -> None:
    project = small.copy(tmp_path / "project")
    with clean_queue(), project.running(*HERE, "results", extra_path=PLUGINS) as (process, _):
        wait_for_shards(process, project, n=3)
        process.kill()
        subprocess.run(["scancel", *queued()], check=True)
    end_strays(project)
    kept = project.shards()
    assert all(content.endswith(b"}\n") for _, content in kept.values())

    # Now a job alone is cancelled: what it lacked is sent again.
    with clean_queue(), project.running(*HERE, "results", extra_path=PLUGINS) as (process, resumed):
        wait_for_shards(process, project, n=len(kept) + 1)
        subprocess.run(["scancel", *queued()], check=True)
        process.wait(timeout=300)
    end_strays(project)
    assert resumed.code == 0, resumed.output
    assert {path: fact for path, fact in project.shards().items() if path in kept} == kept, "written twice"
    assert project.numbers() == expected


@pytest.mark.slow
def test_a_submit_command_of_ones_own_gives_the_same_bytes(
    small: Project, expected: dict[str, bytes], tmp_path: Path
) -> None:
    project = small.copy(tmp_path / "project")
    submit = "sbatch --parsable --partition test --cpus-per-task {threads} --mem {resources.mem_mb} --output /dev/null"
    changed = ("--cluster-generic-submit-cmd", submit, "--cluster-generic-cancel-cmd", "scancel")
    status = str(REPOSITORY / "tests/slurm/status")
    with clean_queue():
        run = project.snakemake(
            *("--workflow-profile", "workflow/profiles/cluster-generic", *changed),
            *("--default-resources", "mem_mb=1000", "runtime=10"),
            *("--cluster-generic-status-cmd", status, "--latency-wait", "10"),
            *SMALL_MACHINE,
            "results",
            timeout=300,
            extra_path=PLUGINS,
        )
    assert run.code == 0, run.output
    assert project.numbers() == expected
    assert 3 <= len(workers(project)) <= 6
