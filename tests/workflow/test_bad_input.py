"""Every mistake gets one message that says what, where and what to do, and costs nothing that was finished."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from project import CONFIG, SMALL, Project, Run

RUN = "results/tiny"
SHARD = f"{RUN}/completions/contrastive_prefix/add/layer_0/alpha_1/seed_0/benign.jsonl"


def assert_one_clear_message(run: Run, *, says: tuple[str, ...]) -> None:
    assert run.code != 0, run.output
    assert "Traceback (most recent call last)" not in run.output, run.output
    assert re.search(r"^ *where: \S", run.output, re.MULTILINE), run.output
    assert re.search(r"^ *to do: \S", run.output, re.MULTILINE), run.output
    for words in says:
        assert words in run.output, run.output


def config(key: str, value: object) -> Callable[[Project], None]:
    return lambda project: project.configure({key: value})


def append(path: str, line: str) -> Callable[[Project], None]:
    def change(project: Project) -> None:
        with (project.root / path).open("a", encoding="utf-8") as file:
            file.write(line)

    return change


def same_prompt_twice(project: Project) -> None:
    first = json.loads((project.root / "prompts/harm_train.jsonl").read_text(encoding="utf-8").splitlines()[0])
    project.configure({"data.max_prompts_per_split": None})
    append("prompts/benign.jsonl", json.dumps({"id": "benign_copy", "prompt": first["prompt"]}) + "\n")(project)


@dataclass(frozen=True)
class Mistake:
    make: Callable[[Project], None]
    says: tuple[str, ...]


# Known when the Snakefile is read: no job runs.
MISTAKES = {
    "no such layer": Mistake(config("experiment.layers", [0, 3]), ("3 blocks", "no layer 3", "0 to 2")),
    "no prompt file": Mistake(config("data.benign_path", "prompts/bening.jsonl"), ("prompts/bening.jsonl", "data.")),
    "broken line": Mistake(
        append("prompts/harm_test.jsonl", '{"id": "x", "prompt": \n'), ("harm_test.jsonl", "line 151")
    ),
    "prompt in two splits": Mistake(same_prompt_twice, ("harm_train", "benign_copy")),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_in_config_or_prompts_stops_everything_at_once(case: str, fresh: Project, tmp_path: Path) -> None:
    project = fresh.copy(tmp_path / "project")
    MISTAKES[case].make(project)
    run = project.snakemake("--cores", "2")
    assert_one_clear_message(run, says=MISTAKES[case].says)
    assert not run.jobs
    assert not (project.root / "results").exists()


def test_a_mistake_is_said_once_with_its_file_and_line_and_nothing_around_it(fresh: Project, tmp_path: Path) -> None:
    project = fresh.copy(tmp_path / "project")
    (project.root / "over.yaml").write_text("# over the other\ngeneration:\n  top_p: 1.5\n", encoding="utf-8")
    run = project.snakemake("--cores", "2", "--configfile", CONFIG, "over.yaml", config=CONFIG)
    assert run.code == 1
    message = (
        "error: the configuration can't be used:\n"
        "  - generation.top_p: must be at most 1 (got 1.5)\n"
        "  where: over.yaml, line 3\n"
        "  to do: correct the keys named above; config.yaml explains every key\n"
    )
    assert run.output.endswith(message), run.output
    assert "WorkflowError" not in run.output
    run = project.snakemake("--cores", "2", "--config", "generation={seed: x}")
    assert "  where: --config\n" in run.output, run.output


def test_a_config_yaml_that_is_no_yaml_is_told_with_its_line(fresh: Project, tmp_path: Path) -> None:
    project = fresh.copy(tmp_path / "project")
    (project.root / "config.yaml").write_text("generation:\n\tseed: 1\n", encoding="utf-8")
    (project.root / "over.yaml").write_text("generation: {seed: 1}\n", encoding="utf-8")
    run = project.snakemake("--cores", "2", config="over.yaml")
    assert run.code == 1
    assert (
        "error: the config is not valid YAML: a tab where spaces are required\n  where: config.yaml, line 2"
        in run.output
    )
    assert "WorkflowError" not in run.output


def test_a_prompt_that_does_not_fit_is_found_before_its_split_is_written(fresh: Project, tmp_path: Path) -> None:
    project = fresh.copy(tmp_path / "project")
    long = json.dumps({"id": "benign_long", "prompt": "water " * 600}) + "\n"
    (project.root / "prompts/benign.jsonl").write_text(long, encoding="utf-8")
    project.configure(SMALL)
    run = project.snakemake("--cores", "2", "baseline")
    says = ("1 prompts with", "context of 512 tokens: benign_long (", "max_new_tokens")
    assert_one_clear_message(run, says=says)
    assert run.output.count("don't fit") == 1
    written = {dict(job.wildcards)["split"] for job in run.jobs if job.rule.startswith("complete_")}
    assert "benign" not in written


def test_a_damaged_shard_is_named_and_the_others_stay(finished: Project, tmp_path: Path) -> None:
    project = finished.copy(tmp_path / "project")
    path = project.root / SHARD
    path.write_bytes(path.read_bytes()[:-40])
    (project.root / RUN / "results.parquet").unlink()
    before = project.shards()
    run = project.snakemake("--cores", "2", "results")
    assert_one_clear_message(run, says=(SHARD, "line 6", f"delete {SHARD}"))
    assert project.shards() == before

    # What the message says to do is enough.
    path.unlink()
    assert [str(job) for job in project.plan("results").jobs if job.rule == "complete_shard"] == [
        "complete_shard(alpha=1, direction=contrastive_prefix, intervention=add, layer=0, seed=0, split=benign)"
    ]
