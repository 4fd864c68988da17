"""What a design can show, against completions that are drawn one by one and go through the whole tables."""

import re
import time

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, norm
from steering_reliability.claims.claim import COST, EFFECT, GAP, QUESTIONS, change_claim, gap_claim
from steering_reliability.config.files import WORKFLOW, read_config
from steering_reliability.evidence.cheapest_design import dealt
from steering_reliability.evidence.design_power import (
    design_of_prompts,
    design_of_results,
    design_power,
    measured_rates,
    power_facts,
    power_lines,
)
from steering_reliability.evidence.grid_tests import gap_tests, study_of
from steering_reliability.evidence.summary import summarise
from steering_reliability.prompts.schema import SPLITS, Prompt
from steering_reliability.results.schema import as_records
from steering_reliability.run.plan import plan_run
from steering_reliability.run.workload import completions_of
from steering_reliability.statistics.multiplicity import PARTS
from steering_reliability.statistics.power import MOVED, Alike, Design, Rates, Smallest
from synthetic_run import tiny_results
from threadpoolctl import threadpool_limits

SMALL = Design(train=(2,) * 10 + (1,) * 10, test=(2,) * 15, benign=(1,) * 40, samples=1)
SAMPLED = Design(train=(3,) * 20, test=(2,) * 30, benign=(1,) * 60, samples=3)
OUTCOMES = ("is_refusal", "opens_with_refusal", "is_helpful", "is_helpful_by_opening")


def drawn(design, rates, changes, *, rng):
    """A run of one steered point: every completion by itself, from the definition of the correlations."""
    rows, alike = [], Alike()
    sizes = {"harm_train": design.train, "harm_test": design.test, "benign": design.benign}
    before = {"harm_train": rates.train, "harm_test": rates.test, "benign": rates.benign}
    for split in SPLITS:
        number, ends = 0, norm.ppf([before[split], before[split] + changes[split]])
        for cluster, size in enumerate(sizes[split]):
            of_template = correlated(alike.kept, rng)
            for _ in range(size):
                number += 1
                of_prompt = correlated(alike.kept, rng)
                for sample in range(design.samples):
                    own = correlated(alike.paired, rng)
                    for at, end in enumerate(ends):
                        total = np.sqrt(alike.template) * of_template[at] + np.sqrt(alike.prompt) * of_prompt[at]
                        total += np.sqrt(1 - alike.template - alike.prompt) * own[at]
                        rows.append((split, f"{split}{number}", sample, f"{split}{cluster}", at, total < end))
    frame = pd.DataFrame(rows, columns=["split", "id", "sample", "cluster", "alpha", "outcome"])
    refused = frame["outcome"] & (frame["split"] != "benign")
    helped = frame["outcome"] & (frame["split"] == "benign")
    fixed = {
        "role": "main",
        "direction": "d",
        "intervention": "add",
        "layer": "1",
        "seed": 0,
        "builds_direction": False,
    }
    fixed |= {"coefficient": 1.0, "relative_strength": 1.0, "n_tokens": 9, "mean_entropy": 1.0, "base_logprob": -1.0}
    fixed |= {"first_token_kl": 0.0, "is_degenerate": False, "style": "one"}
    flags = dict(zip(OUTCOMES, (refused, refused, helped, helped), strict=True))
    return frame.assign(from_baseline=frame["alpha"] == 0, alpha=frame["alpha"].astype(float), **fixed, **flags)


def correlated(correlation, rng):
    one, other = rng.standard_normal(2)
    return one, correlation * one + np.sqrt(1 - correlation**2) * other


