"""The page as people use it: with a pointer, by keyboard, on a phone, in the dark, with hostile and with much text."""

import re
from urllib.parse import parse_qs

import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from steering_reliability.evidence.pareto import recommended_point
from steering_reliability.evidence.run_comparison import Run, Setting, compare_runs
from steering_reliability.evidence.steerability import prompt_steerability
from steering_reliability.evidence.summary import summarise
from steering_reliability.report.comparison_page import write_comparison_page
from steering_reliability.report.completions import PAGE_COLUMNS
from synthetic_run import realistic_results, tiny_results
from written_page import needs_chromium, write_page

HOSTILE = (
    "</pre></script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>\x1b[31m\u202eabc\x00"
)
pytestmark = needs_chromium


@pytest.fixture(scope="module")
def loaded(visit, whole_page):
    """The page on a desk, loaded once; `desk` is the same as it was loaded."""
    return visit(whole_page, width=1440, permissions=["clipboard-read", "clipboard-write"])


@pytest.fixture
def desk(loaded):
    loaded.click("#reset")
    return loaded


def found(page) -> int:
    return int(page.locator("#found").inner_text().split()[0].replace(",", ""))


def steered(results: pd.DataFrame, **values) -> pd.DataFrame:
    rows = results[~results["from_baseline"]]
    for name, value in values.items():
        rows = rows[rows[name] == value]
    return rows


def test_it_opens_at_the_recommended_point_and_its_pages_can_be_turned(loaded, results, summary):
    best = recommended_point(summary)
    keys = ("direction", "intervention", "layer", "alpha")
    rows = steered(results, split="harm_test", **{key: best[key] for key in keys})
    assert found(loaded) == len(rows)
    assert loaded.locator("#rows tr").count() == 50
    first = loaded.locator("#rows tr").first.inner_text()
    # Harmful requests are folded to family and style, here and in the reading pane, until they are asked for.
    assert " · " in first and rows["prompt"].iloc[0] not in first
    assert loaded.locator("#reader pre").first.is_hidden()
    loaded.check("#harmful")
    assert rows["prompt"].iloc[0] in loaded.locator("#rows").inner_text()
    assert loaded.locator("#reader pre").first.is_visible()
    loaded.uncheck("#harmful")
    assert loaded.locator("#previous").is_disabled()
    loaded.click("#next")
    assert loaded.locator("#rows tr").first.inner_text() != first
    loaded.click("#previous")
    assert loaded.locator("#rows tr").first.inner_text() == first


def test_filters_and_search_find_what_the_table_has(desk, results):
    desk.select_option("[name=changed]", "*")
    keys = ["seed", "split", "id", "sample"]
    unsteered = results[results["from_baseline"]].drop_duplicates(keys)[[*keys, "refusal_label"]]
    pairs = steered(results).merge(unsteered, on=keys, suffixes=("", "_before"))
    assert found(desk) == int((pairs["refusal_label"] != pairs["refusal_label_before"]).sum()) > 0
    desk.click("#reset")
    for name, value in {"split": "benign", "intervention": "add", "layer": "14", "label": "refusal"}.items():
        desk.select_option(f"[name={name}]", value)
    rows = steered(results, split="benign", intervention="add", layer="14", refusal_label="refusal")
    assert found(desk) == len(rows) > 0
    desk.fill("[name=q]", "SORRY")
    assert found(desk) == int((rows["completion"] + rows["prompt"]).str.lower().str.contains("sorry").sum())
    desk.locator("#rows button").first.click()
    marks = {text.lower() for text in desk.locator("#reader mark").all_inner_texts()}
    assert marks and marks <= {phrase for phrases in rows["matched_phrases"] for phrase in phrases}
    desk.fill("[name=q]", "no text has this")
    assert found(desk) == 0


def test_a_click_on_a_mark_opens_its_completions_and_an_address_brings_them_back(visit, whole_page, desk, results):
    desk.locator("summary", has_text="Helpfulness by layer and strength").click()
    desk.locator("[data-chart=heatmap_helpful_benign] path[aria-label*='alpha: 0.6; layer: 14']").first.click()
    values = parse_qs(desk.evaluate("location.hash.split('?')[1]"))
    expected = {"split": "benign", "intervention": "add", "layer": "14", "alpha": "0.6"}
    assert {name: values[name][0] for name in expected} == expected
    assert found(desk) == len(steered(results, split="benign", intervention="add", layer="14", alpha=0.6))
    # What is chosen is marked in every chart, and in the table.
    for name in ("tradeoff", "dose_response", "effect_gap_forest", "heatmap_helpful_benign"):
        assert desk.locator(f"[data-chart={name}] path.picked").count() >= 1
    assert desk.locator(".points tr.picked").count() == 1
    desk.locator("#rows button").nth(3).click()
    desk.locator("#reader a").click()
    assert found(desk) == 1
    again = visit(whole_page, place=desk.evaluate("location.hash"))
    assert again.locator("#rows").inner_text() == desk.locator("#rows").inner_text()


