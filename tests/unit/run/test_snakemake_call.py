import sys
from pathlib import Path

import pytest
from steering_reliability.config.files import WORKFLOW, study_folder
from steering_reliability.run.snakemake_call import snakemake_command


def test_snakemake_reads_the_workflow_from_any_folder_and_a_config_from_this_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = snakemake_command(configs=[Path("a.yaml")], cores="2")
    assert command[:3] == [sys.executable, "-m", "snakemake"]
    assert command[3:] == ["--snakefile", f"{WORKFLOW}/Snakefile", "--cores", "2", "--configfile", f"{tmp_path}/a.yaml"]
    assert Path(command[4]).is_file()


@pytest.mark.parametrize(
    ("profile", "passed"),
    [
        ("slurm", ["--workflow-profile", f"{WORKFLOW}/profiles/slurm"]),
        ("mine", ["--profile", "mine"]),
    ],
)
def test_a_profile_of_the_workflow_is_known_by_its_name(profile, passed):
    assert snakemake_command(configs=[], cores="all", profile=profile)[-2:] == passed


def test_a_study_runs_in_the_working_folder_but_for_one_inside_the_clone(tmp_path, monkeypatch):
    monkeypatch.chdir(WORKFLOW / "docs")
    assert study_folder() == WORKFLOW
    monkeypatch.chdir(tmp_path)
    assert study_folder() == tmp_path
