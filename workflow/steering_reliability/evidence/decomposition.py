"""What the gap between harm_train and harm_test is made of, as far as the prompts allow to tell."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from steering_reliability.evidence.marginal_model import standardised_difference, why_not_modelled
from steering_reliability.evidence.paired import Comparison, as_comparison, select_point
from steering_reliability.evidence.standardisation import SplitDifference, split_difference
from steering_reliability.prompts.schema import UNKNOWN
from steering_reliability.results.schema import as_records
from steering_reliability.statistics.intervals import newcombe_interval, wilson_interval

DECOMPOSITION_COLUMNS: Final = ["component", "split", "label", "method", "value", "low", "high", "n", "sentence"]

_TRAIN: Final = "harm_train"
_TEST: Final = "harm_test"
_FACTORS: Final = ("family", "style")
_PLURALS: Final = {"family": "families", "style": "styles"}

Row = dict[str, Any]


def decomposition_table(results: pd.DataFrame, *, point: Mapping[str, Any]) -> pd.DataFrame:
    """Split the gap of refusal between harm_train and harm_test at one operating point into its causes.

    In the direct methods every prompt is one unit, with the share of its completions that refuse; in the model the
    completions of a prompt are correlated.

    Args:
        results: Rows of results.parquet.
        point: role, direction, intervention, layer, seed and alpha (0 for its baseline).

    Returns:
        `DECOMPOSITION_COLUMNS`, one row per component; value, low and high (95%) are rates or their differences, n
        counts prompts. Components: raw gap (train minus test); same family, same style, same family and style (the gap
        within labels that both splits have, directly standardised); family and style (raw gap minus the one within the
        factor: labels that one split lacks, and other shares); split alone (marginal model, adjusted for the factors
        that overlap; directly standardised where the model cannot be trusted); shared minus other families and styles
        within each split; prompts that built the direction minus the others of harm_train, where the rows say which;
        rate by family and by style. What the prompts cannot tell is NaN with n = 0 and a sentence that says why.
    """
    rows = pd.concat([select_point(results, split=split, point=point) for split in (_TRAIN, _TEST)])
    rows = _with_labels(rows)
    prompts = _prompts(rows)
    table = [_raw_gap(prompts)]
    table += [_within(prompts, (factor,)) for factor in _FACTORS]
    table.append(_within(prompts, _FACTORS))
    table += [_mix(prompts, factor) for factor in _FACTORS]
    table.append(_split_alone(rows, prompts))
    for factor in _FACTORS:
        table += [_shared_minus_other(prompts, factor, split) for split in (_TRAIN, _TEST)]
    if "builds_direction" in prompts:
        table.append(_built_minus_other(prompts))
    for factor in _FACTORS:
        table += list(_breakdown(prompts, factor))
    return pd.DataFrame(table, columns=DECOMPOSITION_COLUMNS)


def _with_labels(rows: pd.DataFrame) -> pd.DataFrame:
    """Add in_train, the prompt's name over both splits, and family_style; an unknown label becomes missing."""
    labelled = rows.copy()
    for factor in _FACTORS:
        labelled[factor] = labelled[factor].astype(object).where(labelled[factor].notna(), None).replace(UNKNOWN, None)
    labelled["in_train"] = labelled["split"] == _TRAIN
    labelled["prompt_name"] = labelled["split"] + "/" + labelled["id"]
    known = labelled["family"].notna() & labelled["style"].notna()
    both = labelled["family"].astype(str) + " / " + labelled["style"].astype(str)
    labelled["family_style"] = both.astype(object).where(known, None)
    labelled["is_refusal"] = labelled["is_refusal"].astype(float)
    return labelled


def _prompts(rows: pd.DataFrame) -> pd.DataFrame:
    kept = ["split", "in_train", "family", "style", "family_style"]
    kept += ["builds_direction"] if "builds_direction" in rows else []
    return rows.groupby("prompt_name", sort=True).agg(
        {**dict.fromkeys(kept, "first"), "is_refusal": "mean"}
    )  # fmt: skip


def _raw_gap(prompts: pd.DataFrame) -> Row:
    train = prompts["in_train"].astype(bool)
    gap = _difference(prompts.loc[train, "is_refusal"], prompts.loc[~train, "is_refusal"])
    return _row("raw gap", "difference of two rates", gap, f"Refusal on harm_train minus harm_test: {gap}.")


def _difference(first: pd.Series, second: pd.Series) -> Comparison:
    estimate = newcombe_interval(first.sum(), len(first), second.sum(), len(second))
    return as_comparison(estimate, n=len(first) + len(second) if len(first) and len(second) else 0)


def _within(prompts: pd.DataFrame, factors: tuple[str, ...]) -> Row:
    name = " and ".join(factors)
    found = _split_by(prompts, "_".join(factors))
    within = as_comparison(found.within, n=found.n)
    if found.n:
        sentence = f"At the same {name} ({found.n} of {len(prompts)} prompts), harm_train minus harm_test is {within}."
        sentence = f"{sentence} {_no_overlap(prompts, tuple(set(_FACTORS) - set(factors)))}".strip()
    else:
        sentence = f"No prompts of the two splits share {name}. {_no_overlap(prompts, factors)}"
    return _row(f"same {name}", "direct standardisation", within, sentence)


def _mix(prompts: pd.DataFrame, factor: str) -> Row:
    found = _split_by(prompts, factor)
    mix = as_comparison(found.mix, n=len(prompts) if found.n else 0)
    if found.n:
        only = ", ".join(_only(prompts, factor, split) for split in (_TRAIN, _TEST))
        sentence = f"The raw gap minus the one at the same {factor} is {mix} ({only})."
    else:
        sentence = f"The part of {factor} in the gap cannot be told. {_no_overlap(prompts, (factor,))}"
    return _row(factor, "raw gap minus direct standardisation", mix, sentence)


