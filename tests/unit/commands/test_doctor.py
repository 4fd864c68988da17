import pytest
from steering_reliability.commands.doctor import prompt_lines, run_seconds


def test_time_is_that_of_the_tokens_and_of_what_stands_around_them():
    whole = run_seconds(tokens=96_000, shards=63, speed=715)
    assert whole == pytest.approx(45 + 14 + 1.15 * 96_000 / 715 + 0.15 * 63)
    # The default run took 188 s where this was the speed: within a factor of 1.5.
    assert 188 / 1.5 < whole < 188 * 1.5


def test_a_finished_run_costs_only_its_last_stages():
    assert run_seconds(tokens=0, shards=0, speed=700) == 14


def test_what_was_not_checked_of_the_prompts_is_said_before_what_was_measured():
    notes = {"unchecked": ["3 of 8 prompts do not say their style"], "shift": "No shift.", "near_copies": ["a and b"]}
    lines = list(prompt_lines(notes))
    assert lines[0].endswith("not all say their style and template")
    assert [line.strip() for line in lines[1:]] == [*notes["unchecked"], "No shift.", "a and b"]
