import re

import pytest
import yaml
from steering_reliability.commands.config_text import config_text
from steering_reliability.config.files import WORKFLOW, read_config
from steering_reliability.config.schema import Config, GenerationConfig

CONFIGS = sorted([WORKFLOW / "config.yaml", *(WORKFLOW / "configs").rglob("*.yaml")])


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_a_config_is_read_back_as_it_was(path):
    config = read_config(path)
    assert yaml.safe_load(config_text(config, head="A study.", why={})) == config


def test_texts_that_yaml_could_take_for_something_else_are_read_back():
    config = read_config(WORKFLOW / "config.yaml")
    config["model"] |= {"name": "yes", "system_prompt": "# no: comment\n", "prompt_template": 'Q: "{prompt}"\nA:'}
    assert yaml.safe_load(config_text(config, head="#", why={})) == config


def test_every_key_has_its_meaning_and_a_chosen_one_its_reason():
    config = read_config(WORKFLOW / "config.yaml")
    text = config_text(config, head="A study.", why={"generation.top_p": "it was asked for."})
    lines = text.splitlines()
    assert lines[0] == "# A study."
    assert max(map(len, lines)) <= 120
    unwrapped = text.replace("\n  # ", " ")
    for key in config["generation"]:
        assert f" {GenerationConfig.model_fields[key].description}" in unwrapped
    at = lines.index("  top_p: 0.95")
    assert lines[at - 1] == "  # Chosen: it was asked for."
    assert text.count("Chosen:") == 1
    assert re.findall(r"^(\w+):", text, re.MULTILINE) == list(config)
    assert f"# {Config.model_fields['refusal_tuning'].description}\nrefusal_tuning: null" in text
