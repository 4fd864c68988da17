import numpy as np
import pytest
from steering_reliability.evidence.steerability import prompt_steerability, steerability_table
from steering_reliability.figures.steerability import draw_steerability


@pytest.fixture(scope="module")
def tables(results):
    return prompt_steerability(results), steerability_table(results)


def draw(tables, **options):
    return draw_steerability(tables[0], steerability=tables[1], title="x", **options)


def test_one_row_per_layer_and_one_column_per_split(tables):
    titles = [axes.get_title(loc="left") for axes in draw(tables).axes]
    assert titles[:3] == ["harm_train, layer 10", "harm_test, layer 10", "benign, layer 10"]
    assert len(titles) == 9


def test_bars_are_the_slopes_in_order_split_by_sign(tables):
    axes = draw(tables).axes[4]
    up, down = (patch.get_data() for patch in axes.patches[:2])
    # Prompt k of 60 has slope 8 - k / 4: prompts 33 to 59 move the wrong way, by at most 6.75.
    slopes = np.sort(8 - 0.25 * np.arange(60))
    assert up.values + down.values == pytest.approx(slopes)
    assert (down.values < -1e-9).sum() == 27
    assert down.values[0] == pytest.approx(-6.75)
    assert up.edges.tolist() == pytest.approx([k / 60 for k in range(61)])


def test_share_and_mean_are_written_with_their_intervals(tables):
    axes = draw(tables).axes[4]
    # 27 / 60 by Wilson's formula; the mean of 8 - k / 4 is 0.625, its t interval 0.625 -+ 2.001 x 4.366 / sqrt(60).
    assert axes.texts[0].get_text() == "wrong way 45% (33–58%), n = 60\nmean +0.62 (-0.5 to +1.8)"
    dashed = next(line for line in axes.lines if line.get_linestyle() == "--")
    assert dashed.get_ydata()[0] == pytest.approx(0.625)


def test_numbers_stand_above_the_bars(tables):
    axes = draw(tables).axes[4]
    assert axes.get_ylim()[1] > 1.3 * 8


def test_controls_are_not_drawn(tables):
    assert (tables[0]["role"] == "random").any()
    assert len(draw(tables).axes) == 9


@pytest.mark.filterwarnings("error")
def test_missing_slopes_leave_an_empty_panel_that_says_so(tables, saved_twice):
    prompts, table = tables
    without = prompts.assign(slope=np.nan, n=0)
    assert draw((without, table)).axes[0].texts[0].get_text() == "no slopes"
    empty = draw((prompts.iloc[:0], table.iloc[:0]))
    assert [axes.texts[0].get_text() for axes in empty.axes] == ["no slopes"] * 3
    saved_twice(lambda: draw((prompts.iloc[:0], table.iloc[:0])))


def test_the_same_tables_give_the_same_bytes(tables, saved_twice):
    first, second = saved_twice(lambda: draw(tables))
    assert first == second
