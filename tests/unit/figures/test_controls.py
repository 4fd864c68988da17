import pytest
from matplotlib.figure import Figure
from steering_reliability.figures.controls import control_note, control_points, controls_of, draw_controls
from steering_reliability.figures.dose_response import draw_dose_response
from steering_reliability.figures.gap import draw_gap
from steering_reliability.figures.panels import alpha_axis, study_panels
from steering_reliability.figures.tradeoff import draw_tradeoff


def panel_at(summary, title):
    return next(panel for panel in study_panels(summary) if panel.title == title)


def of_marker(axes, marker):
    return [line for line in axes.lines if line.get_marker() == marker]


def test_controls_are_of_their_own_panel_alone_and_steered(summary):
    assert control_points(summary)["direction"].tolist() == ["random_1", "random_2", "shuffled_1", "shuffled_2"]
    assert len(controls_of(summary, panel_at(summary, "add at layer 14"))) == 4
    assert controls_of(summary, panel_at(summary, "add at layer 10")).empty
    assert controls_of(summary, panel_at(summary, "ablate at layer 14")).empty


def test_a_bar_holds_every_interval_of_its_kind(summary):
    axes = Figure().subplots()
    controls = controls_of(summary, panel_at(summary, "add at layer 14"))
    axis = alpha_axis([0.0, 0.4, 0.8])
    draw_controls(axes, controls, axis=axis, name="refusal_harm_test")
    shuffled = controls[controls["role"] == "shuffled"]
    bar = axes.lines[2].get_ydata()
    assert bar.tolist() == [shuffled["refusal_harm_test_low"].min(), shuffled["refusal_harm_test_high"].max()]
    (marks,) = of_marker(axes, "h")
    assert marks.get_ydata().tolist() == shuffled["refusal_harm_test"].tolist()
    # 4 of 60 prompts refuse unsteered; every tenth refuses under the first shuffled direction, every fifth under both.
    assert (marks.get_xdata() == pytest.approx(0.4 + 0.073 * 0.8)) and len(marks.get_xdata()) == 2
    assert marks.get_ydata()[1] >= 12 / 60


def test_controls_at_an_alpha_that_the_panel_lacks_are_left_out(summary):
    axes = Figure().subplots()
    controls = controls_of(summary, panel_at(summary, "add at layer 14"))
    draw_controls(axes, controls, axis=alpha_axis([0.0, 0.8]), name="refusal_harm_test")
    assert not axes.lines


@pytest.mark.parametrize("draw", [draw_dose_response, draw_gap])
def test_only_the_panel_of_their_layer_shows_them(summary, draw):
    figure = draw(summary, title="x")
    shown = [axes.get_title(loc="left") for axes in figure.axes if of_marker(axes, "d") and of_marker(axes, "h")]
    assert shown == ["add at layer 14"]
    assert "random direction of the same length" in figure.get_supxlabel()


def test_the_tradeoff_shows_them_by_both_axes(summary):
    axes = draw_tradeoff(summary, title="x").axes[0]
    controls = control_points(summary)
    drawn = [(line.get_xdata()[0], line.get_ydata()[0]) for marker in "dh" for line in of_marker(axes, marker)]
    assert drawn == list(zip(controls["helpfulness_drop"], controls["refusal_harm_test"], strict=True))
    names = [text.get_text().replace("\n", " ") for text in axes.get_legend().get_texts()]
    assert names[-2:] == ["random direction of the same length", "shuffled labels"]


def test_a_run_without_controls_says_nothing_of_them(summary):
    study = summary[summary["role"] == "main"]
    assert control_note(study, measured="x") == []
    assert "controls" not in draw_gap(study, title="x").get_supxlabel()


@pytest.mark.parametrize("draw", [draw_dose_response, draw_gap, draw_tradeoff])
def test_the_same_run_gives_the_same_bytes(summary, saved_twice, draw):
    first, second = saved_twice(lambda: draw(summary, title="x"))
    assert first == second