def test_a_sample_and_an_order_stand_in_the_address(visit, whole_page, desk):
    desk.select_option("[name=split]", "benign")
    desk.click("#sample")
    assert found(desk) == 10
    desk.click("[data-sort=score]")
    scores = [float(text) for text in desk.locator("#rows td:nth-child(4)").all_inner_texts()]
    assert scores == sorted(scores) and len(scores) == 10
    desk.click("[data-sort=score]")
    assert desk.locator("#grid th[aria-sort=descending]").inner_text().startswith("score")
    again = visit(whole_page, place=desk.evaluate("location.hash"))
    assert again.locator("#rows").inner_text() == desk.locator("#rows").inner_text()
    desk.click("#sample")
    assert desk.locator("#rows").inner_text() != again.locator("#rows").inner_text()


def test_columns_can_be_chosen_and_the_arrows_read_on(desk):
    desk.locator("summary", has_text="more filters and columns").click()
    desk.check("#columns [value=tokens]")
    assert "tokens" in desk.locator("#grid thead").inner_text()
    desk.uncheck("#columns [value=tokens]")
    assert "tokens" not in desk.locator("#grid thead").inner_text()
    desk.locator("summary", has_text="more filters and columns").click()
    desk.locator("#rows button").first.focus()
    desk.keyboard.press("ArrowDown")
    assert desk.locator("#rows tr").nth(1).get_attribute("aria-selected") == "true"
    shown = desk.locator("#reader h3").inner_text()
    assert desk.locator("#rows tr").nth(1).locator("td").last.inner_text() in shown


@pytest.mark.parametrize(
    ("mark", "holds", "lacks"),
    [
        ("[data-chart=dose_response] .mark-symbol path", "/60", "unsteered"),
        # The unsteered model is a star that is not at a layer.
        ("[data-chart=tradeoff] path[aria-label*='point: unsteered']", "unsteered", "layer"),
    ],
)
def test_a_pointer_over_a_mark_shows_what_it_is(desk, mark, holds, lacks):
    desk.mouse.move(0, 0)
    desk.locator(mark).first.hover()
    desk.wait_for_selector("#vg-tooltip-element.visible")
    words = desk.locator("#vg-tooltip-element").inner_text()
    assert holds in words
    assert lacks not in words


def test_what_is_shown_can_be_taken_along(desk, tmp_path):
    desk.click("#copy-markdown")
    desk.locator("#said", has_text="Markdown").wait_for()
    assert desk.evaluate("navigator.clipboard.readText()").count("**") == 2 * 50
    for button, name in (("#download-csv", "found.csv"), ("[data-table='summary.csv']", "summary.csv")):
        with desk.expect_download() as download:
            desk.click(button)
        download.value.save_as(tmp_path / name)
    assert len(pd.read_csv(tmp_path / "found.csv")) == found(desk)
    assert (tmp_path / "summary.csv").read_text() == "a,b\n1,2\n"


def test_the_keyboard_alone_reaches_the_completions_of_a_point(desk):
    desk.locator("summary", has_text="rows of rates").first.click()
    desk.locator("[data-open]").nth(5).focus()
    desk.keyboard.press("Enter")
    assert desk.evaluate("document.activeElement.id") == "found"
    desk.locator("#reader summary").first.focus()
    desk.keyboard.press("Enter")
    assert desk.locator("#reader details[open]").count() == 1


def test_the_first_completion_is_within_ten_stops_of_the_keyboard(visit, whole_page):
    page = visit(whole_page)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the completions"
    page.keyboard.press("Enter")
    for _ in range(8):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('#rows tr') !== null"):
            break
    assert page.evaluate("document.activeElement.closest('#rows tr') !== null")


def test_each_panel_of_the_steerability_chart_draws_its_own_prompts(desk, results):
    per_panel = desk.locator("[data-chart=steerability] svg").evaluate(
        "svg => [...svg.querySelectorAll('.mark-symbol.role-mark')].map(group => group.querySelectorAll('path').length)"
    )
    prompts = prompt_steerability(results)
    rows = prompts[(prompts["role"] == "main") & prompts["slope"].notna()].groupby("layer").size()
    assert [n for n in per_panel if n] == rows.tolist()
    assert len(rows) == 3


