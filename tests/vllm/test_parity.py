"""vLLM writes what the bridge's engine writes, token for token, and measures it alike."""

import math
from pathlib import Path

import pytest
import torch
from conditions import PROMPTS, Conditions
from seeded_models import write_seeded_model
from steering_reliability.directions.activations import Text, locate_tokens, read_residuals
from steering_reliability.directions.files import read_direction
from steering_reliability.generation.engine import Engine
from steering_reliability.generation.rows import rows_of
from steering_reliability.model.loading import load_model
from transformers import AutoTokenizer, CohereConfig, CohereForCausalLM

CLOSE = 1e-4
# Of the same order as the residual stream of the seeded models, so that steering changes what they write.
LENGTH = 150.0


def written_by_bridge(folder: Path, requests, *, hook_point: str):
    torch.set_num_threads(1)
    model = load_model(folder, device="cpu", dtype="float32")
    rows = []
    for request in requests:
        files = request.steering.direction_files if request.steering else []
        rows.append(rows_of(request, model=model, direction=[read_direction(file) for file in files]))
    engine = Engine(model, hook_point=hook_point, max_rows=96, memory=2 << 30)
    done = iter(engine.generate([row for of_request in rows for row in of_request]))
    return [[next(done) for _ in of_request] for of_request in rows]


def compare(requests, ours, theirs) -> dict[str, float]:
    """Fail where a completion differs; the largest difference of each number."""
    largest: dict[str, float] = {}
    differing = []
    for request, here, there in zip(requests, ours, theirs, strict=True):
        for at, (bridge, vllm) in enumerate(zip(here, there, strict=True)):
            if (bridge.tokens, bridge.finish_reason) != (vllm["tokens"], vllm["finish_reason"]):
                differing.append((request.steering, request.positions, at, bridge.tokens, vllm["tokens"]))
                continue
            pairs = {
                name: (getattr(bridge, name), vllm[name])
                for name in ("mean_logprob", "mean_entropy", "first_token_kl", "base_logprob")
            }
            for number, (one, other) in enumerate(zip(bridge.openings, vllm["openings"], strict=True)):
                pairs |= {f"opening {number} {at}": pair for at, pair in enumerate(zip(one, other, strict=True))}
            for name, (one, other) in pairs.items():
                assert math.isnan(one) == math.isnan(other), name
                if not math.isnan(one):
                    largest[name] = max(largest.get(name, 0.0), abs(one - other))
    n = sum(len(here) for here in ours)
    print(f"{n - len(differing)} of {n} completions equal; largest differences {largest}")
    assert not differing
    assert max(largest.values()) < CLOSE
    return largest


@pytest.mark.real_model
def test_smollm2_under_every_intervention_position_and_layer_set_in_one_batch(served, smollm2, tmp_path):
    found = Conditions(tmp_path, n_layers=30, d_model=576, length=40.0, prompts=PROMPTS[:4], new_tokens=16)
    requests = {
        "resid_post": found.at_resid_post(),
        "resid_pre": found.at_other_points(),
        "resid_both": found.at_other_points(),
    }
    # Few tokens a step, so that prompts are read in pieces beside rows that are written.
    answer = served(smollm2, requests, max_batched_tokens=128)
    for point, of_point in requests.items():
        compare(of_point, written_by_bridge(smollm2, of_point, hook_point=point), answer["rows"][point])


def small(folder: Path, architecture: str, *, tokenizer_from: Path) -> Path:
    """A seeded model with heads as wide as vLLM's kernels for CPUs take them."""

    def widen(config) -> None:
        config.num_attention_heads = 2
        config.head_dim = 32
        if hasattr(config, "num_key_value_heads"):
            config.num_key_value_heads = 2
        config.vocab_size = 400

    return write_seeded_model(folder, architecture=architecture, tokenizer_from=tokenizer_from, change=widen)


