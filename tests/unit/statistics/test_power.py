import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom, norm
from steering_reliability.claims.claim import QUESTIONS as CLAIMS
from steering_reliability.statistics.multiplicity import holm
from steering_reliability.statistics.power import (
    MOST_PROMPTS,
    QUESTIONS,
    Alike,
    Design,
    Rates,
    Simulation,
    _at_most,
    _Completions,
    grid_level,
    recommended_level,
)

UNLIKE = Alike(template=0.0, prompt=0.0, kept=0.0, paired=0.0)
NEVER = Rates(train=0.0, test=0.0, benign=1.0)


def even(n, *, samples=1):
    """Prompts that are each a template of their own."""
    return Design((1,) * n, (1,) * n, (1,) * n, samples)


def test_the_level_is_that_of_holms_first_of_three_in_half_of_the_five_percent():
    level = recommended_level()
    assert len(QUESTIONS) == len(CLAIMS)
    assert 2 * holm([level, 0.5, 0.9])[0] == pytest.approx(0.05)
    assert 2 * holm([grid_level(48), *[0.9] * 47])[0] == pytest.approx(0.05)


def test_eight_clusters_are_the_fewest_that_can_show_anything():
    # If all of n clusters change alike the exact p is 2 / 2^n, and the level is 1 / 120.
    for n, power in ((7, 0.0), (8, 1.0)):
        found = Simulation(even(n), rates=NEVER, draws=200)
        assert found.power("effect", size=1.0) == found.power("cost", size=1.0) == power
    assert np.isnan(Simulation(even(7), rates=NEVER, draws=200).smallest("effect").size)


@pytest.mark.parametrize("n", [40, 150])
def test_power_is_the_binomials_where_nothing_is_refused_unsteered(n):
    # Every refusal is then a change upwards, and eight of them are needed.
    found = Simulation(even(n), rates=NEVER, alike=UNLIKE)
    sizes = np.arange(0.001, 0.6, 0.001)
    exact = sizes[np.argmax(binom.sf(7, n, sizes) >= 0.8)]
    smallest = found.smallest("effect")
    assert smallest.size == pytest.approx(exact, abs=3 * smallest.error + 0.002)
    assert smallest.error < 0.01
    assert found.power("effect", size=0.2) == pytest.approx(binom.sf(7, n, 0.2), abs=0.05)


def test_power_grows_with_prompts_and_with_samples():
    sizes = {"effect": 0.2, "gap": 0.35, "cost": 0.15}
    powers = {}
    for n, samples in ((30, 1), (60, 1), (120, 1), (60, 2), (60, 3)):
        found = Simulation(even(n, samples=samples), rates=Rates(), draws=300)
        powers[n, samples] = [found.power(name, size=size) for name, size in sizes.items()]
    # A second sample of every prompt tells less than as many other prompts.
    assert all(np.array(powers[60, 2]) <= np.array(powers[120, 1]) + 0.02)
    for fewer, more in (((30, 1), (60, 1)), ((60, 1), (120, 1)), ((60, 1), (60, 3))):
        assert all(np.array(powers[fewer]) < np.array(powers[more]))


def test_prompts_of_one_template_tell_less_the_more_alike_they_are():
    of_templates = Design((5,) * 12, (5,) * 12, (5,) * 12)
    sizes = [
        Simulation(of_templates, rates=Rates(), alike=Alike(template=template, prompt=0.05)).smallest("effect").size
        for template in (0.0, 0.3, 0.9)
    ]
    assert sizes == sorted(sizes)
    assert sizes[2] > 1.2 * sizes[0]


@pytest.mark.parametrize("design", [even(60, samples=2), Design((4,) * 20, (5,) * 24, (1,) * 80)])
@pytest.mark.parametrize("rates", [Rates(), Rates(0.9, 0.4, 0.8)])
def test_without_a_change_hardly_anything_is_shown(design, rates):
    found = Simulation(design, rates=rates, draws=1000)
    noise = 3 * np.sqrt(recommended_level() / found.draws)
    for name in QUESTIONS:
        assert found.power(name, size=0.0) <= recommended_level() + noise


def test_what_most_prompts_refuse_is_removed_and_not_added():
    refusing = Rates(train=0.9, test=0.4, benign=0.9)
    assert (Rates().sign, refusing.sign) == (1, -1)
    assert [refusing.room(name) for name in QUESTIONS] == pytest.approx([0.4, 0.9, 0.9])
    assert [Rates().room(name) for name in QUESTIONS] == pytest.approx([0.9, 0.9, 0.95])
    found = Simulation(even(80), rates=refusing)
    assert found.power("effect", size=0.35) > 0.9
    # Where harm_test has nothing left to lose, the shares of the possible change do not agree: floor, no claim.
    at_floor = Simulation(even(150), rates=Rates(train=0.9, test=0.2, benign=0.9))
    assert at_floor.power("gap", size=0.6) < 0.05


def test_the_split_that_is_missing_answers_nothing():
    found = Simulation(Design((), (1,) * 40, ()), rates=Rates())
    assert [np.isnan(found.smallest(name).size) for name in QUESTIONS] == [False, True, True]


def test_the_same_design_has_the_same_numbers():
    one, other = (Simulation(even(40), rates=Rates()).smallest("gap") for _ in range(2))
    assert one == other


def test_of_very_many_prompts_some_stand_for_all():
    for sizes in ((1,) * 5000, (500,) * 20, (9000, 3)):
        fewer = _at_most(sizes)
        assert 0 < sum(fewer) <= MOST_PROMPTS
        assert len(fewer) <= len(sizes)
    assert _at_most((3, 4)) == (3, 4)


def test_alike_outcomes_are_as_the_documentation_says():
    """Correlations of outcomes at a rate of 25%, from completions of the default correlations."""
    text = (Path(__file__).parents[3] / "docs" / "statistics.md").read_text(encoding="utf-8")
    stated = re.search(r"(\.\d+) between prompts of a template, (\.\d+) between samples of a prompt", text)
    paired = re.search(r"(\.\d+) between steered and unsteered", text)
    drawn = _Completions.drawn((2,) * 2000, Alike(), 2, 20, rng=np.random.default_rng(0))
    refused = (drawn.steered < norm.ppf(0.25)).reshape(-1, 2, 2)
    template = np.corrcoef(refused[:, 0, 0], refused[:, 1, 0])[0, 1]
    prompt = np.corrcoef(refused[:, 0, 0], refused[:, 0, 1])[0, 1]
    before = (drawn.unsteered < norm.ppf(0.04)).ravel()
    assert template == pytest.approx(float(stated[1]), abs=0.015)
    assert prompt == pytest.approx(float(stated[2]), abs=0.015)
    assert np.corrcoef(before, refused.ravel())[0, 1] == pytest.approx(float(paired[1]), abs=0.015)
