"""A run is planned from its config and from metadata; no model is loaded."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from steering_reliability.errors import InputError
from steering_reliability.run_plan import plan_run

PACKAGE_ROOT = Path(__file__).parents[2] / "workflow"


@pytest.fixture
def raw(tmp_path: Path) -> dict:
    """A config of a model with 3 blocks, whose prompt files exist."""
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text('{"num_hidden_layers": 3}')
    for split in ("harm_train", "harm_test", "benign"):
        (tmp_path / f"{split}.jsonl").write_text("{}\n")
    return {
        "model": {"name": "org/tiny", "source": str(model)},
        "data": {f"{split}_path": str(tmp_path / f"{split}.jsonl") for split in ("harm_train", "harm_test", "benign")},
        "experiment": {"layers": [0, -1], "alphas": [0, 2], "output_dir": "results/tiny/"},
        "sanity_checks": {"random_seeds": [5], "rerun_subset_n": 4},
    }


def test_paths_follow_from_the_config(raw):
    plan = plan_run(raw)
    assert (plan.folder, plan.report_folder, plan.title) == ("results/tiny", "reports/tiny", "tiny")
    assert plan.layers == [0, 2]
    assert plan.direction_file("random_5", 2) == "results/tiny/directions/random_5/layer_2.pt"
    assert plan.baseline(1)["benign"] == "results/tiny/completions/baseline/seed_1/benign.jsonl"
    assert not plan.makes_base
    assert plan.model_file == f"{raw['model']['source']}/config.json"


def test_every_direction_that_a_shard_needs_is_made_and_no_other(raw):
    assert plan_run(raw).direction_files() == [
        "results/tiny/directions/contrastive_prefix/layer_0.pt",
        "results/tiny/directions/contrastive_prefix/layer_2.pt",
        "results/tiny/directions/random_5/layer_2.pt",
    ]


def test_the_other_seed_writes_a_subset(raw):
    plan = plan_run(raw)
    assert plan.seeds == [0, 1]
    assert (plan.limit(0), plan.limit("1")) == (None, 4)


def test_a_random_control_reads_the_activations_of_what_it_controls(raw):
    plan = plan_run(raw)
    assert plan.reference("random_5") == "contrastive_prefix"
    assert plan.reference("contrastive_prefix") == "contrastive_prefix"
    assert plan.compared_directions() == {"random_5": [2]}


def test_the_table_of_conditions_names_shards_and_statistics(raw):
    table = plan_run(raw).conditions_table()
    assert [(row["role"], row["direction"], row["layer"], row["alpha"], row["seed"]) for row in table] == [
        ("main", "contrastive_prefix", 0, 2, 0),
        ("main", "contrastive_prefix", 2, 2, 0),
        ("random", "random_5", 2, 2, 0),
        ("alt_seed", "contrastive_prefix", 2, 2, 1),
    ]
    assert table[0]["shards"]["benign"] == (
        "results/tiny/completions/contrastive_prefix/add/layer_0/alpha_2/seed_0/benign.jsonl"
    )
    assert table[2]["statistics"] == "results/tiny/directions/random_5/layer_2.json"


@pytest.mark.parametrize(
    ("method", "inputs"),
    [
        ("contrastive_prefix", []),
        ("difference_in_means", ["results/tiny/prompts/benign.jsonl"]),
        ("outcome_conditioned", ["results/tiny/completions/baseline/seed_0/harm_train.jsonl"]),
    ],
)
def test_a_method_asks_for_what_it_compares_with(raw, method, inputs):
    raw["direction"] = {"method": method}
    assert plan_run(raw).extra_inputs(method) == inputs


def test_the_prefix_shows_in_the_activations_of_its_method_alone(raw):
    def read_settings(method: str, prefix: str) -> dict:
        raw["direction"] = {"method": method, "refusal_prefix": prefix}
        return plan_run(raw).read_settings(method)

    assert read_settings("contrastive_prefix", "No") != read_settings("contrastive_prefix", "Never")
    assert read_settings("difference_in_means", "No") == read_settings("difference_in_means", "Never")


def test_what_only_steering_uses_is_no_reason_to_write_the_baseline_again(raw):
    def write_settings(*, steered: bool, **changes) -> dict:
        return plan_run(raw | {"experiment": raw["experiment"] | changes}).write_settings(steered=steered)

    for change in ({"positions": "all"}, {"alpha_unit": "resid_norm"}):
        assert write_settings(steered=False, **change) == write_settings(steered=False)
        assert write_settings(steered=True, **change) != write_settings(steered=True)


def test_a_prompt_template_shows_in_all_that_reads_a_prompt(raw):
    bare = plan_run(raw)
    raw["model"]["prompt_template"] = "Q: {prompt}"
    plan = plan_run(raw)
    added = {"prompt_template": "Q: {prompt}"}
    assert plan.read_settings("contrastive_prefix") == bare.read_settings("contrastive_prefix") | added
    for steered in (True, False):
        assert plan.write_settings(steered=steered) == bare.write_settings(steered=steered) | added
    assert "prompt_template" not in bare.write_settings(steered=False)


@pytest.mark.parametrize("place", ["tokenizer_config.json", "chat_template.jinja"])
def test_two_templates_are_told_before_anything_loads(raw, place):
    raw["model"]["prompt_template"] = "Q: {prompt}"
    Path(raw["model"]["source"], "tokenizer_config.json").write_text("{}")
    plan_run(raw)
    Path(raw["model"]["source"], place).write_text('{"chat_template": "{{ messages }}"}')
    with pytest.raises(InputError, match="brings a chat template"):
        plan_run(raw)
    raw["model"]["chat_template"] = "none"
    plan_run(raw)


def test_absent_prompt_files_are_all_named(raw):
    Path(raw["data"]["benign_path"]).unlink()
    Path(raw["data"]["harm_test_path"]).unlink()
    with pytest.raises(InputError, match=r"harm_test\.jsonl, .*benign\.jsonl"):
        plan_run(raw)


def test_a_layer_outside_the_model_is_told_before_anything_loads(raw):
    raw["experiment"]["layers"] = [3]
    with pytest.raises(InputError, match="has 3 blocks and no layer 3"):
        plan_run(raw)


def test_planning_imports_no_torch(raw):
    code = (
        "import json, sys; from steering_reliability.run_plan import plan_run; "
        f"plan_run(json.loads({json.dumps(raw)!r})); "
        "print([name for name in ('torch', 'transformers', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(PACKAGE_ROOT)}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