@pytest.mark.parametrize("architecture", ["qwen3", "gemma3", "small neox"])
def test_other_families_under_all_of_it(architecture, served, tiny_folder, tmp_path):
    folder = small(tmp_path / "model", architecture, tokenizer_from=tiny_folder)
    found = Conditions(tmp_path, n_layers=3, d_model=64, length=LENGTH, prompts=PROMPTS[:3], new_tokens=10)
    requests = {"resid_post": found.at_resid_post(), "resid_both": found.at_other_points()}
    answer = served(folder, requests, max_batched_tokens=128)
    for point, of_point in requests.items():
        compare(of_point, written_by_bridge(folder, of_point, hook_point=point), answer["rows"][point])


def test_tensor_parallel_on_two_processes_writes_the_same(served, tiny_folder, tmp_path):
    folder = small(tmp_path / "model", "llama", tokenizer_from=tiny_folder)
    found = Conditions(tmp_path, n_layers=3, d_model=64, length=LENGTH, prompts=PROMPTS[:3], new_tokens=10)
    requests = {"resid_post": found.at_resid_post(), "resid_pre": found.at_other_points()}
    answer = served(folder, requests, tensor_parallel_size=2)
    assert answer["facts"]["tensor_parallel_size"] == 2
    for point, of_point in requests.items():
        compare(of_point, written_by_bridge(folder, of_point, hook_point=point), answer["rows"][point])


def test_activations_are_those_of_the_bridge(served, tiny_folder, tmp_path):
    folder = small(tmp_path / "model", "qwen2", tokenizer_from=tiny_folder)
    model = load_model(folder, device="cpu", dtype="float32")
    texts = [Text(prompt, "Sure, here is how to do that:") for prompt in PROMPTS]
    positions = ("prefix_mean", "last_prefix_token", "last_prompt_token")
    place = {"tokenizer": model.tokenizer, "context": model.context}
    located = [locate_tokens(text, position=position, **place) for position in positions for text in texts]
    # Read twice, the second time with all that can come from the prefix cache, and in pieces.
    answer = served(folder, {}, texts=located + located, max_batched_tokens=64, max_rows=32)
    streams = torch.tensor(answer["streams"]).chunk(2 * len(positions))
    for found, position in zip(streams, positions * 2, strict=True):
        for point, places in (("resid_post", slice(1, None)), ("resid_pre", slice(0, -1))):
            expected = read_residuals(texts, model=model, hook_point=point, position=position)
            # Float32 has seven digits, and these streams are hundreds long.
            difference = (found[:, places] - expected).norm(dim=-1) / expected.norm(dim=-1)
            assert float(difference.max()) < 1e-5


def test_a_model_whose_layers_hand_on_something_else_is_refused_by_their_name(served, tiny_folder, tmp_path):
    """Cohere's layers return hidden states and a residual that is in them already."""
    torch.manual_seed(0)
    config = CohereConfig(
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=3,
        num_attention_heads=2,
        num_key_value_heads=2,
        vocab_size=400,
        max_position_embeddings=192,
        **{"bos_token_id": None, "pad_token_id": None, "eos_token_id": 399},
    )
    CohereForCausalLM(config).save_pretrained(tmp_path / "model")
    AutoTokenizer.from_pretrained(tiny_folder).save_pretrained(tmp_path / "model")
    with pytest.raises(AssertionError, match="decoder layer CohereDecoderLayer is not of the usual form"):
        served(tmp_path / "model", {})


def test_steering_changes_what_is_written(served, tiny_folder, tmp_path):
    """Else two engines that both did nothing would agree."""
    folder = small(tmp_path / "model", "qwen2", tokenizer_from=tiny_folder)
    found = Conditions(tmp_path, n_layers=3, d_model=64, length=LENGTH, prompts=PROMPTS[:3], new_tokens=10)
    answer = served(folder, {"resid_post": [found.ask(), found.steer("add", 1), found.steer("add", 1, alpha=0.0)]})
    plain, steered, inert = answer["rows"]["resid_post"]
    assert [row["tokens"] for row in plain] == [row["tokens"] for row in inert]
    assert [row["tokens"] for row in plain] != [row["tokens"] for row in steered]
    assert all(row["first_token_kl"] > 0.05 for row in steered)
