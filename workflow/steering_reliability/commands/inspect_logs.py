"""A finished run as logs of Inspect, one per condition and split, by inspect-ai's own writer."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from steering_reliability import __version__
from steering_reliability.errors import InputError
from steering_reliability.files import atomic_write, sha256_of
from steering_reliability.results.schema import POINT_KEYS, ROW_KEYS, as_records, read_results
from steering_reliability.run.record import read_provenance
from steering_reliability.text.layers import point_words

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalSample, EvalScore, EvalSpec
    from inspect_ai.model import GenerateConfig

SCORES: Final = (
    "is_refusal", "refusal_label", "refusal_score", "is_helpful", "helpfulness_score", "is_degenerate",
    "first_token_kl", "refusal_propensity",
)  # fmt: skip
"""The columns that become scores; a missing value is no score."""

_OWN: Final = (*POINT_KEYS, *ROW_KEYS, *SCORES, "from_baseline", "prompt", "completion", "matched_phrases")
"""Columns that have another place in a log than the samples' metadata."""

_STOPS: Final = {"eos": "stop", "length": "max_tokens"}


@dataclass(frozen=True)
class Slice:
    """The completions of one condition on one split; of the unsteered model where `point` names no direction."""

    point: dict[str, Any]
    split: str
    rows: pd.DataFrame

    @property
    def name(self) -> str:
        """The log's name as a file."""
        point = self.point
        if not self.is_steered:
            return f"{self.split}_unsteered_seed_{point['seed']}"
        cell = f"{point['direction']}_{point['intervention']}_layer_{point['layer']}_alpha_{point['alpha']:g}"
        return f"{self.split}_{point['role']}_{cell}_seed_{point['seed']}"

    @property
    def is_steered(self) -> bool:
        """Whether a direction is applied."""
        return self.point["direction"] is not None

    @property
    def title(self) -> str:
        """What Inspect shows as the task."""
        point = self.point
        if not self.is_steered:
            return f"{self.split}: unsteered, seed {point['seed']}"
        # The viewer cuts what is long: what tells a check from the study comes first.
        of = {"main": "", "alt_seed": f"seed {point['seed']}, "}.get(point["role"], f"{point['direction']}, ")
        return f"{self.split}: {of}{point_words(point)}"


def write_inspect_logs(run: Path, *, output: Path) -> Iterator[Path]:
    """Write a finished run as `.eval` logs, which `inspect view` and `samples_df` read, and yield their paths.

    Every score has the name of its column in results.parquet; the condition is the task's arguments, the run's config
    and versions are the header's metadata.

    Raises:
        InputError: When inspect-ai is not installed, the run is not finished, or the folder holds other logs.
    """
    try:
        from inspect_ai.log import write_eval_log  # noqa: PLC0415 - an optional extra, and it costs seconds
    except ImportError as error:
        fix = 'pip install "steering-reliability[inspect]"'
        raise InputError("these logs are written by inspect-ai, which is missing", where=str(error), fix=fix) from None
    results, facts = read_results(run / "results.parquet"), read_provenance(run)
    slices = list(slices_of(results))
    names = {f"{one.name}.eval" for one in slices}
    if others := sorted(path.name for path in output.glob("*.eval") if path.name not in names):
        raise InputError("the folder holds other logs", where=str(output / others[0]), fix="name another folder")
    when = datetime.fromtimestamp((run / "results.parquet").stat().st_mtime, UTC).isoformat(timespec="seconds")
    digest = sha256_of(run / "results.parquet")
    for one in slices:
        path = output / f"{one.name}.eval"
        log = _log(one, facts=facts, digest=digest, created=when)
        with atomic_write(path) as scratch:
            write_eval_log(log, str(scratch), format="eval")
        yield path


def slices_of(results: pd.DataFrame) -> Iterator[Slice]:
    """Part the completions by condition and split; the unsteered ones, repeated in every curve, come once per seed."""
    is_plain = results["from_baseline"].astype(bool)
    plain = results[is_plain].drop_duplicates(["seed", *ROW_KEYS])
    for _, rows in plain.groupby(["seed", "split"], sort=False):
        first = as_records(rows.head(1))[0]
        unsteered = dict.fromkeys(POINT_KEYS) | {"role": "baseline", "alpha": 0.0, "seed": first["seed"]}
        yield Slice(unsteered, first["split"], rows)
    for _, rows in results[~is_plain].groupby([*POINT_KEYS, "split"], sort=False):
        first = as_records(rows.head(1))[0]
        yield Slice({key: first[key] for key in POINT_KEYS}, first["split"], rows)


