"""The title of each main chart: what it shows of this run, read off the tables."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from steering_reliability.figures.gap import headline_gap
from steering_reliability.figures.panels import study_points
from steering_reliability.figures.tradeoff import MOST
from steering_reliability.results.schema import as_records, layers_in_order, steered_points
from steering_reliability.text.layers import layer_words
from steering_reliability.text.numbers import listed, percent, rounded


def tradeoff_title(summary: pd.DataFrame) -> str:
    """Say what the setting gives up that moves refusal most, of those that don't mostly write degenerate text."""
    name, known = "refusal_harm_test", study_points(summary).dropna(subset=["refusal_harm_test"])
    is_unsteered = known["from_baseline"].astype(bool)
    steered = known[~is_unsteered & (known["degenerate_harm_test"] <= MOST)].dropna(subset=["helpfulness_drop"])
    if steered.empty or not is_unsteered.any():
        return "Refusal against the helpful answers given up"
    before = known.loc[is_unsteered, name].iloc[0]
    furthest = min(as_records(steered), key=lambda row: (-abs(row[name] - before), row["helpfulness_drop"]))
    few = "few" if furthest[name] < before else "many"
    lost = rounded(100 * furthest["helpfulness_drop"])
    given_up = f"{lost} points of helpful answers are" if lost > 0 else "no helpful answers are"
    return f"As {few} as {percent(furthest[name])} of harm_test are refused, where {given_up} given up"


def dose_title(summary: pd.DataFrame) -> str:
    """Say between which rates refusal lies over all strengths."""
    study = study_points(summary)
    words = []
    for split in ("harm_test", "benign"):
        rates = study[f"refusal_{split}"].dropna()
        if len(rates):
            words.append(f"{percent(rates.min())} to {percent(rates.max())} of {split}")
    return f"Over all strengths {' and '.join(words)} are refused" if words else "Refusal by strength"


def forest_title(summary: pd.DataFrame) -> str:
    """Say at how many settings the interval of the gap excludes 0, before any correction."""
    name = headline_gap(summary)
    ends = steered_points(summary)[[f"{name}_low", f"{name}_high"]].dropna()
    if ends.empty:
        return "The gap of effects at every setting"
    clear = int(((ends.iloc[:, 0] > 0) | (ends.iloc[:, 1] < 0)).sum())
    return f"At {clear} of {len(ends)} settings the gap's interval excludes 0, before correction"


def steerability_title(prompts: pd.DataFrame) -> str:
    """Say how many harm_test prompts move away from refusal, where most do."""
    slopes = prompts[(prompts["role"] == "main") & (prompts["split"] == "harm_test")].dropna(subset=["slope"])
    if slopes.empty:
        return "How far each prompt moves"
    wrong = (slopes["slope"] < 0).groupby(slopes["layer"]).agg(["mean", "sum", "size"])
    worst = wrong.sort_values("mean", ascending=False, kind="stable").iloc[0]
    moved = f"{worst['sum']:.0f} of {worst['size']:.0f} harm_test prompts move away from refusal"
    return f"At {layer_words(str(worst.name))}, {moved} as alpha grows"


def scan_title(chosen: Mapping[str, Any]) -> str:
    """Say which layers the scan chose (`chosen_by_scan` of provenance.json), if it chose any."""
    layers = chosen.get("layers")
    if not layers:
        return "What the scan measured at each layer"
    names = layers_in_order(pd.Series([str(layer) for layer in layers]))
    return f"The scan chose layer{'s' if len(names) > 1 else ''} {listed(names)}"
