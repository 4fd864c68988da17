"""Fixtures of the workflow tests: a fresh project, and one that has run to its end."""

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
    """A project that has run to its end with --cores 4; tests copy it and leave it as it is."""
    project = fresh.copy(tmp_path_factory.mktemp("finished") / "project")
    run = project.snakemake("--cores", "4")
    assert run.code == 0, run.output
    return project
