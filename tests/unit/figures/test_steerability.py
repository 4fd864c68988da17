import numpy as np
import pytest
from steering_reliability.evidence.steerability import prompt_steerability, steerability_table
from steering_reliability.figures.steerability import draw_steerability


@pytest.fixture(scope="module")
def tables(results):
    prompts = prompt_steerability(results)
    return prompts, steerability_table(prompts)


@pytest.fixture(scope="module")
def figure(tables):
    return draw_steerability(tables[0], steerability=tables[1], title="x")


def test_bars_are_the_slopes_in_order_split_by_sign_and_leave_room_for_the_numbers(figure):
    up, down = (patch.get_data() for patch in figure.axes[4].patches[:2])
    # Prompt k of 60 has slope 8 - k / 4: prompts 33 to 59 move the wrong way, by at most 6.75.
    slopes = np.sort(8 - 0.25 * np.arange(60))
    assert up.values + down.values == pytest.approx(slopes)
    assert (down.values < -1e-9).sum() == 27
    assert down.values[0] == pytest.approx(-6.75)
    assert up.edges.tolist() == pytest.approx([k / 60 for k in range(61)])
    assert figure.axes[4].get_ylim()[1] > 1.3 * 8


def test_share_and_mean_are_written_with_their_intervals(figure):
    axes = figure.axes[4]
    # 27 / 60 by Wilson's formula; the mean of 8 - k / 4 is 0.625, its t interval 0.625 -+ 2.001 x 4.366 / sqrt(60).
    assert axes.texts[0].get_text() == "wrong way 45% (33–58%), n = 60\nmean +0.62 (-0.5 to +1.8)"
    dashed = next(line for line in axes.lines if line.get_linestyle() == "--")
    assert dashed.get_ydata()[0] == pytest.approx(0.625)


def test_missing_slopes_leave_an_empty_panel_that_says_so(tables):
    prompts, table = tables
    without = draw_steerability(prompts.assign(slope=np.nan, n=0), steerability=table, title="x")
    empty = draw_steerability(prompts[:0], steerability=table[:0], title="x")
    assert without.axes[0].texts[0].get_text() == "no slopes"
    assert [axes.texts[0].get_text() for axes in empty.axes] == ["no slopes"] * 3
