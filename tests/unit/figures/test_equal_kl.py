import pytest
from steering_reliability.figures.equal_kl import draw_equal_kl


@pytest.fixture(scope="module")
def figure(summary):
    return draw_equal_kl(summary, title="x")


def test_the_curve_runs_from_nothing_through_the_study_points(figure, summary, panel, of_marker):
    (line,) = of_marker(panel(figure, "add at layer 14"), "o")
    # The made-up KL is 3 alpha^2.
    assert line.get_xdata() == pytest.approx([0, 0.12, 0.27, 0.48, 1.08, 1.92])
    study = summary[(summary["role"] == "main") & (summary["layer"] == "14") & (summary["intervention"] == "add")]
    assert line.get_ydata().tolist() == [0, *study.loc[study["alpha"] > 0, "refusal_effect_harm_test"]]


def test_controls_stand_at_their_own_kl_with_intervals(figure, summary, panel, of_marker):
    axes = panel(figure, "add at layer 14")
    marks = of_marker(axes, "h")
    assert [line.get_xdata()[0] for line in marks] == pytest.approx([0.6, 1.2])
    shuffled = summary[(summary["role"] == "shuffled") & (summary["alpha"] > 0)]
    stem = "refusal_effect_harm_test"
    assert [line.get_ydata()[0] for line in marks] == shuffled[stem].tolist()
    ends = [tuple(segment[:, 1]) for container in axes.containers[2:] for segment in container[2][0].get_segments()]
    for low, high in zip(shuffled[f"{stem}_low"], shuffled[f"{stem}_high"], strict=True):
        assert any(end == pytest.approx((low, high)) for end in ends)
