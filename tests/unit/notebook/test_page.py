"""A run's page inside a notebook works as it does alone."""

import html
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from playwright.sync_api import sync_playwright
from steering_reliability.evidence.summary import summarise
from steering_reliability.notebook import show_page
from synthetic_run import realistic_results
from written_page import CHROMIUM, needs_chromium, write_page


def test_the_page_is_found_where_the_run_s_config_sent_it_and_without_one_there_is_a_sentence(tmp_path):
    (tmp_path / "pages").mkdir()
    config = {
        "model": {"name": "m"},
        "experiment": {"layers": [1], "alphas": [1.0], "output_dir": "results/x"},
        "report": {"output_dir": str(tmp_path / "pages")},
    }
    (tmp_path / "<run>").mkdir()
    (tmp_path / "<run>" / "provenance.json").write_text(json.dumps({"config": config}), encoding="utf-8")
    said = show_page(tmp_path / "<run>").data
    assert said.startswith("<p>There is no page of the run ")
    assert "&lt;run&gt;" in said
    (tmp_path / "pages" / "index.html").write_text("<p>here & there</p>", encoding="utf-8")
    (srcdoc,) = re.findall(r'srcdoc="([^"]*)"', show_page(tmp_path / "<run>").data)
    assert html.unescape(srcdoc) == "<p>here & there</p>"


@needs_chromium
def test_charts_filters_and_links_work_inside_a_notebook(tmp_path):
    results = realistic_results()
    (tmp_path / "run" / "report").mkdir(parents=True)
    write_page(tmp_path / "run" / "report", results, summarise(results))
    notebook = tmp_path / "notebook.html"
    notebook.write_text(f"<!doctype html><meta charset=utf-8>{show_page(tmp_path / 'run').data}", encoding="utf-8")
    # In a thread of its own: another test of this process may keep a browser open, and Playwright takes one a thread.
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(errors_while_used, notebook).result() == []


def errors_while_used(notebook: Path) -> list[str]:
    """Use the page inside a notebook; what its scripts complained of."""
    heard: list[str] = []
    with sync_playwright() as playwright:
        flags = ["--no-sandbox"] if os.getuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        tab = browser.new_page(viewport={"width": 1200, "height": 1000})
        tab.on("pageerror", lambda error: heard.append(str(error)))
        tab.goto(notebook.as_uri())
        page = tab.frame_locator("iframe")
        page.locator("html[data-ready=yes]").wait_for(timeout=20_000)
        assert page.locator("[data-chart] svg").count() > 0
        before = page.locator("#found").inner_text()
        page.locator("[name=label]").select_option("refusal")
        assert page.locator("#found").inner_text() != before
        page.locator('a[href="#rows"]').press("Enter")
        # The link led to a place in the page, and not to the notebook in its own frame.
        assert page.locator("#rows").is_visible()
        assert len(tab.frames) == 2
        assert tab.url == notebook.as_uri()
        browser.close()
    return heard
