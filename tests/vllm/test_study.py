"""A whole study through Snakemake with vLLM: killed, resumed, and beside the same study with the bridge's engine."""

import json
import os
import time
from pathlib import Path

import pandas as pd
import pytest
from project import Project, Run, kill, processes_in
from tiny_model import write_tiny_model

CLOSE = 1e-3
# Layers of the config, and the scan that would choose them; one layer keeps the study short.
CHANGES = {
    **{"experiment.layers": [1], "experiment.alphas": {"add": [0.5], "ablate": [1.0]}, "scan.share": 0.3},
    **{"sanity_checks.alpha": 0.5, "sanity_checks.alt_prefixes": []},
}


@pytest.fixture(scope="module")
def projects(vllm_python: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Project]:
    """The same study on both engines, of which only the bridge's has run; short paths, for the sockets."""
    os.environ["STEERING_VLLM_PYTHON"] = str(vllm_python)
    # vLLM's kernels for CPUs want heads of 32 numbers.
    model = write_tiny_model(tmp_path_factory.mktemp("model") / "model", heads=(1, 1))
    made = {}
    for engine in ("bridge", "vllm"):
        made[engine] = Project.create(tmp_path_factory.mktemp(engine) / "project", model=model)
        made[engine].configure(CHANGES | {"generation.engine": engine})
    run = made["bridge"].snakemake("--cores", "2")
    assert run.code == 0, run.output[-3000:]
    return made


def test_a_killed_study_is_resumed_and_has_the_tables_of_the_bridge(projects):
    ours, served = projects["bridge"], projects["vllm"]
    with served.running("--cores", "2") as (process, seen):
        deadline = time.monotonic() + 600
        while len(finished_shards(served, seen)) < 2 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert process.poll() is None, "the study was over before it could be killed"
        for number in processes_in(served.root):
            kill(number)
        finished = finished_shards(served, seen)
    run = served.snakemake("--cores", "2")
    assert run.code == 0, run.output[-3000:]
    again = {name: time_of for name, (time_of, _) in served.shards().items()}
    assert finished and finished.items() <= again.items(), "a finished shard was written again"
    assert not served.plan().jobs
    compare_shards(ours, served)
    compare_tables(ours, served)
    made_with = json.loads((served.root / "results/tiny/provenance.json").read_text())["made_with"]
    assert {entry["vllm"] for entry in made_with} == {"0.30.0 (CPU)"}


def finished_shards(project: Project, seen: Run) -> dict[str, int]:
    """When each shard was written that Snakemake knows to be finished; one that it was not told of is written again."""
    known = {name for one in seen.read_jobs().finished for name in seen.outputs[one]}
    return {name: time_of for name, (time_of, _) in project.shards().items() if name in known}


def compare_shards(ours: Project, served: Project) -> None:
    shards = {name: content for name, (_, content) in ours.shards().items()}
    theirs = {name: content for name, (_, content) in served.shards().items()}
    assert sorted(shards) == sorted(theirs)
    n = 0
    for name, content in shards.items():
        for one, other in zip(content.splitlines(), theirs[name].splitlines(), strict=True):
            here, there = json.loads(one), json.loads(other)
            assert here.keys() == there.keys()
            for key, value in here.items():
                expected = pytest.approx(value, abs=1e-4, nan_ok=True) if isinstance(value, float) else value
                assert there[key] == expected, (name, key)
            n += 1
    print(f"{n} rows of {len(shards)} shards alike")


def compare_tables(ours: Project, served: Project) -> None:
    tables = sorted(path.relative_to(ours.root) for path in (ours.root / "results/tiny").rglob("*.csv"))
    assert len(tables) > 10
    for path in tables:
        one, other = (pd.read_csv(project.root / path) for project in (ours, served))
        pd.testing.assert_frame_equal(one, other, rtol=CLOSE, atol=CLOSE, obj=str(path))


def test_the_engine_and_its_version_stale_only_what_they_write(projects):
    served = projects["vllm"]
    served.configure(CHANGES | {"generation.engine": "vllm", "generation.vllm": {"gpu_memory_utilization": 0.5}})
    # How much memory it may take changes no row; the record of the config is written again.
    assert {job.rule for job in served.plan().jobs} <= {"record_provenance", "write_report", "record_checksums", "all"}
    served.configure(CHANGES | {"generation.engine": "bridge"})
    rules = {job.rule for job in served.plan().jobs}
    assert {"measure_activations", "complete_baseline", "complete_shard"} <= rules
    assert not {"prepare_prompts", "measure_lengths"} & rules


def test_a_study_without_vllm_gets_one_message(projects, monkeypatch, tmp_path):
    monkeypatch.setenv("STEERING_VLLM_PYTHON", str(tmp_path / "nothing/bin/python"))
    served = projects["vllm"]
    served.configure(CHANGES | {"generation.engine": "vllm"})
    run = served.snakemake("--dry-run")
    assert run.code != 0
    assert "generation.engine is vllm, but vLLM can't be used" in run.output
    assert "Traceback" not in run.output
