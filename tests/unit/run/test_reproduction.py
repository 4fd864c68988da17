"""What a record says against what is so here, and which files may differ for it."""

import pytest
from steering_reliability.run.reproduction import differences, kind_of

RECORD = {
    "model": {"name": "m", "card": {"torch": "1"}, "weights_sha256": {"model.safetensors": "aa"}},
    "config": {"generation": {"seed": 0}},
    "code": "c0",
    "versions": {"python": "3.11.7", "torch": "2.13.0", "pandas": "3.0"},
    "machine": {"cpu_capability": "AVX512", "cpus": 2, "gpu": None},
}


def changed(**sections):
    return {name: RECORD[name] | part if isinstance(part, dict) else part for name, part in sections.items()}


@pytest.mark.parametrize(
    "here",
    [
        RECORD,
        # What only one of them says is left out, and config and card are not compared.
        {"code": "c0", "machine": {"disk": "big"}},
        RECORD | {"config": {}, "model": RECORD["model"] | {"card": None}},
    ],
)
def test_the_same_record_has_no_differences(here):
    assert differences(RECORD, here) == []


def test_another_processor_changes_what_the_model_computes_and_no_prompt():
    (one,) = differences(RECORD, changed(machine={"cpu_capability": "AVX2"}))
    assert (one.entry, one.recorded, one.here) == ("machine.cpu_capability", '"AVX512"', '"AVX2"')
    assert {"completions", "results", "figures", "records"} < set(one.changes)
    assert "prompts" not in one.changes


def test_more_cores_may_change_what_the_model_computes_and_another_python_the_records_alone():
    (one,) = differences(RECORD, changed(machine={"cpus": 16}))
    assert "completions" in one.changes
    (one,) = differences(RECORD | {"versions": {"python": "3.11"}}, {"versions": {"python": "3.12"}})
    assert one.changes == ("records",)


def test_other_weights_and_other_tables_are_told_apart():
    here = changed(model={"weights_sha256": {"model.safetensors": "bb"}}, versions={"pandas": "3.1"})
    weights, pandas = differences(RECORD, here)
    assert weights.entry == "model.weights_sha256.model.safetensors"
    assert "directions" in weights.changes
    assert "completions" not in pandas.changes
    assert "tables" in pandas.changes


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("results/run/prompts/benign.jsonl", "prompts"),
        ("results/run/completions/baseline/seed_0/benign.jsonl", "completions"),
        ("results/run/runs/baseline_benign.jsonl", "results"),
        ("results/run/results.parquet", "results"),
        ("artifacts/runs/run_001/results.parquet", "results"),
        ("results/prompts/tables/summary.csv", "tables"),
        ("results/run/provenance.json", "records"),
        ("reports/run/index.html", "records"),
        ("reports/run/examples.md", "examples"),
    ],
)
def test_the_kind_of_a_file(path, kind):
    assert kind_of(path) == kind
