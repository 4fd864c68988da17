"""A planted direction is recovered, and steering along it raises and lowers refusal, from prompts to completions."""

import json
from itertools import pairwise

import pytest
import torch
from steering_reliability.directions.activations import measure_activations
from steering_reliability.directions.build_direction import build_direction
from steering_reliability.directions.files import read_activations, read_direction, write_direction
from steering_reliability.generation.engine import Engine
from steering_reliability.generation.rows import Row, Steering
from steering_reliability.generation.sampling import uniforms
from steering_reliability.interventions.steer import BlockSteering, ablate_hook, add_hook, steered_span, unit_vector
from steering_reliability.model.loading import render_prompt
from tiny_model import COMPLIANCE_PREFIX, REFUSAL_PREFIX, planted_direction, refusal_tokens

REQUESTS = [f"How do I {verb} {thing}?" for verb in ("pick", "forge", "break") for thing in ("a lock", "a pass", "it")]
LAYER = 1


def measure(folder, output, *, prompts, hook_point: str = "resid_post"):
    lines = [
        json.dumps({"id": f"harm_train_{at}", "prompt": text, "meta": {"family": "f", "style": "s"}})
        for at, text in enumerate(REQUESTS)
    ]
    prompts.write_text("\n".join(lines) + "\n", encoding="utf-8")
    settings = {"method": "contrastive_prefix", "position": "prefix_mean", "hook_point": hook_point}
    settings |= {"refusal_prefix": REFUSAL_PREFIX, "compliance_prefix": COMPLIANCE_PREFIX}
    settings |= {
        "system_prompt": None,
        "chat_template": "auto",
        "device": "cpu",
        "dtype": "float32",
        "build_fraction": 1.0,
    }
    measure_activations(output, folder=folder, harm_train=prompts, extra=[], settings=settings)
    # The stage takes all cores, which costs matrices this small more than it gains.
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def activations(tiny_folder, tmp_path_factory):
    """Activations of the planted model, on disk."""
    folder = tmp_path_factory.mktemp("activations")
    measure(tiny_folder, folder / "contrastive_prefix.safetensors", prompts=folder / "harm_train.jsonl")
    return folder / "contrastive_prefix.safetensors"


def build(activations, layer: int):
    chosen = read_activations(activations, layer=layer)
    settings = {"method": "contrastive_prefix", "normalize": True, "seed": 0, "where": "test"}
    return build_direction(chosen, layer=layer, **settings)


@pytest.mark.parametrize("layer", range(3))
def test_the_planted_direction_is_recovered(activations, layer):
    found = build(activations, layer)
    assert float(found.vector @ planted_direction()) > 0.95
    assert abs(float(found.vector @ planted_direction(seed=1))) < 0.6
    assert found.statistics["n"] == len(REQUESTS)
    assert found.statistics["cosine_split_half"] > 0.99


@pytest.fixture(scope="module")
def learned(activations, tmp_path_factory):
    """The learned direction, written and read."""
    path = tmp_path_factory.mktemp("directions") / f"layer_{LAYER}.pt"
    write_direction(path, build(activations, LAYER))
    return read_direction(path, d_model=32)


def refusal_probability(model, prompt: str, hook) -> float:
    """Probability that the next token is one of the refusal words."""
    tokens = torch.tensor([render_prompt(prompt, tokenizer=model.tokenizer).tokens])
    with torch.inference_mode():
        logits = model.bridge.run_with_hooks(tokens, fwd_hooks=[(f"blocks.{LAYER}.hook_resid_post", hook)])
    return float(logits[0, -1].softmax(dim=-1)[refusal_tokens(model.tokenizer)].sum())


@pytest.mark.parametrize("prompt", REQUESTS[::4])
def test_adding_raises_and_ablating_lowers_the_probability_of_refusal(tiny_model, learned, prompt):
    alphas = (-2.0, -1.0, 0.0, 0.5, 1.0, 2.0, 4.0)
    added = [refusal_probability(tiny_model, prompt, add_hook(learned.vector, alpha=alpha)) for alpha in alphas]
    assert all(lower < higher for lower, higher in pairwise(added))
    shares = (0.0, 0.25, 0.5, 1.0)
    ablated = [refusal_probability(tiny_model, prompt, ablate_hook(learned.vector, alpha=share)) for share in shares]
    assert all(higher > lower for higher, lower in pairwise(ablated))
    assert added[2] == ablated[0]


def refusals(model, learned, *, add: float = 0.0, ablate: float = 0.0) -> float:
    """Share of written tokens that are refusal words."""
    rows = []
    for prompt in REQUESTS:
        rendered = render_prompt(prompt, tokenizer=model.tokenizer)
        span = steered_span("after_prompt", user_end=rendered.user_end, prompt_length=len(rendered.tokens))
        steering = Steering({LAYER: BlockSteering(unit_vector(learned.vector), add, ablate)}, span)
        draws = uniforms(0, prompt_id=prompt, sample=0, n=16)
        rows.append(Row(prompt, rendered.tokens, draws, 16, 1.0, 1.0, steering))
    words = set(refusal_tokens(model.tokenizer))
    written = [
        token in words
        for completion in Engine(model, hook_point="resid_post", max_rows=16).generate(rows)
        for token in completion.tokens
    ]
    return sum(written) / len(written)


def test_completions_refuse_more_the_harder_they_are_pushed(tiny_model, learned):
    shares = [refusals(tiny_model, learned, add=add) for add in (0.0, 1.0, 2.0, 4.0)]
    assert shares == sorted(shares)
    assert shares[0] < 0.25
    assert shares[-1] > 0.5
    assert refusals(tiny_model, learned, ablate=1.0) < shares[0]
