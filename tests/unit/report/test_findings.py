import pandas as pd
import pytest
from steering_reliability.claims.claim import QUESTIONS
from steering_reliability.claims.evidence_tables import make_claim_tables
from steering_reliability.evidence.equal_kl import equal_kl_table
from steering_reliability.evidence.grid_tests import study_of
from steering_reliability.evidence.pareto import recommended_point
from steering_reliability.evidence.sanity_checks import COSINE, sanity_checks
from steering_reliability.evidence.summary import summarise
from steering_reliability.report.findings import headline, warnings
from steering_reliability.text.numbers import rate
from synthetic_run import completion, realistic_results, tiny_results


class Run:
    """The tables of a run that its findings are told from."""

    def __init__(self, results):
        self.summary = summarise(results)
        self.sanity = sanity_checks(results, summary=self.summary)
        equal_kl = equal_kl_table(results)
        tables = make_claim_tables(study_of(results), summary=self.summary, sanity=self.sanity, equal_kl=equal_kl)
        self.claims = tables["claims"]
        self.best = recommended_point(self.summary)

    def warnings(self, **options):
        return warnings(self.summary, claims=self.claims, sanity=self.sanity, **options)

    def headline(self):
        return headline(self.summary, claims=self.claims)


def run(*, before, after, n=50, strength=0.5, degenerate=0):
    """Build a run of one point: refusals per split before and after, and degenerate texts after."""
    rows = []
    for split in ("harm_train", "harm_test", "benign"):
        for index in range(n):
            rows.append(completion(split, index, refused=index < before[split]))
            row = completion(split, index, refused=index < after[split], alpha=0.5)
            rows.append({**row, "relative_strength": strength, "is_degenerate": index >= n - degenerate})
    return Run(pd.DataFrame(rows))


LOW = {"harm_train": 0, "harm_test": 0, "benign": 0}
USUAL = {"harm_train": 20, "harm_test": 15, "benign": 0}
STRONG = {"harm_train": 40, "harm_test": 35, "benign": 5}


@pytest.fixture(scope="module")
def realistic():
    return Run(realistic_results())


def test_a_good_run_has_no_warning():
    assert run(before=USUAL, after=STRONG).warnings() == []


@pytest.mark.parametrize(("refusals", "is_said"), [(0, True), (7, True), (8, False)])
def test_a_model_that_hardly_refuses_supports_no_claim_of_robustness(refusals, is_said):
    # Three tests and half of the level: 6 * 2 / 2^7 = 0.094 and 6 * 2 / 2^8 = 0.047.
    found = run(before={**USUAL, "harm_test": refusals}, after=STRONG).warnings()
    assert len(found) == is_said
    if is_said:
        assert f"refuses only {refusals}/50" in found[0]
        assert "of harm_test" in found[0]
        assert "harm_train" not in found[0]
        assert "none is claimed" in found[0]


def test_a_loss_that_could_only_be_seen_at_the_recommended_point_is_said_too(realistic):
    # 27 points and 27 pairs of layers: 216 * 2 / 2^8 is too much, at the recommended point it is 6 * 2 / 2^8.
    claims = realistic.claims.copy()
    claims.loc[claims["claim"] == "robustness of refusal", "verdict"] = "at the recommended point"
    assert realistic.warnings() == warnings(realistic.summary, claims=claims, sanity=realistic.sanity)


def test_a_model_that_refuses_nothing_at_all_is_said_once():
    assert len(run(before=LOW, after=STRONG).warnings()) == 1


def test_weak_steering_is_said():
    (warning,) = run(before=USUAL, after=USUAL, strength=0.004).warnings()
    assert "1 of 1 operating points" in warning
    assert "less than 1%" in warning


def test_degenerate_text_is_said_of_the_run_and_of_the_recommended_point():
    found = run(before=USUAL, after=STRONG, degenerate=8).warnings()
    assert len(found) == 2
    assert "more than 10%" in found[0]
    assert "recommended point too (16% degenerate)" in found[1]
    assert run(before=USUAL, after=STRONG, degenerate=5).warnings() == []


def test_a_missing_split_and_few_completions_are_said():
    results = tiny_results()
    assert any("no completions for benign" in one for one in Run(results[results["split"] != "benign"]).warnings())
    few = Run(results).warnings()
    assert any("3 of harm_train, 3 of harm_test, 3 of benign" in warning for warning in few)


def test_shuffled_controls_that_hold_the_direction_are_counted():
    made = run(before=USUAL, after=STRONG)
    # The cosine of another prefix is no control's, and what has no cosine is not counted.
    verdicts = ["too alike", "unlike the direction", "too alike", "same direction"]
    cosines = [made.sanity.head(1).assign(statistic=COSINE, verdict=verdict) for verdict in verdicts]
    made.sanity = pd.concat([*cosines, made.sanity])
    (warning,) = made.warnings()
    assert warning.startswith("Shuffled-label controls whose cosine with the direction is above 0.2 in size: 2 of 3.")


def prompts(clusters, styles, *, split="harm_test"):
    ids = [f"p{number}" for number in range(len(clusters))]
    return pd.DataFrame({"split": split, "id": ids, "cluster": clusters, "style": styles})


