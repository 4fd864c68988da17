"""Strengths and changes read off the scan, by hand."""

import math

import numpy as np
import pytest
from scan_rows import made_rows
from scipy import stats
from steering_reliability.errors import InputError
from steering_reliability.scan.readings import Curve, middle_target, read_layers, strength_at

TARGETS = (0.1, 0.5, 2.0)


@pytest.mark.parametrize(
    ("target", "kl", "alpha"),
    [
        (0.5, (0.125, 0.5, 2.0), 0.4),
        # Halfway between two on both logarithmic axes.
        (0.25, (0.125, 0.5, 2.0), 0.2 * math.sqrt(2)),
        # Below the weakest: with the square of the strength.
        (0.125 / 4, (0.125, 0.5, 2.0), 0.1),
        # Above the strongest: as between the last two, here with the square and with the strength itself.
        (8.0, (0.125, 0.5, 2.0), 1.6),
        (4.0, (0.5, 1.0, 2.0), 1.6),
        # It falls and rises again: the first crossing.
        (0.5, (1.0, 0.25, 4.0), 0.2 * math.sqrt(0.5)),
        (0.8, (0.125, 0.5, 0.2), math.inf),
        # It has stopped growing.
        (4.0, (0.5, 2.0, 2.2), math.inf),
        # Nothing at all, then something: never below the strength at which there was nothing.
        (0.5, (0.0, 0.5, 2.0), 0.4),
        (0.05, (0.0, 0.5, 2.0), 0.2),
        (0.5, (0.0, 0.0, 0.0), math.inf),
    ],
)
def test_the_strength_for_a_kl_by_hand(target, kl, alpha):
    assert strength_at(target, alphas=(0.2, 0.4, 0.8), kl=kl) == pytest.approx(alpha)


def test_one_strength_is_enough_for_the_square_law():
    assert strength_at(2.0, alphas=(0.4,), kl=(0.5,)) == pytest.approx(0.8)


def test_the_change_is_linear_from_nothing_and_level_beyond_the_last_strength():
    curve = Curve((0.2, 0.4), (0.1, 0.4), (1.0, 3.0))
    assert [curve.change_at(alpha) for alpha in (0.1, 0.3, 0.4, 0.8)] == pytest.approx([0.5, 2.0, 3.0, 3.0])
    assert [curve.reaches(alpha) for alpha in (0.09, 0.1, 0.8, 0.81)] == [False, True, True, False]


@pytest.mark.parametrize(("targets", "middle"), [((2.0, 0.1, 0.5), 0.5), ((0.1, 2.0), 0.1), ((1.0,), 1.0)])
def test_layers_are_compared_at_the_middle_kl(targets, middle):
    assert middle_target(targets) == middle


def test_what_a_layer_reads_by_hand():
    rows = made_rows({"main": [3.8, 8.0], "random_0": [1.0, 0.0], "random_1": [2.0, 1.0]})
    first, second = read_layers(rows, intervention="add", target_kl=TARGETS)
    assert (first.layer, second.layer) == (0, 1)
    assert first.alphas == pytest.approx([math.sqrt(0.05), 0.5, 1.0])
    assert (first.change, second.change) == pytest.approx((1.9, 4.0))
    # Both layers share the four changes of random directions: 0.5, 0, 1, 0.5.
    reach = stats.t.ppf(1 - 0.05 / 2, 3) * np.std([0.5, 0, 1, 0.5], ddof=1) * math.sqrt(1 + 1 / 4)
    for reading in (first, second):
        assert (reading.low, reading.high) == pytest.approx((0.5 - reach, 0.5 + reach))
    assert first.usable == pytest.approx((math.sqrt(0.05), 1.0))
    assert not first.exceeds
    assert second.exceeds


def test_a_band_reaches_three_layers_to_either_side():
    slopes = [0.0] * 4 + [100.0] + [0.0] * 4
    rows = made_rows({"main": [1.0] * 9, "random_0": slopes, "random_1": [0.0] * 9})
    band = [reading.high > 0 for reading in read_layers(rows, intervention="add", target_kl=TARGETS)]
    assert band == [False, True, True, True, True, True, True, True, False]


def test_what_is_out_of_reach_has_no_change_and_its_usable_strengths_end_with_the_scan():
    rows = made_rows({"main": [4.0, 4.0], "random_0": [0.0, 0.0]}, kl=[2.0, 0.001])
    _, far = read_layers(rows, intervention="add", target_kl=TARGETS)
    assert math.isnan(far.change)
    assert not far.exceeds
    assert far.usable == (1.6, 1.6)
    # Two random changes are too few for a band, and a band is needed to exceed it.
    near = read_layers(rows, intervention="add", target_kl=TARGETS)[0]
    assert math.isnan(near.high)
    assert not near.exceeds


def test_positions_that_leave_the_first_token_alone_are_refused():
    rows = made_rows({"main": [4.0]}, kl=0.0)
    with pytest.raises(InputError, match="does not change the first token") as caught:
        read_layers(rows, intervention="add", target_kl=TARGETS)
    assert "experiment.positions" in caught.value.where


def test_an_intervention_that_was_not_measured_is_refused():
    with pytest.raises(InputError, match="has not measured clamp") as caught:
        read_layers(made_rows({"main": [4.0]}), intervention="clamp", target_kl=TARGETS)
    assert "measured: add" in caught.value.fix
