import math
import subprocess
import sys
from pathlib import Path

import pytest
from steering_reliability.prompts.schema import Prompt
from steering_reliability.prompts.shift import measure_shift


def prompt(id, text="x", family="f", style="s", **extra):
    return Prompt(id, text, family, style, extra)


def value(table, measure):
    (row,) = table[table.measure == measure].to_dict("records")
    return row


def test_overlaps_by_hand():
    a = [prompt("a1", "pick a lock", "theft", "direct"), prompt("a2", "Pick a card!", "games", "direct")]
    b = [prompt("b1", "pick the lock, pick a", "theft", "slang")]
    table = measure_shift({"harm_train": a, "harm_test": b}, seed=0)
    assert list(table.columns) == ["split_a", "split_b", "measure", "value", "low", "high", "n"]
    assert value(table, "shared_families")["value"] == 1
    assert value(table, "shared_styles")["value"] == 0
    assert value(table, "shared_styles")["n"] == 3
    # {pick a lock card} and {pick the lock a}: 3 shared of 5; of b's five words only "the" is new.
    assert value(table, "word_1gram_jaccard")["value"] == pytest.approx(3 / 5)
    assert value(table, "word_1gram_seen")["value"] == pytest.approx(4 / 5)
    # {pick-a a-lock a-card} and {pick-the the-lock lock-pick pick-a}: 1 shared of 6; 1 of 4 seen.
    assert value(table, "word_2gram_jaccard")["value"] == pytest.approx(1 / 6)
    assert value(table, "word_2gram_seen")["value"] == pytest.approx(1 / 4)
    assert value(table, "word_3gram_jaccard")["value"] == 0


def test_what_cannot_be_measured_is_nan_with_n_0():
    table = measure_shift({"harm_train": [prompt("a", "one")], "harm_test": [prompt("b", "two")]}, seed=0)
    for measure in ("shared_templates", "word_3gram_jaccard", "word_3gram_seen", "bow_auc"):
        row = value(table, measure)
        assert math.isnan(row["value"])
        assert row["n"] == 0
    assert value(table, "word_1gram_jaccard")["n"] == 2


def test_the_auc_has_an_interval_and_counts_the_prompts_of_shared_families():
    a = [prompt(f"a{n}", f"please w{n}", "x" if n < 10 else "y") for n in range(20)]
    b = [prompt(f"b{n}", f"yo w{n}", "x" if n < 10 else "z") for n in range(20)]
    table = measure_shift({"harm_train": a, "harm_test": b}, seed=0)
    whole, shared = value(table, "bow_auc"), value(table, "bow_auc_shared_families")
    assert (whole["value"], whole["n"]) == (1.0, 40)
    assert whole["low"] < 1.0
    assert whole["high"] == pytest.approx(1.0)
    assert (shared["value"], shared["n"]) == (1.0, 20)
    assert shared["low"] < whole["low"]


def test_each_pair_of_splits_is_measured_once():
    splits = {name: [prompt(name, name)] for name in ("harm_train", "harm_test", "benign")}
    table = measure_shift(splits, seed=0)
    pairs = list(dict.fromkeys(zip(table.split_a, table.split_b, strict=True)))
    assert pairs == [("harm_train", "harm_test"), ("harm_train", "benign"), ("harm_test", "benign")]


def test_checking_prompts_imports_no_heavy_package():
    code = (
        "import sys, steering_reliability.prompts.check, steering_reliability.prompts.prepare;"
        "import steering_reliability.prompts.ingest, steering_reliability.prompts.generate;"
        "print([name for name in ('pandas', 'numpy', 'sklearn', 'torch', 'transformers') if name in sys.modules])"
    )
    path = str(Path(__file__).parents[3] / "workflow")
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": path}
    )
    assert run.stdout.strip() == "[]"
