"""Prompts by hand on the tiny model: the same text as the library's, its label, and what a person reads."""

import io
import json

import pytest
from steering_reliability import GenerationConfig, StoredDirection, generate, score_text
from steering_reliability.commands.app import app
from steering_reliability.commands.try_prompts import PROMPT, answers, as_lines, steering_of
from steering_reliability.config.files import read_config
from steering_reliability.config.reading import load_config
from steering_reliability.directions.files import write_direction
from steering_reliability.errors import InputError
from steering_reliability.results.aggregate import write_results
from steering_reliability.run.record import record_config
from synthetic_run import tiny_results
from tiny_model import planted_direction
from typer.testing import CliRunner

DIRECTION = StoredDirection(planted_direction(), 1.0, 5.0, {"layer": 1})
ASKED = {"intervention": None, "layer": "1", "alpha": 0.8}


@pytest.fixture
def run(config, tmp_path):
    """A run that has begun, with the directions of layers 1 and 2, which write at most four tokens."""
    record_config(load_config(read_config(config)))
    for layer in (1, 2):
        path = tmp_path / f"run/directions/contrastive_prefix/layer_{layer}.pt"
        write_direction(path, StoredDirection(planted_direction(), 1.0, 5.0, {"layer": layer}))
    return tmp_path / "run"


def call(run, *options, given, code=0):
    done = CliRunner().invoke(app, ["try", str(run), *options], input=given)
    assert done.exit_code == code, done.output
    return done


def test_every_line_of_a_pipe_is_answered_as_the_library_answers_it(run, tiny_model):
    done = call(run, "--layer", "1", "--alpha", "0.8", "--json", given="take the water\n\nlist the first step\n")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    prompts = ["take the water", "list the first step"]
    config = read_config(run / "logs/config.yaml")
    sampling = GenerationConfig(**config["generation"])
    at_point = {"direction": DIRECTION, "alpha": 0.8, "alpha_unit": config["experiment"]["alpha_unit"]}
    for steered, asked in (("unsteered", {}), ("steered", at_point)):
        expected = generate(prompts, model=tiny_model, sampling=sampling, **asked)
        assert [one[steered]["completion"] for one in found] == [text.completion for text in expected]
        labels = [score_text(text.completion, n_tokens=text.n_tokens).refusal_label for text in expected]
        assert [one[steered]["refusal_label"] for one in found] == labels
        kl = [text.first_token_kl for text in expected]
        assert [one[steered]["first_token_kl"] for one in found] == pytest.approx(kl, rel=1e-4)
    assert [one["prompt"] for one in found] == prompts
    assert all(one["steered"]["first_token_kl"] > 0 == one["unsteered"]["first_token_kl"] for one in found)


def test_both_answers_stand_side_by_side_with_label_and_kl(run):
    steering = steering_of(run, [], **ASKED)
    answer = steering.answer("take the water")
    answer["unsteered"]["completion"] = "one\x1b[31m\n\n" + "long " * 20
    lines = list(as_lines(answer, width=80))
    assert lines[0].split(" | ") == [f"{'unsteered':<38}", "add, layer 1, alpha 0.8"]
    assert {line.find(" |") for line in lines} == {38}
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    assert "one\\u{001B}[31m" in text and "\x1b" not in text
    assert f"; first-token KL {answer['steered']['first_token_kl']:.3g} nats]" in text.replace("\n", "")
    assert f"[{answer['steered']['refusal_label']}" in text


def test_several_layers_and_one_direction_for_all_of_them(run):
    for layer, n in (("1-2", 2), ("1+2", 2), ("1-2-from-1", 1)):
        steering = steering_of(run, [], intervention="add", layer=layer, alpha=0.5)
        assert len(steering.directions) == n
        assert steering.answer("take the water")["steered"]["first_token_kl"] > 0


def test_what_is_not_given_is_as_at_the_recommended_point(run):
    with pytest.raises(InputError, match="there are no results"):
        steering_of(run, [], intervention=None, layer=None, alpha=None)
    write_results(tiny_results().assign(layer="1").to_dict("records"), run / "results.parquet")
    point = steering_of(run, [], intervention=None, layer=None, alpha=None).point
    assert point["intervention"] == "add" and point["layer"] == "1" and point["alpha"] in (0.2, 0.4)


def test_what_is_not_there_is_one_message(run):
    assert "no direction of layer 0" in call(run, "--layer", "0", "--alpha", "1", given="x", code=1).output
    assert "names no layers" in call(run, "--layer", "x", "--alpha", "1", given="x", code=1).output
    wrong = call(run, "--layer", "1", "--alpha", "1", "--intervention", "push", given="x", code=1)
    assert "use one of add" in wrong.output


def test_a_person_is_asked_until_an_empty_line_and_after_a_prompt_that_is_too_long(run, monkeypatch, capsys):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    typed = iter(["take the water " * 600, "take the water", ""])
    asked = []
    monkeypatch.setattr("builtins.input", lambda prompt: asked.append(prompt) or next(typed))
    found = list(answers(steering_of(run, [], **ASKED), stream=Terminal()))
    assert [one["prompt"] for one in found] == ["take the water"]
    assert asked == [PROMPT] * 3
    assert "to do:" in capsys.readouterr().err
    monkeypatch.setattr("builtins.input", lambda prompt: (_ for _ in ()).throw(EOFError))
    assert list(answers(steering_of(run, [], **ASKED), stream=Terminal())) == []
