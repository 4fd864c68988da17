"""What a config leaves to the scan, by hand."""

import pytest
from steering_reliability.config.reading import load_config
from steering_reliability.run.left_open import has_all, pinned, stand_in
from steering_reliability.scan.chosen import Chosen


def config(**experiment):
    grid = {"layers": "auto", "interventions": ["add", "ablate"], "alphas": {"add": "auto", "ablate": [1]}}
    raw = {"model": {"name": "m"}, "experiment": grid | {"alpha_unit": "resid_norm", "output_dir": "out"} | experiment}
    return load_config(raw)


def test_what_is_open_is_filled_in_and_what_is_given_stays():
    found = pinned(config(), Chosen((3, 7), {"add": (0.2, 0.5), "ablate": (9.0,)}))
    assert (found.experiment.layers, found.experiment.alphas) == ([3, 7], {"add": [0.2, 0.5], "ablate": [1]})
    # It needs no scan any more, but its prompts stay held back.
    assert not found.experiment.is_open
    assert found.scan_share == 0.2
    assert pinned(config(layers=[1]), Chosen((3,), {"add": (0.2,)})).experiment.layers == [1]


@pytest.mark.parametrize(
    ("experiment", "chosen", "whole"),
    [
        ({}, Chosen((3,), {"add": (0.2,)}), True),
        ({}, Chosen(None, {"add": (0.2,)}), False),
        ({}, Chosen((3,), None), False),
        ({"layers": [1]}, Chosen(None, {"add": (0.2,)}), True),
        ({"alphas": {"add": [1], "ablate": [1]}}, Chosen((3,), None), True),
    ],
)
def test_a_choice_must_have_all_that_is_open(experiment, chosen, whole):
    assert has_all(config(**experiment), chosen) is whole


def test_as_many_stand_in_as_the_scan_will_choose():
    found = stand_in(config(), n_layers=12)
    assert (found.layers, {name: len(alphas) for name, alphas in found.alphas.items()}) == ((0, 4, 8), {"add": 3})
    assert stand_in(config(), n_layers=3).layers == (0, 2)
