import json

import pytest
import vl_convert
from steering_reliability.evidence.pareto import pareto_table
from steering_reliability.evidence.steerability import prompt_steerability
from steering_reliability.evidence.summary import summarise
from steering_reliability.report.charts import (
    dose_response_chart,
    gap_chart,
    heatmap_chart,
    steerability_chart,
)
from steering_reliability.report.tradeoff_chart import tradeoff_chart
from synthetic_run import realistic_results

RESULTS = realistic_results()
SUMMARY = summarise(RESULTS)
POINT = {"intervention": "add", "layer": 14, "alpha": 0.4}


def data(spec):
    (rows,) = spec["datasets"].values()
    return rows


def at(rows, **values):
    (row,) = [row for row in rows if all(row[name] == value for name, value in values.items())]
    return row


def summary_row():
    study = SUMMARY[(SUMMARY["role"] == "main") & (SUMMARY["layer"] == 14) & (SUMMARY["alpha"] == 0.4)]
    return study[study["intervention"] == "add"].iloc[0]


def test_a_mark_of_the_dose_response_says_rate_interval_and_n_and_what_it_opens():
    add, ablate = dose_response_chart(SUMMARY)
    mark = at(data(add), **POINT, series="harm_test")
    row = summary_row()
    assert mark["value"] == pytest.approx(row["refusal_harm_test"])
    low, high = 100 * row["refusal_harm_test_low"], 100 * row["refusal_harm_test_high"]
    assert mark["shown"] == f"{100 * mark['value']:.0f}% ({60 * mark['value']:.0f}/60, {low:.0f} to {high:.0f})"
    assert mark["split"] == "harm_test"
    assert mark["direction"] == row["direction"]
    assert {row["intervention"] for row in data(ablate)} == {"ablate"}


def test_random_directions_stand_beside_the_study():
    add, _ = dose_response_chart(SUMMARY)
    controls = [row for row in data(add) if row["series"] == "random directions, harm_test"]
    assert {row["direction"] for row in controls} == set(SUMMARY[SUMMARY["role"] == "random"]["direction"])


def test_the_gap_is_that_of_the_prompts_that_did_not_build_the_direction():
    mark = at(data(gap_chart(SUMMARY)[0]), **POINT)
    assert mark["value"] == pytest.approx(summary_row()["effect_gap_unseen"])
    assert mark["shown"].endswith("n = 30 and 60)")


def test_the_frontier_of_the_trade_off_is_that_of_the_summary():
    rows = data(tradeoff_chart(SUMMARY))
    study = SUMMARY[SUMMARY["role"] == "main"]
    frontier = [row for row in rows if row["on_pareto"]]
    # The unsteered model is one row here, and one per curve in the summary.
    assert len(frontier) == len(pareto_table(study)) > 1
    assert [row["order"] for row in sorted(frontier, key=lambda row: row["helpfulness_drop"])] == list(
        range(len(frontier))
    )


def test_a_heatmap_has_a_cell_per_steered_point():
    add, ablate = heatmap_chart(SUMMARY, name="refusal_harm_test", split="harm_test", title="refusal")
    assert len(data(add)) == 3 * 7
    assert len(data(ablate)) == 3 * 2
    assert at(data(add), **POINT)["percent"] == round(100 * summary_row()["refusal_harm_test"])


def test_prompts_are_ranked_by_steerability_within_split_and_layer():
    prompts = prompt_steerability(RESULTS)
    rows = [row for row in data(steerability_chart(prompts)) if row["layer"] == 14 and row["split"] == "benign"]
    slopes = [row["slope"] for row in sorted(rows, key=lambda row: row["rank"])]
    assert slopes == sorted(slopes)
    assert len(slopes) == 60


def layers_of(chart):
    """Every layer of a chart, below its facet too."""
    inner = chart.get("spec", chart)
    return inner.get("layer", [inner])


def test_a_panel_draws_its_own_marks_and_no_others():
    """What lies below a facet has no data of its own, but for lines that are the same in every panel."""
    charts = [*dose_response_chart(SUMMARY), *gap_chart(SUMMARY), steerability_chart(prompt_steerability(RESULTS))]
    charts += heatmap_chart(SUMMARY, name="helpful_benign", split="benign", title="helpful")
    for chart in charts:
        assert "data" in chart
        own = [layer["data"] for layer in layers_of(chart) if "data" in layer]
        sizes = [len(chart["datasets"].get(data.get("name"), [])) if "datasets" in chart else 0 for data in own]
        assert all(size <= 1 for size in sizes), sizes


def test_prompts_of_one_template_have_charts_without_intervals():
    summary = summarise(RESULTS.assign(cluster=RESULTS["split"]))
    charts = [*dose_response_chart(summary), *gap_chart(summary), tradeoff_chart(summary)]
    charts += heatmap_chart(summary, name="helpful_benign", split="benign", title="helpful")
    for chart in charts:
        # NaN is no JSON, and no number for a reader.
        assert "nan" not in json.dumps(chart, allow_nan=False)
    mark = at(data(gap_chart(summary)[0]), **POINT)
    assert mark["value"] == pytest.approx(summary_row()["effect_gap_unseen"])
    assert (mark["low"], mark["high"]) == (None, None)


def test_vega_takes_every_chart():
    charts = [*dose_response_chart(SUMMARY), *gap_chart(SUMMARY), tradeoff_chart(SUMMARY)]
    charts += heatmap_chart(SUMMARY, name="helpful_benign", split="benign", title="helpful")
    charts.append(steerability_chart(prompt_steerability(RESULTS)))
    for chart in charts:
        assert chart["description"]
        assert "<svg" in vl_convert.vegalite_to_svg(chart)


def test_an_axis_of_differences_is_in_points_and_not_in_percent():
    (chart,) = gap_chart(SUMMARY)[:1]
    text = json.dumps(chart)
    assert "(points)" in text
    assert '"format": "+%"' not in text
