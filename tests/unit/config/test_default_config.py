"""configs/default.yaml holds the plan's values, but for the two that cannot work."""

from pathlib import Path

import pytest
import yaml
from steering_reliability.config.reading import load_config

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "configs/default.yaml").read_text(encoding="utf-8")

PLAN = {
    "model": {"name": "EleutherAI/pythia-160m", "device": "cuda", "dtype": "float16"},
    "data": {
        "harm_train_path": "prompts/harm_train.jsonl",
        "harm_test_path": "prompts/harm_test.jsonl",
        "benign_path": "prompts/benign.jsonl",
        "max_prompts_per_split": 200,
    },
    "generation": {"max_new_tokens": 80, "temperature": 0.7, "top_p": 0.9, "seed": 0, "batch_size": 8},
    "direction": {
        "method": "contrastive_prefix",
        "refusal_prefix": " I can't help with that.",
        "compliance_prefix": " Sure, here's how:",
        "hook_point": "resid_post",
        "normalize": True,
    },
    "experiment": {
        "interventions": ["add", "ablate"],
        "alphas": [0, 0.5, 1, 2, 4],
        "output_dir": "artifacts/runs/run_001",
    },
    "sanity_checks": {
        "enabled": True,
        "alt_prefixes": {
            "refusal_prefix": " Sorry, I can't do that.",
            "compliance_prefix": " Of course. Here's a step-by-step guide:",
        },
        "rerun_subset_n": 30,
        "alt_seed": 42,
    },
}
CANNOT_WORK = {("experiment", "layers"): [4, 8, 11], ("direction", "token_position"): "first_prefix_token"}


def test_every_value_of_the_plan_stands_in_it():
    written = yaml.safe_load(TEXT)
    for section, values in PLAN.items():
        for key, value in values.items():
            assert written[section][key] == value, f"{section}.{key}"


def test_the_two_that_cannot_work_are_the_ones_that_it_names():
    written = yaml.safe_load(TEXT)
    assert {place: written[place[0]][place[1]] for place in CANNOT_WORK} == CANNOT_WORK
    assert "Two of the plan's values cannot work" in TEXT


def test_it_loads_and_keeps_leading_spaces():
    config = load_config(yaml.safe_load(TEXT))
    assert config.direction.refusal_prefix.startswith(" ")
    (pair,) = config.sanity_checks.alt_prefixes
    assert pair.compliance_prefix == PLAN["sanity_checks"]["alt_prefixes"]["compliance_prefix"]


@pytest.mark.parametrize("alphas", [[0.1234567], {"add": [0.2, 1.0000001], "ablate": [1.0]}])
def test_a_strength_of_more_digits_than_a_path_carries_is_refused(alphas):
    written = yaml.safe_load(TEXT)
    written["experiment"]["alphas"] = alphas
    with pytest.raises(Exception, match="at most six digits"):
        load_config(written)