def _log(one: Slice, *, facts: Mapping[str, Any], digest: str, created: str) -> "EvalLog":
    from inspect_ai.log import EvalLog, EvalPlan, EvalResults, EvalStats  # noqa: PLC0415

    config = _generate_config(facts["config"])
    system = facts["config"]["model"]["system_prompt"]
    samples = [_sample(row, name=f"{digest}{one.name}", facts=facts, system=system) for row in as_records(one.rows)]
    results = EvalResults(total_samples=len(samples), completed_samples=len(samples), scores=list(_means(one.rows)))
    return EvalLog(
        status="success",
        eval=_spec(one, facts=facts, digest=digest, created=created),
        plan=EvalPlan(config=config),
        results=results,
        stats=EvalStats(started_at=created, completed_at=created),
        samples=samples,
    )


def _spec(one: Slice, *, facts: Mapping[str, Any], digest: str, created: str) -> "EvalSpec":
    from inspect_ai.log import EvalConfig, EvalDataset, EvalSpec  # noqa: PLC0415

    config = facts["config"]
    ids = [str(name) for name in one.rows["id"].unique()]
    about = {key: facts[key] for key in ("config", "model", "chosen_by_scan", "commit", "machine") if key in facts}
    return EvalSpec(
        eval_id=_identity(digest, one.name),
        run_id=_identity(digest),
        created=created,
        task=one.title,
        task_id=_identity(digest, one.name, "task"),
        task_args={**one.point, "split": one.split},
        tags=[str(one.point["role"]), one.split],
        dataset=EvalDataset(
            name=one.split, location=config["data"][f"{one.split}_path"], samples=len(ids), sample_ids=ids
        ),
        model=config["model"]["name"],
        model_args={key: value for key, value in config["model"].items() if key != "name"},
        model_generate_config=_generate_config(config),
        config=EvalConfig(epochs=int(one.rows["sample"].max()) + 1),
        packages={**facts.get("versions", {}), "steering-reliability": __version__},
        metadata=about,
    )


def _generate_config(config: Mapping[str, Any]) -> "GenerateConfig":
    from inspect_ai.model import GenerateConfig  # noqa: PLC0415

    asked = config["generation"]
    same = {name: asked[name] for name in ("temperature", "top_p", "seed")}
    stops = list(asked.get("stop_strings") or []) or None
    return GenerateConfig(**same, max_tokens=asked["max_new_tokens"], stop_seqs=stops)


def _sample(row: dict[str, Any], *, name: str, facts: Mapping[str, Any], system: str | None) -> "EvalSample":
    from inspect_ai.log import EvalSample  # noqa: PLC0415
    from inspect_ai.model import (  # noqa: PLC0415
        ChatCompletionChoice,
        ChatMessageAssistant,
        ChatMessageSystem,
        ChatMessageUser,
        ModelOutput,
    )  # fmt: skip

    model, own = facts["config"]["model"]["name"], _identity(name, row["id"], row["sample"])
    answer = ChatMessageAssistant(id=f"{own}a", content=row["completion"], source="generate", model=model)
    asked = ChatMessageUser(id=f"{own}u", content=row["prompt"], source="input")
    before = [] if system is None else [ChatMessageSystem(id=f"{own}s", content=system)]
    choice = ChatCompletionChoice(message=answer, stop_reason=_STOPS[row["finish_reason"]])
    return EvalSample(
        id=row["id"],
        epoch=int(row["sample"]) + 1,
        input=row["prompt"],
        target="",
        messages=[*before, asked, answer],
        output=ModelOutput(model=model, choices=[choice]),
        scores=dict(_scores(row)),
        metadata={key: None if pd.isna(value) else value for key, value in row.items() if key not in _OWN},
        uuid=own,
    )


def _scores(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    from inspect_ai.scorer import Score  # noqa: PLC0415

    phrases = list(row["matched_phrases"])
    for name in SCORES:
        if not pd.isna(row[name]):
            is_first = name == SCORES[0]
            said = f"found: {', '.join(phrases)}" if is_first and phrases else None
            # What the viewer shows beside the prompt, once.
            yield name, Score(value=row[name], answer=row["completion"] if is_first else None, explanation=said)


def _means(rows: pd.DataFrame) -> Iterator["EvalScore"]:
    from inspect_ai.log import EvalMetric, EvalScore  # noqa: PLC0415

    for name in SCORES:
        known = rows[name].dropna()
        is_number = name != "refusal_label" and len(known) > 0
        metrics = {"mean": EvalMetric(name="mean", value=float(known.astype(float).mean()))} if is_number else {}
        missing = len(rows) - len(known)
        yield EvalScore(name=name, scorer=name, scored_samples=len(known), unscored_samples=missing, metrics=metrics)


def _identity(*parts: Any) -> str:
    """The same name for the same completions, so that a log exported twice is one and the same evaluation."""
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:22]
