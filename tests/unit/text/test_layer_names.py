"""Names of steered layers: what they mean, and their order."""

import random

import pytest
from steering_reliability.text.layer_names import layer_order, layer_set, middle_block


def test_single_blocks_by_number_then_sets_then_all_and_own_directions_first():
    ordered = [
        *("2", "10", "10-from-2", "14"),
        *("2-5", "2-5-from-3", "2+9", "10-12", "10+14+18", "10+14+18-from-14"),
        *("all", "all-from-2", "all-from-14"),
    ]
    mixed = random.Random(0).sample(ordered, len(ordered))
    assert sorted(mixed, key=layer_order) == ordered


def test_a_set_knows_its_blocks_and_its_middle():
    assert layer_set("10-13").blocks == (10, 11, 12, 13)
    assert layer_set("10+14+18-from-14") == ((10, 14, 18), False, 14)
    assert layer_set("all") == ((), True, None)
    assert [middle_block(name) for name in ("7", "10-13", "10-14", "2+9+11", "all")] == [7, 11, 12, 9, None]


@pytest.mark.parametrize("name", ["", "-1", "14.0", "layer 14", "10-", "10+", "all-from-", "every", "10-12+14"])
def test_what_names_no_layers_is_refused(name):
    with pytest.raises(ValueError, match="names no layers"):
        layer_set(name)
