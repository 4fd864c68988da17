"""Sets of layers and other methods on the page, in its charts and in its browser of completions."""

import base64
import gzip
import json
import re

import pandas as pd
import pytest
import vl_convert
from steering_reliability.claims.evidence_tables import make_evidence_tables
from steering_reliability.evidence.run_comparison import Run, Setting, compare_runs
from steering_reliability.evidence.sanity_checks import sanity_checks
from steering_reliability.evidence.summary import summarise
from steering_reliability.figures.draw import EVIDENCE_TABLES, draw_all
from steering_reliability.figures.tradeoff import fill_words, tradeoff_points, tradeoff_styles
from steering_reliability.report.charts import dose_response_chart, heatmap_chart, steerability_chart
from steering_reliability.report.comparison_page import write_comparison_page
from steering_reliability.report.completions import PAGE_COLUMNS, pack_completions
from synthetic_run import realistic_results
from written_page import needs_chromium, write_page

NAMES = {"10": "2", "14": "10-18", "18": "all-from-14"}
KINDS = {"add": "clamp", "ablate": "ablate_affine"}
WORDS = ("layer 2", "layers 10-18", "all layers (direction of layer 14)")


@pytest.fixture(scope="module")
def results():
    """The made-up run at sets of layers, with a method that does half as much, by interventions of later versions."""
    study = realistic_results(checks=False)
    study = study[study["alpha"].isin([0.0, 0.4, 0.6, 1.0])].reset_index(drop=True)
    study["layer"] = study["layer"].map(NAMES)
    at_set = study[study["layer"] == "10-18"]
    study = pd.concat([study[study["intervention"] == "add"], at_set[at_set["intervention"] == "ablate"]])
    study = pd.concat([study, at_set.assign(intervention=at_set["intervention"].map(KINDS))], ignore_index=True)
    other = study.assign(role="method", direction="pca")
    # On half of the prompts it does nothing.
    spared = (other["id"].str[-1].astype(int) % 2 == 0) & ~other["from_baseline"].astype(bool)
    other.loc[spared, ["is_refusal", "opens_with_refusal", "is_degenerate"]] = False
    other.loc[spared, ["is_helpful", "is_helpful_by_opening"]] = True
    return pd.concat([study, other], ignore_index=True)


@pytest.fixture(scope="module")
def summary(results):
    return summarise(results)


@pytest.fixture(scope="module")
def evidence(results, summary):
    sanity = sanity_checks(results, summary=summary)
    return {"sanity": sanity} | make_evidence_tables(results, summary=summary, sanity=sanity, seed=0)


