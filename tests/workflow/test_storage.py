"""A run on nodes that share no disk: what a job gets and gives goes through the storage, and has the same bytes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from project import CLUSTER_PLUGINS, SMALL, Project

NODES = Path(__file__).parent / "nodes"
GROUPS = ("--groups", "complete_shard=shards", "complete_baseline=shards", "--group-components", "shards=9")


def missing() -> str | None:
    """Why there can be no storage here."""
    if shutil.which("rsync") is None:
        return "rsync is not installed, which Snakemake's storage plugin for file systems copies with"
    if not (CLUSTER_PLUGINS / "snakemake_storage_plugin_fs").is_dir():
        return "Snakemake's plugins for clusters are not here: make .plugins/ready"
    return None


pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))


def commit(folder: Path) -> None:
    """Make a folder a repository: a node clones it, which is how it gets the sources and the tiny model."""
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    subprocess.run(["git", "add", "--force", "."], cwd=folder, check=True)
    author = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    subprocess.run(["git", *author, "commit", "--quiet", "--message", "sources"], cwd=folder, check=True)


def output_of_failed_jobs(nodes: Path) -> str:
    """What failed jobs printed, which Snakemake leaves on the node."""
    words = ""
    for code in nodes.glob("*/code"):
        if code.read_text().strip() != "0":
            for path in (code.with_name("output"), *sorted(code.parent.rglob("*.log"))):
                words += f"{path}:\n{path.read_text(errors='replace')[-4000:]}\n"
    return words


def test_nodes_without_a_shared_disk_give_the_bytes_of_this_machine(
    fresh: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = fresh.copy(tmp_path / "local")
    local.configure(SMALL)
    run = local.snakemake("--cores", "2", "results")
    assert run.code == 0, run.output

    remote = fresh.copy(tmp_path / "remote")
    remote.configure(SMALL)
    commit(remote.root)
    store, nodes = tmp_path / "store", tmp_path / "nodes"
    nodes.mkdir()
    monkeypatch.setenv("NODES", str(nodes))
    # Where no disk is shared, Snakemake's jobs start the `python` of the node's own PATH.
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    run = remote.snakemake(
        *("--executor", "cluster-generic", "--jobs", "2", *GROUPS, "--resources", "clients=3"),
        *("--cluster-generic-submit-cmd", str(NODES / "submit"), "--cluster-generic-status-cmd", str(NODES / "status")),
        # As in the profiles for clusters.
        *("--retries", "2"),
        *("--seconds-between-status-checks", "1", "--shared-fs-usage", "none"),
        *("--default-storage-provider", "fs", "--default-storage-prefix", str(store)),
        "results",
        timeout=300,
        extra_path=(str(CLUSTER_PLUGINS),),
    )
    assert run.code == 0, f"{run.output[-2000:]}\n{output_of_failed_jobs(nodes)}"
    assert Project(store).numbers() == local.numbers()
    # It was done elsewhere: nothing lies in the project itself.
    assert not list((remote.root / "results").rglob("*.jsonl"))
    assert len(list(nodes.iterdir())) >= 3
