"""Layers and strengths that are left to the scan: one command runs it all, and what was chosen can be pinned."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from project import Project

LEFT_TO_THE_SCAN: dict[str, Any] = {
    "experiment.layers": "auto",
    "experiment.alphas": {"add": "auto", "ablate": [1.0]},
    "experiment.target_kl": [0.1, 0.5],
    "sanity_checks.layer": None,
    "sanity_checks.alpha": None,
    "sanity_checks.controls_at": "claims",
    "sanity_checks.random_seeds": [0],
}
CHOSEN = "results/tiny/scan/chosen.yaml"


@pytest.fixture(scope="module")
def scanned(fresh: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A run that chose its layers and strengths, finished by one command."""
    project = fresh.copy(tmp_path_factory.mktemp("scanned") / "project")
    project.configure(LEFT_TO_THE_SCAN)
    run = project.snakemake("--cores", "4")
    assert run.code == 0, run.output
    return project


def chosen_of(project: Project) -> dict[str, Any]:
    return yaml.safe_load((project.root / CHOSEN).read_text(encoding="utf-8"))


def ids(path: Path) -> set[str]:
    return {json.loads(line)["id"] for line in path.read_text(encoding="utf-8").splitlines()}


def test_a_dry_run_names_the_scan_and_no_shard_that_it_cannot_know(fresh: Project, tmp_path: Path) -> None:
    project = fresh.copy(tmp_path / "project")
    project.configure(LEFT_TO_THE_SCAN)
    run = project.plan()
    assert "which will result in alteration of the DAG" in run.output
    rules = {one.rule for one in run.jobs}
    assert {"scan_layers", "choose_from_scan", "complete_baseline"} <= rules
    assert "complete_shard" not in rules


def test_the_grid_is_what_the_scan_chose(scanned: Project) -> None:
    experiment = chosen_of(scanned)["experiment"]
    places = {
        re.search(r"/(add|ablate)/layer_([^/]+)/alpha_([^/]+)/", path).groups()  # type: ignore[union-attr]
        for path in scanned.shards()
        if "/contrastive_prefix/" in path
    }
    expected = {
        (intervention, str(layer), f"{alpha:g}")
        for intervention in ("add", "ablate")
        for layer in experiment["layers"]
        for alpha in experiment["alphas"][intervention]
    }
    assert places == expected
    recorded = json.loads((scanned.root / "results/tiny/provenance.json").read_text(encoding="utf-8"))
    assert recorded["chosen_by_scan"] == experiment
    assert recorded["config"]["experiment"]["layers"] == "auto"
    assert (scanned.root / "results/tiny/figures/scan.png").is_file()


def test_no_prompt_is_in_the_scan_and_in_the_study(scanned: Project) -> None:
    folder = scanned.root / "results/tiny"
    for split in ("harm_train", "benign"):
        held, used = ids(folder / f"scan/{split}.jsonl"), ids(folder / f"prompts/{split}.jsonl")
        assert held and used
        assert not held & used
    assert not (folder / "scan/harm_test.jsonl").exists()


def test_a_finished_run_has_nothing_to_do(scanned: Project) -> None:
    assert not scanned.plan().jobs


def pinned(project: Project) -> dict[str, Any]:
    """The changes with which a finished run's choice is pasted into its config."""
    pasted = chosen_of(project)
    scan = {f"scan.{key}": value for key, value in pasted["scan"].items()}
    return LEFT_TO_THE_SCAN | scan | {f"experiment.{key}": value for key, value in pasted["experiment"].items()}


def test_what_was_chosen_can_be_pasted_and_nothing_is_computed_again(scanned: Project, tmp_path: Path) -> None:
    project = scanned.copy(tmp_path / "project")
    project.configure(pinned(scanned))
    rules = {one.rule for one in project.plan().jobs}
    # The record and what shows it say that they were pinned.
    assert not rules & {"scan_layers", "complete_shard", "complete_baseline", "measure_activations", "prepare_prompts"}


def test_another_target_repeats_the_choice_and_not_the_scan(scanned: Project, tmp_path: Path) -> None:
    project = scanned.copy(tmp_path / "project")
    project.configure(LEFT_TO_THE_SCAN | {"experiment.target_kl": [0.2, 0.5]})
    rules = {one.rule for one in project.plan().jobs}
    assert "choose_from_scan" in rules
    assert not rules & {"scan_layers", "measure_activations", "complete_baseline"}


