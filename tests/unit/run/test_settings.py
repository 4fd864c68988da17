"""What each rule's files depend on: a change that changes no byte must not show, and every other one must."""

import pytest
from steering_reliability.config.reading import load_config
from steering_reliability.run import grid
from steering_reliability.run.settings import Settings

PLACE = {"layers": [0, 2], "alphas": [0, 2], "output_dir": "out"}


def settings(**sections) -> Settings:
    raw = {"model": {"name": "m"}, "experiment": PLACE, "sanity_checks": {"random_seeds": [5]}} | sections
    config = load_config(raw)
    return Settings(config, grid.directions(config))


@pytest.mark.parametrize(("method", "counts"), [("contrastive_prefix", True), ("difference_in_means", False)])
def test_the_prefix_shows_in_the_activations_of_its_method_alone(method, counts):
    first, second = (
        settings(direction={"method": method, "refusal_prefix": prefix}).activations(method)
        for prefix in ("No", "Never")
    )
    assert (first != second) is counts


@pytest.mark.parametrize("change", [{"positions": "all"}, {"alpha_unit": "resid_norm"}])
def test_what_only_steering_uses_is_no_reason_to_write_the_baseline_again(change):
    plain, changed = settings(), settings(experiment=PLACE | change)
    assert plain.completions() == changed.completions()
    assert plain.completions("contrastive_prefix") != changed.completions("contrastive_prefix")
    # The unit of alpha shows in no ablation.
    ablated = [one.completions("contrastive_prefix", intervention="ablate") for one in (plain, changed)]
    assert (ablated[0] == ablated[1]) is ("alpha_unit" in change)


def test_controls_at_the_claims_are_compared_by_their_text_alone():
    found = settings()
    of_study = found.completions("contrastive_prefix")
    assert found.completions("random_5") == of_study | {"is_scored": False}
    assert "is_scored" not in found.completions() | of_study
    at_point = settings(sanity_checks={"random_seeds": [5], "controls_at": "point", "layer": 2, "alpha": 2})
    assert at_point.completions("random_5") == at_point.completions("contrastive_prefix")


def test_a_prompt_template_shows_in_all_that_reads_a_prompt():
    bare = settings()
    found = settings(model={"name": "m", "prompt_template": "Q: {prompt}"})
    for name, arguments in {"lengths": (), "activations": ("contrastive_prefix",), "completions": ()}.items():
        assert getattr(found, name)(*arguments) != getattr(bare, name)(*arguments)


@pytest.mark.parametrize(
    ("method", "splits"),
    [
        ("contrastive_prefix", ["harm_train"]),
        ("difference_in_means", ["harm_train", "benign"]),
        ("random", ["harm_train", "benign"]),
    ],
)
def test_the_splits_that_the_main_direction_is_made_of(method, splits):
    assert list(settings(direction={"method": method}).scoring()["built_from"]) == splits


def test_vllm_shows_in_what_it_computes_and_only_there(monkeypatch):
    monkeypatch.setattr("steering_reliability.run.settings.staleness_version", lambda: "0.30.0")
    plain = settings()
    named = settings(generation={"engine": "bridge", "vllm": {"tensor_parallel_size": 4}})
    for name in ("numbers", "completions", "lengths", "scoring"):
        assert getattr(named, name)() == getattr(plain, name)()
    assert named.activations("contrastive_prefix") == plain.activations("contrastive_prefix")
    served = settings(generation={"engine": "vllm"})
    assert served.numbers() == plain.numbers() | {"vllm": "0.30.0", "tensor_parallel_size": 1, "enforce_eager": True}
    assert served.completions() == plain.completions()
    # How much memory it takes changes no row; on how many GPUs a sum is formed may.
    larger = settings(generation={"engine": "vllm", "vllm": {"gpu_memory_utilization": 0.5, "max_model_len": 512}})
    assert larger.numbers() == served.numbers()
    assert settings(generation={"engine": "vllm", "vllm": {"tensor_parallel_size": 2}}).numbers() != served.numbers()
