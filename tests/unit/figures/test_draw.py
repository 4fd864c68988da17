import pandas as pd
import pytest
from PIL import Image
from steering_reliability.evidence.summary import summarise
from steering_reliability.figures.draw import FIGURES, draw_all
from steering_reliability.results.tables import write_table
from synthetic_run import realistic_results, tiny_results


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures")
    written = draw_all(summarise(realistic_results()), output_dir=folder, title="a model with $dollars$ & <tags>")
    return folder, written


def test_every_figure_is_drawn_as_png_and_svg(drawn):
    folder, written = drawn
    assert {path.name for path in written} == {f"{name}.{suffix}" for name in FIGURES for suffix in ("png", "svg")}
    assert {path.name for path in folder.iterdir()} == {path.name for path in written}


def test_pngs_are_figures_at_200_dpi(drawn):
    for path in drawn[1]:
        if path.suffix == ".png":
            with Image.open(path) as image:
                assert image.info["dpi"] == pytest.approx((200, 200), abs=0.1)
                assert min(image.size) > 800
                assert len(image.convert("L").getcolors(1 << 24)) > 50


@pytest.mark.filterwarnings("error")
def test_the_same_tiny_run_gives_the_same_bytes_and_its_csv_the_same_figures(tmp_path):
    summary = summarise(tiny_results())
    write_table(summary, tmp_path / "summary.csv")
    first = draw_all(summary, output_dir=tmp_path / "first", title="x")
    second = draw_all(summary, output_dir=tmp_path / "second", title="x")
    assert len(first) == 2 * len(FIGURES)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    read = draw_all(pd.read_csv(tmp_path / "summary.csv"), output_dir=tmp_path / "read", title="x")
    assert [path.name for path in read] == [path.name for path in first]


def test_no_file_says_when_it_was_made(drawn):
    for path in drawn[1]:
        assert b"dc:date" not in path.read_bytes()
        assert b"tIME" not in path.read_bytes()


@pytest.mark.filterwarnings("error")
def test_a_run_with_missing_splits_or_strengths_is_drawn(tmp_path):
    results = tiny_results()
    lacking = summarise(results[results["split"] == "harm_test"]).assign(relative_strength=float("nan"))
    assert len(draw_all(lacking, output_dir=tmp_path, title="lacking")) == 2 * len(FIGURES)


def test_a_run_without_the_study_draws_nothing(tmp_path):
    summary = summarise(tiny_results())
    assert draw_all(summary.iloc[:0], output_dir=tmp_path / "none", title="none") == []
    assert not (tmp_path / "none").exists()
