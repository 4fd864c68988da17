"""Checks that run where the claims are made: known when the study's completions are there, and not before."""

import csv
import shutil
from pathlib import Path

import pytest
from project import Project, job

FOLLOWING = {
    "sanity_checks.layer": None,
    "sanity_checks.alpha": None,
    "sanity_checks.controls_at": "claims",
    "sanity_checks.random_seeds": [0, 1],
}
CHECKS = ("contrastive_prefix_alt1", "random_0", "random_1")


@pytest.fixture(scope="module")
def followed(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A run whose checks follow its claims, finished; the study itself is that of a run that is there."""
    project = finished.copy(tmp_path_factory.mktemp("followed") / "project")
    completions = project.root / "results/tiny/completions"
    for of_a_check in (*(completions / name for name in CHECKS), *completions.rglob("seed_1")):
        shutil.rmtree(of_a_check, ignore_errors=True)
    project.configure(FOLLOWING)
    run = project.snakemake("--cores", "4")
    assert run.code == 0, run.output
    return project


def test_a_dry_run_says_that_it_does_not_know_all_jobs(fresh: Project, tmp_path: Path) -> None:
    project = fresh.copy(tmp_path / "project")
    project.configure(FOLLOWING)
    run = project.plan()
    assert "which will result in alteration of the DAG" in run.output
    directions = {dict(one.wildcards).get("direction") for one in run.jobs if one.rule == "complete_shard"}
    assert directions == {"contrastive_prefix"}


def test_the_checks_ran_at_the_points_of_the_claims_on_harm_test_alone(followed: Project) -> None:
    with (followed.root / "results/tiny/tables/claim_points.csv").open(encoding="utf-8") as file:
        points = list(csv.DictReader(file))
    assert [point["purpose"] for point in points] == ["recommended", "most significant"]
    shards = [Path(name) for name in followed.shards()]
    places = {f"layer_{point['layer']}/alpha_{float(point['alpha']):g}" for point in points}
    for name in CHECKS:
        own = [path for path in shards if name in path.parts]
        assert {path.name for path in own} == {"harm_test.jsonl"}
        found = {"/".join(path.parts[-4:-2]) for path in own}
        # Other prefixes are tried at the recommended point, controls wherever a claim is made.
        recommended = f"layer_{points[0]['layer']}/alpha_{float(points[0]['alpha']):g}"
        assert found == ({recommended} if name.endswith("alt1") else places)


def test_controls_are_a_subset_and_not_scored_by_the_model(followed: Project) -> None:
    lines = [
        line
        for path, (_, content) in followed.shards().items()
        if "/random_" in path
        for line in content.decode().splitlines()
    ]
    assert len(lines) % 3 == 0
    assert all('"base_logprob": null' in line and '"mean_logprob": -' in line for line in lines)


def test_a_second_run_has_nothing_to_do(followed: Project) -> None:
    run = followed.snakemake("--cores", "2")
    assert "Nothing to be done" in run.output
    assert not run.jobs
    text = (followed.root / "results/tiny/SHA256SUMS").read_text(encoding="utf-8")
    assert "results/tiny/tables/claim_points.csv" in text
    assert all(name in text for name in followed.shards())


def test_a_new_phrase_rescores_and_writes_no_completion_unless_the_points_move(
    followed: Project, tmp_path: Path
) -> None:
    project = followed.copy(tmp_path / "project")
    before = project.shards()
    with (project.root / "workflow/steering_reliability/metrics/phrases.py").open("a", encoding="utf-8") as file:
        file.write("\n# changed by a test\n")
    run = project.snakemake("--cores", "2", "completions")
    assert run.code == 0, run.output
    assert run.jobs[job("choose_claim_points")] == 1
    written = {one: run.reasons[one] for one in run.jobs if one.rule in ("complete_shard", "complete_baseline")}
    assert not written
    assert project.shards() == before
