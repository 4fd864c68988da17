"""The config is typed, closed, and everything that is wrong with it is said at once."""

import math

import pytest
from steering_reliability.config.fields import Section
from steering_reliability.config.reading import load_config
from steering_reliability.config.schema import Config
from steering_reliability.errors import InputError

INTERVENTIONS = "'add', 'add_keep_norm', 'ablate', 'ablate_affine' or 'clamp'"


def minimal(**sections) -> dict:
    """The least that a config must say, with whole sections replaced or added."""
    raw = {
        "model": {"name": "EleutherAI/pythia-160m"},
        "experiment": {"layers": [4, 8], "alphas": [0, 1.0, -2], "output_dir": "artifacts/runs/run_001"},
    }
    return raw | sections


def problem(raw: dict) -> str:
    """What the user is told about a config that can't be used."""
    with pytest.raises(InputError) as caught:
        load_config(raw, where="my.yaml")
    assert caught.value.where == "my.yaml"
    return caught.value.what


def experiment(**changes) -> dict:
    return minimal(experiment=minimal()["experiment"] | changes)


def test_a_minimal_config_gets_its_defaults():
    config = load_config(minimal())
    assert (config.model.source, config.report_dir) == ("hub", "reports/run_001")
    assert (config.direction.method, config.direction.position) == ("contrastive_prefix", "prefix_mean")


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (minimal(model={"name": "m", "sorce": "hub"}), "model.sorce: unknown key; did you mean `source`?"),
        (minimal(experimnt={}), "experimnt: unknown key; did you mean `experiment`?"),
        (minimal(refusal_tuning={"epoch": 1}), "refusal_tuning.epoch: unknown key; did you mean `epochs`?"),
        (
            minimal(
                sanity_checks={
                    "alt_prefixes": [{"refusal_prefx": "No", "refusal_prefix": "No", "compliance_prefix": "Yes"}]
                }
            ),
            "sanity_checks.alt_prefixes.0.refusal_prefx: unknown key; did you mean `refusal_prefix`?",
        ),
        (minimal(model={"name": "m", "zzzzzz": 1}), "model.zzzzzz: unknown key"),
        (
            minimal(direction={"token_position": "last_prefix"}),
            "direction.token_position: must be 'last_prompt_token', 'first_prefix_token', 'last_prefix_token' or "
            "'prefix_mean' (got 'last_prefix'); did you mean `last_prefix_token`?",
        ),
        (
            experiment(interventions=["abblate"]),
            f"experiment.interventions.0: must be {INTERVENTIONS} (got 'abblate'); did you mean `ablate`?",
        ),
        (
            experiment(alphas={"ad": [1]}),
            f"experiment.alphas.ad: must be {INTERVENTIONS} (got 'ad'); did you mean `add`?",
        ),
        (
            minimal(model={"name": "m", "device": "xxx"}),
            "model.device: must be 'auto', 'cpu', 'cuda' or 'mps' (got 'xxx')",
        ),
        (minimal(generation=3), "generation: must be a mapping of keys (got 3)"),
        (minimal(model=None), "model: must be a mapping of keys (got null)"),
        (
            minimal(sanity_checks={"alt_prefixes": [3]}),
            "sanity_checks.alt_prefixes.0: must be a mapping of keys (got 3)",
        ),
        (experiment(layers=3), "experiment.layers: must be a list, such as [3] (got 3)"),
        (experiment(layers=[]), "experiment.layers: must not be empty (got [])"),
        (experiment(layers=[1.5]), "experiment.layers.0: must be a whole number (got 1.5)"),
        (experiment(layers="aut"), "experiment.layers: must be 'auto' (got 'aut'); did you mean `auto`?"),
        (
            experiment(layers=["ten"]),
            "experiment.layers.0: must be a block, a range such as 10-18, a list of blocks, or all (got 'ten')",
        ),
        (experiment(layers=[[1, "x"]]), "experiment.layers.0.1: must be a whole number (got 'x')"),
        (experiment(layers=[{"at": "all"}]), "experiment.layers.0.from: is missing"),
        (
            experiment(layers=[{"at": "all", "from": 1, "of": 2}]),
            "experiment.layers.0.of: unknown key",
        ),
        (
            experiment(alphas={"add": "atuo"}),
            "experiment.alphas.add: must be 'auto' (got 'atuo'); did you mean `auto`?",
        ),
        (experiment(alphas=3), "experiment.alphas: must be a list, or a mapping of keys with a list for each (got 3)"),
        (experiment(alphas={"add": 3}), "experiment.alphas.add: must be a list, such as [3] (got 3)"),
        (experiment(alphas=["x"]), "experiment.alphas.0: must be a number (got 'x')"),
        (minimal(scan={"strengths": [1]}), "scan.strengths: must have at least 2 entries (got [1])"),
        (experiment(alphas=[math.inf]), "experiment.alphas.0: must be a finite number (got inf)"),
        (minimal(generation={"seed": -1}), "generation.seed: must be at least 0 (got -1)"),
        (minimal(generation={"top_p": 0}), "generation.top_p: must be above 0 (got 0)"),
        (minimal(generation={"top_p": 1.01}), "generation.top_p: must be at most 1 (got 1.01)"),
        (minimal(generation={"top_p": None}), "generation.top_p: must be a number (got null)"),
        (minimal(propensity={"enabled": "maybe"}), "propensity.enabled: must be true or false (got 'maybe')"),
        (minimal(model={"name": 7}), "model.name: must be text; put quotes around a number, yes or no (got 7)"),
        (minimal(model={"name": ""}), "model.name: must not be empty (got '')"),
        (
            minimal(model={"name": "m", "sha256": "abc"}),
            "model.sha256: must match the pattern ^[0-9a-f]{64}$ (SHA-256 of the GGUF file) (got 'abc')",
        ),
        (minimal(generation={1: 2}), "generation.1: is a key that is not text (got 1)"),
    ],
)
def test_a_problem_is_named_once_and_in_plain_words(raw, words):
    assert problem(raw) == f"the configuration can't be used:\n  - {words}"


