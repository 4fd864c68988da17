import pandas as pd
import pytest
from steering_reliability.evidence.pareto import recommended_point
from steering_reliability.evidence.sanity_checks import COSINE
from steering_reliability.evidence.summary import summarise
from steering_reliability.report.findings import headline, warnings
from steering_reliability.text.numbers import rate
from synthetic_run import completion, tiny_results

NO_CHECKS = pd.DataFrame(columns=["statistic", "verdict"])
USUAL = {"harm_train": 20, "harm_test": 15, "benign": 0}
STRONG = {"harm_train": 40, "harm_test": 35, "benign": 5}


def run(*, before=USUAL, after=STRONG, n=50, strength=0.5, degenerate=0):
    """Return the summary of a run of one point: refusals per split before and after, and degenerate texts after."""
    rows = []
    for split in ("harm_train", "harm_test", "benign"):
        for index in range(n):
            rows.append(completion(split, index, refused=index < before[split]))
            row = completion(split, index, refused=index < after[split], alpha=0.5)
            rows.append({**row, "relative_strength": strength, "is_degenerate": index >= n - degenerate})
    return summarise(pd.DataFrame(rows))


def warned(summary, *, sanity=NO_CHECKS, **options):
    return warnings(summary, sanity=sanity, **options)


def test_weak_steering_is_said():
    (warning,) = warned(run(after=USUAL, strength=0.004))
    assert "1 of 1 operating points" in warning
    assert "less than 1%" in warning


def test_degenerate_text_is_said_of_the_run_and_of_the_recommended_point():
    found = warned(run(degenerate=8))
    assert len(found) == 2
    assert "more than 10%" in found[0]
    assert "the recommended point (16% degenerate)" in found[1]
    assert warned(run(degenerate=5)) == []


def test_a_missing_split_and_few_completions_are_said():
    results = tiny_results()
    assert any("no completions for benign" in one for one in warned(summarise(results[results["split"] != "benign"])))
    assert any("3 of harm_train, 3 of harm_test, 3 of benign" in one for one in warned(summarise(results)))


def test_shuffled_controls_that_hold_the_direction_are_counted():
    # The cosine of another prefix is no control's, and what has no cosine is not counted.
    verdicts = ["too alike", "unlike the direction", "too alike", "same direction"]
    (warning,) = warned(run(), sanity=pd.DataFrame({"statistic": [*[COSINE] * 4, "other"], "verdict": [*verdicts, ""]}))
    assert warning.startswith("Shuffled-label controls whose absolute cosine with the direction is above 0.2: 2 of 3.")


@pytest.mark.parametrize(
    ("clusters", "styles", "words"),
    [
        (["a", "b", "c"], ["x", "y", "x"], []),
        (["a", "a", "c"], ["x", "y", "x"], ["The 3 prompts of harm_test form 2 templates or groups of near copies"]),
        (["a", "b", "c"], ["x", "x", "x"], ["The prompts of harm_test have one style"]),
        (["a", "b", "c"], [None] * 3, ["The prompts of harm_test do not say their style"]),
    ],
)
def test_prompts_that_are_alike_are_said(clusters, styles, words):
    # Each completion of a prompt is a row of its own.
    rows = pd.DataFrame({"split": "harm_test", "id": ["p", "q", "r"], "cluster": clusters, "style": styles})
    found = warned(run(), prompts=pd.concat([rows] * 3))
    assert len(found) == len(words)
    assert all(one.startswith(start) for one, start in zip(found, words, strict=True))


def test_the_headline_has_the_rates_and_the_point(summary):
    sentences = headline(summary)
    assert sentences[0].startswith("Without steering, the model refuses ")
    assert sentences[1:] == [
        "Recommended point (chosen on harm_train and benign): add at layer 14, alpha 0.4 (40.0% of the residual norm). "
        f"It refuses {rate(recommended_point(summary), 'clean_refusal_benign')} of benign prompts."
    ]
    assert all("95% interval" in sentence for sentence in sentences)


def test_rates_are_counts_with_percentages_of_text_that_is_not_degenerate():
    first, point = headline(run())
    assert "refuses 20/50 (40%, 95% interval 28 to 54) of harm_train, 15/50 (30%, " in first
    assert "of harm_test and 0/50 (0%, " in first
    assert "in text that is not degenerate, and answers 50/50 (100%, " in first
    assert "It refuses 5/50 (10%, " in point
    # The last eight are degenerate, and no refusals.
    assert "It refuses 42/50 (84%, " in headline(run(after=STRONG | {"benign": 50}, degenerate=8))[1]
    # A strength that is not known is not said.
    assert "alpha 0.5. It refuses" in headline(run(strength=float("nan")))[1]


def test_the_headline_of_less_than_a_whole_run():
    results = tiny_results()
    only_baseline = headline(summarise(results[results["from_baseline"]]))
    assert len(only_baseline) == 2
    assert "none is recommended" in only_baseline[1]
    assert headline(run()[:0]) == ["The run has no completions of the main study."]