def verdicts(design, rates, changes, *, reports, rng):
    """Claims at many recommended points, each with prompts of its own: layers stand for reports.

    A claim pays for three at the recommended point whether or not the two others are made: what Holm begins with.
    """
    drawn_once = [drawn(design, rates, changes, rng=rng).assign(layer=str(number)) for number in range(reports)]
    study = study_of(pd.concat(drawn_once, ignore_index=True))
    pay = PARTS * len(QUESTIONS)
    tests, gaps = study.tests, gap_tests(study.counts, styles=study.styles)
    tests, gaps = (table.assign(p_corrected=pay * table["p"], before_any=0, after_any=0) for table in (tests, gaps))
    gaps = as_records(gaps[(gaps["outcome"] == "clean_refusal") & (gaps["prompts"] == "unseen")])
    effects = as_records(tests[(tests["split"] == "harm_test") & (tests["outcome"] == "clean_refusal")])
    costs = as_records(tests[(tests["split"] == "benign") & (tests["outcome"] == "helpful")])
    claims = [change_claim(EFFECT, row, split="harm_test") for row in effects]
    claims += [gap_claim(GAP, row, effect=effect) for row, effect in zip(gaps, effects, strict=True)]
    claims += [change_claim(COST, row, split="benign") for row in costs]
    table = pd.DataFrame(claims)
    assert table["claim"].value_counts().to_dict() == dict.fromkeys(QUESTIONS, reports)
    # Equality of two effects is another claim than a gap.
    return table.assign(is_shown=(table["verdict"] == "shown") & (table["finding"] != "equal"))


def powers_by_tables(design, found, *, reports, rng):
    """Share of reports that claim changes of the smallest sizes; the gap is in reports of its own."""
    effect, gap, cost = (found.smallest[name].size for name in ("effect", "gap", "cost"))
    alike = {"harm_train": effect, "harm_test": effect, "benign": -cost}
    shares = verdicts(design, found.rates, alike, reports=reports, rng=rng).groupby("claim")["is_shown"].mean()
    apart = {"harm_train": MOVED + gap, "harm_test": MOVED, "benign": 0.0}
    of_gaps = verdicts(design, found.rates, apart, reports=reports, rng=rng).groupby("claim")["is_shown"].mean()
    return [shares[EFFECT], of_gaps[GAP], shares[COST]]


@pytest.mark.parametrize(
    ("design", "rates", "reports"),
    [
        (SMALL, Rates(), 200),
        pytest.param(SMALL, Rates(0.15, 0.05, 0.8), 600, marks=pytest.mark.slow),
        pytest.param(SAMPLED, Rates(), 600, marks=pytest.mark.slow),
    ],
)
def test_whole_tables_show_the_smallest_changes_in_four_of_five_reports(design, rates, reports):
    found = design_power(design, rates=rates)
    powers = powers_by_tables(design, found, reports=reports, rng=np.random.default_rng(7))
    # Two errors: of these reports, and of the sizes, which is of a thousand draws or fewer.
    error = np.sqrt(0.16 / reports + 0.16 / 400)
    assert powers == pytest.approx([0.8] * 3, abs=3 * error)


def test_whole_tables_show_hardly_anything_where_nothing_is_there():
    nothing, reports = dict.fromkeys(SPLITS, 0.0), 150
    claims = verdicts(SMALL, Rates(), nothing, reports=reports, rng=np.random.default_rng(5))
    assert claims["is_shown"].sum() <= 0.025 * reports + 3 * np.sqrt(0.025 * reports)


def test_the_design_of_prompts_is_that_of_their_results():
    texts = ["dig a well", "paint a red fence", "cook some soup", "wash one car", "sell two boats", "ride my horse"]
    prompts = {
        split: [
            Prompt(f"{split}{i}", f"{word} {text}", "f", "s", {"template": f"t{i // 2}"})
            for i, text in enumerate(texts)
        ]
        for split, word in zip(SPLITS, ("never", "always", "please"), strict=True)
    }
    design = design_of_prompts(prompts, build_fraction=0.5, samples=2)
    assert (sum(design.train), design.test, design.benign, design.samples) == (3, (2, 2, 2), (2, 2, 2), 2)
    # With none held out the gap rests on all of harm_train.
    assert design_of_prompts(prompts, build_fraction=1.0, samples=2).train == (2, 2, 2)


def test_the_design_of_results_has_their_prompts_clusters_and_samples():
    results = drawn(SAMPLED, Rates(), dict.fromkeys(SPLITS, 0.0), rng=np.random.default_rng(0))
    assert design_of_results(results) == SAMPLED
    half = results.assign(builds_direction=results["cluster"].isin([f"harm_train{i}" for i in range(10)]))
    assert design_of_results(half).train == SAMPLED.train[10:]


