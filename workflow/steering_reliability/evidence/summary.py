"""One row per operating point: every rate with its n and interval, the costs, the gaps and the Pareto frontier."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd

from steering_reliability.evidence.cluster_counts import (
    COUNT_INPUTS,
    HELD_OUT,
    IN_DIRECTION,
    ClusterCounts,
    count_clusters,
    with_outcomes,
)
from steering_reliability.evidence.pareto import on_pareto_frontier
from steering_reliability.results.schema import POINT_KEYS, SPLITS, sort_points
from steering_reliability.statistics.cluster_intervals import clustered_difference, clustered_effect_gap, clustered_rate
from steering_reliability.statistics.intervals import Estimate, difference_of_estimates

_MEANS: Final = ("n_tokens", "mean_entropy", "base_logprob", "first_token_kl")

SUMMARY_INPUTS: Final = [*COUNT_INPUTS, "coefficient", "relative_strength", *_MEANS]
"""The columns of results.parquet that the summary reads."""

_RATES: Final = ("refusal", "clean_refusal", "helpful", "degenerate")

Column = np.ndarray
_Columns = Iterator[tuple[str, Column]]


def summarise(results: pd.DataFrame) -> pd.DataFrame:
    """Return `summarise_pairs` of completions that are not paired with the baseline yet."""
    return summarise_pairs(with_outcomes(results[SUMMARY_INPUTS]))


def summarise_pairs(rows: pd.DataFrame) -> pd.DataFrame:
    """Summarise results.parquet, one row per (role, direction, intervention, layer, alpha, seed), baseline included.

    Intervals are by cluster of prompts (`cluster`: one template, or near copies): they answer for other prompts in the
    styles of the prompts.

    The rows are from `with_outcomes`.

    Returns:
        Per split the rates refusal, clean_refusal (a refusal that is not degenerate), helpful and degenerate, each
        with _n (completions), _low and _high (95%); the paired changes of both kinds of refusal against the baseline
        (refusal_effect, clean_refusal_effect); means of length, entropy, base_logprob and first-token KL. Over the
        splits helpfulness_drop (benign, baseline minus steered), gap (refusal, harm_train minus harm_test), effect_gap
        (the same of the changes of clean refusal) and on_pareto. The harm_train prompts that did not build the
        direction give refusal_harm_train_unseen, gap_unseen and effect_gap_unseen, those that did
        clean_refusal_harm_train_seen. Missing is NaN with n = 0.
    """
    counts = count_clusters(rows)
    described = rows.groupby(POINT_KEYS, sort=True)[
        ["from_baseline", "coefficient", "relative_strength", "first_token_kl"]
    ].agg({"from_baseline": "first", "coefficient": "first", "relative_strength": "first", "first_token_kl": "mean"})
    summary = described.reindex(counts.points)
    from_baseline = summary["from_baseline"].to_numpy(dtype=bool)
    columns: dict[str, Column] = {}
    for split in SPLITS:
        columns |= {key: value for name in _RATES for key, value in _rate(counts, name, split)}
    columns |= dict(_rate(counts, "refusal", HELD_OUT)) | dict(_rate(counts, "clean_refusal", IN_DIRECTION))
    # The baseline's difference from itself is 0 by definition, not by estimate.
    columns |= {key: np.where(from_baseline & ~np.isnan(part), 0.0, part) for key, part in _contrasts(counts)}
    columns |= dict(_gaps(counts))
    columns |= dict(_means(rows, counts.points))
    summary = pd.concat([summary, pd.DataFrame(columns, index=summary.index)], axis=1).reset_index()
    summary["on_pareto"] = _on_pareto(summary)
    return sort_points(summary)


def _rate(counts: ClusterCounts, name: str, split: str) -> _Columns:
    sizes = counts.sizes(split)
    yield from _named(f"{name}_{split}", clustered_rate(counts.successes(name, split), sizes=sizes))
    yield f"{name}_{split}_n", sizes.sum(-1).astype("int64")


def _contrasts(counts: ClusterCounts) -> _Columns:
    for name in ("refusal", "clean_refusal"):
        for split in SPLITS:
            yield from _named(f"{name}_effect_{split}", clustered_difference(counts.pairs(name, split)))
    value, low, high = clustered_difference(counts.pairs("helpful", "benign"))
    yield from _named("helpfulness_drop", Estimate(-value, -high, -low))
    test = counts.pairs("clean_refusal", "harm_test")
    for split, suffix in (("harm_train", ""), (HELD_OUT, "_unseen")):
        train = counts.pairs("clean_refusal", split)
        yield from _named(f"effect_gap{suffix}", clustered_effect_gap(train, second=test))


def _gaps(counts: ClusterCounts) -> _Columns:
    rates = {
        split: clustered_rate(counts.successes("refusal", split), sizes=counts.sizes(split))
        for split in ("harm_train", HELD_OUT, "harm_test")
    }
    for split, suffix in (("harm_train", ""), (HELD_OUT, "_unseen")):
        yield from _named(f"gap{suffix}", difference_of_estimates(rates[split], rates["harm_test"]))


def _means(rows: pd.DataFrame, points: pd.MultiIndex) -> _Columns:
    for split in SPLITS:
        means = rows[rows["split"] == split].groupby(POINT_KEYS, sort=True)[list(_MEANS)].mean().reindex(points)
        yield from ((f"{name}_{split}", means[name].to_numpy(dtype=float)) for name in _MEANS)


def _named(name: str, estimate: Estimate) -> _Columns:
    # Minus zero would make equal tables differ in bytes.
    yield name, estimate.value + 0.0
    yield f"{name}_low", estimate.low + 0.0
    yield f"{name}_high", estimate.high + 0.0


def _on_pareto(summary: pd.DataFrame) -> np.ndarray:
    main = (summary["role"] == "main").to_numpy()
    flags = np.zeros(len(summary), dtype=bool)
    flags[main] = on_pareto_frontier(
        gain=summary.loc[main, "refusal_harm_test"].to_numpy(), cost=summary.loc[main, "helpfulness_drop"].to_numpy()
    )
    return flags
