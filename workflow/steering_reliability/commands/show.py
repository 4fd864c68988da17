"""The completions of one condition in the terminal, unsteered beside steered."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from steering_reliability.errors import InputError
from steering_reliability.evidence.pareto import recommended_point
from steering_reliability.evidence.summary import summarise
from steering_reliability.prompts.schema import Prompt
from steering_reliability.prompts.subset import spread_subset
from steering_reliability.report.examples import matched, outcome
from steering_reliability.results.schema import (
    GROUP_KEYS,
    POINT_KEYS,
    SPLITS,
    as_records,
    at_point,
    read_results,
    steered_points,
)  # fmt: skip
from steering_reliability.text.escaping import visible
from steering_reliability.text.layers import point_words


def completions_of(
    run: Path, *, split: str, n: int, intervention: str | None, layer: str | None, alpha: float | None
) -> list[dict[str, Any]]:
    """Choose completions of one condition, spread over families and styles.

    Intervention, layer and alpha name the point; what is None is as at the recommended one.

    Returns:
        One mapping per prompt: `id`, `family`, `style`, `prompt`, `point`, and the rows `unsteered` and `steered`.

    Raises:
        InputError: When there are no results, or no such condition.
    """
    if split not in SPLITS:
        raise InputError(f"there is no split {split!r}", where="--split", fix=f"use one of {', '.join(SPLITS)}")
    results = read_results(run / "results.parquet")
    point = point_of(results, intervention=intervention, layer=layer, alpha=alpha, run=run)
    rows = at_point(results[(results["split"] == split) & (results["sample"] == 0)], point, keys=GROUP_KEYS)
    steered = rows[rows["alpha"] == point["alpha"]].set_index("id")
    unsteered = rows[rows["from_baseline"].astype(bool)].set_index("id")
    chosen = spread_subset([Prompt.from_row(row) for row in as_records(unsteered.reset_index())], limit=n)
    return [
        {
            **{"id": one.id, "family": one.family, "style": one.style, "prompt": one.prompt, "point": point},
            "unsteered": _row(unsteered, one.id),
            "steered": _row(steered, one.id),
        }
        for one in chosen
    ]


def point_of(results: pd.DataFrame, *, run: Path, **wanted: Any) -> dict[str, Any]:
    """Return a point of the study; what is None in `wanted` (intervention, layer, alpha) is as at the recommended one.

    Raises:
        InputError: When the run has no such condition.
    """
    summary = summarise(results)
    best = recommended_point(summary)
    given = {name: value for name, value in wanted.items() if value is not None}
    study = at_point(steered_points(summary), given, keys=list(given))
    if study.empty:
        what = f"the run has no condition with {', '.join(f'{name} {value}' for name, value in given.items())}"
        raise InputError(what, where=str(run), fix="tables/summary.csv lists its conditions")
    # What is not given is as at the recommended point, where that exists.
    for name in ("intervention", "layer", "alpha"):
        same = study[study[name] == best[name]] if best is not None and name not in given else study
        study = same if len(same) else study
    row = as_records(study.head(1))[0]
    return {key: row[key] for key in POINT_KEYS}


def _row(rows: pd.DataFrame, prompt: str) -> dict[str, Any]:
    row = as_records(rows.loc[[prompt]])[0]
    names = ("completion", "refusal_label", "refusal_score", "is_refusal", "is_helpful", "is_degenerate", "n_tokens")
    return {name: row[name] for name in names} | {"matched_phrases": matched(row), "outcome": outcome(row)}


def as_lines(shown: list[dict[str, Any]]) -> Iterator[str]:
    """The completions as a person reads them; control characters are written out."""
    for one in shown:
        point = one["point"]
        yield f"\n{one['id']} · {one['family']} · {one['style']}"
        yield f"  prompt: {visible(one['prompt'])}"
        yield f"  unsteered ({one['unsteered']['outcome']})"
        yield _indented(one["unsteered"]["completion"])
        yield (f"  {point_words(point)} ({one['steered']['outcome']})")
        yield _indented(one["steered"]["completion"])


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in visible(text).split("\n"))
