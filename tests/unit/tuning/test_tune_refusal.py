"""The stage as a whole, on the tiny model."""

import json

import pytest
from steering_reliability.config.schema import RefusalTuningConfig
from steering_reliability.model.loading import load_model
from steering_reliability.tuning.tune_refusal import tune_refusal

SETTINGS = RefusalTuningConfig(
    n_harmful=8, n_harmless=4, first_layer=0, last_layer=2, epochs=2, batch_size=4, learning_rate=0.01
)


@pytest.fixture(scope="module")
def tuned(tiny_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tuned") / "model"
    tune_refusal(tiny_folder, folder=folder, settings=SETTINGS, templates={})
    return folder


def test_the_folder_is_a_model_like_its_base(tuned, tiny_model):
    model = load_model(tuned, device="cpu", dtype="float32")
    assert (model.n_layers, model.d_model) == (tiny_model.n_layers, tiny_model.d_model)
    assert model.tokenizer.chat_template == tiny_model.tokenizer.chat_template
    assert model.end_tokens == tiny_model.end_tokens


def test_the_card_says_what_was_done(tuned):
    card = json.loads((tuned / "model_card.json").read_text(encoding="utf-8"))
    assert card["tuning"] == SETTINGS.model_dump()
    assert card["examples"] >= 8
    assert card["first_and_last_loss"][1] < card["first_and_last_loss"][0]
    assert "Not a safer model" in card["what"]


def test_nothing_else_is_left_beside_it(tuned):
    assert [path.name for path in tuned.parent.iterdir()] == ["model"]