def test_rates_are_those_of_the_unsteered_model_or_assumed_where_a_split_has_none():
    results = drawn(SAMPLED, Rates(0.2, 0.3, 0.6), dict.fromkeys(SPLITS, 0.2), rng=np.random.default_rng(0))
    unsteered = results[results["alpha"] == 0]
    rates = measured_rates(summarise(results))
    for split, name, flag in (("harm_train", "train", OUTCOMES[0]), ("benign", "benign", OUTCOMES[2])):
        assert getattr(rates, name) == pytest.approx(unsteered.loc[unsteered["split"] == split, flag].mean())
    assert measured_rates(summarise(results[results["split"] != "benign"])) is None
    assert measured_rates(summarise(tiny_results())) is not None


def test_words_have_the_sizes_the_rates_and_what_can_not_be_shown():
    found = design_power(Design((1,) * 7, (1,) * 60, (1,) * 60), rates=Rates(0.25, 0.15, 0.9))
    facts = power_facts(found)
    effect, cost = (found.smallest[name].size for name in ("effect", "cost"))
    assert isinstance(found.smallest["gap"], Smallest)
    lines = list(power_lines(facts))
    assert f"an effect of {100 * effect:.0f} points, no gap, a cost of {100 * cost:.0f} points" in lines[0]
    assert lines[0].startswith("power     80% for")
    assert "25% of harm_train and 15% of harm_test refused, 90% of benign answered helpfully (measured)" in lines[1]
    assert facts["gap"] is None
    assert "(assumed)" in power_facts(design_power(SMALL, rates=None))["unsteered"]


DOCS = (WORKFLOW / "docs" / "statistics.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "n", "builders", "samples", "strengths"),
    [
        ("40 prompts, 20 build the direction, 12 points", 40, 20, 1, [0.1, 0.2, 0.4, 0.7]),
        ("150 prompts, 30 build the direction, 3 points", 150, 30, 1, [0.7]),
        ("150 prompts, 10 build the direction, 3 points, 3 samples", 150, 10, 3, [0.7]),
    ],
)
def test_the_designs_of_the_documentation_cost_and_show_what_it_says(words, n, builders, samples, strengths):
    row = re.search(rf"^\| {words} \| ([\d,]+) \| (\d+) \| (\d+) \| (\d+) \|$", DOCS, flags=re.MULTILINE)
    raw = read_config(WORKFLOW / "config.yaml")
    raw["experiment"] |= {"layers": [10, 14, 18], "interventions": ["add"], "alphas": strengths}
    raw["experiment"]["output_dir"] = "results/never_made"
    completions = completions_of(plan_run(raw), prompts=dict.fromkeys(SPLITS, n), samples=samples)
    assert f"{completions:,}" == row[1]
    # The templates of 150 prompts; a smaller set has fewer.
    templates = (20, 30) if n == 150 else (16, 27)
    design = Design(dealt(n - builders, clusters=templates[0]), dealt(n, clusters=templates[1]), (1,) * n, samples)
    found = design_power(design, rates=None)
    assert [power_facts(found)[name] for name in ("effect", "gap", "cost")] == pytest.approx(
        [int(row[i]) for i in (2, 3, 4)], abs=2
    )
    assert max(one.error for one in found.smallest.values()) < 0.01


@pytest.mark.parametrize(("n", "clusters", "samples"), [(150, 30, 3), (1000, 1000, 10), (100_000, 3, 100)])
def test_every_design_is_judged_in_seconds(n, clusters, samples):
    start = time.process_time()
    harm, benign = dealt(n, clusters=clusters), dealt(n, clusters=n)
    # A second thread saves no time here, but counts while it waits.
    with threadpool_limits(limits=1):
        design_power(Design(harm, harm, benign, samples), rates=None)
    assert time.process_time() - start < 5


def test_more_builders_select_the_better_point_more_often():
    said = re.search(
        r"refuse 20% and 30% of harm_train,\s+thirty prompts select the higher one in (\d+)%.*?ten in (\d+)%", DOCS
    )
    for n, share in ((30, said[1]), (10, said[2])):
        counts = np.arange(n + 1)
        lower, higher = (binom.pmf(counts, n, rate) for rate in (0.2, 0.3))
        below = np.cumsum(lower) - lower
        assert 100 * np.sum(higher * (below + lower / 2)) == pytest.approx(int(share), abs=1)
