import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from PIL import Image
from steering_reliability.evidence.cluster_counts import with_outcomes
from steering_reliability.evidence.grid_tests import gap_tests, study_of
from steering_reliability.evidence.methods import methods_table
from steering_reliability.evidence.steerability import prompt_steerability, steerability_table
from steering_reliability.evidence.summary import summarise
from steering_reliability.figures import draw
from steering_reliability.figures.draw import EVIDENCE_FIGURES, EVIDENCE_TABLES, FIGURES, draw_all
from steering_reliability.figures.style import FORMATS
from steering_reliability.results.tables import read_table, write_table
from synthetic_run import controlled_results, tiny_results

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
def test_every_figure_is_a_png_an_svg_and_a_pdf_of_the_same_bytes_whenever_it_is_drawn(tmp_path, read):
    tables = read()
    summary, title = tables.pop("summary"), "a model with $dollars$ & <tags>"
    first, second = (draw_all(summary, output_dir=tmp_path / name, title=title, evidence=tables) for name in "ab")
    assert [path.name for path in first] == [f"{name}.{suffix}" for name in NAMES for suffix in FORMATS]
    assert {path.name for path in (tmp_path / "a").iterdir()} == {path.name for path in first}
    for path, other in zip(first, second, strict=True):
        content = path.read_bytes()
        assert content == other.read_bytes()
        assert not [one for one in (b"dc:date", b"tIME", b"CreationDate", b"ModDate") if one in content]
        if path.suffix == ".svg":
            # Letters are letters, and the title is the file's alone.
            assert content.count(b"<text") > 5 or path.stem == "methods"
            assert b"<dc:title>" in content
        if path.suffix == ".png":
            with Image.open(path) as image:
                assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
                assert max(image.size) > 1000


@pytest.mark.parametrize("widths", [(8.9, 18.3), (8.3, 17.1)])
def test_every_figure_is_as_wide_as_asked_and_no_letter_is_below_five_points(tmp_path, monkeypatch, widths):
    results = controlled_results()
    summary = summarise(results)
    prompts = prompt_steerability(results)
    study = study_of(results)
    rows = pd.concat([results, results[results["role"] == "main"].assign(role="method", direction="pca")])
    evidence = {
        "gap_tests": gap_tests(study.counts, styles=study.styles).assign(p_corrected=1.0),
        "prompt_steerability": prompts,
        "steerability": steerability_table(prompts),
        "methods": methods_table(with_outcomes(rows[rows["role"].isin(["main", "method"])]), summary=summarise(rows)),
    }
    found = {}

    def measure(figure, *, output_dir, name):
        figure.draw_without_rendering()
        letters = [text for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()]
        # Labels of ticks beyond the axis are not drawn.
        ticks = {id(text) for axes in figure.axes for text in (*axes.get_xticklabels(), *axes.get_yticklabels())}
        outside = [text.get_text() for text in letters if id(text) not in ticks and beyond(figure, text)]
        found[name] = (figure.get_figwidth() * 2.54, min(text.get_fontsize() for text in letters), outside)
        return []

    monkeypatch.setattr(draw, "save_figure", measure)
    draw_all(summary, output_dir=tmp_path, title="a model", evidence=evidence, widths=widths)
    assert list(found) == NAMES
    assert {round(width, 3) for width, _, _ in found.values()} == set(widths)
    assert min(size for _, size, _ in found.values()) >= 5
    # A curve per panel needs two columns, one cloud of points does not.
    assert found["tradeoff"][0] == pytest.approx(widths[0])
    assert [(name, outside) for name, (_, _, outside) in found.items() if outside] == []


def beyond(figure, text) -> bool:
    """Whether a letter lies outside the paper."""
    if text.axes is not None and not text.axes.get_visible():
        return False
    box, paper = text.get_window_extent(), figure.bbox
    return box.x0 < paper.x0 - 1 or box.x1 > paper.x1 + 1 or box.y0 < paper.y0 - 1 or box.y1 > paper.y1 + 1


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
