"""The page as people use it: in a browser, with a pointer, a keyboard, on a phone, with hostile text and much of it."""

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
def calm(results, summary, tmp_path_factory):
    folder = tmp_path_factory.mktemp("calm")
    (folder / "summary.csv").write_text("a,b\n1,2\n")
    return write_page(folder, results, summary, downloads=[folder / "summary.csv"])


def found(page) -> int:
    return int(page.locator("#found").inner_text().split()[0].replace(",", ""))


def steered(results: pd.DataFrame, **values) -> pd.DataFrame:
    rows = results[~results["from_baseline"]]
    for name, value in values.items():
        rows = rows[rows[name] == value]
    return rows


def test_it_opens_at_the_recommended_point(visit, calm, results, summary):
    page = visit(calm)
    best = recommended_point(summary)
    keys = ("direction", "intervention", "layer", "alpha")
    assert found(page) == len(steered(results, split="harm_test", **{key: best[key] for key in keys}))
    # What it names is folded until it is asked for.
    assert page.locator("#rows article").count() == 20
    assert page.locator("#rows details[open]").count() == 0


def test_filters_and_search_find_what_the_table_has(visit, calm, results):
    page = visit(calm)
    page.click("#reset")
    page.select_option("[name=split]", "benign")
    page.select_option("[name=intervention]", "add")
    page.select_option("[name=layer]", "14")
    page.select_option("[name=label]", "refusal")
    rows = steered(results, split="benign", intervention="add", layer=14, refusal_label="refusal")
    assert found(page) == len(rows) > 0
    word = "sorry"
    page.fill("[name=q]", word.upper())
    holds = rows["completion"].str.lower().str.contains(word) | rows["prompt"].str.lower().str.contains(word)
    assert found(page) == int(holds.sum())
    page.fill("[name=q]", "no text has this")
    assert found(page) == 0


def test_what_changed_from_the_unsteered_completion_can_be_asked_for(visit, calm, results):
    page = visit(calm)
    page.click("#reset")
    page.select_option("[name=changed]", "*")
    keys = ["seed", "split", "id", "sample"]
    unsteered = results[results["from_baseline"]].drop_duplicates(keys)[[*keys, "refusal_label"]]
    pairs = steered(results).merge(unsteered, on=keys, suffixes=("", "_before"))
    assert found(page) == int((pairs["refusal_label"] != pairs["refusal_label_before"]).sum()) > 0


def test_a_click_on_a_mark_opens_its_completions(visit, calm, results):
    page = visit(calm)
    page.locator("[data-chart=heatmap_helpful_benign] path[aria-label*='alpha: 0.6; layer: 14']").first.click()
    values = parse_qs(page.evaluate("location.hash.split('?')[1]"))
    expected = {"split": "benign", "intervention": "add", "layer": "14", "alpha": "0.6"}
    assert {name: values[name][0] for name in expected} == expected
    assert found(page) == len(steered(results, split="benign", intervention="add", layer=14, alpha=0.6))


def test_a_pointer_over_a_mark_shows_interval_and_n(visit, calm):
    page = visit(calm)
    page.locator("[data-chart=dose_response] .mark-symbol path").first.hover()
    page.wait_for_selector("#vg-tooltip-element.visible")
    assert "/60" in page.locator("#vg-tooltip-element").inner_text()


def test_an_address_brings_back_what_was_shown(visit, calm):
    page = visit(calm)
    page.locator("#rows article a").nth(3).click()
    shown = page.locator("#rows").inner_text()
    assert found(page) == 1
    again = visit(calm, place=page.evaluate("location.hash"))
    assert again.locator("#rows").inner_text() == shown


def test_the_phrases_that_were_matched_are_marked(visit, calm, results):
    row = steered(results, split="benign", refusal_label="refusal", intervention="add").iloc[0]
    place = f"#browse?split=benign&id={row['id']}&intervention=add&layer={row['layer']}&alpha={row['alpha']:g}"
    page = visit(calm, place=place)
    marks = [text.lower() for text in page.locator("#rows mark").all_inner_texts()]
    assert set(marks) <= {phrase.lower() for phrase in row["matched_phrases"]}
    assert marks


def test_ten_at_random(visit, calm):
    page = visit(calm)
    page.click("#sample")
    assert page.locator("#rows article").count() == 10


def test_pages_can_be_turned_and_end(visit, calm):
    page = visit(calm)
    first = page.locator("#rows h3").first.inner_text()
    assert page.locator("#previous").is_disabled()
    page.click("#next")
    assert page.locator("#rows h3").first.inner_text() != first
    page.click("#previous")
    assert page.locator("#rows h3").first.inner_text() == first


def test_what_is_shown_can_be_taken_along(visit, calm, tmp_path):
    page = visit(calm, permissions=["clipboard-read", "clipboard-write"])
    page.click("#copy-markdown")
    page.locator("#said", has_text="Markdown").wait_for()
    assert page.evaluate("navigator.clipboard.readText()").count("Unsteered") == 20
    with page.expect_download() as download:
        page.click("#download-csv")
    download.value.save_as(tmp_path / "found.csv")
    assert len(pd.read_csv(tmp_path / "found.csv")) == found(page)
    with page.expect_download() as download:
        page.click("[data-table='summary.csv']")
    download.value.save_as(tmp_path / "summary.csv")
    assert (tmp_path / "summary.csv").read_text() == "a,b\n1,2\n"


def test_the_keyboard_alone_reaches_the_completions_of_a_point(visit, calm):
    page = visit(calm)
    button = page.locator("[data-open]").nth(5)
    button.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "found"
    page.locator("#rows summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("#rows details[open]").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_shuts_a_reader_out(visit, calm, scheme):
    page = visit(calm, color_scheme=scheme)
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
    assert page.locator("[data-chart] svg").count() == 3 * 2
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
