"""One Snakemake writes a run at a time, and a run that two machines wrote says so."""

import json
import shutil
import time
from pathlib import Path

from project import SMALL, Project

LOCK = "results/tiny/.running.json"


def wait_for(path: Path, *, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path} was not made"
        time.sleep(0.1)


def test_a_second_start_says_who_holds_the_run_though_snakemakes_own_locks_are_gone(
    fresh: Project, tmp_path: Path
) -> None:
    project = fresh.copy(tmp_path / "project")
    project.configure(SMALL)
    project.configure({"experiment.output_dir": "results/other"}, name="other.yaml")
    with project.running("--cores", "1", "completions") as (process, run):
        wait_for(project.root / LOCK)
        # Snakemake removes them all when any run of the directory ends.
        shutil.rmtree(project.root / ".snakemake" / "locks")
        second = project.snakemake("--cores", "1")
        assert second.code != 0
        assert f"another Snakemake (process {process.pid}, started" in second.output
        assert "results/tiny" in second.output
        assert "Traceback" not in second.output
        assert not second.jobs
        # The refused one has taken nothing away from the first, and another run may be written beside it.
        assert json.loads((project.root / LOCK).read_text(encoding="utf-8"))["pid"] == process.pid
        assert project.snakemake("--cores", "1", "prompts", config="other.yaml").code == 0
        assert process.wait(timeout=300) == 0
    assert run.code == 0, run.output
    project.plan("--forceall")
    assert not (project.root / LOCK).exists()


def test_the_lock_of_a_killed_run_is_taken_over(fresh: Project, tmp_path: Path) -> None:
    project = fresh.copy(tmp_path / "project")
    with project.running("--cores", "1") as (process, _):
        wait_for(project.root / LOCK)
        process.kill()
        process.wait()
    assert (project.root / LOCK).exists()
    run = project.snakemake("--cores", "1", "prompts")
    assert run.code == 0, run.output
    assert not (project.root / LOCK).exists()


def test_a_run_that_two_machines_wrote_says_so(finished: Project, tmp_path: Path) -> None:
    project = finished.copy(tmp_path / "project")
    recorded = json.loads((project.root / "results/tiny/provenance.json").read_text(encoding="utf-8"))["made_with"]
    assert [sorted(entry) for entry in recorded] == [sorted(recorded[0])]
    assert recorded[0]["dtype"] == "float32"
    log = "results/tiny/logs/completions/contrastive_prefix/add/layer_0/alpha_0.5/seed_0/benign.log"
    project.edit(log, old='"dtype": "float32"', new='"dtype": "bfloat16"')
    run = project.snakemake("--cores", "1", "--forcerun", "record_provenance")
    assert run.code == 0, run.output
    made_with = json.loads((project.root / "results/tiny/provenance.json").read_text(encoding="utf-8"))["made_with"]
    n = recorded[0]["files"]
    assert [(entry["files"], entry["dtype"]) for entry in made_with] == [(n - 1, "float32"), (1, "bfloat16")]
    page = (project.root / "reports/tiny/index.html").read_text(encoding="utf-8")
    assert f"{n - 1} with number format float32; 1 with number format bfloat16" in page
