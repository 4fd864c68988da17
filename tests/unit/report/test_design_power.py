import pandas as pd
from steering_reliability.evidence.design_power import design_of_results, design_power, measured_rates
from steering_reliability.report.design_power import power_sentence
from steering_reliability.text.numbers import rounded
from synthetic_run import tiny_results


def test_the_page_says_what_its_design_shows_at_its_own_rates(whole_page, results, summary):
    sentence = power_sentence(results, summary=summary)
    found = design_power(design_of_results(results), rates=measured_rates(summary))
    for name, words in (("effect", "an effect of"), ("gap", "a gap of"), ("cost", "a cost of")):
        size = found.smallest[name].size
        assert f"no {name}" in sentence if pd.isna(size) else f"{words} {rounded(100 * size)} points" in sentence
    before = summary[(summary["role"] == "main") & summary["from_baseline"].astype(bool)].iloc[0]
    assert f"{rounded(100 * before['clean_refusal_harm_test'])}% of harm_test refused" in sentence
    assert "answered helpfully (measured)" in sentence
    assert sentence in whole_page.read_text(encoding="utf-8")


def test_a_run_without_a_split_has_a_sentence_too():
    from steering_reliability.evidence.summary import summarise

    results = tiny_results()
    results = results[results["split"] != "benign"]
    sentence = power_sentence(results, summary=summarise(results))
    assert "no cost" in sentence
    assert "assumed" in sentence
