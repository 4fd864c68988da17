"""Times come from the ages of files, and a stage that is older than what it needs has none."""

import math
import os

from steering_reliability.run.times import StageTime, run_times


def write(path, at):
    path.write_text("x")
    os.utime(path, (at, at))
    return path


def test_a_stage_takes_from_the_last_file_before_it_to_its_own_last_file_and_one_without_files_is_left_out(tmp_path):
    stages = {
        "prompts": [write(tmp_path / "a", 1000), write(tmp_path / "b", 1010)],
        "completions": [write(tmp_path / "c", 1015), write(tmp_path / "d", 1060), tmp_path / "missing"],
        "results": [tmp_path / "missing"],
    }
    first, second = run_times(stages)
    assert second == StageTime("completions", 2, "1970-01-01 00:17:40", 50.0)
    assert first.finished == "1970-01-01 00:16:50"
    assert math.isnan(first.seconds)


def test_a_stage_that_was_there_already_has_no_time_and_does_not_hide_the_one_before(tmp_path):
    stages = {
        "prompts": [write(tmp_path / "prompts", 1000)],
        "model": [write(tmp_path / "model", 10)],
        "directions": [write(tmp_path / "directions", 1007)],
    }
    _, model, directions = run_times(stages)
    assert math.isnan(model.seconds)
    assert directions.seconds == 7.0
