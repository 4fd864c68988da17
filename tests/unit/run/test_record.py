"""What a run records of itself is found again; a record that is damaged says nothing."""

import json

import pytest
from steering_reliability.errors import InputError
from steering_reliability.run.record import find_runs, model_of, read_provenance
from synthetic_run import finish_run


def test_runs_are_found_at_any_depth_and_told_apart(tmp_path):
    for name in ("smollm2", "old/gpt2/run_001", "new/run_001"):
        finish_run(tmp_path / name)
    (tmp_path / "unfinished").mkdir()
    assert sorted(find_runs(tmp_path)) == ["new-run_001", "old-gpt2-run_001", "smollm2"]
    assert find_runs(tmp_path / "smollm2") == {"smollm2": tmp_path / "smollm2"}


@pytest.mark.parametrize("text", [None, "{", "[]", '{"model": {}}', '{"config": 3}'])
def test_a_damaged_or_missing_record_is_refused_and_names_no_model(tmp_path, text):
    if text is not None:
        (tmp_path / "provenance.json").write_text(text)
    with pytest.raises(InputError, match="record of the run"):
        read_provenance(tmp_path)
    assert model_of(tmp_path) == {}


def test_a_model_is_what_the_record_says(tmp_path):
    facts = {"config": {}, "model": {"name": "gpt2", "n_layers": 12}}
    (tmp_path / "provenance.json").write_text(json.dumps(facts))
    assert model_of(tmp_path) == facts["model"]
