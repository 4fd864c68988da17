import pandas as pd
from steering_reliability.analysis.findings import headline, warnings
from steering_reliability.analysis.sanity_checks import SANITY_COLUMNS, sanity_checks
from steering_reliability.analysis.summary import summarise
from synthetic_run import completion, realistic_results, tiny_results

NONE = pd.DataFrame(columns=SANITY_COLUMNS)


def run(*, before, after, n=50, strength=0.5, degenerate=0):
    """Build a run of one point: refusals per split before and after, and degenerate texts after."""
    rows = []
    for split in ("harm_train", "harm_test", "benign"):
        for index in range(n):
            rows.append(completion(split, index, refused=index < before[split]))
            row = completion(split, index, refused=index < after[split], alpha=0.5)
            rows.append({**row, "relative_strength": strength, "is_degenerate": index >= n - degenerate})
    return summarise(pd.DataFrame(rows))


LOW = {"harm_train": 0, "harm_test": 0, "benign": 0}
USUAL = {"harm_train": 20, "harm_test": 15, "benign": 0}
STRONG = {"harm_train": 40, "harm_test": 35, "benign": 5}


def test_a_good_run_has_no_warning():
    assert warnings(run(before=USUAL, after=STRONG)) == []


def test_a_model_that_does_not_refuse_supports_no_claim_of_robustness():
    (warning,) = warnings(run(before={**USUAL, "harm_test": 0}, after=STRONG))
    assert "harm_test" in warning
    assert "harm_train" not in warning
    assert "none is claimed" in warning
    assert len(warnings(run(before=LOW, after=STRONG))) == 1


def test_weak_steering_is_said():
    (warning,) = warnings(run(before=USUAL, after=USUAL, strength=0.004))
    assert "1 of 1 operating points" in warning
    assert "less than 1%" in warning


def test_degenerate_text_is_said_of_the_run_and_of_the_recommended_point():
    found = warnings(run(before=USUAL, after=STRONG, degenerate=8))
    assert len(found) == 2
    assert "more than 10%" in found[0]
    assert "recommended point too (16% degenerate)" in found[1]
    assert warnings(run(before=USUAL, after=STRONG, degenerate=5)) == []


def test_several_samples_and_missing_splits_are_said():
    results = tiny_results()
    summary = summarise(results[results["split"] != "benign"])
    assert any("no completions for benign" in warning for warning in warnings(summary))
    assert any("4 completions" in warning for warning in warnings(run(before=USUAL, after=STRONG), n_samples=4))


def test_the_headline_has_rates_point_gap_and_control():
    results = realistic_results()
    summary = summarise(results)
    sentences = headline(summary, sanity=sanity_checks(results, summary=summary))
    assert len(sentences) == 4
    assert "of harm_test" in sentences[0]
    assert sentences[1].startswith("Recommended point: add at layer 14, alpha 0.4 (40.0% of the residual norm)")
    assert "gap of effects" in sentences[2]
    assert sentences[3].startswith("Control (random, add, layer 14")
    assert all("95% interval" in sentence for sentence in sentences)


def test_many_controls_are_counted_in_one_sentence():
    results = realistic_results()
    summary = summarise(results)
    sanity = sanity_checks(results, summary=summary)
    (one,) = sanity[(sanity["check"] == "random direction") & sanity["statistic"].str.startswith("effect minus")].index
    verdicts = ["stronger than random", "no stronger than random", "stronger than random", "cannot tell"]
    many = pd.concat([sanity.loc[[one]].assign(verdict=verdict) for verdict in verdicts])
    sentences = headline(summary, sanity=many)
    assert len(sentences) == 4
    assert sentences[3].startswith("Controls: in 2 of 4 comparisons with random directions")
    assert "in 1 no more" in sentences[3]
    shuffled = headline(summary, sanity=many.assign(check="shuffled labels"))
    assert shuffled[3].startswith("No random direction was run")
    assert "in 2 of 4 comparisons with shuffled labels" in shuffled[4]


def test_few_completions_and_an_effect_that_may_be_none_are_said():
    summary = summarise(tiny_results())
    assert any("3 of harm_train, 3 of harm_test, 3 of benign" in warning for warning in warnings(summary))
    assert "show no effect on harm_test" in headline(summary, sanity=NONE)[1]
    assert "show no effect on harm_test" not in headline(run(before=USUAL, after=STRONG), sanity=NONE)[1]


def test_the_headline_says_which_way_the_gap_goes():
    words = {}
    for name, test in (("less", 15), ("same", 35), ("more", 50)):
        after = {"harm_train": 40, "harm_test": test, "benign": 0}
        words[name] = headline(run(before=USUAL, after=after), sanity=NONE)[2]
    assert "does more in distribution than out of it" in words["less"]
    assert "show no gap of effects, and cannot exclude one of" in words["same"]
    assert "does more out of distribution than in it" in words["more"]


def test_the_headline_of_less_than_a_whole_run():
    results = tiny_results()
    only_baseline = headline(summarise(results[results["from_baseline"]]), sanity=NONE)
    assert len(only_baseline) == 2
    assert "none is recommended" in only_baseline[1]
    assert "No random direction was run" in headline(summarise(results), sanity=NONE)[-1]
    assert headline(summarise(results).iloc[:0], sanity=NONE) == ["The run holds no completions of the study itself."]