def test_the_zero_trap_is_refused_and_explained():
    found = problem(minimal(direction={"method": "contrastive_prefix", "token_position": "last_prompt_token"}))
    assert "direction.token_position" in found
    assert "exactly zero" in found
    assert "the prefix comes after that token" in found
    assert "prefix_mean" in found


@pytest.mark.parametrize("position", ["first_prefix_token", "last_prefix_token", "prefix_mean"])
def test_a_contrast_of_prefixes_may_read_any_prefix_token_and_a_difference_of_means_none(position):
    assert load_config(minimal(direction={"token_position": position})).direction.position == position
    found = problem(minimal(direction={"method": "difference_in_means", "token_position": position}))
    assert f"{position} needs a prefix" in found


def test_a_method_without_a_prefix_reads_the_last_prompt_token_and_equal_prefixes_are_refused():
    direction = load_config(minimal(direction={"method": "difference_in_means"})).direction
    assert direction.position == "last_prompt_token"
    assert "would be zero" in problem(minimal(direction={"refusal_prefix": "So", "compliance_prefix": "So"}))


def test_alphas_may_differ_between_interventions():
    config = load_config(experiment(interventions=["add", "ablate"], alphas={"add": [0, 4], "ablate": [1]}))
    assert config.experiment.alphas_of("add") == [0, 4]
    assert config.experiment.alphas_of("ablate") == [1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"alphas": {"add": [1]}, "interventions": ["add", "ablate"]}, "has lists for ['add']"),
        ({"alphas": {"add": [1], "ablate": [1]}}, "interventions are ['add']"),
        ({"alphas": {"add": []}}, "must hold distinct strengths for add, got []"),
        ({"alphas": [1, 1.0]}, "must hold distinct strengths for add, got ['1', '1']"),
        ({"alphas": [0.1, 0.1 + 1e-12]}, "experiment.alphas: must have at most six significant digits, not 0.1"),
        ({"alphas": {"add": [1.0000001]}}, "at most six significant digits"),
        ({"layers": [3, 3]}, "experiment.layers: has an entry twice: [3, 3]"),
    ],
)
def test_a_grid_that_would_write_one_path_twice_is_refused(changes, words):
    assert words in problem(experiment(**changes))


def test_the_other_seed_must_be_another():
    found = problem(minimal(generation={"seed": 7}, sanity_checks={"alt_seed": 7}))
    assert "sanity_checks.alt_seed: equals generation.seed" in found
    off = load_config(minimal(generation={"seed": 7}, sanity_checks={"alt_seed": 7, "enabled": False}))
    assert off.sanity_checks.alt_seed == 7


def test_every_key_is_described():
    for section in Section.__subclasses__():
        for name, field in section.model_fields.items():
            assert section is Config or (field.description or "").endswith("."), f"{section.__name__}.{name}"


@pytest.mark.parametrize("template", ["", "Q:", "{prompt} {prompt}", "{question} {prompt}", "{}{prompt}"])
def test_a_prompt_template_has_one_place_for_the_prompt(template):
    def load(text):
        return load_config(minimal(model={"name": "m", "prompt_template": text})).model.prompt_template

    for sound in ("Q: {prompt}\nA:", "{prompt}", '{"q": "{prompt}"}'):
        assert load(sound) == sound
    with pytest.raises(InputError, match=r"model\.prompt_template: must contain {prompt} exactly once"):
        load(template)


@pytest.mark.parametrize("grows", ["wide", "deep"])
def test_a_config_that_grows_without_end_is_refused_at_once(grows):
    value = ["x"]
    for _ in range(12):
        # Ten names for the same list: ten to the twelfth values in a kilobyte of YAML.
        value = [value] * 10 if grows == "wide" else [[value]]
    with pytest.raises(InputError, match="more than 100000 values"):
        load_config({"experiment": {"layers": value}})


def test_of_very_many_problems_fifty_are_listed():
    lines = problem(experiment(alphas={f"a{number}": 3 for number in range(20_000)})).splitlines()
    assert len(lines) == 1 + 50 + 1
    assert lines[-1] == "  - and 39950 more"
