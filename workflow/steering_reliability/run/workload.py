"""The files that a run has to make, stage by stage, and how many completions its shards hold."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from steering_reliability.prompts.schema import SPLITS
from steering_reliability.run.grid import Condition, read_claim_points
from steering_reliability.run.plan import EVIDENCE, FIGURES, RunPlan
from steering_reliability.run.resources import count_prompts

_TAIL: Final = 9
"""Tokens that a steering of a prompt reads with the chat template of SmolLM2."""


@dataclass(frozen=True)
class Shard:
    """A shard of a run.

    `is_done`: the file exists; a later change of the config may still make it be written again.
    """

    path: Path
    rows: int
    is_done: bool


def expected_shards(plan: RunPlan) -> list[Shard]:
    """Every shard of a run, the unsteered ones first, without asking Snakemake."""
    samples = plan.config.generation.num_samples_per_prompt
    used = {split: _n_prompts(plan, split=split) for split in SPLITS}
    shards = []
    for path, split, limit in _cells(plan):
        prompts = used[split] if limit is None else min(limit, used[split])
        shards.append(Shard(Path(path), prompts * samples, Path(path).is_file()))
    return shards


def completions_of(plan: RunPlan, *, prompts: Mapping[str, int], samples: int) -> int:
    """How many completions a run would hold with so many prompts of each split, whether its files have them or not."""
    used = (prompts[split] if limit is None else min(limit, prompts[split]) for _, split, limit in _cells(plan))
    return samples * sum(used)


def _cells(plan: RunPlan) -> Iterator[tuple[str, str, int | None]]:
    """Path and split of every shard, and the most prompts that it may hold, whatever the config's limit."""
    for seed in plan.seeds:
        yield from ((path, split, plan.limit(seed)) for split, path in plan.baseline(seed).items())
    for condition in expected_conditions(plan):
        limit = plan.limit(condition.seed, condition.direction)
        yield from ((path, split, limit) for split, path in plan.shards(condition).items())


def scan_tokens(plan: RunPlan) -> int:
    """Tokens that the scan still has to read, as many as a completion's in time; 0 where there is none to do."""
    if not plan.scans or Path(f"{plan.folder}/scan/scan.csv").is_file():
        return 0
    prompts = sum(len(plan.scan_prompts(split)) for split in SPLITS)
    steerings = plan.n_layers * (len(plan.config.scan_strengths) + plan.config.scan.random_directions)
    # The end of the template and the openings; a pass begins at the steered block, on average the middle one.
    return steerings * prompts * _TAIL // 2


def _n_prompts(plan: RunPlan, *, split: str) -> int:
    """Prompts of a split that the study uses; those of the scan are counted off."""
    if plan.parting(split):
        return len(plan.used_prompts(split))
    return count_prompts(Path(plan.prompt_file(split)), limit=plan.config.data.max_prompts_per_split)


def expected_conditions(plan: RunPlan) -> list[Condition]:
    """Every condition of a run; before the points of the claims are chosen any two of the grid stand for them.

    So do any layers and strengths for those that the scan has not chosen yet.
    """
    plan = plan.as_expected()
    points = read_claim_points(Path(plan.claim_points_file))
    if not points and plan.follows_claims:
        main = [c for c in plan.conditions if c.role == "main"]
        purposes = ("recommended", "most significant")
        points = [(name, c.intervention, c.layer, c.alpha) for name, c in zip(purposes, main, strict=False)]
    return plan.conditions_at(points)


def stage_files(plan: RunPlan, conditions: Sequence[Condition]) -> dict[str, list[str]]:
    """The files of each stage, in the order of the workflow.

    `conditions` are all of the run's, from `expected_conditions` or as the rules know them.
    """
    run, plan = plan.folder, plan.as_expected()
    stages = {
        "prompts": [f"{run}/prompts/{split}.jsonl" for split in SPLITS],
        "model": [plan.model_file],
        "scan": plan.scan_files(),
        "directions": plan.direction_files(conditions),
        "completions": [*plan.baseline_files, *plan.shard_files(conditions)],
        "results": [f"{run}/results.parquet"],
        "tables": [f"{run}/tables/{name}.csv" for name in ("summary", "sanity_checks", *EVIDENCE)],
        "figures": [f"{run}/figures/{name}.png" for name in FIGURES],
        "report": [f"{plan.report_folder}/{name}" for name in ("examples.md", "index.html")],
    }
    return {stage: files for stage, files in stages.items() if files}
