"""The made-up run with every claim and check, its page, and a browser that must stay silent."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def results():
    from synthetic_run import realistic_results

    return realistic_results()


@pytest.fixture(scope="session")
def tables_of():
    """Return a function that makes the tables of a run that its page shows, but for the summary."""
    from steering_reliability.claims.evidence_tables import make_claim_tables
    from steering_reliability.evidence.by_group import by_group
    from steering_reliability.evidence.claim_points import claim_points
    from steering_reliability.evidence.equal_kl import equal_kl_table
    from steering_reliability.evidence.grid_tests import study_of
    from steering_reliability.evidence.sanity_checks import sanity_checks

    def make(results, summary):
        sanity = sanity_checks(results, summary=summary)
        study, equal_kl = study_of(results), equal_kl_table(results)
        claims = make_claim_tables(study, summary=summary, sanity=sanity, equal_kl=equal_kl)["claims"]
        groups = by_group(study.rows, points=claim_points(summary, tests=study.tests))
        return {"sanity": sanity, "claims": claims, "by_group": groups}

    return make


@pytest.fixture(scope="session")
def summary(results):
    from steering_reliability.evidence.summary import summarise

    return summarise(results)


@pytest.fixture(scope="session")
def tables(results, summary, tables_of):
    return tables_of(results, summary)


@pytest.fixture(scope="session")
def whole_page(results, summary, tables, tmp_path_factory):
    """A page with every claim and check: 31 operating points, three layers, both interventions."""
    from written_page import write_page

    folder = tmp_path_factory.mktemp("whole")
    (folder / "summary.csv").write_text("a,b\n1,2\n")
    return write_page(folder, results, summary, tables=tables, downloads=[folder / "summary.csv"])


@pytest.fixture(scope="session")
def chromium():
    from playwright.sync_api import sync_playwright
    from written_page import CHROMIUM

    with sync_playwright() as playwright:
        # Root has no sandbox; the page is our own.
        flags = ["--no-sandbox"] if os.getuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def visit(chromium):
    """Open a page; at the end it must have said nothing on the console and asked for nothing."""
    heard, contexts = [], []

    def visit(path: Path, *, place: str = "", width: int = 1200, **settings):
        context = chromium.new_context(viewport={"width": width, "height": 800}, **settings)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: heard.append(message.text))
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith("file:") else heard.append(request.url))
        page.goto(f"{path.as_uri()}{place}")
        page.wait_for_selector("html[data-ready=yes]", timeout=20_000)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert heard == []
