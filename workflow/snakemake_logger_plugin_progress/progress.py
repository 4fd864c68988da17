"""How far a run is, from what Snakemake says of its jobs.

Nothing of `steering_reliability` is imported here: Snakemake loads its plugins first, and the package must come from
beside the Snakefile that is run, which need not be the clone that is installed.
"""

from collections.abc import Callable, Mapping
from typing import Final

STAGES: Final = {
    "prompts": ("prepare_prompts", "measure_lengths", "measure_shift"),
    "model": ("prepare_model", "tune_refusal"),
    "directions": ("measure_activations", "build_direction"),
    "scan": ("prepare_scan_prompts", "scan_layers", "choose_from_scan", "draw_scan"),
    "completions": ("complete_baseline", "complete_shard"),
    "results": (
        *("aggregate", "record_provenance", "summarise", "choose_claim_points"),
        *("check_sanity", "make_evidence_tables", "draw_figures"),
    ),
    "report": ("write_examples", "write_report", "record_checksums"),
}
"""Rules of each stage, in the order of the workflow."""

_STAGE_OF: Final = {rule: stage for stage, rules in STAGES.items() for rule in rules}
_UNITS: Final = {"completions": "shards"}
_FINISHING_S: Final = 14.0
_TENTHS: Final = 10


class Progress:
    """The state of a run.

    Args:
        clock: Gives the time in seconds.
    """

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._counts: dict[str, int] = {}
        self._done: dict[str, int] = {}
        self._others = 0
        # Before the shards whose pace tells the time that is left.
        self._before = 0
        self._stages: dict[int, str] = {}
        self._stage = ""
        self._tokens = 0
        self._writing_since: float | None = None

    @property
    def total(self) -> int:
        """Jobs of the run."""
        return sum(self._counts.values())

    def planned(self, jobs: Mapping[str, int]) -> None:
        """Take in how many jobs of each rule there are."""
        self._counts = {}
        for rule, count in jobs.items():
            stage = _STAGE_OF.get(rule)
            if stage:
                self._counts[stage] = self._counts.get(stage, 0) + int(count)
        self._others = sum(map(int, jobs.values())) - self._counts.get("completions", 0)

    def grown(self, total: int) -> None:
        """Take in how many jobs of all rules there are, which grow at a checkpoint.

        Snakemake doesn't say of which rules the new ones are: directions count when they begin, others as completions.
        """
        begun = self._done.get("directions", 0) + list(self._stages.values()).count("directions")
        directions = max(0, begun - self._counts.get("directions", 0))
        known, completions = self._counts.get("completions", 0), total - self._others - directions
        if completions > known:
            # Between two stretches is a scan, or a table of points; and shards of checks are smaller than the others.
            self._before, self._tokens, self._writing_since = self._done.get("completions", 0), 0, None
        self._counts["completions"] = max(self._done.get("completions", 0), completions)

    def started(self, job: int, rule: str) -> None:
        """Take in that a job has begun."""
        stage = _STAGE_OF.get(rule)
        if stage is None:
            return
        self._stages[job] = stage
        # Directions of controls are built between shards: the line stays with what takes the time.
        if self._stage != "completions" or self._left("completions") == 0:
            self._stage = stage
        if stage == "completions":
            self._stage = stage
            self._writing_since = self._clock() if self._writing_since is None else self._writing_since

    def finished(self, job: int, *, tokens: int = 0) -> None:
        """Take in that a job has ended well, and how many tokens it wrote."""
        stage = self._stages.pop(job, None)
        if stage is not None:
            self._done[stage] = self._done.get(stage, 0) + 1
            self._tokens += tokens

    def _left(self, stage: str) -> int:
        return self._counts.get(stage, 0) - self._done.get(stage, 0)

    def milestone(self) -> str:
        """What changes when a further line is worth its place: the stage, and each tenth of the completions."""
        count = self._counts.get(self._stage, 0)
        if self._stage != "completions" or count == 0:
            return self._stage
        return f"{self._stage} {_TENTHS * self._done.get(self._stage, 0) // count}"

    def line(self) -> str:
        """One line: stage, how many are done, and while completions are written their speed and the time left."""
        if not self._stage:
            return "planning"
        done, count = self._done.get(self._stage, 0), self._counts.get(self._stage, 0)
        # Directions of checks are planned once the points of the claims are known, and come on top.
        of = f" of {count}" if done <= count else ""
        words = [f"{self._stage:<12}{done:>5}{of} {_UNITS.get(self._stage, 'jobs')}"]
        recent = done - self._before
        if self._stage == "completions" and recent and self._writing_since is not None:
            elapsed = max(self._clock() - self._writing_since, 1e-9)
            left = elapsed / recent * self._left("completions") + _FINISHING_S
            words.append(f"{self._tokens / elapsed:,.0f} tokens/s")
            words += [f"about {_clock_time(left)} left"] if of else []
        return "   ".join(words)


def _clock_time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
