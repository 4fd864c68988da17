import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, linregress, ttest_1samp
from steering_reliability.evidence.steerability import prompt_steerability, steerability_table
from synthetic_run import completion

NAN = float("nan")
ALPHAS = [0.0, 0.2, 0.4, 1.0]


def curves(*propensities, alphas=ALPHAS, **keys):
    """Build one harm_test prompt per list, with its propensity at each alpha."""
    rows = [
        completion("harm_test", index, refused=False, alpha=alpha) | {"refusal_propensity": value, **keys}
        for index, values in enumerate(propensities)
        for alpha, value in zip(alphas, values, strict=True)
    ]
    return pd.DataFrame(rows)


def slopes(*propensities, **options):
    return prompt_steerability(curves(*propensities), **options)


def test_slopes_are_those_of_least_squares_over_the_known_alphas():
    values, nothing = [-3.1, -2.0, 0.7, 0.2], [NAN] * 4
    table = slopes(values, [-3, NAN, -1, 2], [-3, NAN, NAN, NAN], nothing)
    expected = [linregress(ALPHAS, values).slope, linregress([0, 0.4, 1], [-3, -1, 2]).slope, NAN, NAN]
    assert table["slope"].tolist() == pytest.approx(expected, nan_ok=True)
    assert table["n"].tolist() == [4, 3, 0, 0]
    # Only added directions have a slope.
    assert prompt_steerability(curves([0, 1, 2, 3], intervention="ablate")).empty


def test_samples_of_a_prompt_count_once():
    results = pd.concat([curves([-3, -2, 0, 2]), curves([-3, -2, 0, 2]).assign(sample=1)])
    table = prompt_steerability(results)
    assert (len(table), table["n"].iloc[0]) == (1, 4)


def test_the_summary_has_the_t_and_the_wilson_interval():
    # Slopes 5, 1, -2, 3.
    table = steerability_table(
        prompt_steerability(curves([0, 1, 2, 5], [0, 0.2, 0.4, 1], [0, -0.4, -0.8, -2], [0, 0.6, 1.2, 3]))
    )
    row = table.iloc[0]
    interval = ttest_1samp([5, 1, -2, 3], 0).confidence_interval()
    share = binomtest(1, 4).proportion_ci(method="wilson")
    assert (row["slope"], row["share_wrong_way"], row["n"]) == (pytest.approx(1.75), 0.25, 4)
    assert (row["slope_low"], row["slope_high"]) == pytest.approx((interval.low, interval.high))
    assert (row["share_wrong_way_low"], row["share_wrong_way_high"]) == pytest.approx((share.low, share.high))


def test_one_prompt_has_no_t_interval_and_none_nothing():
    row = steerability_table(prompt_steerability(curves([0, 1, 2, 5]))).iloc[0]
    assert row["slope"] == pytest.approx(5)
    assert np.isnan([row["slope_low"], row["slope_high"]]).all()
    row = steerability_table(prompt_steerability(curves([NAN] * 4))).iloc[0]
    assert row["n"] == 0
    assert np.isnan([row["slope"], row["slope_low"], row["share_wrong_way"], row["share_wrong_way_high"]]).all()


def test_directions_and_layers_are_kept_apart():
    results = pd.concat(
        [curves([0, 1, 2, 5]), curves([0, 1, 2, 5], layer="3"), curves([0, 0, 0, 0], direction="other")]
    )
    table = steerability_table(prompt_steerability(results))
    assert table[["direction", "layer", "slope"]].to_numpy().tolist() == [
        ["contrastive_prefix", "3", pytest.approx(5)],
        ["contrastive_prefix", "14", pytest.approx(5)],
        ["other", "14", 0],
    ]
