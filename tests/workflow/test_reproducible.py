"""The same bytes with one core or four, beside another run, and after a kill -9."""

import re
import time
from pathlib import Path

import pytest
from project import Job, Project

SMALL = {
    "experiment.layers": [0],
    "experiment.alphas": {"add": [-0.5, 1.0], "ablate": [1.0]},
    "sanity_checks.enabled": False,
    "experiment.output_dir": "results/small",
}
DEADLINE = 120.0


@pytest.fixture(scope="module")
def side_by_side(fresh: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project in which two configs run at the same time, the tiny one with a single core and two workers."""
    project = fresh.copy(tmp_path_factory.mktemp("side_by_side") / "project")
    project.configure({"generation.workers": 2})
    project.configure(SMALL, name="small.yaml")
    with project.running("--cores", "2", "results", config="small.yaml") as (other, small):
        tiny = project.snakemake("--cores", "1", "results")
        other.wait(timeout=DEADLINE)
    assert tiny.code == 0, tiny.output
    assert small.code == 0, small.output
    return project


def test_one_core_and_two_workers_give_the_bytes_of_four_and_one(finished: Project, side_by_side: Project) -> None:
    assert side_by_side.numbers() == finished.numbers()


def test_as_many_workers_as_asked_for_serve_a_whole_run(finished: Project, side_by_side: Project) -> None:
    # One more would mean that two rules disagree on who they are.
    for project, workers in ((finished, 1), (side_by_side, 2)):
        log = (project.root / "results/tiny/logs/worker.log").read_text(encoding="utf-8")
        assert log.count("started: float32 on cpu") == workers


def test_two_runs_side_by_side_leave_each_other_alone(side_by_side: Project) -> None:
    before = side_by_side.files("results")
    for config in ("run.yaml", "small.yaml"):
        assert not side_by_side.plan("results", config=config).jobs
    # The same condition, written once in each run.
    shard = "completions/contrastive_prefix/add/layer_0/alpha_1/seed_0/harm_test.jsonl"
    assert before[f"results/tiny/{shard}"][1] == before[f"results/small/{shard}"][1]
    assert {path.split("/")[1] for path in before} == {"tiny", "small"}


def test_a_killed_run_goes_on_to_the_same_bytes(fresh: Project, side_by_side: Project, tmp_path: Path) -> None:
    project = fresh.copy(tmp_path / "project")
    project.configure(SMALL)
    with project.running("--cores", "2", "results") as (process, killed):
        until = time.monotonic() + DEADLINE
        while len(shards_of(killed.read_jobs().finished)) < 2:
            assert process.poll() is None, "it ended by itself"
            assert time.monotonic() < until, "no shard was written"
            time.sleep(0.02)
        process.kill()
    done = shards_of(killed.finished)
    assert len(done) < 12, "the run was over before it could be killed"
    written = project.files("results/small/completions")
    kept = {path: written[path] for one in done for path in killed.outputs[one]}

    # A plain run goes on, with no --unlock.
    resumed = project.snakemake("--cores", "2", "results")
    assert resumed.code == 0, resumed.output
    assert not set(done) & set(resumed.jobs)
    now = project.files("results/small/completions")
    assert {path: now[path] for path in kept} == kept
    assert project.numbers("results/small") == side_by_side.numbers("results/small")
    assert not [path for path in now if re.search(r"/\.[^/]*$", path)], "a torn file was left"


def shards_of(jobs: list[Job]) -> list[Job]:
    return [one for one in jobs if one.rule in ("complete_shard", "complete_baseline")]
