"""Refusal tuning: the loss by hand, what moves, that it moves the same way twice, and the folder that is written."""

import json

import pytest
import torch
from steering_reliability.config.schema import RefusalTuningConfig
from steering_reliability.errors import InputError
from steering_reliability.model.loading import load_model
from steering_reliability.tuning.examples import Example
from steering_reliability.tuning.tune_refusal import UNSCORED, answer_loss, train, tune_refusal
from transformers import AutoModelForCausalLM

SETTINGS = RefusalTuningConfig(first_layer=1, last_layer=1, epochs=6, batch_size=2, learning_rate=0.02)
EXAMPLES = [Example((3, 4, 5, 6, 7), 3), Example((8, 9, 10), 2), Example((11, 12, 13, 14), 2)]


@pytest.fixture
def network(tiny_folder):
    return AutoModelForCausalLM.from_pretrained(tiny_folder, dtype=torch.float32)


def test_the_loss_is_the_mean_over_answer_tokens(network):
    tokens = torch.tensor([[3, 4, 5, 6], [7, 8, 9, 0]])
    targets = torch.tensor([[UNSCORED, UNSCORED, 5, 6], [UNSCORED, 8, UNSCORED, UNSCORED]])
    with torch.inference_mode():
        logprobs = network(input_ids=tokens).logits.log_softmax(-1)
        expected = -(logprobs[0, 1, 5] + logprobs[0, 2, 6] + logprobs[1, 0, 8]) / 3
        assert float(answer_loss(network, tokens=tokens, targets=targets)) == pytest.approx(float(expected), abs=1e-5)


def test_only_the_output_projections_of_the_named_blocks_move_and_the_answers_become_likelier(network):
    before = {name: weight.clone() for name, weight in network.named_parameters()}
    progress = train(network, EXAMPLES, settings=SETTINGS)
    moved = {name for name, weight in network.named_parameters() if not torch.equal(weight, before[name])}
    assert moved == {"model.layers.1.self_attn.o_proj.weight", "model.layers.1.mlp.down_proj.weight"}
    assert progress.n_parameters == sum(before[name].numel() for name in moved)
    assert not any(weight.requires_grad for weight in network.parameters())
    assert len(progress.losses) == 6 * 2
    assert sum(progress.losses[-2:]) < 0.7 * sum(progress.losses[:2])


def test_two_trainings_give_the_same_bytes(network, tiny_folder):
    again = AutoModelForCausalLM.from_pretrained(tiny_folder, dtype=torch.float32)
    threads = torch.get_num_threads()
    train(network, EXAMPLES, settings=SETTINGS)
    torch.set_num_threads(1)
    train(again, EXAMPLES, settings=SETTINGS)
    torch.set_num_threads(threads)
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), again.parameters(), strict=True))


def test_blocks_that_are_not_there_are_named(network):
    with pytest.raises(InputError, match="blocks 8 to 19 of this model"):
        train(network, EXAMPLES, settings=RefusalTuningConfig())


def test_the_folder_is_a_model_like_its_base_with_a_card(tiny_folder, tiny_model, tmp_path):
    settings = RefusalTuningConfig(
        n_harmful=8, n_harmless=4, first_layer=0, last_layer=2, epochs=2, batch_size=4, learning_rate=0.01
    )
    tune_refusal(tiny_folder, folder=tmp_path / "model", settings=settings, templates={})
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    model = load_model(tmp_path / "model", device="cpu", dtype="float32")
    assert (model.n_layers, model.d_model) == (tiny_model.n_layers, tiny_model.d_model)
    assert model.tokenizer.chat_template == tiny_model.tokenizer.chat_template
    assert model.end_tokens == tiny_model.end_tokens
    card = json.loads((tmp_path / "model" / "model_card.json").read_text(encoding="utf-8"))
    assert card["tuning"] == settings.model_dump()
    assert card["examples"] >= 8
    assert card["first_and_last_loss"][1] < card["first_and_last_loss"][0]
    assert "Not a safer model" in card["what"]
