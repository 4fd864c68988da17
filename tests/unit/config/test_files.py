"""Configs laid over each other: the rule, and that it leaves every committed config as it was."""

import copy

import pytest
import yaml
from snakemake.utils import update_config
from steering_reliability.config.files import ROOT, RULE, is_whole, laid_over, read_config, study_config
from steering_reliability.config.reading import load_config
from steering_reliability.errors import InputError

WHOLE = {"model": {"name": "m"}, "experiment": {"layers": [0], "alphas": [1.0], "output_dir": "results/x"}}
OVERLAYS = [f"configs/{name}.yaml" for name in ("full", "refusal_tuned", "tiny")]
MODELS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "configs/models").glob("*.yaml"))


def parsed(name):
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def resolved(*names):
    return load_config(read_config(*(ROOT / name for name in names)))


@pytest.mark.parametrize("name", ["config.yaml", "configs/default.yaml"])
def test_a_whole_study_is_read_as_it_stands(name):
    assert resolved(name) == load_config(parsed(name))


@pytest.mark.parametrize("name", [*OVERLAYS, *MODELS])
def test_an_overlay_means_what_snakemakes_own_merge_of_both_files_means(name):
    expected = parsed("config.yaml")
    update_config(expected, parsed(name))
    assert resolved(name) == load_config(expected)
    # `make models` names both.
    assert resolved("config.yaml", name) == load_config(expected)


@pytest.mark.parametrize("path", [("model", "name"), ("experiment", "layers"), ("experiment", "alphas")])
def test_what_lacks_a_key_without_a_default_is_laid_over_config_yaml(path):
    part = copy.deepcopy(WHOLE)
    assert is_whole(part)
    del part[path[0]][path[1]]
    assert not is_whole(part)
    merged = study_config([part], default=lambda: parsed("config.yaml"))
    assert merged["generation"]["temperature"] == 0.7
    assert merged["experiment"]["output_dir"] == "results/x"


def test_two_overlays_that_make_a_whole_together_still_lie_over_config_yaml():
    both = resolved("configs/tiny.yaml", "configs/models/gpt2.yaml")
    assert both.model.name == "openai-community/gpt2"
    assert (both.experiment.layers, both.data.max_prompts_per_split) == ([4, 6, 8], 8)
    # From config.yaml: neither file says it, and the default of the key is another.
    assert (both.experiment.alpha_unit, both.direction.build_fraction) == ("resid_norm", 0.5)


def test_the_last_file_has_the_last_word():
    assert resolved("configs/tiny.yaml", "configs/full.yaml").data.max_prompts_per_split is None
    assert resolved("configs/full.yaml", "configs/tiny.yaml").data.max_prompts_per_split == 8


def test_another_model_does_not_inherit_hash_and_revision_of_the_one_below():
    below = {"model": {"name": "a", "source": "a.gguf", "sha256": "0" * 64, "device": "cpu"}, "data": {"x": 1}}
    assert laid_over(below, {"model": {"name": "b", "source": "b"}})["model"] == {"name": "b", "source": "b"}
    same = laid_over(below, {"model": {"name": "a", "dtype": "float32"}})["model"]
    assert same == below["model"] | {"dtype": "float32"}
    assert laid_over(below, {"model": {"device": "cuda"}})["model"] == below["model"] | {"device": "cuda"}
    assert laid_over(below, {"data": {"y": 2}})["data"] == {"x": 1, "y": 2}


@pytest.mark.parametrize("part", [{"model": "gpt2", "experiment": 5}, {"model": None}, {"experiment": {"alphas": 1}}])
def test_sections_of_the_wrong_kind_are_left_for_the_reader_of_configs(part):
    assert not is_whole(part)
    with pytest.raises(InputError):
        load_config(laid_over(parsed("config.yaml"), part))


def test_what_is_no_config_is_one_message(tmp_path):
    with pytest.raises(InputError, match=r"no\.yaml"):
        read_config(ROOT / "config.yaml", tmp_path / "no.yaml")
    (tmp_path / "list.yaml").write_text("- a")
    with pytest.raises(InputError, match="no mapping"):
        read_config(tmp_path / "list.yaml")


def test_the_rule_is_said_in_the_list_of_keys():
    assert RULE in (ROOT / "docs/config.md").read_text(encoding="utf-8").replace("`", "")


def test_nothing_but_this_module_lays_a_config_over_another():
    texts = {path: path.read_text(encoding="utf-8") for path in (ROOT / "workflow").rglob("*.py")}
    assert [path.name for path, text in texts.items() if "def laid_over(" in text or "update_config(" in text] == [
        "files.py"
    ]
