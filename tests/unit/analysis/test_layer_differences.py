"""Layers against each other on the same prompts."""

import pandas as pd
import pytest
from steering_reliability.analysis.layer_differences import LAYER_COLUMNS, layer_differences
from synthetic_run import completion, realistic_results


def layer(number: int, refused: set[int], *, n: int = 20, samples: int = 1) -> list[dict]:
    return [
        completion("harm_test", index, refused=index in refused, alpha=0.5) | {"layer": number, "sample": sample}
        for index in range(n)
        for sample in range(samples)
    ]


def test_two_layers_are_compared_prompt_by_prompt():
    # Layer 10 alone refuses 8 prompts, layer 14 alone none: p = 2 * (1/2)^8.
    rows = layer(10, set(range(12))) + layer(14, set(range(4)))
    table = layer_differences(pd.DataFrame(rows))
    (row,) = table.to_dict("records")
    assert (row["layer"], row["other_layer"], row["n"]) == (10, 14, 20)
    assert row["difference"] == pytest.approx(8 / 20)
    assert row["p"] == row["p_holm"] == pytest.approx(2 / 2**8)


def test_several_samples_of_a_prompt_are_one_unit():
    once = layer_differences(pd.DataFrame(layer(10, set(range(12))) + layer(14, set(range(4)))))
    thrice = layer_differences(pd.DataFrame(layer(10, set(range(12)), samples=3) + layer(14, set(range(4)), samples=3)))
    assert thrice["p"].iloc[0] == once["p"].iloc[0]
    assert thrice["difference"].iloc[0] == pytest.approx(once["difference"].iloc[0])


def test_every_pair_at_every_strength_is_corrected_together():
    table = layer_differences(realistic_results())
    # Three layers give three pairs; 7 strengths of add and 2 of ablate.
    assert len(table) == 27
    smallest = table.sort_values("p").iloc[0]
    assert smallest["p_holm"] == pytest.approx(27 * smallest["p"])


def test_a_single_layer_has_no_pair():
    table = layer_differences(pd.DataFrame(layer(10, {1})))
    assert list(table.columns) == LAYER_COLUMNS
    assert table.empty
