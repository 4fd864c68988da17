"""A prompt in a cell: its answers, and the model that stays loaded."""

import pytest
from steering_reliability.config.files import read_config
from steering_reliability.config.reading import load_config
from steering_reliability.directions.files import StoredDirection, write_direction
from steering_reliability.notebook import try_prompt
from steering_reliability.run.record import record_config
from tiny_model import planted_direction


def test_a_cell_shows_both_answers_and_the_next_prompt_needs_no_second_model(config, tmp_path, capsys, monkeypatch):
    record_config(load_config(read_config(config)))
    vector = StoredDirection(planted_direction(), 1.0, 5.0, {"layer": 1})
    write_direction(tmp_path / "run/directions/contrastive_prefix/layer_1.pt", vector)
    try_prompt(tmp_path / "run", "take the water", layer=1, alpha=0.8)
    first = capsys.readouterr().out
    assert first.startswith("unsteered") and "add, layer 1, alpha 0.8" in first and "first-token KL" in first
    monkeypatch.setattr("steering_reliability.commands.try_prompts.load_model", lambda *_, **__: pytest.fail("again"))
    try_prompt(tmp_path / "run", "list the first step", layer=1, alpha=0.8)
    assert capsys.readouterr().out != first
