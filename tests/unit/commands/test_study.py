"""Which study a command is about, and what Snakemake is told of it."""

import json
import shutil

import pytest
from steering_reliability.commands.study import folder_of, study_of
from steering_reliability.config.files import WORKFLOW, read_config
from steering_reliability.config.reading import load_config
from steering_reliability.errors import InputError
from steering_reliability.run.record import config_file, record_config, recorded_config


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(WORKFLOW)


@pytest.fixture
def begun(config, tmp_path):
    """The folder of a run that has begun."""
    record_config(load_config(read_config(config)))
    return tmp_path / "run"


def resolved(study):
    return load_config(study.config)


def test_a_folder_means_the_config_that_the_run_was_begun_with_and_nothing_the_default(begun, config):
    study = study_of(begun, [])
    assert resolved(study) == resolved(study_of(None, [config])) == resolved(study_of(config, []))
    assert study.files_for_snakemake() == (config_file(begun),)
    assert resolved(study_of(None, [])).experiment.output_dir == str(folder_of(None, [])) == "results/smollm2"


def test_of_a_finished_run_without_logs_the_record_is_enough(begun):
    facts = {"config": recorded_config(begun)}
    shutil.rmtree(begun / "logs")
    (begun / "provenance.json").write_text(json.dumps(facts))
    study = study_of(begun, [])
    assert study.config == facts["config"]
    # Snakemake reads files: the run gets its own back.
    assert read_config(*study.files_for_snakemake()) == facts["config"]


def test_a_copied_run_is_where_the_user_says_that_it_is(begun, tmp_path):
    copy = shutil.copytree(begun, tmp_path / "copy")
    study = study_of(copy, [])
    assert resolved(study).experiment.output_dir == str(copy)
    assert resolved(study_of(begun, [])).experiment.output_dir == str(begun)
    (own,) = study.files_for_snakemake()
    assert read_config(own)["experiment"]["output_dir"] == str(copy)


def test_both_or_what_is_damaged_or_of_another_version_is_one_message(begun, config):
    with pytest.raises(InputError, match="both given"):
        study_of(begun, [config])
    config_file(begun).write_text("model: {nam: x}\nexperiment: {}\n")
    with pytest.raises(InputError, match="not valid in this version"):
        study_of(begun, [])
    config_file(begun).unlink()
    (begun / "provenance.json").write_text("{")
    with pytest.raises(InputError, match=r"provenance\.json"):
        study_of(begun, [])
