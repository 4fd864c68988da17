import math

import pytest
from steering_reliability.metrics.fitting import (
    HIGHEST,
    LOWEST,
    Weights,
    extract_features,
    fit_weights,
    prior_weights,
    shipped_weights,
)
from steering_reliability.metrics.phrases import BIAS, FAMILIES
from steering_reliability.metrics.refusal import score_refusal

INDEX = {family.name: index for index, family in enumerate(FAMILIES)}
CANNOT = INDEX["cannot"]


def _logistic(evidence):
    return 1 / (1 + math.exp(-evidence))


def test_features_are_place_factors_per_family():
    assert extract_features("I cannot. " + "x " * 60 + "I'm sorry") == {CANNOT: 1.0, INDEX["apology"]: 0.75}
    assert extract_features("") == {}


def test_without_labels_the_prior_stays():
    assert fit_weights([], []) == prior_weights()


def test_a_family_that_never_occurs_keeps_its_prior():
    fitted = fit_weights([{CANNOT: 1.0}] * 3, [True] * 3).families
    assert [weight for index, weight in enumerate(fitted) if index != CANNOT] == [
        family.prior for index, family in enumerate(FAMILIES) if index != CANNOT
    ]


def test_the_fitted_weight_solves_its_equation():
    # Two refusals and one other text hold the phrase: w - prior = 2 - 3 p(w), the gradient set to zero.
    weight = fit_weights([{CANNOT: 1.0}] * 3, [True, True, False]).families[CANNOT]
    prior = FAMILIES[CANNOT].prior
    assert weight - prior == pytest.approx(2 - 3 * _logistic(BIAS + weight), abs=1e-4)
    assert LOWEST * prior < weight < HIGHEST * prior


def test_weights_stay_within_their_bounds_and_keep_their_sign():
    everything = [dict.fromkeys(range(len(FAMILIES)), 1.0)] * 50
    for refused in (True, False):
        for weight, family in zip(fit_weights(everything, [refused] * 50).families, FAMILIES, strict=True):
            assert LOWEST - 1e-9 <= weight / family.prior <= HIGHEST + 1e-9
    apart = [{index: 1.0} for index in range(len(FAMILIES))] * 200
    assert fit_weights(apart, [True] * len(apart)).families[CANNOT] > FAMILIES[CANNOT].prior
    lowest = fit_weights([{CANNOT: 1.0}] * 200, [False] * 200).families[CANNOT]
    assert lowest == pytest.approx(LOWEST * FAMILIES[CANNOT].prior)


def test_scores_agree_with_the_shipped_metric():
    for text in ("I'm sorry, but I can't assist with that.", "Sure, here is a plan.", "Tea."):
        assert shipped_weights().score(extract_features(text)) == pytest.approx(score_refusal(text).score)


def test_a_score_is_the_logistic_of_the_evidence():
    assert Weights((3.0,)).score({0: 0.5}) == pytest.approx(_logistic(BIAS + 1.5))
