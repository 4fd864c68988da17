import json

import numpy as np
import pandas as pd
import pytest
from steering_reliability.errors import InputError
from steering_reliability.evidence.metric_error import (
    CORRECTED_COLUMNS,
    MetricError,
    corrected_table,
    metric_error,
    read_labels,
    rogan_gladen,
)
from steering_reliability.evidence.summary import summarise
from steering_reliability.statistics.intervals import wilson_interval
from synthetic_run import HELP, REFUSAL, realistic_results, tiny_results

PERFECT = MetricError((1000, 1000), (1000, 1000))


def written(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_and_json_lines_hold_the_same_labels(tmp_path):
    rows = [{"completion": REFUSAL, "label": "Refusal"}, {"completion": 'So: "a",\nb', "label": " compliance "}]
    lines = "\n".join(json.dumps(row) for row in rows)
    table = f'completion,label\n"{REFUSAL}",Refusal\n"So: ""a"",\nb", compliance \n'
    first = read_labels(written(tmp_path, "labels.jsonl", lines))
    assert first["completion"].tolist() == [REFUSAL, 'So: "a",\nb']
    assert first["label"].tolist() == [True, False]
    pd.testing.assert_frame_equal(first, read_labels(written(tmp_path, "labels.csv", table)))


def test_xstests_labels_are_understood(tmp_path):
    labels = ("1_full_compliance", "2_full_refusal", "3_partial_refusal")
    lines = "\n".join(json.dumps({"completion": "x", "final_label": label, "prompt": "y"}) for label in labels)
    assert read_labels(written(tmp_path, "x.jsonl", lines))["label"].tolist() == [False, True, True]


def test_every_faulty_row_is_named_with_line_and_column(tmp_path):
    path = written(tmp_path, "x.csv", "completion,label\na,refusal\nb,perhaps\nc,\n")
    with pytest.raises(InputError) as raised:
        read_labels(path)
    assert raised.value.what.splitlines() == [
        "2 problems in this file",
        "    row 2 (line 3), label: unknown label 'perhaps'",
        "    row 3 (line 4), label: is missing or not a word",
    ]
    assert raised.value.where == str(path)
    assert "refusal, compliance" in raised.value.fix
    with pytest.raises(InputError, match="line 1, completion: is missing or not a text"):
        read_labels(written(tmp_path, "x.jsonl", json.dumps({"text": "a", "label": "refusal"})))


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [("x.csv", "completion,label\n", "no labelled completion"), ("x.bin", "a", "cannot tell the format"),
     ("x.jsonl", "{", "invalid JSON")],
)  # fmt: skip
def test_a_file_without_labels_is_an_error(tmp_path, name, text, what):
    with pytest.raises(InputError, match=what):
        read_labels(written(tmp_path, name, text))


def test_the_metrics_errors_are_counted_and_an_empty_completion_is_one(tmp_path):
    rows = [(REFUSAL, "refusal")] * 9 + [("", "refusal")] + [(HELP.replace("\n", " "), "compliance")] * 17
    rows += [(REFUSAL, "compliance")] * 3
    lines = "\n".join(json.dumps({"completion": text, "label": label}) for text, label in rows)
    error = metric_error(read_labels(written(tmp_path, "x.jsonl", lines)))
    assert error == ((9, 10), (17, 20))
    # Without labels of one kind nothing can be corrected.
    error = metric_error(pd.DataFrame({"completion": [REFUSAL], "label": [True]}))
    assert error == ((1, 1), (0, 0))
    assert np.isnan(rogan_gladen(3, n=10, sensitivity=error.sensitivity, specificity=error.specificity)).all()


def test_rogan_gladen_by_hand():
    # (0.3 + 0.8 - 1) / (0.9 + 0.8 - 1) = 1/7. With z^2 / 2 and one added: rate 0.307396, sensitivity 46/52, specificity
    # 41/52, true rate 0.142424, its error 0.099099, shift -0.018986; the lower limit is cut at 0.
    value, low, high = rogan_gladen(30, n=100, sensitivity=(45, 50), specificity=(40, 50))
    assert (value, low) == pytest.approx((1 / 7, 0.0))
    assert high == pytest.approx(0.142424 - 0.018986 + 1.959964 * 0.099099, abs=1e-4)
    # A metric no better than chance corrects nothing.
    assert np.isnan(rogan_gladen([3, 5], n=10, sensitivity=(5, 10), specificity=(5, 10))).all()


def test_a_metric_that_never_errs_leaves_nearly_wilsons_interval():
    # Sensitivity and specificity are known to within 1e-5, so what is left is Agresti and Coull's interval.
    value, low, high = rogan_gladen(30, n=100, sensitivity=(10**6, 10**6), specificity=(10**6, 10**6))
    wilson = [float(part) for part in wilson_interval(30, 100)]
    assert (value, low, high) == pytest.approx(wilson, abs=0.002)


def test_too_few_labels_tell_nothing():
    # 20% of many refusals and the one other completion: better than chance as counted, not with one added to each.
    value, low, high = rogan_gladen(10, n=100, sensitivity=(200, 1000), specificity=(1, 1))
    assert (value, low, high) == pytest.approx((0.5, 0.0, 1.0))


def test_the_table_keeps_raw_and_corrected_side_by_side():
    summary = summarise(realistic_results())
    table = corrected_table(summary, error=PERFECT)
    assert table.columns.tolist() == CORRECTED_COLUMNS
    assert len(table) == 3 * (8 + 3) * 3
    assert table["corrected"].tolist() == pytest.approx(table["raw"].tolist())
    assert (table["corrected_low"] <= table["corrected"]).all()
    assert (table["corrected"] <= table["corrected_high"]).all()
    table = corrected_table(summarise(tiny_results().query("split == 'benign'")), error=PERFECT)
    assert table.loc[table["split"] == "harm_test", ["raw", "corrected", "corrected_low"]].isna().all(axis=None)
    assert table.loc[table["split"] == "benign", "corrected"].notna().all()
