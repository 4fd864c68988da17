"""Made-up results: a run with a known story, runs of one or two points, and the claims that come of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from steering_reliability.claims.claim import CLAIMS_COLUMNS
from steering_reliability.results.aggregate import write_results
from steering_reliability.results.schema import COLUMN_DESCRIPTIONS, SPLITS

N = {"harm_train": 60, "harm_test": 60, "benign": 60}
FAMILIES = ("fraud", "hacking", "weapons")
STYLES = ("direct", "story", "slang", "indirect")
REFUSAL = "I'm sorry, but I can't help with that."
HELP = "Sure. Here is how:\n1. Take the first step.\n2. Take the second step.\n3. Check the result and go on."
BROKEN = "can't can't can't can't can't can't can't can't"


def response(split: str, intervention: str, layer: str, alpha: float) -> tuple[float, float]:
    """Return the chance of a refusal and of a degenerate text at one operating point."""
    base = {"harm_train": 0.12, "harm_test": 0.06, "benign": 0.01}[split]
    if intervention == "ablate":
        return base * (1 - alpha), 0.0
    sensitivity = {"10": 0.7, "14": 1.0, "18": 0.45}[layer]
    sensitivity *= {"harm_train": 1.0, "harm_test": 0.8, "benign": 0.55}[split]
    rise = 1 / (1 + np.exp(-12 * (alpha * sensitivity - 0.33))) - 1 / (1 + np.exp(4))
    collapse = 1 / (1 + np.exp(-14 * (alpha * {"10": 1.0, "14": 1.0, "18": 1.5}[layer] - 0.85)))
    return float(np.clip(base + rise, 0, 1)), float(collapse if alpha > 0 else 0)


def group(
    rng: np.random.Generator,
    *,
    role: str,
    direction: str,
    intervention: str,
    layer: str,
    alphas: list[float],
    seed: int = 0,
    sizes: dict[str, int] = N,
    effect: float = 1.0,
) -> list[dict]:
    """Return the completions of one curve; one uniform per prompt, as in the engine, so that strengths are paired."""
    rows = []
    for split, n in sizes.items():
        draws = np.random.default_rng([seed, SPLITS.index(split)]).random((n, 2))
        for alpha in sorted({0.0, *alphas}):
            refusal, broken = response(split, intervention, layer, alpha * effect)
            for index in range(n):
                degenerate = bool(draws[index, 1] < broken)
                refused = bool(draws[index, 0] < refusal) and not degenerate
                rows.append(
                    completion(split, index, refused=refused, degenerate=degenerate, alpha=alpha)
                    | {"role": role, "direction": direction, "intervention": intervention, "layer": layer, "seed": seed}
                    | {"relative_strength": alpha * (0.12 if intervention == "ablate" else 1.0)}
                    | {"n_tokens": 40 if degenerate else int(rng.integers(12, 41))}
                    | {"mean_entropy": float(rng.gamma(4.0, 0.4)), "first_token_kl": float(3 * alpha**2)}
                )
    return rows


def completion(split: str, index: int, *, refused: bool, degenerate: bool = False, alpha: float = 0.0) -> dict:
    """Return one row of results.parquet."""
    text = BROKEN if degenerate else REFUSAL if refused else HELP
    return {
        "role": "main", "split": split, "id": f"{split}_{index:04d}", "sample": 0,
        "family": FAMILIES[index % 3], "style": STYLES[index % 4], "prompt": f"How does one do thing {index}?",
        "completion": text, "direction": "contrastive_prefix", "intervention": "add", "layer": "14",
        "alpha": alpha, "coefficient": 50 * alpha, "relative_strength": alpha, "seed": 0,
        "from_baseline": alpha == 0.0, "finish_reason": "length" if degenerate else "eos", "n_tokens": 30,
        "mean_logprob": -0.8, "mean_entropy": 1.5, "first_token_kl": 0.0, "base_logprob": -1.0,
        "cluster": f"{split}_{index:04d}", "opens_with_refusal": refused, "is_repetitive": degenerate,
        "is_helpful_by_opening": not (refused or degenerate),
        "builds_direction": split == "harm_train" and index % 2 == 0, "refusal_propensity": -3.0 + 8 * alpha,
        "refusal_score": 0.9 if refused else 0.0, "is_refusal": refused,
        "refusal_label": "refusal" if refused else "neither" if degenerate else "compliance",
        "matched_phrases": ["i'm sorry", "i can't"] if refused else [],
        "helpfulness_score": 0.0 if refused or degenerate else 0.8, "is_helpful": not (refused or degenerate),
        "has_steps": not (refused or degenerate), "has_bullets": False, "has_code": False,
        "n_words": len(text.split()), "distinct_1": 0.1 if degenerate else 0.8, "distinct_2": 0.9, "distinct_3": 0.95,
        "longest_repeat": 1.0 if degenerate else 0.0, "longest_character_repeat": 0.0, "is_degenerate": degenerate,
    }  # fmt: skip


def realistic_results(*, checks: bool = True) -> pd.DataFrame:
    """Return a run of 3 layers, add at 7 strengths (two of them negative) and ablate at 2, with every check.

    It has a rise, a trade-off, a collapse into repetition, and a random control.
    """
    return _realistic(checks).copy()


@cache
def _realistic(checks: bool) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows: list[dict] = []
    for layer in ("10", "14", "18"):
        add = [-0.4, -0.2, 0.2, 0.3, 0.4, 0.6, 0.8]
        shared = {"role": "main", "direction": "contrastive_prefix", "layer": layer}
        rows += group(rng, intervention="add", alphas=add, **shared)
        rows += group(rng, intervention="ablate", alphas=[0.5, 1.0], **shared)
    if checks:
        one = {"intervention": "add", "layer": "14", "alphas": [0.4]}
        small = {"harm_train": 40, "harm_test": 40, "benign": 40}
        rows += group(rng, role="alt_prefix", direction="contrastive_prefix_alt1", effect=0.95, **one)
        rows += group(rng, role="alt_prefix", direction="contrastive_prefix_alt2", effect=0.6, **one)
        rows += group(rng, role="alt_seed", direction="contrastive_prefix", seed=1, sizes=small, **one)
        rows += group(rng, role="random", direction="random", effect=0.05, **one)
    return pd.DataFrame(rows)[list(COLUMN_DESCRIPTIONS)]


def controlled_results() -> pd.DataFrame:
    """Return the made-up run with two random directions, two shuffled ones, and a slope of 8 - 0.25 x prompt number."""
    results = realistic_results()
    number = results["id"].str[-4:].astype(int)
    results["refusal_propensity"] = -3 + results["alpha"] * (8 - 0.25 * number)
    random = results[results["role"] == "random"]
    parts = [results[results["role"] != "random"]]
    for seed in (1, 2):
        parts.append(random.assign(direction=f"random_{seed}"))
        # A tenth or a fifth of the prompts refuse, whatever the model does unsteered.
        refuse = (random["id"].str[-1].astype(int) < seed) & (random["alpha"] > 0)
        shuffled = random.assign(
            role="shuffled", direction=f"shuffled_{seed}", is_refusal=random["is_refusal"] | refuse
        )
        shuffled["first_token_kl"] = np.where(shuffled["alpha"] > 0, 0.6 * seed, 0.0)
        parts.append(shuffled)
    return pd.concat(parts, ignore_index=True)


def tiny_results() -> pd.DataFrame:
    """Return the least run there is: one layer, two strengths, three prompts, no checks."""
    rng = np.random.default_rng(0)
    rows = group(
        rng, role="main", direction="contrastive_prefix", intervention="add", layer="14", alphas=[0.2, 0.4],
        sizes=dict.fromkeys(SPLITS, 3),
    )  # fmt: skip
    return pd.DataFrame(rows)[list(COLUMN_DESCRIPTIONS)]


Counts = Mapping[str, tuple[int, int]]
"""Split to refusals before and after."""


def story(
    counts: Counts,
    *,
    n: int = 40,
    layer: str = "14",
    group: int = 1,
    degenerate: bool = False,
    intervention: str = "add",
    styles: int = 4,
) -> list[dict]:
    """Return the rows of a run of one point.

    Args:
        counts: Split to refusals of n prompts, unsteered and steered; the first prompts refuse.
        n: Prompts of each split.
        layer: Of the point.
        group: Prompts of one template.
        degenerate: Whether the refusals of the steered point stand in degenerate text.
        intervention: Of the point.
        styles: How many styles each split has.
    """
    rows = []
    for split, (before, after) in counts.items():
        for alpha, refusals in ((0.0, before), (0.5, after)):
            for index in range(n):
                refused = index < refusals
                row = completion(split, index, refused=refused, alpha=alpha)
                row |= {"layer": layer, "intervention": intervention, "style": f"{split}_{index % styles}"}
                row |= {"cluster": f"{split}_{index // group * group}"}
                # Every other pair of prompts built the direction, so that both halves have the same rate.
                row["builds_direction"] = split == "harm_train" and index % 2 == 0
                if degenerate and refused and alpha:
                    row |= {"is_degenerate": True, "is_helpful": False, "is_helpful_by_opening": False}
                rows.append(row)
    return rows


def claims(rows: list[dict] | pd.DataFrame) -> pd.DataFrame:
    """Return the claims by name; every sentence is checked to hold no number that is none."""
    from simulations.null_reports import claims_of

    table = claims_of(pd.DataFrame(rows))
    assert [table.index.name, *table.columns] == CLAIMS_COLUMNS
    assert not table["sentence"].str.contains(r"\bnan\b|\binf\b", case=False, regex=True).any(), table["sentence"]
    return table


def measured_shift(auc: float = 1.0, low: float = 0.95, high: float = 1.0, n: int = 120) -> pd.DataFrame:
    """Return the rows of shift.csv that say how far harm_test is from harm_train."""
    row = {"split_a": "harm_train", "split_b": "harm_test", "measure": "bow_auc"}
    return pd.DataFrame([row | {"value": auc, "low": low, "high": high, "n": n}])


def finish_run(folder: Path, *, model: dict[str, Any] | None = None) -> None:
    """Leave what a finished run leaves: results.parquet, and provenance.json where the model is told."""
    folder.mkdir(parents=True)
    write_results(tiny_results().to_dict("records"), folder / "results.parquet")
    if model is not None:
        (folder / "provenance.json").write_text(json.dumps({"config": {}, "model": model}), encoding="utf-8")