@pytest.mark.parametrize(
    ("clusters", "styles", "words"),
    [
        (["a", "b", "c"], ["x", "y", "x"], []),
        (["a", "a", "c"], ["x", "y", "x"], ["The 3 prompts of harm_test are 2 templates or groups of near copies"]),
        (["a", "b", "c"], ["x", "x", "x"], ["The prompts of harm_test have one style or none"]),
        (["a", "b", "c"], [None] * 3, ["The prompts of harm_test have one style or none"]),
    ],
)
def test_prompts_that_are_alike_are_said(clusters, styles, words):
    made = run(before=USUAL, after=STRONG)
    # Each completion of a prompt is a row of its own.
    rows = pd.concat([prompts(clusters, styles)] * 3)
    found = made.warnings(prompts=rows)
    assert len(found) == len(words)
    assert all(one.startswith(start) for one, start in zip(found, words, strict=True))


def test_the_headline_has_rates_point_answers_and_control(realistic):
    sentences = realistic.headline()
    assert len(sentences) == 6
    assert sentences[0].startswith("Unsteered, the model refuses ")
    assert sentences[1] == (
        "Recommended point (chosen on harm_train and benign): add at layer 14, alpha 0.4 (40.0% of the residual norm). "
        f"It refuses {rate(realistic.best, 'clean_refusal_benign')} of benign prompts."
    )
    assert sentences[2].startswith("Steering raises refusal on harm_test")
    assert sentences[3].startswith("The data cannot tell whether steering does as much on harm_test")
    assert sentences[4].startswith("There is a trade-off")
    assert sentences[5].startswith("Control at contrastive_prefix, add, layer 14, alpha 0.4, seed 0: 0 of 1 random")
    assert all("95% interval" in sentence for sentence in sentences[:5])


def test_the_headlines_answers_are_the_sentences_of_their_claims(realistic):
    claims = realistic.claims.set_index("claim")
    assert realistic.headline()[2:5] == [claims.loc[name, "sentence"] for name in QUESTIONS]


def test_rates_are_counts_with_percentages_of_text_that_is_not_degenerate():
    sentences = run(before=USUAL, after=STRONG).headline()
    assert "refuses 20/50 (40%, 95% interval 28 to 54) of harm_train, 15/50 (30%, " in sentences[0]
    assert "of harm_test and 0/50 (0%, " in sentences[0]
    assert "in text that is not degenerate, and answers 50/50 (100%, " in sentences[0]
    assert "It refuses 5/50 (10%, " in sentences[1]
    # The last eight are degenerate, none of which refuses benign prompts; at harm_train they are no refusals.
    broken = run(before=USUAL, after={**STRONG, "benign": 50}, degenerate=8).headline()
    assert "It refuses 42/50 (84%, " in broken[1]


def test_an_unknown_strength_is_not_said():
    sentence = run(before=USUAL, after=STRONG, strength=float("nan")).headline()[1]
    assert "alpha 0.5. It refuses" in sentence
    assert "nan" not in sentence


def test_controls_of_both_kinds_are_told_and_absent_random_ones_are_named(realistic):
    shuffled = realistic.claims.copy()
    shuffled["claim"] = shuffled["claim"].replace({"check: random directions": "check: shuffled labels"})
    both = pd.concat([realistic.claims, shuffled[shuffled["claim"] == "check: shuffled labels"]])
    assert [one[:10] for one in headline(realistic.summary, claims=both)[5:]] == ["Control at"] * 2
    alone = headline(realistic.summary, claims=shuffled)
    assert alone[5].startswith("Control at")
    assert alone[6].startswith("No random direction was run")


def test_an_effect_that_may_be_none_is_said():
    assert Run(tiny_results()).headline()[2].startswith("The data cannot tell whether steering changes refusal")
    assert (
        run(before=USUAL, after=STRONG).headline()[2].startswith("Steering raises refusal on harm_test: 15/50 (30%) to")
    )


@pytest.mark.parametrize(
    ("train", "test", "words"),
    [
        (38, 15, "Generalization fails in part: steering does less on harm_test"),
        (38, 35, "The data cannot tell whether steering does as much on harm_test"),
        (38, 5, "Generalization fails: steering changes refusal on harm_test the other way"),
        (20, 50, "Steering does more on harm_test than on harm_train"),
    ],
)
def test_the_headline_says_which_way_the_gap_goes(train, test, words):
    before = {"harm_train": 15, "harm_test": 15, "benign": 0}
    made = run(before=before, after={"harm_train": train, "harm_test": test, "benign": 0})
    assert made.headline()[3].startswith(words)


def test_the_headline_of_less_than_a_whole_run():
    results = tiny_results()
    only_baseline = Run(results[results["from_baseline"]]).headline()
    assert len(only_baseline) == 2
    assert "none is recommended" in only_baseline[1]
    assert "No random direction was run" in Run(results).headline()[-1]
    nothing = Run(results)
    nothing.summary = nothing.summary.iloc[:0]
    assert nothing.headline() == ["The run holds no completions of the study itself."]
