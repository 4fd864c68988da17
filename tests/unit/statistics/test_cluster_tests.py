"""An exact test of change by cluster, and the p of the gap."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import binomtest
from steering_reliability.statistics.cluster_intervals import PairedCounts, clustered_effect_gap
from steering_reliability.statistics.cluster_tests import effect_gap_p, sign_flip_p, sign_flip_p_of_many


def pairs(*, changed, clusters, of=1):
    """Build clusters of some pairs each, of which the first `changed` clusters changed as a whole."""
    begin = of * (np.arange(clusters) < changed)
    zero = np.zeros(clusters)
    return PairedCounts(zero, begin, zero, of - begin)


def brute_force(changes):
    """Share of the sign patterns whose total is at least as far from 0 as the one seen."""
    totals = [abs(sum(sign * change for sign, change in zip(signs, changes, strict=True)))
              for signs in product((-1, 1), repeat=len(changes))]  # fmt: skip
    return np.mean(np.array(totals) >= abs(sum(changes)))


def test_sign_flips_by_hand():
    # 3 and 1: of the totals 4, 2, -2, -4 two are as far as 4, all four as far as 2.
    assert sign_flip_p([[3, 1], [3, -1]]).tolist() == [0.5, 1.0]
    # 2, 2 and 1: of 5, 3, 1, 1 and their reverses two are as far as 5.
    assert sign_flip_p([2, 2, 1]) == 0.25
    # Five clusters that all changed: 2 / 2^5, however many prompts each holds.
    assert sign_flip_p([[1] * 5, [-7] * 5]).tolist() == [2 / 32, 2 / 32]


@pytest.mark.parametrize("clusters", range(1, 11))
def test_sign_flips_are_every_pattern_of_signs(clusters):
    changes = np.random.default_rng(clusters).integers(-6, 7, size=(3, clusters))
    assert sign_flip_p(changes) == pytest.approx([brute_force(row) for row in changes.tolist()], rel=1e-12)


@pytest.mark.parametrize(("risen", "fallen"), [(0, 1), (6, 0), (1, 4), (5, 5), (12, 2), (30, 31), (60, 20)])
def test_one_prompt_per_cluster_is_mcnemars_exact_test(risen, fallen):
    changes = [1] * risen + [-1] * fallen + [0] * 9
    assert sign_flip_p(changes) == pytest.approx(binomtest(risen, risen + fallen).pvalue, rel=1e-9)


def test_copies_of_a_prompt_make_nothing_surer():
    changes = np.array([1, 1, 1, 1, -1, 0])
    assert sign_flip_p(40 * changes) == sign_flip_p(changes)
    # Forty copies in clusters of their own would.
    assert sign_flip_p(np.repeat(changes, 40)) < 1e-9 < sign_flip_p(changes)


def test_nothing_changed_is_one_and_no_cluster_is_missing():
    assert sign_flip_p([0, 0, 0]) == 1.0
    assert sign_flip_p([4, -4]) == 1.0
    missing = sign_flip_p(np.zeros((2, 3, 0)))
    assert missing.shape == (2, 3)
    assert np.isnan(missing).all()
    assert sign_flip_p(np.zeros((0, 4))).shape == (0,)


def test_the_gaps_p_is_the_level_at_which_its_interval_reaches_zero():
    first, second = pairs(changed=20, clusters=40), pairs(changed=8, clusters=40)
    p = float(effect_gap_p(first, second=second))
    assert clustered_effect_gap(first, second=second, confidence=1 - p).low == pytest.approx(0, abs=1e-9)
    assert effect_gap_p(second, second=first) == pytest.approx(p)
    both = PairedCounts(*(np.stack([one, other]) for one, other in zip(first, second, strict=True)))
    others = PairedCounts(*(np.stack([cell, cell]) for cell in second))
    # Equal effects have a p of one.
    assert effect_gap_p(both, second=others) == pytest.approx([p, 1.0])
    all_of_them, none = pairs(changed=2000, clusters=2000), pairs(changed=0, clusters=2000)
    assert effect_gap_p(all_of_them, second=none) == pytest.approx(1e-12, rel=1e-6)


@pytest.mark.parametrize(("clusters", "of"), [(40, 1), (9, 4)])
def test_the_gaps_p_is_at_most_a_twentieth_just_where_its_interval_excludes_zero(clusters, of):
    second = pairs(changed=clusters // 5, clusters=clusters, of=of)
    p, excluded = [], []
    for changed in range(clusters + 1):
        first = pairs(changed=changed, clusters=clusters, of=of)
        interval = clustered_effect_gap(first, second=second)
        p.append(float(effect_gap_p(first, second=second)))
        excluded.append(bool(interval.low > 0 or interval.high < 0))
    assert [one <= 0.05 for one in p] == excluded
    assert all(1e-12 <= one <= 0.99 or one == 1 for one in p)
    # The two sides of the level lie near each other, so the agreement is no accident.
    assert 0.01 < max(one for one in p if one <= 0.05) <= 0.05 < min(one for one in p if one > 0.05) < 0.12


@pytest.mark.parametrize("clusters", [0, 1])
def test_the_gap_of_fewer_than_two_clusters_is_missing(clusters):
    few, many = pairs(changed=clusters, clusters=clusters), pairs(changed=3, clusters=10)
    assert np.isnan(effect_gap_p(few, second=many))
    assert np.isnan(effect_gap_p(many, second=few))


def test_many_sets_at_once_have_the_p_of_each():
    generator = np.random.default_rng(3)
    for clusters, most in ((1, 1), (8, 1), (30, 6), (120, 3), (4, 60)):
        changes = generator.integers(-most, most + 1, size=(60, clusters))
        changes[0] = 0
        changes[1] = most
        np.testing.assert_allclose(sign_flip_p_of_many(changes), sign_flip_p(changes), atol=1e-12)
