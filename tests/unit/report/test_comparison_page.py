import pytest
from steering_reliability.evidence.run_comparison import Run, Setting, compare_runs
from steering_reliability.report.comparison_page import best_of_each, write_comparison_page


@pytest.fixture(scope="module")
def table(summary):
    asked = Setting({"harm_test": frozenset({"a"})}, 40, "phrase rules")
    runs = {"<b>small</b>": Run("org/gpt2", 20, summary, asked), "deep": Run("smollm2", 30, summary, asked)}
    return compare_runs(runs)


def test_each_run_has_its_best_point_that_costs_little(table):
    best = best_of_each(table)
    assert best["run"].tolist() == ["<b>small</b>", "deep"]
    assert (best["helpfulness_drop"] <= 0.2 + 1e-9).all()
    affordable = table[(table["run"] == "deep") & (table["helpfulness_drop"] <= 0.2 + 1e-9)]
    assert best["refusal_effect_harm_test"].iloc[1] == affordable["refusal_effect_harm_test"].max()
    assert best_of_each(table.assign(helpfulness_drop=0.3)).empty


def test_the_page_holds_every_point_and_takes_names_for_text(table, tmp_path):
    write_comparison_page(table, output=tmp_path / "index.html")
    text = (tmp_path / "index.html").read_text()
    body = text[: text.index("<script")]
    assert body[body.index('id="points"') :].count("<tr>") == 1 + len(table)
    assert "<b>small" not in text
    assert "settings of these runs differ" not in text
    assert "&lt;b&gt;small" in body
