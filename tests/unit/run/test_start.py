"""What Snakemake was given becomes a plan: files over the default, or the config of an importing workflow."""

import copy
from types import SimpleNamespace

import pytest
import yaml
from steering_reliability.config.files import WORKFLOW
from steering_reliability.errors import InputError
from steering_reliability.run.start import GivenConfig


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(WORKFLOW)


def workflow(*files, **overrides):
    settings = SimpleNamespace(configfiles=list(map(str, files)), config=overrides)
    storage = SimpleNamespace(shared_fs_usage=[SimpleNamespace(name="INPUT_OUTPUT")])
    deployment = SimpleNamespace(deployment_method=[])
    return SimpleNamespace(
        config_settings=settings, storage_settings=storage, deployment_settings=deployment, is_main_process=True
    )


def own_file(name):
    return str(WORKFLOW / name)


def given(*files, of_module=None, **overrides):
    return GivenConfig(workflow(*files, **overrides), of_module=of_module, own_file=own_file)


def test_a_part_of_a_study_needs_the_default_and_the_command_line_lies_over_all_files(config, tmp_path):
    assert given(config).default is None
    part = tmp_path / "part.yaml"
    part.write_text("generation: {max_new_tokens: 3}\n")
    assert given(part).default == "config.yaml"
    assert given(config, generation={"max_new_tokens": 3}).plan().config.generation.max_new_tokens == 3


def test_an_error_names_the_file_and_the_line(config, tmp_path):
    over = tmp_path / "over.yaml"
    over.write_text("generation:\n  top_p: 1.5\n")
    with pytest.raises(InputError, match=r"over\.yaml, line 2"):
        given(config, over).plan()


def test_a_run_on_vllm_is_refused_without_it_unless_its_jobs_bring_their_environments(config, tmp_path, monkeypatch):
    monkeypatch.setenv("STEERING_VLLM_PYTHON", str(tmp_path / "none/bin/python"))
    asked = {"generation": {"engine": "vllm"}}
    with pytest.raises(InputError, match=r"generation\.engine is vllm, but vLLM can't be used"):
        given(config, **asked).plan()
    brings = workflow(config, **asked)
    brings.deployment_settings.deployment_method = [SimpleNamespace(name="CONDA")]
    assert GivenConfig(brings, of_module=None, own_file=own_file).plan().config.generation.is_served


def test_a_module_uses_the_workflows_own_prompts_unless_its_config_names_others(config):
    module = yaml.safe_load(config.read_text())
    module["data"]["benign_path"] = str(WORKFLOW / "prompts/harm_test.jsonl")
    before = copy.deepcopy(module)
    found = given(of_module=module)
    assert set(found.own_prompts) == {"harm_train", "harm_test"}
    assert found.default is None
    # The same prompts in two splits are refused, once a run.
    with pytest.raises(InputError, match="the same prompt"):
        found.plan()
    assert module == before
