"""The files that a run has to make, stage by stage, and how many completions its shards hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from steering_reliability.prompts.schema import SPLITS
from steering_reliability.run.grid import Condition, read_claim_points
from steering_reliability.run.plan import EVIDENCE, FIGURES, RunPlan
from steering_reliability.run.resources import count_prompts


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
    cells: list[tuple[str, str, int, str | None]] = [
        (path, split, seed, None) for seed in plan.seeds for split, path in plan.baseline(seed).items()
    ]
    cells += [
        (path, split, condition.seed, condition.direction)
        for condition in expected_conditions(plan)
        for split, path in plan.shards(condition).items()
    ]
    samples = plan.config.generation.num_samples_per_prompt
    used = {split: _n_prompts(plan, split=split) for split in SPLITS}
    shards = []
    for path, split, seed, direction in cells:
        limit = plan.limit(seed, direction)
        prompts = used[split] if limit is None else min(limit, used[split])
        shards.append(Shard(Path(path), prompts * samples, Path(path).is_file()))
    return shards


def _n_prompts(plan: RunPlan, *, split: str) -> int:
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
