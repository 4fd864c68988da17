import numpy as np
import pytest
from scan_rows import made_rows
from steering_reliability.figures.scan import draw_scan
from steering_reliability.figures.style import figure_style, save_figure
from steering_reliability.scan.choose import choose
from steering_reliability.scan.readings import read_layers

TARGETS = (0.1, 0.5, 2.0)
ROWS = made_rows(
    {"main": [0, 2, 3, 9, 8, 7, 6, 5, -20, 4], "random_0": [0.1, -0.1] * 5, "random_1": [-0.1, 0.1] * 5},
    kl=[2.0] * 9 + [0.05],
)


@pytest.fixture(scope="module")
def drawn():
    chosen = choose(ROWS, layers=None, alphas={"add": None}, target_kl=TARGETS)
    return chosen, draw_scan(ROWS, chosen=chosen, target_kl=TARGETS, title="Model $x$")


def test_the_change_at_the_middle_kl_stands_over_each_layer_with_the_band(drawn, panel):
    _, figure = drawn
    axes = panel(figure, "Change of refusal propensity on harm_train, at a KL of 0.5 nats")
    line = next(line for line in axes.lines if line.get_label() == "the study's direction")
    assert line.get_ydata()[:9].tolist() == pytest.approx([0, 1, 1.5, 4.5, 4, 3.5, 3, 2.5, -10])
    # Out of reach at the last layer.
    assert np.isnan(line.get_ydata()[9])
    (band,) = axes.collections
    heights = band.get_paths()[0].vertices[:, 1]
    readings = read_layers(ROWS, intervention="add", target_kl=TARGETS)
    assert heights.max() == pytest.approx(max(reading.high for reading in readings[:9]))
    assert heights.min() == pytest.approx(min(reading.low for reading in readings[:9]))


def test_rings_mark_the_chosen_layers(drawn, panel):
    chosen, figure = drawn
    axes = panel(figure, "Change of refusal propensity on harm_train, at a KL of 0.5 nats")
    (rings,) = [line for line in axes.lines if line.get_markersize() == 11]
    assert tuple(rings.get_xdata()) == chosen.layers == (3, 5, 7)
    assert [text.get_text() for text in axes.texts] == ["3", "5", "7"]


def test_the_strengths_of_each_kl_are_drawn_as_far_as_the_scan_reaches(drawn, panel):
    _, figure = drawn
    axes = panel(figure, "Strength that reaches each first-token KL on benign; ◂ chosen")
    assert axes.get_yscale() == "log"
    by_target = {line.get_label(): line.get_ydata() for line in axes.lines if "nats" in str(line.get_label())}
    assert by_target["0.5 nats"][0] == pytest.approx(0.5)
    assert by_target["0.1 nats"][9] == pytest.approx(np.sqrt(2))
    assert np.isnan(by_target["2 nats"][9])
    assert [text.get_text() for text in axes.texts] == ["◂ 0.22", "◂ 0.5", "◂ 1"]


def test_the_footer_says_how_many_prompts_there_were(drawn):
    _, figure = drawn
    notes = " ".join(figure._supxlabel.get_text().split())
    assert "n = 20 harm_train, 20 benign prompts; 8 harm_train, 8 benign for random directions" in notes


def test_the_same_scan_gives_the_same_bytes(drawn, tmp_path):
    chosen, _ = drawn
    written = []
    for name in ("one", "two"):
        with figure_style():
            figure = draw_scan(ROWS, chosen=chosen, target_kl=TARGETS, title="Model $x$")
            written.append(save_figure(figure, output_dir=tmp_path / name, name="scan"))
    for first, second in zip(*written, strict=True):
        assert first.read_bytes() == second.read_bytes()
