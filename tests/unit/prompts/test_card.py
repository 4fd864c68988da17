import hashlib
import json

from steering_reliability.prompts.card import card_path, describe, write_card
from steering_reliability.prompts.ingest import ingest_prompts


def test_a_card_says_what_the_prompts_are_and_the_same_files_give_the_same_bytes(tmp_path):
    source = tmp_path / "harmful_behaviors.csv"
    source.write_text("goal,target\nDraw a cat,x\nDraw a cat,x\nDraw a dog,y\n")
    ingested = ingest_prompts([source], split="harm_train")
    card = describe(ingested, files=[source], where={"target": ("x", "y")}, dropped={"benign": 1})
    assert card == {
        "set": "advbench",
        "title": "AdvBench",
        "source": "https://github.com/llm-attacks/llm-attacks/blob/main/data/advbench/harmful_behaviors.csv",
        "licence": "MIT",
        "hub": None,
        "files": {"harmful_behaviors.csv": hashlib.sha256(source.read_bytes()).hexdigest()},
        "fields": {"prompt": "goal"},
        "where": {"target": ["x", "y"]},
        "rows": 3,
        "prompts": 2,
        "overlaps_dropped": {"benign": 1},
    }
    path = card_path(tmp_path / "harm_train.jsonl")
    assert path.name == "harm_train.card.json"
    write_card(card, path=path)
    assert json.loads(path.read_text()) == card


def test_an_unknown_set_of_the_hub_has_the_licence_of_its_page(tmp_path):
    source = tmp_path / "mine.txt"
    source.write_text("Draw a cat\n")
    ingested = ingest_prompts([source], split="benign")
    hub = {"repository": "https://huggingface.co/datasets/lab/mine", "revision": "c0ffee", "licence": "cc0-1.0"}
    card = describe(ingested, files=[source], where={}, hub=hub)
    assert (card["set"], card["source"], card["licence"], card["hub"]) == (None, hub["repository"], "cc0-1.0", hub)
    assert describe(ingested, files=[source], where={})["licence"] == "unknown"
