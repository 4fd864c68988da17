import numpy as np
import pytest
from PIL import Image
from steering_reliability.evidence.cluster_counts import with_outcomes
from steering_reliability.evidence.methods import methods_table
from steering_reliability.evidence.steerability import prompt_steerability, steerability_table
from steering_reliability.evidence.summary import summarise
from steering_reliability.figures import draw
from steering_reliability.figures.draw import EVIDENCE_FIGURES, EVIDENCE_TABLES, FIGURES, draw_all
from steering_reliability.results.tables import read_table, write_table
from synthetic_run import tiny_results

NAMES = [*FIGURES, *EVIDENCE_FIGURES]
RESULTS = tiny_results()


@pytest.fixture(scope="module")
def read(tmp_path_factory, gaps_of):
    """Return a function that gives the tables of a tiny run as the rule reads them, with the first rows of evidence."""
    folder = tmp_path_factory.mktemp("tables")
    makers = (
        gaps_of,
        prompt_steerability,
        lambda rows: steerability_table(prompt_steerability(rows)),
        lambda rows: methods_table(with_outcomes(rows), summary=summarise(rows)),
    )
    tables = {"summary": summarise(RESULTS), **dict(zip(EVIDENCE_TABLES, (f(RESULTS) for f in makers), strict=True))}

    def read(n_rows=None):
        for name, table in tables.items():
            write_table(table if name == "summary" else table[:n_rows], folder / f"{name}.csv")
        return {name: read_table(folder / f"{name}.csv") for name in tables}

    return read


@pytest.mark.filterwarnings("error")
def test_every_figure_is_a_png_and_an_svg_of_the_same_bytes_whenever_it_is_drawn(tmp_path, read):
    tables = read()
    summary, title = tables.pop("summary"), "a model with $dollars$ & <tags>"
    first, second = (draw_all(summary, output_dir=tmp_path / name, title=title, evidence=tables) for name in "ab")
    assert [path.name for path in first] == [f"{name}.{suffix}" for name in NAMES for suffix in ("png", "svg")]
    assert {path.name for path in (tmp_path / "a").iterdir()} == {path.name for path in first}
    for path, other in zip(first, second, strict=True):
        content = path.read_bytes()
        assert content == other.read_bytes()
        assert b"dc:date" not in content and b"tIME" not in content
        if path.suffix == ".png":
            with Image.open(path) as image:
                assert image.info["dpi"] == pytest.approx((200, 200), abs=0.1)
                assert max(image.size) > 1000


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("lacking", ["splits and strengths", "evidence", "the KL", "the study"])
def test_what_a_run_lacks_is_left_out(tmp_path, monkeypatch, read, lacking):
    drawn = []

    def render(figure, *, output_dir, name):
        figure.draw_without_rendering()
        drawn.append(name)
        return []

    monkeypatch.setattr(draw, "save_figure", render)
    tables = read(0 if lacking == "evidence" else None)
    summary = tables.pop("summary")
    if lacking == "splits and strengths":
        summary = summarise(RESULTS[RESULTS["split"] == "harm_test"]).assign(relative_strength=np.nan)
    elif lacking == "the KL":
        summary = summary.assign(first_token_kl_harm_test=np.nan)
    elif lacking == "the study":
        summary = summary[:0]
    draw_all(summary, output_dir=tmp_path / "none", title="x", evidence=tables)
    assert drawn == ([] if lacking == "the study" else NAMES)
    assert not (tmp_path / "none").exists()