def fits(page, width):
    """Nothing is wider than the window, and the buttons of the table are in sight."""
    assert page.evaluate("document.documentElement.scrollWidth") == width
    if not page.locator("[data-open]").first.is_visible():
        page.locator("summary", has_text="rows of rates").first.click()
    places = page.locator("[data-open]").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect()).map(box => [box.left, box.right, box.width])"
    )
    assert len(places) == 1 + 3 * 7 + 3 * 2
    assert all(left >= 0 and right <= width and wide > 20 for left, right, wide in places)


SEEN = """() => [...document.querySelectorAll("h1, .finding, #tradeoff, #example")]
  .map(one => one.getBoundingClientRect()).map(box => [box.top, box.bottom])"""


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (768, 1024)])
def test_the_first_screen_has_the_question_the_finding_a_chart_and_an_example_in_this_order(
    visit, whole_page, width, height
):
    page = visit(whole_page, width=width)
    places = page.evaluate(SEEN)
    assert len(places) >= 1 + 2 + 1 + 1
    tops = [top for top, _ in places]
    assert tops == sorted(tops) or width == 1440
    assert tops[-1] < height
    # The chart is as wide as its column, and no letter on it is smaller than 12 pixels.
    wide, column = page.evaluate("""() => { const chart = document.querySelector("[data-chart=tradeoff]");
      return [chart.querySelector("svg").getBoundingClientRect().width, chart.clientWidth]; }""")
    assert 0.9 * column <= wide <= column
    sizes = page.evaluate("""() => [...document.querySelectorAll(".chart svg text")].filter(one => one.textContent)
      .map(one => parseFloat(getComputedStyle(one).fontSize))""")
    assert min(sizes) >= 12


def test_on_a_desk_the_page_is_short_and_the_operating_points_fit_their_box(visit, whole_page):
    desk = visit(whole_page, width=1440)
    assert desk.evaluate(WORDS) <= 1200
    fits(desk, 1440)
    desk.check("#all-columns")
    assert desk.locator(".points th.extra").first.is_visible()
    desk.uncheck("#all-columns")
    box = "document.querySelector('.points').closest('.scroll')"
    assert desk.evaluate(f"{box}.scrollWidth - {box}.clientWidth") == 0


WORDS = """() => {
  const walk = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  let count = 0;
  while (walk.nextNode()) {
    const at = walk.currentNode.parentElement;
    const isFolded = at.closest("details:not(.folds)") && !at.closest("summary");
    if (isFolded || at.closest("noscript, svg, select, .log")) continue;
    count += walk.currentNode.textContent.split(/\\s+/).filter((word) => /\\w/.test(word)).length;
  }
  return count;
}"""
"""Words above the fold-outs, but for the completions themselves."""


def test_a_phone_is_not_scrolled_for_ever(visit, whole_page):
    phone = visit(whole_page, width=360)
    assert phone.evaluate("document.documentElement.scrollHeight") <= 9_000
    fits(phone, 360)
    # What is folded opens, with its chart drawn.
    phone.locator("summary", has_text="Generalization gap by strength").click()
    phone.locator("#gap_vs_alpha .mark-symbol path").first.wait_for()


def test_the_printed_page_has_two_sheets_with_pictures_and_the_example(visit, whole_page, tmp_path):
    page = visit(whole_page, width=1000)
    page.pdf(path=tmp_path / "page.pdf", format="A4")
    assert len(re.findall(rb"/Type\s*/Page\b", (tmp_path / "page.pdf").read_bytes())) == 2
    page.emulate_media(media="print")
    for shown in ("[data-chart=tradeoff] svg", "[data-chart=dose_response] svg", "#example"):
        assert page.locator(shown).first.is_visible()
    assert page.locator("#rows").is_hidden()


