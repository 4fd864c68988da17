"""What the entries of `experiment.layers` mean, and their names in files and tables."""

import re

import pytest
from steering_reliability.config.experiment import BorrowedDirection, Layer
from steering_reliability.errors import InputError
from steering_reliability.run.layers import blocks_outside, parse_layer, resolve_layer, resolve_layers
from steering_reliability.text.layer_names import NAME


def borrowed(at: Layer, source: int) -> BorrowedDirection:
    return BorrowedDirection.model_validate({"at": at, "from": source})


ENTRIES = [
    (3, "3", (3,), (3,)),
    (-1, "5", (5,), (5,)),
    ("1-3", "1-3", (1, 2, 3), (1, 2, 3)),
    ("2-2", "2", (2,), (2,)),
    ([4, 0, 2], "0+2+4", (0, 2, 4), (0, 2, 4)),
    # Named by what they are, however they are written.
    ([3, 1, 2], "1-3", (1, 2, 3), (1, 2, 3)),
    ([2], "2", (2,), (2,)),
    ("all", "all", (0, 1, 2, 3, 4, 5), (0, 1, 2, 3, 4, 5)),
    ("0-5", "all", (0, 1, 2, 3, 4, 5), (0, 1, 2, 3, 4, 5)),
    (borrowed("all", 4), "all-from-4", (0, 1, 2, 3, 4, 5), (4,) * 6),
    (borrowed("1-2", -1), "1-2-from-5", (1, 2), (5, 5)),
    (borrowed(3, 1), "3-from-1", (3,), (1,)),
    (borrowed([0, 3], 1), "0+3-from-1", (0, 3), (1, 1)),
    # Its own direction is not borrowed.
    (borrowed(3, 3), "3", (3,), (3,)),
]


@pytest.mark.parametrize(("entry", "name", "blocks", "sources"), ENTRIES)
def test_an_entry_names_the_blocks_that_it_steers_and_whose_directions_they_use(entry, name, blocks, sources):
    found = resolve_layer(entry, n_layers=6)
    assert (found.name, found.blocks, found.sources) == (name, blocks, sources)
    assert found.distinct_sources == sorted(set(sources))
    assert re.fullmatch(NAME, name)
    assert parse_layer(name, n_layers=6) == found


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (12, "has 12 blocks and no layer 12"),
        (-13, "has 12 blocks and no layer -13"),
        ("3-12", "no layer 12"),
        ([0, 12], "no layer 12"),
        (borrowed("all", 12), "no layer 12"),
        ("5-3", "runs backwards"),
        ([11, -1], "a block of 12 twice"),
    ],
)
def test_an_entry_that_the_model_does_not_have_is_refused(entry, message):
    with pytest.raises(InputError, match=message):
        resolve_layer(entry, n_layers=12)


@pytest.mark.parametrize("entries", [[11, -1], ["0-11", "all"], [[1, 2], "1-2"], [borrowed(3, 3), 3]])
def test_two_entries_that_mean_the_same_are_refused(entries):
    with pytest.raises(InputError, match="mean layer"):
        resolve_layers(entries, n_layers=12)


@pytest.mark.parametrize("name", ["", "x", "3-", "-3", "1-2-3", "all-", "1+2-3", "all-from", "3.5", "1_2"])
def test_what_names_no_layer_is_refused(name):
    assert not re.fullmatch(NAME, name)
    with pytest.raises(InputError, match="names no layer"):
        parse_layer(name, n_layers=12)


def test_blocks_outside_a_model_are_found_wherever_they_stand():
    assert blocks_outside([3, -7, "2-6", [0, 9], borrowed("all", 8), "all"], n_layers=6) == [-7, 6, 9, 8]
