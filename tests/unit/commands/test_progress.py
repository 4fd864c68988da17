import io
import logging
import re
import sys

import pytest
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_logger_plugin_progress import LogHandler, LogHandlerSettings
from snakemake_logger_plugin_progress.progress import STAGES, Progress
from steering_reliability.config.files import WORKFLOW


@pytest.fixture
def clock():
    return {"now": 0.0}


@pytest.fixture
def progress(clock):
    progress = Progress(clock=lambda: clock["now"])
    progress.planned({"prepare_prompts": 3, "complete_baseline": 1, "complete_shard": 9, "aggregate": 1, "all": 1})
    return progress


def test_speed_and_time_left_are_those_of_what_was_written(progress, clock):
    progress.started(1, "complete_baseline")
    progress.started(2, "complete_shard")
    clock["now"] = 20.0
    progress.finished(1, tokens=3000)
    progress.finished(2, tokens=1000)
    # 2 of 10 shards in 20 s leave 80 s, and 14 s for what comes after.
    assert progress.line() == "completions     2 of 10 shards   200 tokens/s   about 1:34 left"
    assert progress.milestone() == "completions 2"


def test_shards_that_nobody_planned_are_counted_without_a_time_that_is_left(progress, clock):
    for job in range(12):
        progress.started(job, "complete_shard")
    clock["now"] = 20.0
    for job in range(12):
        progress.finished(job, tokens=100)
    assert progress.line() == "completions    12 shards   60 tokens/s"


def test_jobs_that_a_checkpoint_adds_count_as_completions_but_for_directions_that_begin(progress, clock):
    progress.grown(15)
    assert progress.total == 14
    progress.started(1, "complete_baseline")
    clock["now"] = 100.0
    progress.finished(1, tokens=1000)
    # A scan has chosen: 3 directions and 12 shards more.
    progress.grown(15 + 15)
    assert progress.line() == "completions     1 of 25 shards"
    for job in (2, 3, 4):
        progress.started(job, "build_direction")
    progress.started(5, "complete_shard")
    clock["now"] = 110.0
    progress.finished(5, tokens=100)
    progress.grown(15 + 15)
    # 20 shards are left, at the pace of those since the scan.
    assert progress.line() == "completions     2 of 22 shards   10 tokens/s   about 3:34 left"


def test_other_stages_are_counted_in_jobs(progress):
    assert progress.line() == "planning"
    progress.started(1, "prepare_prompts")
    progress.finished(1)
    assert progress.line() == "prompts         1 of 3 jobs"
    assert progress.milestone() == "prompts"
    assert progress.total == 14
    progress.started(2, "complete_shard")
    # A control that is built between shards does not take the line.
    progress.started(3, "build_direction")
    assert progress.line().startswith("completions")


def test_every_rule_that_works_has_a_stage():
    rules = set()
    for path in (WORKFLOW / "rules").glob("*.smk"):
        for part in re.split(r"^ *(?:use )?(?:rule|checkpoint) ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[
            1:
        ]:
            name = re.match(r"(?:\w+ as )?(\w+)", part)[1]
            rules |= {name} if "script:" in part or " as " in part.splitlines()[0] else set()
    assert {rule for stage in STAGES.values() for rule in stage} == rules


def record(level=logging.INFO, message="", **facts):
    made = logging.LogRecord("snakemake", level, __file__, 1, message, None, None)
    made.__dict__.update(facts)
    return made


@pytest.mark.parametrize(
    ("settings", "written"),
    [
        (None, "prompts         0 of 2 jobs\ndisk is full\nprompts         1 of 2 jobs\n"),
        (
            LogHandlerSettings(rewrite=True),
            "\r\x1b[2Kplanning\r"
            "\r\x1b[2Kprompts         0 of 2 jobs\r"
            "\r\x1b[2Kdisk is full\n"
            "\r\x1b[2Kprompts         1 of 2 jobs\r\n",
        ),
    ],
)
def test_warnings_are_printed_whole_and_the_line_is_rewritten_where_that_is_asked_for(monkeypatch, settings, written):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    handler = LogHandler(common_settings=None, settings=settings)
    handler.emit(record(event=LogEvent.RUN_INFO, stats={"prepare_prompts": 2, "total": 2}))
    handler.emit(record(event=LogEvent.JOB_INFO, jobid=1, rule_name="prepare_prompts", output=["a"], message="words"))
    handler.emit(record(logging.WARNING, "disk is full"))
    handler.emit(record(event=LogEvent.JOB_FINISHED, job_id=1))
    handler.close()
    assert sys.stderr.getvalue() == written
