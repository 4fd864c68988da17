"""Names of steered layers in words."""

import pytest
from steering_reliability.text.layers import layer_tag, layer_words


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
