"""Fixtures of the workflow tests: a fresh project, and one that has run to its end."""

import fcntl
import os
from pathlib import Path

import pytest
from project import Project


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything here: these tests take seconds each."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.workflow)


@pytest.fixture(scope="session")
def fresh(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project in which nothing has run; tests copy it."""
    project = Project.create(tmp_path_factory.mktemp("fresh"), model=tiny_folder)
    project.configure()
    return project


@pytest.fixture(scope="session")
def finished(fresh: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that has run to its end with --cores 4; tests copy it and leave it as it is.

    It is made once for all processes of pytest-xdist.
    """
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "finished"
    with shared.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not shared.exists():
            project = fresh.copy(tmp_path_factory.mktemp("running") / "project")
            run = project.snakemake("--cores", "4")
            assert run.code == 0, run.output
            project.root.rename(shared)
    return Project(shared)