@pytest.fixture(scope="module")
def page(results, summary, evidence, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    draw_all(summary, output_dir=folder, title="sets", evidence={name: evidence[name] for name in EVIDENCE_TABLES})
    names = ("sanity", "claims", "by_group", "methods", "prompt_steerability")
    return write_page(folder, results[PAGE_COLUMNS], summary, tables={name: evidence[name] for name in names})


def test_points_claims_and_findings_say_the_sets_in_words(page, evidence):
    text = page.read_text(encoding="utf-8")
    body = text[: text.index("<script>")]
    places_of_study = [*(("add", words) for words in WORDS)]
    places_of_study += [(kind, "layers 10-18") for kind in ("clamp", "ablate", "ablate_affine")]
    for kind, words in places_of_study:
        assert f"{kind}, {words}, alpha" in body
    assert "layer 10-18" not in body and "layer all" not in body
    claims = evidence["claims"].set_index("claim")
    assert re.search(rf"at ({'|'.join(map(re.escape, WORDS))}),? ", body)
    assert any(words in claims.loc["effect on harm_test", "where"] for words in WORDS)
    # Adding stands before ablating, and layers in their order.
    places = re.findall(r"(\w+), (layer[^,]*|all layers[^,]*), alpha", body[body.index('class="points"') :])
    assert list(dict.fromkeys(places))[:6] == places_of_study


def test_other_methods_are_shown_at_equal_kl_and_only_there(page, evidence):
    text = page.read_text(encoding="utf-8")
    assert '<figure id="methods">' in text
    sentences = evidence["methods"]["sentence"].dropna().tolist()
    assert sentences and all(sentence in text for sentence in sentences)
    assert evidence["methods"].loc[lambda table: table["verdict"] == "lower", "direction"].eq("pca").any()
    points = text[text.index('class="points"') : text.index('id="appendix"')]
    assert "contrastive_prefix</small>" in points and "pca</small>" not in points


def test_a_run_of_one_method_has_neither_figure_nor_sentence(results, summary, evidence, tmp_path):
    # The picture is there, since the rule always draws it.
    (tmp_path / "methods.svg").write_text("<svg/>")
    rows, points = (table[table["role"] == "main"] for table in (results[PAGE_COLUMNS], summary))
    slopes = {"prompt_steerability": evidence["prompt_steerability"]}
    text = write_page(tmp_path, rows, points, tables=slopes).read_text(encoding="utf-8")
    assert 'id="gap_vs_alpha"' in text
    assert 'id="methods"' not in text
    assert "first-token KL of" not in text


def test_charts_have_their_panels_in_order_and_can_be_drawn(summary, evidence):
    panels = [f"add, {words}" for words in WORDS]
    chart = dose_response_chart(summary)[0]
    assert chart["facet"]["sort"] == panels
    assert chart["description"].endswith(": add")
    titles = [one["spec"]["layer"][0]["encoding"]["x"]["title"] for one in dose_response_chart(summary)]
    assert titles == ["alpha", "alpha", "alpha (share removed)", "alpha (share removed)"]
    heatmap = heatmap_chart(summary, name="refusal_harm_test", split="harm_test", title="refusal")[0]
    assert heatmap["spec"]["layer"][0]["encoding"]["y"]["sort"] == ["all-from-14", "10-18", "2"]
    slopes = steerability_chart(evidence["prompt_steerability"])
    assert slopes["facet"]["sort"] == list(WORDS)
    for one in (chart, heatmap, slopes):
        assert "<svg" in vl_convert.vegalite_to_svg(one)


def test_the_trade_off_tells_interventions_apart(summary):
    points = tradeoff_points(summary)
    assert list(tradeoff_styles(points))[:3] == list(WORDS)
    steered = points[~points["from_baseline"].astype(bool)]
    fills = dict(zip(steered["intervention"], steered["fill"], strict=True))
    assert fills == {"add": 1, "clamp": pytest.approx(2 / 3), "ablate": pytest.approx(1 / 3), "ablate_affine": 0}
    assert fill_words(points) == " Marks: full add, 67% full clamp, 33% full ablate, hollow ablate_affine."
    labels = [label for label in points["label"] if label]
    assert labels
    # Four fills are hard to tell apart, so the label says which it is.
    assert all(re.match(r"(add|clamp|ablate|ablate_affine) (L2|L10-18|all layers from 14), ", one) for one in labels)
    two = tradeoff_points(summary[summary["intervention"].isin(["ablate", "ablate_affine"])])
    assert fill_words(two) == " Marks: full ablate, hollow ablate_affine."
    assert fill_words(tradeoff_points(summary[summary["intervention"] == "ablate"])) == ""
    assert all(re.match(r"(L2|L10-18|all layers from 14), ", label) for label in two["label"] if label)


def test_completions_carry_the_names_in_their_order_with_their_words(results):
    data = json.loads(gzip.decompress(base64.b64decode(pack_completions(results).data)))
    assert data["layers"] == [list(pair) for pair in zip(NAMES.values(), WORDS, strict=True)]
    assert {point[3] for point in data["points"]} == {"", *NAMES.values()}
    assert {point[3] for point in data["points"] if point[2] == "none"} == {""}


def test_runs_at_sets_are_compared_and_all_layers_have_no_depth(summary, tmp_path):
    run = Run("m", 30, summary, Setting({"harm_test": frozenset({"a"})}, 40, "phrase rules"))
    table = compare_runs({"one": run})
    write_comparison_page(table, output=tmp_path / "index.html")
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert re.search(r"<td>\w+, \w+, (layer 2|layers 10-18|all layers \(direction of layer 14\)) of 30, alpha", text)
    assert '<td class="number">all-from-14</td><td class="number">–</td>' in text
    assert '<td class="number">10-18</td><td class="number">50%</td>' in text


@needs_chromium
def test_the_browser_filters_by_sets(visit, page, results):
    desk = visit(page, width=1440)
    desk.click("#reset")
    options = desk.locator("[name=layer] option").all_inner_texts()
    assert options == ["any", *NAMES.values()]
    kinds = desk.locator("[name=intervention] option").all_inner_texts()
    assert kinds == ["any", "none", "add", "clamp", "ablate", "ablate_affine"]
    desk.select_option("[name=layer]", "10-18")
    desk.select_option("[name=intervention]", "clamp")
    desk.locator("summary", has_text="more filters and columns").click()
    desk.select_option("[name=direction]", "pca")
    rows = results[
        (results["layer"] == "10-18") & (results["intervention"] == "clamp") & (results["direction"] == "pca")
    ]
    expected = int((~rows["from_baseline"].astype(bool)).sum())
    assert int(desk.locator("#found").inner_text().split()[0].replace(",", "")) == expected > 0
    assert "clamp, layers 10-18, alpha" in desk.locator("#reader .meta").first.inner_text()
    again = visit(page, place=desk.evaluate("location.hash"))
    assert again.locator("#rows").inner_text() == desk.locator("#rows").inner_text()
    desk.locator("summary", has_text="Helpfulness by layer and strength").click()
    desk.locator("[data-chart=heatmap_helpful_benign] path[aria-label*='layer: all-from-14']").first.click()
    assert desk.locator("[name=layer]").input_value() == "all-from-14"
    assert "all layers (direction of layer 14)" in desk.locator("#reader .meta").first.inner_text()
