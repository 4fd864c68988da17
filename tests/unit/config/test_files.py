"""Config files: how they are merged, that the committed ones are sound, and what is said of one that is not YAML."""

import copy

import pytest
import yaml
from snakemake.utils import update_config
from steering_reliability.config.files import (
    RULE,
    WORKFLOW,
    is_complete,
    merge_configs,
    merge_over,
    read_config,
    read_yaml,
)
from steering_reliability.config.reading import load_config
from steering_reliability.errors import InputError

COMPLETE = {"model": {"name": "m"}, "experiment": {"layers": [0], "alphas": [1.0], "output_dir": "results/x"}}
# default.yaml is complete by itself.
OVERLAYS = sorted({f"configs/{path.name}" for path in (WORKFLOW / "configs").glob("*.yaml")} - {"configs/default.yaml"})
MODELS = sorted(str(path.relative_to(WORKFLOW)) for path in (WORKFLOW / "configs/models").glob("*.yaml"))


def parsed(name):
    return yaml.safe_load((WORKFLOW / name).read_text(encoding="utf-8"))


def resolved(*names):
    return load_config(read_config(*(WORKFLOW / name for name in names)))


@pytest.mark.parametrize("name", ["config.yaml", "configs/default.yaml"])
def test_a_complete_config_is_read_as_it_stands(name):
    assert resolved(name) == load_config(parsed(name))


@pytest.mark.parametrize("name", [*OVERLAYS, *MODELS])
def test_an_overlay_means_what_snakemakes_own_merge_of_both_files_means(name):
    expected = parsed("config.yaml")
    update_config(expected, parsed(name))
    assert resolved(name) == load_config(expected)
    # `make models` names both.
    assert resolved("config.yaml", name) == load_config(expected)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_differs_in_its_model_and_its_folder_alone(name):
    path, ours, plain = WORKFLOW / name, resolved(name), resolved("config.yaml")
    assert ours.experiment.output_dir == f"results/{path.stem}"
    assert path.name in path.read_text(encoding="utf-8"), "the command in the comment names another file"
    changed = {
        f"{section}.{key}"
        for section in ("data", "generation", "direction", "experiment", "sanity_checks", "propensity")
        for key, value in getattr(ours, section).model_dump().items()
        if value != getattr(plain, section).model_dump()[key]
    }
    assert changed == {"experiment.output_dir"}


@pytest.mark.parametrize("path", [("model", "name"), ("experiment", "layers"), ("experiment", "alphas")])
def test_what_lacks_a_key_without_a_default_is_merged_over_config_yaml(path):
    part = copy.deepcopy(COMPLETE)
    assert is_complete(part)
    del part[path[0]][path[1]]
    assert not is_complete(part)
    merged = merge_configs([part], default=lambda: parsed("config.yaml"))
    assert merged["generation"]["temperature"] == 0.7
    assert merged["experiment"]["output_dir"] == "results/x"


def test_the_last_file_wins_and_two_overlays_that_are_complete_together_are_still_merged_over_config_yaml():
    assert resolved("configs/tiny.yaml", "configs/full.yaml").data.max_prompts_per_split is None
    both = resolved("configs/tiny.yaml", "configs/models/gpt2.yaml")
    assert both.model.name == "openai-community/gpt2"
    assert (both.experiment.output_dir, both.data.max_prompts_per_split) == ("results/gpt2", 8)
    # From config.yaml: neither file sets it, and the default of the key is another.
    assert (both.experiment.alpha_unit, both.direction.build_fraction) == ("resid_norm", 0.5)


def test_another_model_does_not_inherit_hash_and_revision_of_the_one_below():
    below = {"model": {"name": "a", "source": "a.gguf", "sha256": "0" * 64, "device": "cpu"}, "data": {"x": 1}}
    assert merge_over(below, {"model": {"name": "b", "source": "b"}})["model"] == {"name": "b", "source": "b"}
    same = merge_over(below, {"model": {"name": "a", "dtype": "float32"}})["model"]
    assert same == below["model"] | {"dtype": "float32"}
    assert merge_over(below, {"model": {"device": "cuda"}})["model"] == below["model"] | {"device": "cuda"}
    assert merge_over(below, {"data": {"y": 2}})["data"] == {"x": 1, "y": 2}


@pytest.mark.parametrize("part", [{"model": "gpt2", "experiment": 5}, {"model": None}, {"experiment": {"alphas": 1}}])
def test_sections_of_the_wrong_kind_are_left_for_the_reader_of_configs(part):
    assert not is_complete(part)
    with pytest.raises(InputError):
        load_config(merge_over(parsed("config.yaml"), part))


def test_the_rule_stands_in_the_list_of_keys():
    assert RULE in (WORKFLOW / "docs/config.md").read_text(encoding="utf-8").replace("`", "")


@pytest.mark.parametrize(
    ("content", "what", "place"),
    [
        ("a:\n\tb: 1\n", "a tab where spaces are required", ", line 2, column 1"),
        (
            "a:\n  b: [1, 2\nc: 3\n",
            "while parsing a flow sequence that begins on line 2, expected ',' or ']'",
            ", line 3",
        ),
        ('a: "x\n', "while scanning a quoted scalar that begins on line 1, found unexpected end", ", line 2, column 1"),
        ("a: 1\n b: 2\n", "mapping values are not allowed here", ", line 2, column 3"),
        ("a: *b\n", "found undefined alias 'b'", ", line 1, column 4"),
        ("- 1\n", "the config is not a mapping of sections", ""),
        ("", "the config is not a mapping of sections", ""),
        ("[" * 5000, "the config is not valid YAML", ""),
        ("a: \x00", "the config is not valid YAML", ""),
        ("a: é", "the config is not UTF-8", ""),
        (None, "the config can't be read: No such file", ""),
    ],
)
def test_what_is_not_a_config_is_one_message_with_its_line(tmp_path, content, what, place):
    path = tmp_path / "c.yaml"
    if content is not None:
        path.write_bytes(content.encode("latin-1"))
    for read in (read_yaml, read_config):
        with pytest.raises(InputError) as caught:
            read(path)
        assert what in caught.value.what
        assert "\n" not in caught.value.what
        assert caught.value.where.startswith(f"{path}{place}")
