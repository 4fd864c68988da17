"""What the refusal metric's own errors do to the refusal rates, measured on completions that people have labelled."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from steering_reliability.metrics.refusal import score_refusal
from steering_reliability.prompts.records import Record, read_records
from steering_reliability.prompts.validate import Problems
from steering_reliability.results.schema import POINT_KEYS, SPLITS, sort_points
from steering_reliability.statistics.intervals import Array, Estimate

LABEL_WORDS: Final[Mapping[str, bool]] = {
    "refusal": True,
    "compliance": False,
    "1_full_compliance": False,
    "2_full_refusal": True,
    "3_partial_refusal": True,
}
"""What a label may say and whether it means a refusal; the numbered ones are XSTest's (Röttger et al., 2024)."""

CORRECTED_COLUMNS: Final = [
    *("role", "direction", "intervention", "layer", "alpha", "seed", "split", "n"),
    *("raw", "raw_low", "raw_high", "corrected", "corrected_low", "corrected_high"),
]


class MetricError(NamedTuple):
    """How often the metric is right on labelled completions.

    `sensitivity` counts the labelled refusals that the metric calls so, of all labelled refusals; `specificity` the
    other labelled completions that it does not call refusals, of all of these.
    """

    sensitivity: tuple[int, int]
    specificity: tuple[int, int]


def read_labels(path: Path) -> pd.DataFrame:
    """Read completions that people have labelled.

    The file is CSV or JSON Lines with the columns completion and label; XSTest's final_label also serves as label.

    Returns:
        Columns completion and label (True for a refusal), one row per completion in the file's order.

    Raises:
        InputError: The file cannot be read, holds no row, or rows lack a completion or a known label; names the lines.
    """
    problems = Problems(str(path))
    records = read_records(path, expected_field="completion").records
    rows = [_labelled(record, problems) for record in records]
    if not rows:
        problems.add("there is no labelled completion", at="the whole file")
    problems.raise_if_any(f"give each row a completion and a label, one of: {', '.join(LABEL_WORDS)}")
    return pd.DataFrame(rows, columns=["completion", "label"])


def metric_error(labels: pd.DataFrame) -> MetricError:
    """Count how often the phrase rules agree with people on the completions of `read_labels`."""
    said = np.array([score_refusal(text).is_refusal for text in labels["completion"]], dtype=bool)
    true = labels["label"].to_numpy(dtype=bool)
    return MetricError(
        sensitivity=(int((said & true).sum()), int(true.sum())),
        specificity=(int((~said & ~true).sum()), int((~true).sum())),
    )


def rogan_gladen(
    successes: npt.ArrayLike,
    *,
    n: npt.ArrayLike,
    sensitivity: tuple[int, int],
    specificity: tuple[int, int],
) -> Estimate:
    """Return a rate corrected for the errors of the metric that it was measured with.

    The 95% interval allows for the errors being estimates too. It needs them to be the same on the labelled completions
    as on those measured, which steering may break.

    Args:
        successes: Completions that the metric calls refusals, any shape.
        n: Completions, broadcastable to it.
        sensitivity: Labelled refusals that the metric calls so, and all labelled refusals.
        specificity: Other labelled completions that it does not call so, and all of these.

    Returns:
        Rate and limits, cut to [0, 1]; NaN where n is 0, labels are missing, or the metric is no better than chance
        (sensitivity + specificity of at most 1); limits of 0 and 1 where the labels are too few to tell.

    Source: Rogan and Gladen (1978), American Journal of Epidemiology 107, 71-76 (the rate); Lang and Reiczigel (2014),
        Preventive Veterinary Medicine 113, 13-22 (the interval).
    """
    k, total = np.broadcast_arrays(np.asarray(successes, dtype=float), np.asarray(n, dtype=float))
    measured = np.where(total > 0, k / np.where(total > 0, total, 1), np.nan)
    se, sp = (right / of if of else np.nan for right, of in (sensitivity, specificity))
    if not se + sp > 1:
        missing = np.full(k.shape, np.nan)
        return Estimate(missing, missing, missing)
    value = (measured + sp - 1) / (se + sp - 1)
    low, high = _lang_reiczigel(k, total, sensitivity=sensitivity, specificity=specificity)
    low, high = (np.where(np.isnan(measured), np.nan, limit) for limit in (low, high))
    return Estimate(*(np.asarray(np.clip(part, 0.0, 1.0)) for part in (value, low, high)))


def corrected_table(summary: pd.DataFrame, *, error: MetricError) -> pd.DataFrame:
    """Return the study's refusal rates as measured and corrected for the metric's errors.

    Returns:
        Columns `CORRECTED_COLUMNS`, one row per operating point of the study and split; raw with its Wilson interval,
        corrected with that of `rogan_gladen`.
    """
    study = summary[summary["role"] == "main"]
    parts = []
    for split in SPLITS:
        raw = {f"raw{end}": study[f"refusal_{split}{end}"] for end in ("", "_low", "_high")}
        n = study[f"refusal_{split}_n"].to_numpy()
        corrected = rogan_gladen(
            np.rint(np.nan_to_num(raw["raw"].to_numpy(dtype=float) * n)),
            n=n,
            sensitivity=error.sensitivity,
            specificity=error.specificity,
        )
        frame = study[POINT_KEYS].assign(split=split, n=n, **raw)
        parts.append(
            frame.assign(corrected=corrected.value, corrected_low=corrected.low, corrected_high=corrected.high)
        )
    return sort_points(pd.concat(parts, ignore_index=True))[CORRECTED_COLUMNS]


def _labelled(record: Record, problems: Problems) -> tuple[str, bool]:
    completion = record.values.get("completion")
    label = record.values.get("label", record.values.get("final_label"))
    # An empty completion is one: the model may have written nothing.
    if not isinstance(completion, str):
        problems.add("is missing or not a text", at=record.at, field="completion")
    if not isinstance(label, str) or not label.strip():
        problems.add("is missing or not a word", at=record.at, field="label")
    elif label.strip().lower() not in LABEL_WORDS:
        problems.add(f"unknown label {label!r}", at=record.at, field="label")
    return str(completion), LABEL_WORDS.get(str(label).strip().lower(), False)


def _lang_reiczigel(
    k: Array, n: Array, *, sensitivity: tuple[int, int], specificity: tuple[int, int]
) -> tuple[Array, Array]:
    """Return the two limits before they are cut to [0, 1].

    Each count gets successes and failures added as in Agresti and Coull's interval: z^2 / 2 of each to the rate, one of
    each to sensitivity and specificity; the limits then shift by `shift`.
    """
    z = float(norm.ppf(0.975))
    trials = n + z**2
    rate = (k + z**2 / 2) / trials
    (se, se_variance), (sp, sp_variance) = (_with_one_of_each(*counts) for counts in (sensitivity, specificity))
    youden = se + sp - 1
    if youden <= 0:
        return np.zeros(k.shape), np.ones(k.shape)
    true = (rate + sp - 1) / youden
    error = np.sqrt(rate * (1 - rate) / trials + true**2 * se_variance + (1 - true) ** 2 * sp_variance) / youden
    shift = 2 * z**2 * (true * se_variance - (1 - true) * sp_variance)
    return true + shift - z * error, true + shift + z * error


def _with_one_of_each(right: int, of: int) -> tuple[float, float]:
    share = (right + 1) / (of + 2)
    return share, share * (1 - share) / (of + 2)
