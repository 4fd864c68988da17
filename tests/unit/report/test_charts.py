import json

import pytest
import vl_convert
from steering_reliability.evidence.steerability import prompt_steerability
from steering_reliability.evidence.summary import summarise
from steering_reliability.report.charts import dose_response_chart, gap_chart, heatmap_chart, steerability_chart
from steering_reliability.report.tradeoff_chart import tradeoff_chart

POINT = {"intervention": "add", "layer": "14", "alpha": 0.4}


def data(spec):
    (rows,) = spec["datasets"].values()
    return rows


def at(rows, **values):
    (row,) = [row for row in rows if all(row[name] == value for name, value in values.items())]
    return row


def charts_of(summary, prompts):
    return [
        *dose_response_chart(summary),
        *gap_chart(summary),
        *heatmap_chart(summary, name="helpful_benign", split="benign", title="helpful"),
        tradeoff_chart(summary),
        *([] if prompts is None else [steerability_chart(prompts)]),
    ]


@pytest.fixture(scope="module")
def prompts(results):
    return prompt_steerability(results)


@pytest.fixture(scope="module")
def point(summary):
    """The summary's row of `POINT`."""
    return summary[(summary["role"] == "main") & (summary[list(POINT)] == list(POINT.values())).all(axis=1)].iloc[0]


def test_a_mark_of_the_dose_response_says_rate_interval_and_n_and_what_it_opens(summary, point):
    add, ablate = dose_response_chart(summary)
    mark = at(data(add), **POINT, series="harm_test")
    assert mark["value"] == pytest.approx(point["refusal_harm_test"])
    low, high = 100 * point["refusal_harm_test_low"], 100 * point["refusal_harm_test_high"]
    assert mark["shown"] == f"{100 * mark['value']:.0f}% ({60 * mark['value']:.0f}/60, {low:.0f} to {high:.0f})"
    assert (mark["split"], mark["direction"]) == ("harm_test", point["direction"])
    assert {row["intervention"] for row in data(ablate)} == {"ablate"}
    controls = {row["direction"] for row in data(add) if row["series"] == "random directions, harm_test"}
    assert controls == set(summary[summary["role"] == "random"]["direction"])


def test_the_gap_is_that_of_the_prompts_that_did_not_build_the_direction_in_points(summary, point):
    chart = gap_chart(summary)[0]
    mark = at(data(chart), **POINT)
    assert mark["value"] == pytest.approx(point["effect_gap_unseen"])
    assert mark["shown"].endswith("n = 30 and 60)")
    assert "(points)" in json.dumps(chart)
    assert '"format": "+%"' not in json.dumps(chart)


def test_the_frontier_of_the_trade_off_is_that_of_the_summary(summary):
    frontier = [row for row in data(tradeoff_chart(summary)) if row["on_pareto"]]
    # The unsteered model is one row here, and one per curve in the summary.
    alphas = summary.loc[(summary["role"] == "main") & summary["on_pareto"], "alpha"]
    assert len(frontier) == sum(alphas != 0) + any(alphas == 0) > 1
    by_cost = sorted(frontier, key=lambda row: row["helpfulness_drop"])
    assert [row["order"] for row in by_cost] == list(range(len(frontier)))


def test_prompts_of_one_template_have_charts_without_intervals(results, point):
    summary = summarise(results.assign(cluster=results["split"]))
    for chart in charts_of(summary, None):
        # NaN is no JSON, and no number for a reader.
        assert "nan" not in json.dumps(chart, allow_nan=False)
    mark = at(data(gap_chart(summary)[0]), **POINT)
    assert mark["value"] == pytest.approx(point["effect_gap_unseen"])
    assert (mark["low"], mark["high"]) == (None, None)


def test_vega_draws_every_chart_and_a_panel_its_own_marks_alone(summary, prompts):
    charts = charts_of(summary, prompts)
    assert len(charts) == 8
    for chart in charts:
        assert chart["description"]
        assert "<svg" in vl_convert.vegalite_to_svg(chart)
        # Of two data sets, each panel would draw every mark of the second; a line that all panels have holds one row.
        layers = chart.get("spec", {}).get("layer", [])
        inner = [len(chart["datasets"].get(layer["data"].get("name"), [])) for layer in layers if "data" in layer]
        assert max(inner, default=0) <= 1
