"""Layers against each other on the same prompts."""

import numpy as np
import pandas as pd
import pytest
from steering_reliability.evidence.cluster_counts import with_outcomes
from steering_reliability.evidence.layer_differences import LAYER_COLUMNS, layer_differences
from steering_reliability.statistics.intervals import newcombe_paired_interval
from synthetic_run import completion, realistic_results, tiny_results


def layer(number, refused, *, n=20, samples=1, **labels):
    return [
        completion("harm_test", index, refused=index in refused, alpha=0.5)
        | {"layer": number, "sample": sample, **labels}
        for index in range(n)
        for sample in range(samples)
    ]


def differences_of(*layers, **options):
    return layer_differences(with_outcomes(pd.DataFrame([row for rows in layers for row in rows])), **options)


def test_two_layers_are_compared_prompt_by_prompt():
    # Layer 10 alone refuses 8 prompts, layer 14 alone none: p = 2 * (1/2)^8.
    (row,) = differences_of(layer(10, range(12)), layer(14, range(4))).to_dict("records")
    assert [row[name] for name in ("layer", "other_layer", "n", "n_clusters", "n_styles")] == [10, 14, 20, 20, 4]
    expected = [float(part) for part in newcombe_paired_interval(4, 8, 0, 8)]
    assert [row[name] for name in ("difference", "low", "high")] == pytest.approx(expected)
    assert row["p"] == pytest.approx(2 / 2**8)
    # Two of the five prompts of each style changed: no spread of its own.
    assert (row["styles_low"], row["styles_high"]) == (row["low"], row["high"])


def test_several_samples_of_a_prompt_are_one_unit():
    once = differences_of(layer(10, range(12)), layer(14, range(4))).iloc[0]
    thrice = differences_of(layer(10, range(12), samples=3), layer(14, range(4), samples=3)).iloc[0]
    assert thrice["p"] == once["p"]
    assert thrice["difference"] == pytest.approx(once["difference"])
    assert thrice[["n", "n_clusters"]].tolist() == [60, 20]


def test_near_copies_are_one_unit():
    rows = [row | {"cluster": str(int(row["id"][-4:]) // 4)} for row in (*layer(10, range(12)), *layer(14, range(4)))]
    # Two of five templates changed as a whole: 2 * (1/2)^2.
    (found,) = differences_of(rows).to_dict("records")
    assert (found["p"], found["n_clusters"], found["difference"]) == (0.5, 5, pytest.approx(8 / 20))


def test_only_prompts_that_both_layers_have_count():
    (row,) = differences_of(layer(10, range(12)), layer(14, range(4), n=10)).to_dict("records")
    assert (row["n"], row["difference"], row["p"]) == (10, pytest.approx(6 / 10), pytest.approx(2 / 2**6))
    (row,) = differences_of(
        layer(10, range(12), n=5), [row | {"id": f"other_{row['id']}"} for row in layer(14, range(4), n=5)]
    ).to_dict("records")
    assert (row["n"], row["n_clusters"], row["n_styles"]) == (0, 0, 0)
    assert np.isnan([row[name] for name in ("difference", "low", "high", "p", "styles_low")]).all()


def test_the_outcome_is_the_one_that_is_asked_for():
    rows = [row | {"opens_with_refusal": False} for row in layer(10, range(12))] + layer(14, range(4))
    assert differences_of(rows)["difference"].tolist() == [pytest.approx(8 / 20)]
    assert differences_of(rows, flag="is_opening_refusal")["difference"].tolist() == [pytest.approx(-4 / 20)]
    # A refusal in degenerate text is none.
    broken = [row | {"is_degenerate": True} for row in layer(10, range(12))] + layer(14, range(4))
    assert differences_of(broken)["difference"].tolist() == [pytest.approx(-4 / 20)]


def test_prompts_without_a_style_have_no_interval_for_other_styles():
    row = differences_of(layer(10, range(12), style=None), layer(14, range(4), style=None)).iloc[0]
    assert row["n_styles"] == 0
    assert np.isnan(row[["styles_low", "styles_high"]].to_numpy(dtype=float)).all()
    assert row["low"] > 0


def test_prompts_that_lack_a_style_where_others_have_one_are_a_style_of_their_own():
    rows = [
        row | {"style": None if index in (0, 7) else row["style"]}
        for layers in (layer(10, range(12)), layer(14, range(4)))
        for index, row in enumerate(layers)
    ]
    assert differences_of(rows)["n_styles"].tolist() == [4 + 1]


def test_one_template_has_a_difference_and_no_interval():
    row = differences_of(layer(10, range(12), cluster="one"), layer(14, range(4), cluster="one")).iloc[0]
    assert row[["difference", "p", "n_clusters"]].tolist() == [pytest.approx(8 / 20), 1.0, 1]
    assert np.isnan(row[["low", "high"]].to_numpy(dtype=float)).all()


def test_every_pair_at_every_strength_whatever_the_order_of_the_rows():
    results = realistic_results()
    table = layer_differences(with_outcomes(results))
    assert table.columns.tolist() == LAYER_COLUMNS
    # Three layers give three pairs; 7 strengths of add and 2 of ablate.
    assert table.groupby(["intervention", "alpha"]).size().tolist() == [3] * 9
    assert (table["layer"] < table["other_layer"]).all()
    pd.testing.assert_frame_equal(table, layer_differences(with_outcomes(results.sample(frac=1, random_state=2))))


@pytest.mark.parametrize(
    "rows", [layer(10, {1}), tiny_results().query("alpha == 0").to_dict("records")], ids=["one layer", "unsteered"]
)
def test_without_two_layers_at_a_strength_there_is_no_pair(rows):
    table = differences_of(rows)
    assert table.columns.tolist() == LAYER_COLUMNS
    assert table.empty
