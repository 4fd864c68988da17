"""A browser that must stay silent."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def results():
    from synthetic_run import realistic_results

    return realistic_results()


@pytest.fixture(scope="session")
def summary(results):
    from steering_reliability.evidence.summary import summarise

    return summarise(results)


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


@pytest.fixture
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
