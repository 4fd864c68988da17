import numpy as np
import pytest
from steering_reliability.figures.equal_kl import draw_equal_kl


def axes_at(figure, title):
    return next(axes for axes in figure.axes if axes.get_title(loc="left") == title)


def curve(axes, marker):
    return next(line for line in axes.lines if line.get_marker() == marker)


def test_the_curve_runs_from_nothing_through_the_study_points(summary):
    line = curve(axes_at(draw_equal_kl(summary, title="x"), "add at layer 14"), "o")
    # The made-up KL is 3 alpha^2.
    assert line.get_xdata() == pytest.approx([0, 0.12, 0.27, 0.48, 1.08, 1.92])
    study = summary[(summary["role"] == "main") & (summary["layer"] == 14) & (summary["intervention"] == "add")]
    assert line.get_ydata()[1:].tolist() == study.loc[study["alpha"] > 0, "refusal_effect_harm_test"].tolist()
    assert line.get_ydata()[0] == 0


def test_reversed_strengths_are_a_curve_of_their_own(summary):
    figure = draw_equal_kl(summary, title="x")
    assert curve(axes_at(figure, "add at layer 14"), "s").get_xdata() == pytest.approx([0, 0.12, 0.48])
    assert not [line for line in axes_at(figure, "ablate at layer 14").lines if line.get_marker() == "s"]


def test_controls_stand_at_their_own_kl_with_intervals(summary):
    axes = axes_at(draw_equal_kl(summary, title="x"), "add at layer 14")
    marks = [line for line in axes.lines if line.get_marker() == "h"]
    assert [line.get_xdata()[0] for line in marks] == pytest.approx([0.6, 1.2])
    shuffled = summary[(summary["role"] == "shuffled") & (summary["alpha"] > 0)]
    assert [line.get_ydata()[0] for line in marks] == shuffled["refusal_effect_harm_test"].tolist()
    ends = [tuple(segment[:, 1]) for container in axes.containers[2:] for segment in container[2][0].get_segments()]
    stem = "refusal_effect_harm_test"
    for low, high in zip(shuffled[f"{stem}_low"], shuffled[f"{stem}_high"], strict=True):
        assert any(end == pytest.approx((low, high)) for end in ends)


def test_equal_steps_of_alpha_are_equal_steps_on_the_axis(summary):
    axes = axes_at(draw_equal_kl(summary, title="x"), "add at layer 14")
    transform = axes.get_xaxis().get_transform()
    assert transform.transform(np.array([0.12, 0.48, 1.08])) == pytest.approx(np.sqrt(3) * np.array([0.2, 0.4, 0.6]))


def test_panels_of_an_intervention_share_their_reach(summary):
    figure = draw_equal_kl(summary, title="x")
    reach = {axes.get_title(loc="left"): axes.get_xlim()[1] for axes in figure.axes}
    assert reach["add at layer 10"] == reach["add at layer 18"] == pytest.approx(1.12 * 1.92)
    assert reach["ablate at layer 10"] == pytest.approx(1.12 * 3)


@pytest.mark.filterwarnings("error")
def test_a_run_without_any_kl_is_drawn(summary, saved_twice):
    lacking = summary.assign(first_token_kl_harm_test=np.nan)
    assert len(saved_twice(lambda: draw_equal_kl(lacking, title="x"))) == 2


def test_the_same_run_gives_the_same_bytes(summary, saved_twice):
    first, second = saved_twice(lambda: draw_equal_kl(summary, title="x"))
    assert first == second
