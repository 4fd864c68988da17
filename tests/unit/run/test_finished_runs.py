import json

from steering_reliability.run.record import find_runs, model_of
from synthetic_run import finish_run


def test_runs_are_found_at_any_depth_and_told_apart(tmp_path):
    for name in ("smollm2", "old/gpt2/run_001", "new/run_001"):
        finish_run(tmp_path / name)
    (tmp_path / "unfinished").mkdir()
    assert sorted(find_runs(tmp_path)) == ["new-run_001", "old-gpt2-run_001", "smollm2"]
    assert find_runs(tmp_path / "smollm2") == {"smollm2": tmp_path / "smollm2"}


def test_a_model_is_what_the_provenance_says(tmp_path):
    assert model_of(tmp_path) == {}
    for text in ("{", "[]", '{"model": 3}'):
        (tmp_path / "provenance.json").write_text(text)
        assert model_of(tmp_path) == {}
    (tmp_path / "provenance.json").write_text(json.dumps({"model": {"name": "gpt2", "n_layers": 12}}))
    assert model_of(tmp_path) == {"name": "gpt2", "n_layers": 12}