def _split_by(prompts: pd.DataFrame, cell: str) -> SplitDifference:
    return split_difference(prompts, value="is_refusal", group="in_train", cell=cell)


def _split_alone(rows: pd.DataFrame, prompts: pd.DataFrame) -> Row:
    adjust = [factor for factor in _FACTORS if _shared(prompts, factor)]
    here = rows
    for factor in adjust:
        here = here[here[factor].isin(_shared(prompts, factor))]
    options = {"outcome": "is_refusal", "exposure": "in_train"}
    reason = why_not_modelled(here, **options, adjust=adjust)
    gap = Comparison(float("nan"), float("nan"), float("nan"), 0)
    if reason is None:
        fit = standardised_difference(here, **options, cluster="prompt_name", adjust=adjust)
        gap = as_comparison(fit, n=here["prompt_name"].nunique())
        reason = "its fit did not converge"
    if not np.isnan(gap.value):
        method, says = "marginal logistic model (GEE)", "By the model"
    elif adjust:
        found = _split_by(prompts, "_".join(adjust))
        gap, method = as_comparison(found.within, n=found.n), "direct standardisation"
        says = f"Directly standardised (no model, because {reason})"
    else:
        train = prompts["in_train"].astype(bool)
        gap = _difference(prompts.loc[train, "is_refusal"], prompts.loc[~train, "is_refusal"])
        method, says = "difference of two rates", f"Unadjusted (no model, because {reason})"
    held = f", with {' and '.join(adjust)} held equal," if adjust else ", with nothing held equal,"
    rest = _no_overlap(prompts, tuple(factor for factor in _FACTORS if factor not in adjust))
    sentence = f"{says}, harm_train minus harm_test{held} is {gap}. {rest}".strip()
    return _row("split alone", method, gap, sentence)


def _shared_minus_other(prompts: pd.DataFrame, factor: str, split: str) -> Row:
    here = prompts[(prompts["split"] == split) & prompts[factor].notna()]
    shared = here[factor].isin(_shared(prompts, factor)).astype(bool)
    gap = _difference(here.loc[shared, "is_refusal"], here.loc[~shared, "is_refusal"])
    names = _PLURALS[factor]
    if gap.n:
        sentence = f"Within {split}, the {names} that both splits have minus its own: {gap}."
    else:
        sentence = f"Within {split} there are no two kinds of {names}, shared and its own, to compare."
    return _row(f"shared minus other {names}", "difference of two rates", gap, sentence, split=split)


def _built_minus_other(prompts: pd.DataFrame) -> Row:
    train = prompts[prompts["in_train"].astype(bool)]
    built = train["builds_direction"].astype(bool)
    gap = _difference(train.loc[built, "is_refusal"], train.loc[~built, "is_refusal"])
    sentence = (
        f"Within harm_train, the prompts that built the direction minus the others: {gap}."
        if gap.n
        else "Within harm_train there are no two kinds of prompts, builders of the direction and others, to compare."
    )
    return _row("built the direction minus the others", "difference of two rates", gap, sentence, split=_TRAIN)


def _breakdown(prompts: pd.DataFrame, factor: str) -> Iterator[Row]:
    counts = prompts.dropna(subset=[factor]).groupby([factor, "split"])["is_refusal"].agg(["sum", "count"])
    for row in as_records(counts.reset_index().sort_values(["split", factor], ascending=[False, True])):
        rate = as_comparison(wilson_interval(row["sum"], row["count"]), n=int(row["count"]))
        split, label = row["split"], row[factor]
        low, high = round(100 * rate.low), round(100 * rate.high)
        sentence = f"{split}, {label}: {100 * rate.value:.0f}% (95% interval {low} to {high}, n = {rate.n})."
        yield _row(f"rate by {factor}", "rate", rate, sentence, split=split, label=label)


def _labels(prompts: pd.DataFrame, factor: str, split: str) -> set[str]:
    return set(prompts.loc[prompts["split"] == split, factor].dropna())


def _shared(prompts: pd.DataFrame, factor: str) -> set[str]:
    return _labels(prompts, factor, _TRAIN) & _labels(prompts, factor, _TEST)


def _only(prompts: pd.DataFrame, factor: str, split: str) -> str:
    own = sorted(_labels(prompts, factor, split) - _shared(prompts, factor))
    return f"{', '.join(own) if own else 'nothing'} only in {split}"


def _no_overlap(prompts: pd.DataFrame, factors: tuple[str, ...]) -> str:
    """Return what cannot be told apart, for the factors that have no label in both splits."""
    said = []
    for factor in factors:
        train, test = (sorted(_labels(prompts, factor, split)) for split in (_TRAIN, _TEST))
        if not train or not test:
            said.append(f"There is no {factor} known on both sides.")
        elif not set(train) & set(test):
            said.append(
                f"No {factor} is in both splits ({', '.join(train)} against {', '.join(test)}), so the change of split "
                f"and the change of {factor} cannot be told apart."
            )
    return " ".join(said)


def _row(component: str, method: str, gap: Comparison, sentence: str, *, split: str = "", label: str = "") -> Row:
    return {
        "component": component, "split": split, "label": label, "method": method,
        "value": gap.value, "low": gap.low, "high": gap.high, "n": gap.n, "sentence": sentence,
    }  # fmt: skip
