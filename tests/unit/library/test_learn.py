"""A direction built in memory: the planted one, and by the workflow's own arithmetic."""

import pytest
import torch
from steering_reliability import DirectionConfig, InputError, build_direction
from steering_reliability.directions.activations import Text, read_residuals
from tiny_model import COMPLIANCE_PREFIX, REFUSAL_PREFIX, planted_direction

PROMPTS = ["take the water", "list the first step", "how to do that", "then you take a list"]
PLANTED = DirectionConfig(refusal_prefix=REFUSAL_PREFIX, compliance_prefix=COMPLIANCE_PREFIX)


def test_the_planted_direction_is_found(tiny_model):
    found = build_direction(PROMPTS, model=tiny_model, layer=1, settings=PLANTED)
    assert float(found.vector @ planted_direction()) > 0.95
    assert float(found.vector.norm()) == pytest.approx(1, abs=1e-6)
    assert (found.statistics["layer"], found.statistics["n"]) == (1, 4)


def test_the_difference_of_means_is_the_difference_of_two_means(tiny_model):
    benign = ["the water is here", "a list"]
    settings = DirectionConfig(method="difference_in_means", normalize=False)
    found = build_direction(PROMPTS, model=tiny_model, layer=-1, benign=benign, settings=settings)
    harmful, harmless = (
        read_residuals(
            [Text(text) for text in side], model=tiny_model, hook_point="resid_post", position="last_prompt_token"
        )[:, 2]
        for side in (PROMPTS, benign)
    )
    torch.testing.assert_close(found.vector, harmful.mean(dim=0) - harmless.mean(dim=0), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", ["pca", "logistic", "lda"])
@pytest.mark.parametrize("contrast", ["prefixes", "harmful_benign"])
def test_each_method_learns_of_the_texts_of_its_contrast(tiny_model, method, contrast):
    benign = ["the water is here", "a list", "the first water"]
    settings = PLANTED.model_copy(update={"method": [method, "outcome_conditioned"], "contrast": contrast})
    found = build_direction(PROMPTS, model=tiny_model, layer=1, benign=benign, settings=settings)
    same_texts = "contrastive_prefix" if contrast == "prefixes" else "difference_in_means"
    plain = PLANTED.model_copy(update={"method": same_texts})
    reference = build_direction(PROMPTS, model=tiny_model, layer=1, benign=benign, settings=plain)
    assert found.statistics["estimator"] == method
    assert found.statistics["difference_norm"] == pytest.approx(reference.statistics["difference_norm"])
    cosine = float(torch.cosine_similarity(found.vector, reference.vector, dim=0))
    assert found.statistics["cosine_with_difference"] == pytest.approx(cosine, abs=1e-5)
    control = build_direction(PROMPTS, model=tiny_model, layer=1, benign=benign, settings=settings, control="shuffled")
    assert (control.statistics["method"], control.statistics["estimator"]) == ("shuffled", method)


def test_where_two_places_are_steered_the_one_after_the_block_is_read(tiny_model):
    both = PLANTED.model_copy(update={"hook_point": "resid_both"})
    found = [build_direction(PROMPTS, model=tiny_model, layer=1, settings=settings) for settings in (both, PLANTED)]
    assert torch.equal(found[0].vector, found[1].vector)


def test_a_control_has_the_length_and_not_the_direction(tiny_model):
    settings = PLANTED.model_copy(update={"normalize": False})
    real = build_direction(PROMPTS, model=tiny_model, layer=1, settings=settings)
    controls = [
        build_direction(PROMPTS, model=tiny_model, layer=1, settings=settings, control="random", seed=seed)
        for seed in (0, 0, 1)
    ]
    assert torch.equal(controls[0].vector, controls[1].vector)
    assert not torch.equal(controls[0].vector, controls[2].vector)
    assert controls[0].vector_norm == pytest.approx(real.vector_norm)
    assert abs(float(torch.cosine_similarity(controls[0].vector, real.vector, dim=0))) < 0.6


def test_a_template_stands_around_every_prompt(tiny_model):
    settings = PLANTED.model_copy(update={"normalize": False})
    found = build_direction(
        PROMPTS, model=tiny_model, layer=1, settings=settings, chat_template="none", prompt_template="Q: {prompt}\nA:"
    )
    written = [f"Q: {prompt}\nA:" for prompt in PROMPTS]
    expected = build_direction(written, model=tiny_model, layer=1, settings=settings, chat_template="none")
    torch.testing.assert_close(found.vector, expected.vector)
    bare = build_direction(PROMPTS, model=tiny_model, layer=1, settings=settings, chat_template="none")
    assert not torch.allclose(found.vector, bare.vector, atol=1e-4)


def test_a_part_of_the_prompts_builds_and_a_vector_of_ones_own_is_taken_where_the_settings_say_so(tiny_model, tmp_path):
    half = PLANTED.model_copy(update={"build_fraction": 0.5})
    assert build_direction(PROMPTS, model=tiny_model, layer=0, settings=half).statistics["n"] == 2
    own = torch.arange(1.0, tiny_model.d_model + 1)
    torch.save(own, tmp_path / "layer_1.pt")
    settings = DirectionConfig(file=str(tmp_path / "layer_{layer}.pt"), normalize=False)
    assert torch.equal(build_direction(PROMPTS, model=tiny_model, layer=1, settings=settings).vector, own)


@pytest.mark.parametrize(
    ("prompts", "changes", "message"),
    [
        (PROMPTS, {"layer": 3}, "no layer 3"),
        ([], {}, "argument harm_train"),
        ("take the water", {}, "argument harm_train"),
        (PROMPTS, {"settings": DirectionConfig(method="difference_in_means")}, "argument benign"),
        (PROMPTS, {"settings": DirectionConfig(method="outcome_conditioned")}, "in the workflow only"),
    ],
)
def test_what_can_not_be_used_is_one_message(tiny_model, prompts, changes, message):
    with pytest.raises(InputError, match=message):
        build_direction(prompts, model=tiny_model, **({"layer": 1} | changes))
