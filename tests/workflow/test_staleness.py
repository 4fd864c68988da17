"""What runs again after a change, to the job; and that nothing else does."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from project import CONFIG, SPLITS, Job, Project, job

MAIN, ALT, RANDOM = "contrastive_prefix", "contrastive_prefix_alt1", "random_0"
PACKAGE = "workflow/steering_reliability"
Shard = tuple[str, str, int, str, int]
"""direction, intervention, layer, alpha, seed"""

GRID: list[Shard] = [
    (MAIN, intervention, layer, alpha, 0)
    for layer in (0, 1)
    for intervention, alpha in (("add", "0.5"), ("add", "1"), ("ablate", "1"))
]
OTHER_SEED: Shard = (MAIN, "add", 1, "1", 1)
OTHER_PREFIX: Shard = (ALT, "add", 1, "1", 0)
CONTROL: Shard = (RANDOM, "add", 1, "1", 0)
ALL_SHARDS = [*GRID, OTHER_SEED, OTHER_PREFIX, CONTROL]

DRAWN = [job("draw_figures"), job("write_report"), job("record_checksums"), job("all")]
TABLES = [
    job(rule) for rule in ("summarise", "check_sanity", "make_evidence_tables", "record_provenance", "write_examples")
]
PAGE = [job("write_report"), job("record_checksums"), job("all")]
CONFIG_RECORDED = [job("record_provenance"), *PAGE]
"""A change that no number depends on shows in provenance.json, and so on the page."""
AGGREGATE_ONWARD = [job("aggregate"), *TABLES, *DRAWN]


def shards(cells: Iterable[Shard], *, splits: Iterable[str] = SPLITS) -> list[Job]:
    names = ("direction", "intervention", "layer", "alpha", "seed")
    return [
        job("complete_shard", split=split, **dict(zip(names, cell, strict=True))) for cell in cells for split in splits
    ]


def baselines(*, splits: Iterable[str] = SPLITS) -> list[Job]:
    return [job("complete_baseline", seed=seed, split=split) for seed in (0, 1) for split in splits]


def lengths(*splits: str) -> list[Job]:
    return [job("measure_lengths", split=split) for split in splits or SPLITS]


def directions(*cells: tuple[str, int]) -> list[Job]:
    return [job("build_direction", direction=name, block=layer) for name, layer in cells]


def activations(*names: str) -> list[Job]:
    return [job("measure_activations", direction=name) for name in names]


ALL_DIRECTIONS = directions((MAIN, 0), (MAIN, 1), (ALT, 1), (RANDOM, 1))


def config(key: str, value: object) -> Callable[[Project], None]:
    return lambda project: project.configure({key: value})


def edit(path: str, old: str, new: str) -> Callable[[Project], None]:
    return lambda project: project.edit(path, old=old, new=new)


def edit_package(module: str) -> Callable[[Project], None]:
    """Change a module's bytes, not what it does: a digest can't know the difference and must not try."""

    def change(project: Project) -> None:
        path = project.root / PACKAGE / module
        # Under the last line some modules have only what runs as a command, which no rule does.
        path.write_text("# changed by a test\n" + path.read_text(encoding="utf-8"), encoding="utf-8")

    return change


def edit_first_prompt(split: str) -> Callable[[Project], None]:
    def change(project: Project) -> None:
        # The first that the cap lets through: a change in one that the run does not use must not show.
        used = (project.root / f"results/tiny/prompts/{split}.jsonl").read_text(encoding="utf-8").splitlines()[0]
        start = used.index('"prompt": "') + len('"prompt": "')
        project.edit(
            f"prompts/{split}.jsonl", old=used[start : start + 12], new="Tomorrow, " + used[start : start + 12]
        )

    return change


def same_prompts_in_other_bytes(project: Project) -> None:
    """Other white space, Windows line ends, and another meta of a prompt that the cap leaves out."""
    for split in SPLITS:
        path = project.root / f"prompts/{split}.jsonl"
        used = (project.root / f"results/tiny/prompts/{split}.jsonl").read_text(encoding="utf-8")
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        unused = next(line for line in lines if f'"{line["id"]}"' not in used)
        unused["meta"]["note"] = "changed"
        path.write_bytes("\r\n".join(json.dumps(line, separators=(" ,", " : ")) for line in lines).encode())


def both(first: Callable[[Project], None], second: Callable[[Project], None]) -> Callable[[Project], None]:
    def change(project: Project) -> None:
        first(project)
        second(project)

    return change


def change_weights(project: Project) -> None:
    path = project.root / "model/model.safetensors"
    content = bytearray(path.read_bytes())
    content[-10] ^= 1
    path.write_bytes(content)


def touch(*paths: str) -> Callable[[Project], None]:
    """Make files newer than everything that was made of them."""

    def change(project: Project) -> None:
        for path in paths:
            root = project.root / path
            touched = [root] if root.is_file() else [file for file in root.rglob("*") if file.is_file()]
            assert touched, f"{path} holds nothing to touch"
            for file in touched:
                os.utime(file)

    return change


@dataclass(frozen=True)
class Case:
    change: Callable[[Project], None]
    jobs: list[Job]


CASES = {
    "alpha removed": Case(config("experiment.alphas", {"add": [1.0], "ablate": [1.0]}), AGGREGATE_ONWARD),
    "layer added": Case(
        config("experiment.layers", [0, 1, 2]),
        [
            *directions((MAIN, 2)),
            *shards([(direction, kind, 2, alpha, seed) for direction, kind, layer, alpha, seed in GRID if layer == 0]),
            *AGGREGATE_ONWARD,
        ],
    ),
    "prompt of harm_train": Case(
        edit_first_prompt("harm_train"),
        [
            job("prepare_prompts", split="harm_train"),
            job("measure_shift"),
            *lengths("harm_train"),
            *activations(MAIN, ALT),
            *ALL_DIRECTIONS,
            *baselines(splits=["harm_train"]),
            *shards(ALL_SHARDS),
            *AGGREGATE_ONWARD,
        ],
    ),
    "name of the model": Case(
        config("model.name", "another name"),
        [job("draw_figures"), job("record_provenance"), job("write_examples"), *PAGE],
    ),
    "unit of alpha": Case(
        config("experiment.alpha_unit", "unit"),
        [*shards(cell for cell in ALL_SHARDS if cell[1] == "add"), *AGGREGATE_ONWARD],
    ),
    "max_new_tokens": Case(
        config("generation.max_new_tokens", 7), [*lengths(), *baselines(), *shards(ALL_SHARDS), *AGGREGATE_ONWARD]
    ),
    "weights of the model": Case(
        change_weights, [*activations(MAIN, ALT), *ALL_DIRECTIONS, *baselines(), *shards(ALL_SHARDS), *AGGREGATE_ONWARD]
    ),
    "end token of the model": Case(
        edit("model/generation_config.json", '"eos_token_id"', '"pad_token_id": 0,\n  "eos_token_id"'),
        [*lengths(), *activations(MAIN, ALT), *ALL_DIRECTIONS, *baselines(), *shards(ALL_SHARDS), *AGGREGATE_ONWARD],
    ),
    "rerun_subset_n": Case(
        config("sanity_checks.rerun_subset_n", 4),
        [*[one for one in baselines() if ("seed", "1") in one.wildcards], *shards([OTHER_SEED]), *AGGREGATE_ONWARD],
    ),
    "engine code": Case(edit_package("generation/engine.py"), [*baselines(), *shards(ALL_SHARDS), *AGGREGATE_ONWARD]),
    "direction code": Case(
        edit_package("directions/build_direction.py"), [*ALL_DIRECTIONS, *shards(ALL_SHARDS), *AGGREGATE_ONWARD]
    ),
    "plot code": Case(edit_package("figures/style.py"), [job("record_provenance"), *DRAWN]),
    "report code": Case(edit_package("report/templates/report.css"), [job("record_provenance"), *PAGE]),
    "what no number depends on": Case(
        lambda project: project.configure(
            {
                "experiment.layers": [1, 0],
                "experiment.alphas": {"ablate": [1.0], "add": [1.0, 0.5]},
                # With alphas in units of the residual norm the length of the vector does not count.
                "direction.normalize": False,
                "generation.batch_size": 32,
                "generation.memory_gib": 0.5,
            }
        ),
        CONFIG_RECORDED,
    ),
    "touched sources, and the same prompts in other bytes": Case(
        both(
            same_prompts_in_other_bytes,
            touch("prompts", "model", CONFIG, "config.yaml", "Snakefile", "rules", PACKAGE, "workflow/scripts"),
        ),
        [],
    ),
    "touched files of the run": Case(
        touch(*(f"results/tiny/{name}" for name in ("directions", "activations", "completions", "prompts"))), []
    ),
    "prompt of benign, and at the same time the refusal prefix": Case(
        both(edit_first_prompt("benign"), config("direction.refusal_prefix", "I can't do that, I'm sorry")),
        [
            job("prepare_prompts", split="benign"),
            job("measure_shift"),
            *lengths("benign"),
            *baselines(splits=["benign"]),
            *activations(MAIN),
            *directions((MAIN, 0), (MAIN, 1), (RANDOM, 1)),
            *shards([*GRID, OTHER_SEED, CONTROL]),
            *shards([OTHER_PREFIX], splits=["benign"]),
            *AGGREGATE_ONWARD,
        ],
    ),
}


def check(project: Project, expected: Iterable[Job]) -> None:
    run = project.plan()
    surplus, missing = run.jobs - Counter(expected), Counter(expected) - run.jobs
    problems = [f"not expected: {one} ({run.reasons[one][:300]})" for one in surplus]
    problems += [f"does not run: {one}" for one in missing]
    assert not problems, "\n".join(problems)
    assert bool(run.jobs) != ("Nothing to be done" in run.output)


@pytest.mark.parametrize("case", CASES)
def test_exactly_what_a_change_touches_runs_again(case: str, finished: Project, tmp_path: Path) -> None:
    project = finished.copy(tmp_path / "project")
    CASES[case].change(project)
    check(project, CASES[case].jobs)


def test_only_the_new_shards_of_a_new_alpha_are_written(finished: Project, tmp_path: Path) -> None:
    project = finished.copy(tmp_path / "project")
    before = project.shards()
    project.configure({"experiment.alphas": {"add": [0.5, 1.0, 1.5], "ablate": [1.0]}})
    run = project.snakemake("--cores", "2", "completions")
    assert run.code == 0, run.output
    assert run.jobs == Counter([*shards([(MAIN, "add", layer, "1.5", 0) for layer in (0, 1)]), job("completions")])
    after = project.shards()
    assert {path: after[path] for path in before} == before
    assert len(after) == len(before) + 6
    check(project, AGGREGATE_ONWARD)


def test_a_new_phrase_rescores_and_writes_no_completion(finished: Project, tmp_path: Path) -> None:
    project = finished.copy(tmp_path / "project")
    before = project.files("results/tiny/completions", "results/tiny/directions", "results/tiny/logs/completions")
    worker_log = project.files("results/tiny/logs")["results/tiny/logs/worker.log"]
    edit_package("metrics/phrases.py")(project)
    run = project.snakemake("--cores", "2", "results")
    assert run.code == 0, run.output
    rescored = [
        job(rule)
        for rule in ("aggregate", "summarise", "check_sanity", "make_evidence_tables", "record_provenance", "results")
    ]
    assert run.jobs == Counter(rescored)
    assert (
        project.files("results/tiny/completions", "results/tiny/directions", "results/tiny/logs/completions") == before
    )
    assert project.files("results/tiny/logs")["results/tiny/logs/worker.log"] == worker_log, "a worker was started"
    assert not project.plan("results").jobs


def test_a_change_is_not_forgotten_when_a_rule_before_has_run_alone(finished: Project, tmp_path: Path) -> None:
    """What a later rule imports counts for it, although an earlier one that imports it too has run in between."""
    project = finished.copy(tmp_path / "project")
    old = "MAX_HELPFULNESS_DROP: Final = 0.2"
    project.edit(f"{PACKAGE}/evidence/pareto.py", old=old, new=old.replace("0.2", "0.4"))
    run = project.snakemake("--cores", "2", "results/tiny/tables/pareto.csv")
    assert run.code == 0, run.output
    planned = {one.rule for one in project.plan().jobs}
    assert {"check_sanity", "make_evidence_tables", "write_examples", "write_report"} <= planned