CONTRASTS = """() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255];
  };
  const paper = rgba(getComputedStyle(document.body).backgroundColor);
  const light = (rgb) => rgb.map((v) => v / 255).map((v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, at) => sum + v * [.2126, .7152, .0722][at], 0);
  const contrast = (colour, opacity) => {
    if (colour === "none") return 0;
    const [r, g, b, a] = rgba(colour);
    const seen = [r, g, b].map((v, at) => v * a * opacity + paper[at] * (1 - a * opacity));
    const [low, high] = [light(seen), light(paper.slice(0, 3))].sort((x, y) => x - y);
    return (high + .05) / (low + .05);
  };
  const opacity = (node) => node === document.body ? 1 : getComputedStyle(node).opacity * opacity(node.parentElement);
  const found = [];
  for (const node of document.querySelectorAll("[data-chart] svg :is(path, line, text)")) {
    if (node.closest(".role-axis-grid") || node.matches(".background, .foreground")) continue;
    const style = getComputedStyle(node), through = opacity(node);
    const isText = node.tagName === "text";
    const onCell = isText && node.closest("[data-chart^=heatmap] .mark-text.role-mark");
    if (style.display === "none" || through === 0 || onCell || (isText && !node.textContent.trim())) continue;
    const fill = contrast(style.fill, through * style.fillOpacity);
    const stroke = contrast(style.stroke, through * style.strokeOpacity);
    if (style.fill === "none" && style.stroke === "none") continue;
    found.push([isText ? "text" : "mark", isText ? fill : Math.max(fill, stroke),
      node.closest("[data-chart]").dataset.chart, node.parentElement.getAttribute("class"), style.fill, style.stroke]);
  }
  return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_shuts_a_reader_out(visit, whole_page, scheme):
    """WCAG 1.4.11 and 1.4.3: 3 for marks that mean something, 4.5 for text; lines of the grid mean nothing."""
    page = visit(whole_page, color_scheme=scheme)
    page.evaluate("() => document.querySelectorAll('main details').forEach((one) => { one.open = true; })")
    page.locator("[data-chart=heatmap_helpful_benign] svg").nth(1).wait_for()
    marks = page.evaluate(CONTRASTS)
    assert len({chart for _, _, chart, *_ in marks}) == 7
    assert len(marks) > 1000
    assert [one for one in marks if one[1] < {"mark": 3.0, "text": 4.5}[one[0]]] == []
    report = Axe().run(page)
    assert report.violations_count == 0, report.generate_report()


def hostile() -> pd.DataFrame:
    results = tiny_results()
    for column in ("prompt", "completion", "family", "style"):
        results[column] = HOSTILE
    results.loc[results.index[::3], "completion"] = "x" * 10_000
    results.loc[results.index[1::3], "completion"] = '=HYPERLINK("http://example.invalid")'
    results["matched_phrases"] = [[HOSTILE] for _ in range(len(results))]
    return results


def test_hostile_text_stays_text_and_within_a_phone(visit, tmp_path):
    results = hostile()
    (tmp_path / "a.csv").write_text(HOSTILE)
    path = write_page(tmp_path, results, summarise(results), title=HOSTILE, downloads=[tmp_path / "a.csv"])
    page = visit(path, width=360, place="#browse?split=benign")
    assert page.evaluate("window.hacked") is None
    text = page.locator("#reader").inner_text()
    assert "<script>window.hacked = 1</script>" in text
    assert "\\u{202E}abc" in text
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    with page.expect_download() as download:
        page.click("#download-csv")
    download.value.save_as(tmp_path / "found.csv")
    cells = pd.read_csv(tmp_path / "found.csv")["completion"].astype(str)
    assert not cells.str.startswith("=").any()
    assert cells.str.startswith("'=HYPERLINK").any()


def test_the_page_of_several_runs_draws_and_shuts_nobody_out(visit, summary, tmp_path):
    asked = Setting({}, 40, "phrase rules")
    table = compare_runs({"one": Run("small", 20, summary, asked), "two": Run("deep", 30, summary, asked)})
    write_comparison_page(table, output=tmp_path / "compare.html")
    page = visit(tmp_path / "compare.html", width=360)
    assert page.locator("[data-chart] svg").count() == 2 * 3 * 2
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    report = Axe().run(page)
    assert report.violations_count == 0, report.generate_report()


def many(n_prompts: int) -> pd.DataFrame:
    """As many completions as 50,000, each of its own words: what compresses well must not flatter the size."""
    rng = np.random.default_rng(0)
    first = realistic_results(checks=False)
    prompts = first[["split", "id"]].drop_duplicates()
    parts = []
    for copy in range(n_prompts // len(prompts)):
        parts.append(first.assign(id=[f"{name}_{copy}" for name in first["id"]]))
    results = pd.concat(parts, ignore_index=True)
    words = np.array(["".join(rng.choice(list("etaoinshrdlu"), size=rng.integers(2, 9))) for _ in range(8000)])
    texts = words[rng.zipf(1.3, size=(len(results), 30)) % len(words)]
    results["completion"] = [" ".join(row) for row in texts]
    return results


@pytest.mark.slow
def test_fifty_thousand_completions_fit_a_mail(visit, tmp_path, summary, capsys):
    results = many(1800)
    unsteered = results[results["from_baseline"]].drop_duplicates(["split", "id"])
    n = int((~results["from_baseline"]).sum()) + len(unsteered)
    assert n >= 50_000
    prompts = prompt_steerability(realistic_results())
    path = write_page(tmp_path, results[PAGE_COLUMNS], summary, tables={"prompt_steerability": prompts})
    assert path.stat().st_size < 15_000_000
    page = visit(path)
    page.click("#reset")
    assert found(page) == n
    ready = page.evaluate("performance.now()")
    with capsys.disabled():
        print(f"\n{n} completions: {path.stat().st_size / 1e6:.1f} MB, everything drawn within {ready / 1000:.1f} s")
