import pandas as pd
import pytest
from steering_reliability.evidence.run_comparison import Run, Setting, compare_runs
from steering_reliability.report.comparison_page import best_of_each, comparison_chart, write_comparison_page


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


def test_a_chart_is_in_the_order_of_strength_with_a_line_for_either_sign(table):
    (kl, *_), (strength, *_) = (
        comparison_chart(table, measure="helpfulness_drop", axis=axis)
        for axis in ("first_token_kl", "relative_strength")
    )

    def rows(spec):
        (data,) = spec["datasets"].values()
        return pd.DataFrame(data)

    by_kl, by_strength = rows(kl), rows(strength)
    assert by_kl["line"].nunique() == 2 * by_strength["line"].nunique()
    assert (by_kl["line"].str.endswith(", lowered") == (by_kl["alpha"] < 0)).all()
    assert by_kl["order"].tolist() == by_kl["alpha"].abs().tolist()
    kept = table[(table["intervention"] == "add") & table["helpfulness_drop"].notna()]
    assert sorted(by_kl["x"]) == pytest.approx(sorted(kept["first_token_kl_benign"]))
    assert sorted(by_strength["x"]) == pytest.approx(sorted(kept["relative_strength"]))


def test_the_page_compares_at_equal_kl_first_and_gives_both_numbers_of_a_point(table, tmp_path):
    write_comparison_page(table, output=tmp_path / "index.html")
    text = (tmp_path / "index.html").read_text()
    body = text[: text.index('<script type="application/json"')]
    kl, strength = (
        body.index(f'data-chart="helpfulness_drop-{axis}"') for axis in ("first_token_kl", "relative_strength")
    )
    assert kl < strength
    assert "Helpfulness lost on benign, by first-token KL</h2>" in body
    row = table.iloc[0]
    rows = body[body.index('id="points"') :]
    both = "".join(f'<td class="number">{row[f"first_token_kl_{split}"]:.2g}</td>' for split in ("harm_test", "benign"))
    assert both in rows
    # What a run has not measured is no number.
    write_comparison_page(
        table.assign(first_token_kl_benign=float("nan"), depth=float("nan")), output=tmp_path / "b.html"
    )
    text = (tmp_path / "b.html").read_text()
    assert "nan" not in text[text.index('id="points"') : text.index('<script type="application/json"')]
