"""The page as people use it: with a pointer, by keyboard, on a phone, in the dark, with hostile and with much text."""

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
    assert found(loaded) == len(steered(results, split="harm_test", **{key: best[key] for key in keys}))
    # Harmful requests are folded until they are asked for.
    assert loaded.locator("#rows article").count() == 20
    assert loaded.locator("#rows details[open]").count() == 0
    first = loaded.locator("#rows h3").first.inner_text()
    assert loaded.locator("#previous").is_disabled()
    loaded.click("#next")
    assert loaded.locator("#rows h3").first.inner_text() != first
    loaded.click("#previous")
    assert loaded.locator("#rows h3").first.inner_text() == first
    loaded.click("#sample")
    assert loaded.locator("#rows article").count() == 10


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
    marks = {text.lower() for text in desk.locator("#rows mark").all_inner_texts()}
    assert marks and marks <= {phrase for phrases in rows["matched_phrases"] for phrase in phrases}
    desk.fill("[name=q]", "no text has this")
    assert found(desk) == 0


def test_a_click_on_a_mark_opens_its_completions_and_an_address_brings_them_back(visit, whole_page, desk, results):
    desk.locator("[data-chart=heatmap_helpful_benign] path[aria-label*='alpha: 0.6; layer: 14']").first.click()
    values = parse_qs(desk.evaluate("location.hash.split('?')[1]"))
    expected = {"split": "benign", "intervention": "add", "layer": "14", "alpha": "0.6"}
    assert {name: values[name][0] for name in expected} == expected
    assert found(desk) == len(steered(results, split="benign", intervention="add", layer="14", alpha=0.6))
    desk.locator("#rows article a").nth(3).click()
    assert found(desk) == 1
    again = visit(whole_page, place=desk.evaluate("location.hash"))
    assert again.locator("#rows").inner_text() == desk.locator("#rows").inner_text()


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
    assert desk.evaluate("navigator.clipboard.readText()").count("**") == 2 * 20
    for button, name in (("#download-csv", "found.csv"), ("[data-table='summary.csv']", "summary.csv")):
        with desk.expect_download() as download:
            desk.click(button)
        download.value.save_as(tmp_path / name)
    assert len(pd.read_csv(tmp_path / "found.csv")) == found(desk)
    assert (tmp_path / "summary.csv").read_text() == "a,b\n1,2\n"


def test_the_keyboard_alone_reaches_the_completions_of_a_point(desk):
    desk.locator("[data-open]").nth(5).focus()
    desk.keyboard.press("Enter")
    assert desk.evaluate("document.activeElement.id") == "found"
    desk.locator("#rows summary").first.focus()
    desk.keyboard.press("Enter")
    assert desk.locator("#rows details[open]").count() == 1


def test_each_panel_of_the_steerability_chart_draws_its_own_prompts(desk, results):
    per_panel = desk.locator("[data-chart=steerability] svg").evaluate(
        "svg => [...svg.querySelectorAll('.mark-symbol.role-mark')].map(group => group.querySelectorAll('path').length)"
    )
    prompts = prompt_steerability(results)
    rows = prompts[(prompts["role"] == "main") & prompts["slope"].notna()].groupby("layer").size()
    assert [n for n in per_panel if n] == rows.tolist()
    assert len(rows) == 3


def fits(page, width):
    """Nothing is wider than the window, the buttons of the table are in sight and sentences have room."""
    assert page.evaluate("document.documentElement.scrollWidth") == width
    places = page.locator("[data-open]").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect()).map(box => [box.left, box.right, box.width])"
    )
    assert len(places) == 1 + 3 * 7 + 3 * 2
    assert all(left >= 0 and right <= width and wide > 20 for left, right, wide in places)
    widths = page.locator("#claims + .scroll td.sentence").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect().width)"
    )
    assert len(widths) >= 4
    assert min(widths) >= 240


def test_on_a_desk_nothing_is_folded_and_the_operating_points_fit_their_box(desk):
    fits(desk, 1440)
    box = "document.querySelector('.points').closest('.scroll')"
    assert desk.evaluate(f"{box}.scrollWidth - {box}.clientWidth") == 0
    assert desk.locator("details.folds:not([open])").count() == 0


def test_a_phone_is_not_scrolled_for_ever_and_paper_is_not_folded(visit, whole_page):
    phone = visit(whole_page, width=360)
    fits(phone, 360)
    assert phone.evaluate("document.documentElement.scrollHeight") <= 12_000
    assert phone.locator("details.folds:not([open])").count() > 5
    # What is folded opens, with its chart drawn.
    phone.locator("#gap_vs_alpha summary").first.click()
    assert phone.locator("#gap_vs_alpha .mark-symbol path").first.is_visible()
    phone.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert phone.locator("details.folds:not([open])").count() == 0


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
    marks = page.evaluate(CONTRASTS)
    assert len({chart for _, _, chart, *_ in marks}) == 6
    assert len(marks) > 1000
    assert [one for one in marks if one[1] < {"mark": 3.0, "text": 4.5}[one[0]]] == []
    page.locator("#rows summary").first.click()
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
    text = page.locator("#rows").inner_text()
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
