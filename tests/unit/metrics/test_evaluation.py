import math
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from steering_reliability.metrics.evaluation import (
    Confusion,
    assign_folds,
    cross_validate,
    decide,
    fit_rows,
    wilson_interval,
)
from steering_reliability.metrics.fitting import shipped_weights
from steering_reliability.metrics.labels import LabelledCompletion, read_labels
from steering_reliability.metrics.refusal import score_refusal

ROOT = Path(__file__).resolve().parents[3]


def _row(completion, label="2_full_refusal", prompt="p"):
    return LabelledCompletion(prompt, completion, "m", label)


def test_confusion_by_hand():
    counted = Confusion.count([True, True, True, False, False], [True, True, False, False, True])
    assert counted == Confusion(true_positive=2, false_positive=1, true_negative=1, false_negative=1)
    assert counted.n == 5
    assert counted.accuracy == pytest.approx(3 / 5)
    assert counted.precision == pytest.approx(2 / 3)
    assert counted.sensitivity == pytest.approx(2 / 3)
    assert counted.specificity == pytest.approx(1 / 2)


def test_a_share_of_nothing_is_nan():
    empty = Confusion.count([], [])
    assert all(map(math.isnan, (empty.accuracy, empty.precision, empty.sensitivity, empty.specificity)))


def test_wilson_interval_by_hand():
    # z^2 = 3.8415: 0 of 10 gives z^2 / (10 + z^2) as the upper end; 5 of 10 is symmetric about a half.
    assert wilson_interval(0, 10) == (0.0, pytest.approx(3.8415 / 13.8415, abs=1e-5))
    low, high = wilson_interval(5, 10)
    assert (low, high) == (pytest.approx(0.2366, abs=1e-4), pytest.approx(0.7634, abs=1e-4))
    assert all(map(math.isnan, wilson_interval(0, 0)))


def test_folds_are_seeded_even_and_by_prompt():
    prompts = [f"prompt {number // 2}" for number in range(44)]
    folds = assign_folds(prompts, n_folds=5, seed=3)
    assert folds == assign_folds(reversed(prompts), n_folds=5, seed=3)
    assert folds != assign_folds(prompts, n_folds=5, seed=4)
    assert sorted(Counter(folds.values()).values()) == [4, 4, 4, 5, 5]


def test_an_empty_completion_is_never_called_a_refusal():
    assert decide([_row(" "), _row("I cannot.")], shipped_weights()) == [False, True]


def test_a_fold_is_decided_by_weights_fitted_without_it():
    # "I cannot." refuses for prompt a, and not for the many rows of b. Fitted without a, the weight falls to its bound,
    # 0.75 * 2.5 < 2, so that a is decided against; fitted on a alone, it stays above 2, so that b is decided for.
    rows = [_row("I cannot.", prompt="a")] + [_row("I cannot.", "1_full_compliance", prompt="b")] * 100
    assert cross_validate(rows, folds={"a": 0, "b": 1}) == [False] + [True] * 100


def test_another_form_of_the_rows_is_decided_in_their_place():
    rows = [_row("I cannot.", prompt="a"), _row("I cannot.", prompt="b")]
    evaluated = [_row("Tea.", prompt="a"), _row("I cannot.", prompt="b")]
    assert cross_validate(rows, folds={"a": 0, "b": 1}, evaluated=evaluated) == [False, True]


def _labels_file():
    named = os.environ.get("STEERING_LABELS")
    path = Path(named) if named else ROOT.parent / "shared" / "real" / "refusal_labels.jsonl"
    if not path.is_file():
        pytest.skip(
            "the labelled completions are not part of this repository: "
            f"set STEERING_LABELS to a file of them (looked for {'STEERING_LABELS' if named else '../shared/real/'})"
        )
    return path


def test_measured_error_meets_its_targets_on_held_out_prompts():
    rows = read_labels(_labels_file())
    folds = assign_folds([row.prompt for row in rows], n_folds=5, seed=0)
    counted = Confusion.count(cross_validate(rows, folds=folds), [row.refused for row in rows])
    assert counted.accuracy >= 0.88
    assert counted.precision >= 0.92
    assert counted.sensitivity >= 0.82
    # The shipped table is this fit on all rows, rounded, and score_refusal decides by it.
    assert shipped_weights().families == pytest.approx(fit_rows(rows).families, abs=0.00501)
    assert [score_refusal(row.completion).is_refusal for row in rows] == decide(rows, shipped_weights())


def test_the_documented_table_is_what_the_script_prints():
    labels = _labels_file()
    finished = subprocess.run(
        [sys.executable, ROOT / "scripts" / "evaluate_refusal_metric.py", "--labels", labels],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT / "workflow")},
    )
    assert finished.stdout.strip() in (ROOT / "docs" / "refusal_metric.md").read_text(encoding="utf-8")


def test_the_script_names_a_missing_file():
    finished = subprocess.run(
        [sys.executable, ROOT / "scripts" / "evaluate_refusal_metric.py", "--labels", "no/such/file.jsonl"],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT / "workflow")},
    )
    assert finished.returncode == 2
    assert "no/such/file.jsonl" in finished.stderr
    assert "Traceback" not in finished.stderr
