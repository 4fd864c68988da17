"""How much a run has to write, and how much of it is there already."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from steering_reliability.prompts.schema import SPLITS
from steering_reliability.run.grid import Condition, read_claim_points
from steering_reliability.run.plan import EVIDENCE, FIGURES, RunPlan
from steering_reliability.run.resources import count_prompts


@dataclass(frozen=True)
class Shard:
    """A shard of a run.

    Attributes:
        path: Its file.
        rows: Completions in it.
        is_done: Whether it is there; a later change of the config may still make it be written again.
    """

    path: Path
    rows: int
    is_done: bool


@dataclass(frozen=True)
class Workload:
    """What a run has to write.

    Attributes:
        shards: The unsteered ones first.
        max_new_tokens: Most tokens of a completion.
    """

    shards: tuple[Shard, ...]
    max_new_tokens: int

    def rows(self, *, is_done: bool) -> int:
        """Completions that are there, or that are not."""
        return sum(shard.rows for shard in self.shards if shard.is_done is is_done)

    def count(self, *, is_done: bool) -> int:
        """Shards that are there, or that are not."""
        return sum(shard.is_done is is_done for shard in self.shards)


def workload(plan: RunPlan) -> Workload:
    """Count the shards and completions of a planned run, without Snakemake."""
    return Workload(tuple(_shards(plan)), plan.config.generation.max_new_tokens)


def _shards(plan: RunPlan) -> Iterator[Shard]:
    for seed in plan.seeds:
        yield from (_shard(plan, path, split=split, seed=seed) for split, path in plan.baseline(seed).items())
    for condition in expected_conditions(plan):
        for split, path in plan.shards(condition).items():
            yield _shard(plan, path, split=split, seed=condition.seed, direction=condition.direction)


def expected_conditions(plan: RunPlan) -> list[Condition]:
    """Every condition of a run; before the points of the claims are chosen any two of the grid stand for them."""
    points = read_claim_points(Path(plan.claim_points_file))
    if not points and plan.follows_claims:
        main = [c for c in plan.conditions if c.role == "main"]
        purposes = ("recommended", "most significant")
        points = [(name, c.intervention, c.layer, c.alpha) for name, c in zip(purposes, main, strict=False)]
    return plan.conditions_at(points)


def _shard(plan: RunPlan, path: str, *, split: str, seed: int, direction: str | None = None) -> Shard:
    prompts = count_prompts(Path(plan.prompt_file(split)), limit=plan.config.data.max_prompts_per_split)
    limit = plan.limit(seed, direction)
    rows = (prompts if limit is None else min(prompts, limit)) * plan.config.generation.num_samples_per_prompt
    return Shard(Path(path), rows, Path(path).is_file())


def stage_files(plan: RunPlan, conditions: Sequence[Condition]) -> dict[str, list[str]]:
    """The files of each stage, in the order of the workflow.

    Args:
        plan: The planned run.
        conditions: All of its conditions, from `expected_conditions` or as the rules know them.
    """
    run = plan.folder
    return {
        "prompts": [f"{run}/prompts/{split}.jsonl" for split in SPLITS],
        "model": [plan.model_file],
        "directions": plan.direction_files(conditions),
        "completions": [*plan.baseline_files, *plan.shard_files(conditions)],
        "results": [f"{run}/results.parquet"],
        "tables": [f"{run}/tables/{name}.csv" for name in ("summary", "sanity_checks", *EVIDENCE)],
        "figures": [f"{run}/figures/{name}.png" for name in FIGURES],
        "report": [f"{plan.report_folder}/{name}" for name in ("examples.md", "index.html")],
    }
