"""A run is planned from its config and from metadata; no model is loaded."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from steering_reliability.errors import InputError
from steering_reliability.process import code_digest
from steering_reliability.run.plan import plan_run
from steering_reliability.scan.chosen import Chosen, write_chosen

ROOT = Path(__file__).parents[3]
PACKAGE_ROOT = Path(__file__).parents[3] / "workflow"


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


@pytest.fixture
def at_point(raw) -> dict:
    """The same with checks at a point of the config, so that every condition is known beforehand."""
    return raw | {"sanity_checks": raw["sanity_checks"] | {"controls_at": "point", "layer": 2, "alpha": 2}}


def test_paths_follow_from_the_config(raw):
    plan = plan_run(raw)
    assert (plan.folder, plan.report_folder, plan.title) == ("results/tiny", "reports/tiny", "tiny")
    assert [layer.name for layer in plan.layers] == ["0", "2"]
    assert plan.direction_file("random_5", 2) == "results/tiny/directions/random_5/layer_2.pt"
    assert plan.baseline(0)["benign"] == "results/tiny/completions/baseline/seed_0/benign.jsonl"
    assert plan.claim_points_file == "results/tiny/tables/claim_points.csv"
    assert not plan.makes_base
    assert plan.model_file == f"{raw['model']['source']}/config.json"


RECOMMENDED, STRONGEST = ("recommended", "add", "2", 2.0), ("most significant", "add", "0", 2.0)


def test_checks_at_the_claims_are_known_once_their_points_are(raw):
    plan = plan_run(raw)
    assert plan.follows_claims
    assert [condition.role for condition in plan.conditions] == ["main", "main"]
    assert plan.conditions_at([]) == plan.conditions
    found = plan.conditions_at([RECOMMENDED, STRONGEST])
    assert found[:2] == plan.conditions
    assert [(c.role, c.direction, c.layer, c.seed, c.splits) for c in found[2:]] == [
        ("alt_seed", "contrastive_prefix", "2", 1, ("harm_test",)),
        ("random", "random_5", "2", 0, ("harm_test",)),
        ("random", "random_5", "0", 0, ("harm_test",)),
    ]
    assert plan.direction_files(found)[2:] == [f"results/tiny/directions/random_5/layer_{n}.pt" for n in (0, 2)]
    assert plan.compared_directions(found) == {"random_5": [0, 2]}
    assert list(plan.shards(found[2])) == ["harm_test"]


def test_the_other_seed_writes_a_subset_and_so_do_controls_at_the_claims(raw, at_point):
    plan, fixed = plan_run(raw), plan_run(at_point)
    assert plan.seeds == [0, 1]
    assert (plan.limit(0), plan.limit("1")) == (None, 4)
    assert (plan.limit(0, "contrastive_prefix"), plan.limit("0", "random_5")) == (None, 4)
    assert fixed.limit(0, "random_5") is None
    # It has a baseline where its conditions have completions.
    assert list(plan.baseline(0)) == list(fixed.baseline(1)) == ["harm_train", "harm_test", "benign"]
    assert plan.baseline(1) == {"harm_test": "results/tiny/completions/baseline/seed_1/harm_test.jsonl"}


def test_a_random_control_reads_the_activations_of_what_it_controls_at_the_layers_that_it_steers(at_point):
    plan = plan_run(at_point)
    assert plan.directions["random_5"].activations == "contrastive_prefix"
    assert plan.measured == ["contrastive_prefix"]
    assert plan.compared_directions(plan.conditions) == {"random_5": [2]}
    assert plan.direction_files() == [
        f"results/tiny/directions/{name}.pt"
        for name in ("contrastive_prefix/layer_0", "contrastive_prefix/layer_2", "random_5/layer_2")
    ]


def test_the_table_of_conditions_names_shards_and_statistics(at_point):
    plan = plan_run(at_point)
    table = plan.conditions_table(plan.conditions)
    assert [(row["role"], row["direction"], row["layer"], row["alpha"], row["seed"]) for row in table] == [
        ("main", "contrastive_prefix", "0", 2, 0),
        ("main", "contrastive_prefix", "2", 2, 0),
        ("alt_seed", "contrastive_prefix", "2", 2, 1),
        ("random", "random_5", "2", 2, 0),
    ]
    assert table[0]["shards"]["benign"] == (
        "results/tiny/completions/contrastive_prefix/add/layer_0/alpha_2/seed_0/benign.jsonl"
    )
    assert table[3]["statistics"] == ["results/tiny/directions/random_5/layer_2.json"]


def test_a_set_of_layers_uses_the_directions_of_its_blocks_or_of_one(raw):
    raw["experiment"] |= {"layers": ["0-1", {"at": "all", "from": 2}]}
    plan = plan_run(raw)
    assert [c.layer for c in plan.conditions] == ["0-1", "all-from-2"]
    folder = "results/tiny/directions/contrastive_prefix"
    assert plan.direction_files() == [f"{folder}/layer_{block}.pt" for block in (0, 1, 2)]
    assert [row["statistics"] for row in plan.conditions_table(plan.conditions)] == [
        [f"{folder}/layer_0.json", f"{folder}/layer_1.json"],
        [f"{folder}/layer_2.json"],
    ]
    assert plan.shards(plan.conditions[1])["benign"].endswith("/add/layer_all-from-2/alpha_2/seed_0/benign.jsonl")


@pytest.fixture
def left_to_the_scan(raw) -> dict:
    """The same with layers and strengths left to the scan."""
    experiment = raw["experiment"] | {"layers": "auto", "alphas": {"add": "auto"}, "alpha_unit": "resid_norm"}
    return raw | {"experiment": experiment}


def test_what_is_left_to_the_scan_is_not_known_until_it_has_chosen(left_to_the_scan):
    plan = plan_run(left_to_the_scan)
    assert plan.is_open and plan.scans and plan.follows_claims
    assert (plan.layers, plan.conditions) == ([], [])
    # As many as it will choose stand for them: of three blocks there are two with a block between them.
    assert len(plan.as_expected().conditions) == len(plan.as_expected().layers) * 3
    chosen = plan.with_chosen(Chosen(layers=(0, 2), alphas={"add": [0.2, 0.9]}))
    assert not chosen.is_open
    assert [(c.layer, c.alpha) for c in chosen.conditions] == [("0", 0.2), ("0", 0.9), ("2", 0.2), ("2", 0.9)]
    # What the config pins stays as it is.
    left_to_the_scan["experiment"] |= {"layers": [1], "interventions": ["add", "ablate"]}
    left_to_the_scan["experiment"]["alphas"] = {"add": "auto", "ablate": [1]}
    pinned = plan_run(left_to_the_scan).with_chosen(Chosen(layers=(0, 2), alphas={"add": [0.2], "ablate": [9.0]}))
    assert [(c.intervention, c.layer, c.alpha) for c in pinned.conditions] == [("add", "1", 0.2), ("ablate", "1", 1)]


def test_a_choice_that_lacks_what_is_open_now_counts_as_none(left_to_the_scan, tmp_path):
    left_to_the_scan["experiment"] |= {"output_dir": str(tmp_path / "run")}
    plan = plan_run(left_to_the_scan)
    stand_in = [c.alpha for c in plan.as_expected().conditions]
    for partial in (Chosen((0, 2), None), Chosen(None, {"add": (0.7,)}), Chosen((0, 2), {"add_keep_norm": (0.7,)})):
        write_chosen(plan.chosen_file, partial, scan=plan.reservation())
        assert [c.alpha for c in plan.as_expected().conditions] == stand_in
    write_chosen(plan.chosen_file, Chosen((0, 2), {"add": (0.7,)}), scan=plan.reservation())
    assert [(c.layer, c.alpha) for c in plan.as_expected().conditions] == [("0", 0.7), ("2", 0.7)]


def test_a_run_that_names_all_of_it_lets_the_scan_choose_as_if_it_did_not(left_to_the_scan):
    experiment = left_to_the_scan["experiment"]
    pinned = experiment | {"layers": [0, 2], "alphas": {"add": [0.2]}}
    free = plan_run(left_to_the_scan).choice()
    assert plan_run(left_to_the_scan | {"experiment": pinned, "scan": {"share": 0.2}}).choice() == free
    half = plan_run(left_to_the_scan | {"experiment": experiment | {"layers": [2]}}).choice()
    assert half == free | {"layers": [2]}


def test_a_user_direction_that_is_nowhere_is_no_direction_to_scan(left_to_the_scan, tmp_path):
    for name, fails in (("nowhere", True), ("here", False)):
        (tmp_path / "here_1.pt").write_text("")
        raw = left_to_the_scan | {"direction": {"file": str(tmp_path / f"{name}_{{layer}}.pt")}}
        if fails:
            with pytest.raises(InputError, match="there is no direction"):
                plan_run(raw)
        else:
            assert list(plan_run(raw).own_directions()) == [1]


def test_the_scan_and_the_study_share_no_prompt_and_a_pinned_run_keeps_them_apart(left_to_the_scan, tmp_path):
    for split in ("harm_train", "harm_test", "benign"):
        lines = [{"id": f"{split}-{n}", "prompt": f"{split} question {n}"} for n in range(20)]
        (tmp_path / f"{split}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    plan = plan_run(left_to_the_scan)
    assert len(plan.used_prompts("harm_test")) == 20
    for split in ("harm_train", "benign"):
        used, held = ({prompt.id for prompt in part} for part in (plan.used_prompts(split), plan.scan_prompts(split)))
        assert (len(used), len(held)) == (16, 4)
        assert not used & held
    pinned = {"layers": [0], "alphas": {"add": [0.2]}}
    same = left_to_the_scan | {"experiment": left_to_the_scan["experiment"] | pinned, "scan": {"share": 0.2}}
    assert plan_run(same).used_prompts("benign") == plan.used_prompts("benign")


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
    plan = plan_run(raw)
    assert plan.activation_inputs(method) == inputs
    # A change of the metrics concerns the method that looks at outcomes alone.
    start = code_digest.SCRIPTS / "measure_activations.py"
    found = code_digest._closure([start], without=plan.unused_code(method))
    assert any(path.parent.name == "metrics" for path in found) is (method == "outcome_conditioned")


@pytest.mark.parametrize("place", ["tokenizer_config.json", "chat_template.jinja"])
def test_two_templates_are_told_before_anything_loads(raw, place):
    raw["model"]["prompt_template"] = "Q: {prompt}"
    Path(raw["model"]["source"], "tokenizer_config.json").write_text("{}")
    plan_run(raw)
    Path(raw["model"]["source"], place).write_text('{"chat_template": "{{ messages }}"}')
    with pytest.raises(InputError, match="has a chat template"):
        plan_run(raw)
    raw["model"]["chat_template"] = "none"
    plan_run(raw)


def test_what_decides_text_in_a_users_folder_is_told_apart_from_its_weights(raw):
    def files(plan) -> tuple[str, str]:
        return plan.tokenizer, plan.settings.weights

    folder = Path(raw["model"]["source"])
    before = files(plan_run(raw))
    (folder / "model.safetensors").write_bytes(b"weights")
    other_weights = files(plan_run(raw))
    (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    other_text = files(plan_run(raw))
    assert before[0] == other_weights[0] != other_text[0]
    assert len({before[1], other_weights[1], other_text[1]}) == 3


def test_absent_prompt_files_are_all_named(raw):
    Path(raw["data"]["benign_path"]).unlink()
    Path(raw["data"]["harm_test_path"]).unlink()
    with pytest.raises(InputError, match=r"harm_test\.jsonl, .*benign\.jsonl"):
        plan_run(raw)


@pytest.mark.parametrize(("source", "cards"), [("hub", 1), ("gone.gguf", 1), (None, 0)])
def test_the_card_of_a_model_that_is_made_here_is_known_before_it_is(raw, source, cards, tmp_path, monkeypatch):
    if source is not None:
        raw["model"] = {"name": "m", "source": source}
        monkeypatch.setattr("steering_reliability.run.plan.count_layers", lambda model, *, folder: 3)
    monkeypatch.setattr("steering_reliability.model.source.MODELS_DIR", str(tmp_path / "models"))
    plan = plan_run(raw)
    assert [Path(path).name for path in plan.model_card] == ["model_card.json"] * cards
    assert set(plan.model_card) <= set(plan.model_parts)
    if source == "gone.gguf":
        # A file that is gone is known by the card of its folder.
        assert plan.base_fingerprint() == ""
        Path(plan.base).mkdir(parents=True)
        (Path(plan.base) / "model_card.json").write_text('{"file": "abc"}')
        assert plan.base_fingerprint() == "abc"


def test_prompts_are_current_where_the_file_says_the_same(raw, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = Path(raw["data"]["benign_path"])
    line = {"id": "a", "prompt": "Bake bread.", "meta": {"family": "food", "style": "plain"}}
    source.write_text(json.dumps(line) + "\n")
    plan = plan_run(raw)
    prepared = tmp_path / "results/tiny/prompts/benign.jsonl"
    assert plan.prompts_are_current("benign")
    prepared.parent.mkdir(parents=True)
    prepared.write_text(json.dumps(line) + "\n")
    source.write_text(json.dumps(line, separators=(" ,", " : ")) + "\r\n")
    assert plan.prompts_are_current("benign")
    source.write_text(json.dumps(line | {"prompt": "Bake cake."}) + "\n")
    assert not plan.prompts_are_current("benign")


def test_planning_imports_no_torch(raw):
    code = (
        "import json, sys; from steering_reliability.run.plan import plan_run; "
        f"plan_run(json.loads({json.dumps(raw)!r})); "
        "print([name for name in ('torch', 'transformers', 'pandas') if name in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env={"PYTHONPATH": str(PACKAGE_ROOT)}, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_missing_prompts_of_the_literature_are_answered_with_where_they_are_and_how_they_are_made(raw, monkeypatch):
    text = (ROOT / "configs/literature.yaml").read_text(encoding="utf-8")
    literature = yaml.safe_load(text)
    monkeypatch.chdir(Path(raw["data"]["benign_path"]).parent)
    with pytest.raises(InputError, match=r"there is no prompt file my_prompts/literature/harm_train\.jsonl") as caught:
        plan_run(raw | {"data": literature["data"]})
    commands = [line.strip() for line in caught.value.fix.splitlines() if "--from" in line]
    assert len(commands) == 3
    # The config says the same.
    assert [line.strip("# ") for line in text.splitlines() if "--from" in line] == commands
    for line in caught.value.fix.splitlines():
        assert line.strip() in text or line.startswith("download")
    # Other files are not of the literature.
    with pytest.raises(InputError) as caught:
        plan_run(raw | {"data": raw["data"] | {"benign_path": "my_prompts/benign.jsonl"}})
    assert "--from" not in caught.value.fix
