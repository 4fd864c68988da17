import pytest
from steering_reliability.commands.doctor import _error_of_rule, lines_of, precision_words, prompt_lines, run_seconds
from steering_reliability.commands.probe import Measurement


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


def test_the_less_was_seen_the_less_sure_it_is_and_says_so():
    long, short = Measurement(700.0, 8.0), Measurement(700.0, 1.0)
    rough, none = Measurement(700.0, 0.5, is_rough=True), Measurement(200.0, 0.0, why="not measured")
    widths = [probe.spread[1] / probe.spread[0] for probe in (long, short, rough, none)]
    assert widths == sorted(widths)
    words = [
        precision_words({"guessed": probe.why, "is_rough": probe.is_rough, "watched_seconds": probe.seconds})
        for probe in (long, short, rough, none)
    ]
    assert words[0] == "measured for 8 s"
    assert "rough" in words[1] and "rough" in words[2]
    assert words[3] == "assumed from the slowest tested machine: not measured"


def test_it_says_which_vllm_is_there_and_what_is_missing():
    facts = {"wanted": "0.30.0", "is_usable": True, "found": "0.30.0 (GPU) in python", "gpus": 8, "gpus_per_engine": 4}
    assert list(lines_of("engine", {"engine": facts})) == [
        "engine    vLLM 0.30.0 (GPU) in python",
        "          8 GPUs, 4 for each engine",
    ]
    facts |= {"is_usable": False, "found": "0.1.0 (GPU) in python; it lacks jaxtyping", "gpus": 2}
    lines = list(lines_of("engine", {"engine": facts}))
    assert lines[0].endswith("it lacks jaxtyping")
    assert "needs vLLM 0.30.0" in lines[2]
    assert lines[3] == "WARNING   generation.vllm.tensor_parallel_size is 4, and 2 GPUs are visible"


def test_of_what_snakemake_says_the_jobs_own_error_is_shown():
    said = "Building DAG\n\nerror: the file is broken\n  where: m.gguf\n  to do: fetch it again\n\nError in rule x:\n"
    error = _error_of_rule(said, folder="results/models/m")
    assert (error.what, error.where, error.fix) == ("the file is broken", "m.gguf", "fetch it again")
    other = _error_of_rule("Building DAG\nno space left on device\n", folder="results/models/m")
    assert "no space left on device" in other.what
    assert other.where == "results/models/m.log"
