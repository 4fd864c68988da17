import numpy as np
import pandas as pd
import pytest
from steering_reliability.evidence.confounding import MatchedEffect
from steering_reliability.evidence.confounding import matched_effect as match
from steering_reliability.evidence.paired_difference import PairedDifference
from steering_reliability.statistics.intervals import newcombe_interval, weighted_mean_of_estimates


def matched_effect(steered, baseline, confounds=("n_tokens", "mean_entropy"), *, widened=1.0):
    """Match two arms whose crude effect has the interval of independent completions, made so many times as wide."""
    independent = newcombe_interval(*counts_of(steered), *counts_of(baseline))
    value, low, high = (float(part) for part in independent)
    low, high = value - widened * (value - low), value + widened * (high - value)
    crude = PairedDifference(value=value, low=low, high=high, n=min(len(steered), len(baseline)))
    return match(steered, baseline, crude=crude, confounds=confounds)


def counts_of(rows):
    return int(rows["is_refusal"].sum()), len(rows)


def arm(*strata):
    """Build completions from (n, refusals, n_tokens)."""
    rows = [
        {"is_refusal": index < refusals, "n_tokens": tokens, "mean_entropy": 1.0}
        for n, refusals, tokens in strata
        for index in range(n)
    ]
    return pd.DataFrame(rows, columns=["is_refusal", "n_tokens", "mean_entropy"])


def test_matching_by_hand():
    # Short texts: 6/10 against 4/20; long ones: 8/20 against 1/10. The baseline has 20 short and 10 long ones.
    effect = matched_effect(arm((10, 6, 10), (20, 8, 30)), arm((20, 4, 10), (10, 1, 30)))
    assert effect.crude.value == pytest.approx(14 / 30 - 5 / 30)
    assert effect.matched.value == pytest.approx((20 * 0.4 + 10 * 0.3) / 30)
    assert effect.overlap == 1.0
    assert effect.verdict == "survives"


def weighted(*strata):
    """The mean of differences of (steered refusals, n, baseline refusals, n), weighted by the baseline's n."""
    parts = newcombe_interval(*np.array(strata, dtype=float).T)
    return [float(part) for part in weighted_mean_of_estimates(parts, weights=[stratum[3] for stratum in strata])]


@pytest.mark.parametrize(("widened", "worth"), [(1.0, 1.0), (2.0, 0.25), (0.5, 1.0)])
def test_completions_count_as_much_as_the_crude_effects_own_interval_is_worth(widened, worth):
    arms = arm((10, 6, 10), (20, 8, 30)), arm((20, 4, 10), (10, 1, 30))
    effect = matched_effect(*arms, widened=widened)
    # An interval by template that is twice as wide is worth a quarter of the completions; a narrower one no more.
    expected = weighted(*(worth * np.array(stratum) for stratum in ((6, 10, 4, 20), (8, 20, 1, 10))))
    assert [effect.matched.value, effect.matched.low, effect.matched.high] == pytest.approx(expected)
    assert effect.matched.n == 60


def test_a_crude_effect_without_an_interval_has_no_matched_one_either():
    effect = matched_effect(arm((10, 6, 10), (20, 8, 30)), arm((20, 4, 10), (10, 1, 30)), widened=float("nan"))
    assert effect.matched.value == pytest.approx((20 * 0.4 + 10 * 0.3) / 30)
    assert np.isnan([effect.matched.low, effect.matched.high]).all()
    assert effect.verdict == "cannot tell"


@pytest.mark.parametrize(
    ("steered", "baseline", "overlap"),
    [
        # All 10 short texts of the baseline have counterparts, but only 5 of the 20 steered ones do.
        (arm((5, 5, 10), (15, 15, 30)), arm((10, 0, 10)), 5 / 20),
        (arm((30, 30, 10)), arm((30, 0, 30)), 0.0),
        # No effect, which nothing can explain.
        (arm((30, 3, 10)), arm((30, 3, 10)), 1.0),
        (arm(), arm(), float("nan")),
    ],
)
def test_too_little_overlap_and_no_effect_cannot_be_told(steered, baseline, overlap):
    effect = matched_effect(steered, baseline)
    assert effect.overlap == pytest.approx(overlap, nan_ok=True)
    assert effect.verdict == "cannot tell"


def test_a_flag_makes_two_strata():
    # Nine in ten steered texts are degenerate, all of them refused; the others are refused as often as before.
    steered = pd.DataFrame({"is_refusal": [True] * 9 + [False], "is_degenerate": [True] * 9 + [False]})
    baseline = pd.DataFrame({"is_refusal": [False] * 9 + [True], "is_degenerate": [False] * 9 + [True]})
    effect = matched_effect(steered, baseline, confounds=["is_degenerate"])
    assert effect.crude.value == pytest.approx(0.8)
    assert effect.matched.value == pytest.approx(0.0)


def test_an_effect_of_length_alone_is_explained_away():
    # Short texts are refused half of the time in both arms, long ones never; steering only makes texts short.
    effect = matched_effect(arm((180, 90, 10), (20, 0, 30)), arm((20, 10, 10), (180, 0, 30)))
    assert effect.crude.value == pytest.approx(0.4)
    assert effect.matched.value == pytest.approx(0.0)
    assert effect.verdict == "explained away"


def test_missing_entropy_is_left_out():
    steered = arm((10, 5, 10))
    steered.loc[0, "mean_entropy"] = float("nan")
    effect = matched_effect(steered, arm((10, 0, 10)))
    assert effect.matched.n == 19
    # 4 of 9 that are left against 0 of 10.
    assert effect.matched.value == pytest.approx(4 / 9)


@pytest.mark.parametrize(
    ("matched", "verdict"),
    [
        ((0.30, 0.10, 0.50), "survives"),
        ((0.15, 0.05, 0.25), "partly explained"),
        ((0.02, -0.06, 0.10), "explained away"),
        ((0.10, -0.20, 0.40), "cannot tell"),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_verdicts(matched, verdict, sign):
    def difference(value, low, high):
        low, high = sorted((sign * low, sign * high))
        return PairedDifference(value=sign * value, low=low, high=high, n=100)

    effect = MatchedEffect(crude=difference(0.4, 0.2, 0.6), matched=difference(*matched), overlap=0.9)
    assert effect.verdict == verdict
