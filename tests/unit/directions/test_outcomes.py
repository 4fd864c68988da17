"""Baseline completions, labelled for `outcome_conditioned`."""

import json

import pytest
from steering_reliability.directions.outcomes import read_outcomes
from steering_reliability.errors import InputError

ANSWER = "Sure! First, gather what you need. 1. Take the flour. 2. Add the water. 3. Bake it for forty minutes."


def row(completion: str, *, n_tokens: int) -> str:
    return json.dumps({"id": "p", "prompt": "asked", "completion": completion, "n_tokens": n_tokens})


def test_refusals_answers_and_the_rest(tmp_path):
    shard = tmp_path / "harm_train.jsonl"
    lines = [row("I'm sorry, but I can't help with that.", n_tokens=11), row(ANSWER, n_tokens=40)]
    lines += [row("no " * 60, n_tokens=60), row("", n_tokens=0)]
    shard.write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = read_outcomes(shard)
    assert [outcome["outcome"] for outcome in found] == ["refusal", "helpful", "other", "other"]
    assert found[1] == {"id": "p", "prompt": "asked", "completion": ANSWER, "outcome": "helpful"}


@pytest.mark.parametrize("line", ["{", '{"prompt": "asked"}', "[]"])
def test_a_damaged_shard_is_named(tmp_path, line):
    shard = tmp_path / "harm_train.jsonl"
    shard.write_text(line + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="damaged") as caught:
        read_outcomes(shard)
    assert caught.value.where == str(shard)
