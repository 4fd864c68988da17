"""Names of steered layers."""

import random

import pytest
from steering_reliability.text.layers import layer_order, layer_set, layer_tag, layer_words, middle_block


@pytest.mark.parametrize(
    ("name", "words", "tag"),
    [
        ("14", "layer 14", "L14"),
        ("0", "layer 0", "L0"),
        ("10-18", "layers 10-18", "L10-18"),
        ("10+14", "layers 10 and 14", "L10+14"),
        ("10+14+18", "layers 10, 14 and 18", "L10+14+18"),
        ("all", "all layers", "all layers"),
        ("14-from-10", "layer 14 (direction of layer 10)", "L14 from 10"),
        ("10-18-from-14", "layers 10-18 (direction of layer 14)", "L10-18 from 14"),
        ("all-from-14", "all layers (direction of layer 14)", "all layers from 14"),
    ],
)
def test_a_name_in_a_sentence_and_in_a_figure(name, words, tag):
    assert (layer_words(name), layer_tag(name)) == (words, tag)


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
        layer_words(name)
