"""The zip of a run: all of its files, and a link that leads there from the notebook's folder."""

import re
import sys
import zipfile
from types import SimpleNamespace

import pytest
from steering_reliability.notebook import offer_zip


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results/a run/tables").mkdir(parents=True)
    (tmp_path / "results/a run/tables/claims.csv").write_text("claim", encoding="utf-8")
    (tmp_path / "notebooks").mkdir()
    return "results/a run"


def test_the_zip_holds_the_run_and_the_link_leads_to_it_from_the_notebook(run, tmp_path):
    for _ in range(2):
        shown = offer_zip(run, beside="notebooks").data
        with zipfile.ZipFile(tmp_path / "results/a run.zip") as archive:
            assert [name for name in archive.namelist() if not name.endswith("/")] == ["a run/tables/claims.csv"]
            assert archive.read("a run/tables/claims.csv") == b"claim"
    assert re.findall(r'href="([^"]*)" download>([^<]*)<', shown) == [("../results/a%20run.zip", "a run.zip")]
    assert str(tmp_path / "results/a run.zip") in shown


def test_on_colab_the_browser_is_asked_to_download_it(run, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setitem(sys.modules, "google.colab", SimpleNamespace(files=SimpleNamespace(download=asked.append)))
    offer_zip(run)
    assert asked == [str(tmp_path / "results/a run.zip")]
