"""What a card says where much, little or hostile text is known."""

import re

import yaml
from steering_reliability.report.cards import ExportedLayer, dataset_card, direction_card

HUB = {
    "model": {"name": "owner/model", "card": {"licence": "mit"}},
    "config": {
        "model": {"name": "owner/model", "source": "hub"},
        "direction": {"method": ["lda", "pca"], "file": None},
        "experiment": {"positions": "generated"},
    },
}
LAYER = ExportedLayer(3, block=3, tensor="direction", resid_norm=20.0, length=10.0)


def card_of(facts=HUB, layers=(LAYER,), hook_point="resid_post"):
    has_file = min(one.block for one in layers) > 0
    return direction_card(layers, facts=facts, hook_point=hook_point, alpha=0.5, has_control_vector=has_file)


def head(card):
    return yaml.safe_load(card.split("---\n")[1])


def test_a_hub_model_is_named_where_a_tool_can_load_it():
    card = card_of()
    assert head(card)["base_model"] == "owner/model"
    assert 'boot_transformers("owner/model", device="cpu")' in card
    assert "times the inverse covariance within the sides" in card
    assert "`positions: generated`" in card
    assert "model's licence: mit" in card
    assert "| 3 | 20 | 10 |" in card


def test_what_is_not_recorded_is_not_made_up():
    card = card_of({})
    assert "base_model" not in card and "positions:" not in card
    assert "A steering direction of a model" in card
    assert "a vector of its maker's own" in card
    assert 'boot_transformers("path/to/model"' in card
    assert "model's licence: not recorded" in card


def test_a_tool_that_can_not_add_it_there_is_left_out():
    first = ExportedLayer(0, block=-1, tensor="direction", resid_norm=1.0, length=1.0)
    card = card_of(layers=[first], hook_point="resid_pre")
    assert "blocks.0.hook_resid_pre" in card
    assert "repeng" not in card and "llama" not in card and "SteeringVector" not in card
    both = card_of(hook_point="resid_both")
    assert "blocks.3.hook_resid_pre" in both and "blocks.3.hook_resid_post" in both
    assert "add it after the block only" in both


def test_text_of_others_stays_text():
    bad = '</pre><script>x</script>"]\n---\n# {{ 7 * 7 }} [a](b)'
    facts = {"model": {"name": bad}, "config": HUB["config"] | {"model": {"name": bad, "source": "hub"}}}
    cards = [card_of(facts), dataset_card(facts=facts, rows=2, conditions=1, prompt_cards={"benign": {"title": bad}})]
    for card in cards:
        assert "<script>" not in card and card.count("</pre>") == 1
        outside = re.sub(r"<pre>.*</pre>", "", card, flags=re.DOTALL)
        assert "# {{" not in outside and "](b)" not in outside
        assert set(head(card)) <= {"tags", "configs"}


def test_a_dataset_says_whose_its_prompts_and_model_are():
    set_card = {"title": "AdvBench", "licence": "MIT"}
    card = dataset_card(facts=HUB, rows=6, conditions=2, prompt_cards={"harm_test": set_card})
    assert head(card)["configs"] == [{"config_name": "default", "data_files": "results.parquet"}]
    assert "The prompts of `harm_test`: AdvBench, licence MIT." in card
    assert "The prompts of `benign`: no card beside them" in card
    assert "The model's licence: mit." in card
    assert "some completions answer them" in card
    assert "positions: generated" in card.partition("## Config")[2]