def test_pinning_keeps_what_was_chosen_and_why(scanned: Project, tmp_path: Path) -> None:
    project = scanned.copy(tmp_path / "project")
    before = (project.root / CHOSEN).read_bytes()
    assert before.startswith(b"# Layer")
    project.configure(pinned(scanned))
    run = project.snakemake("--cores", "4", "--forcerun", "choose_from_scan", "--", CHOSEN)
    assert run.code == 0, run.output
    assert "choose_from_scan" in {one.rule for one in run.finished}
    assert (project.root / CHOSEN).read_bytes() == before


def test_a_changed_prompt_of_the_scan_repeats_the_scan_and_fewer_of_them_leave_the_study(
    scanned: Project, tmp_path: Path
) -> None:
    project = scanned.copy(tmp_path / "project")
    held = ids(project.root / "results/tiny/scan/harm_train.jsonl")
    file = project.root / "prompts/harm_train.jsonl"
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    changed = [line | {"prompt": f"{line['prompt']} Today."} if line["id"] in held else line for line in lines]
    file.write_text("".join(json.dumps(line) + "\n" for line in changed), encoding="utf-8")
    rules = {one.rule for one in project.plan().jobs}
    assert {"prepare_scan_prompts", "scan_layers"} <= rules
    assert "complete_baseline" not in rules
    fewer = scanned.copy(tmp_path / "fewer")
    fewer.configure(pinned(scanned) | {"scan.max_prompts_per_split": 4})
    rules = {one.rule for one in fewer.plan().jobs}
    assert "scan_layers" in rules
    assert not rules & {"prepare_prompts", "complete_shard", "complete_baseline"}


def test_what_a_scan_cannot_choose_is_said_before_anything_runs(fresh: Project, tmp_path: Path) -> None:
    for changes, words in [
        ({"experiment.alphas": {"add": [1.0], "ablate": "auto"}}, "auto is for add and add_keep_norm"),
        ({"scan.share": 0}, "leaves layers or alphas to the scan"),
        ({"sanity_checks.layer": 1}, "a grid that the scan has not chosen yet"),
        ({"propensity.enabled": False}, "the scan measures propensity"),
        ({"experiment.alpha_unit": "unit"}, "scan.strengths: is needed"),
    ]:
        project = fresh.copy(tmp_path / f"project{len(words)}")
        project.configure(LEFT_TO_THE_SCAN | changes)
        run = project.snakemake("--cores", "1")
        assert run.code != 0
        assert words in run.output
        assert "Traceback" not in run.output


def test_the_target_scan_of_a_run_that_has_none_says_what_to_set(fresh: Project, tmp_path: Path) -> None:
    project = fresh.copy(tmp_path / "project")
    run = project.snakemake("--cores", "1", "scan")
    assert run.code != 0
    assert "scan.share" in run.output


SETS: dict[str, Any] = {
    "experiment.layers": [{"at": "all", "from": 1}],
    "direction.method": ["difference_in_means", "pca"],
    "experiment.interventions": ["add", "add_keep_norm", "ablate", "ablate_affine", "clamp"],
    "experiment.alphas": {
        "add": [0.5],
        "add_keep_norm": [0.5],
        "ablate": [1.0],
        "ablate_affine": [1.0],
        "clamp": [0.5],
    },
    "sanity_checks.layer": None,
    "sanity_checks.alpha": None,
    "sanity_checks.controls_at": "claims",
}


def test_a_study_of_sets_methods_and_every_intervention_runs_to_its_page(fresh: Project, tmp_path: Path) -> None:
    project = fresh.copy(tmp_path / "project")
    project.configure(SETS)
    run = project.snakemake("--cores", "4")
    assert run.code == 0, run.output
    page = (project.root / "reports/tiny/index.html").read_text(encoding="utf-8")
    summary = (project.root / "results/tiny/tables/summary.csv").read_text(encoding="utf-8")
    for name in ("all-from-1", "add_keep_norm", "ablate_affine", "clamp", "pca"):
        assert name in summary
        assert name in page
    assert not project.plan().jobs
