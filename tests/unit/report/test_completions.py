import base64
import gzip
import json

import pandas as pd
import pytest
from steering_reliability.report.completions import pack_completions
from steering_reliability.results.schema import SPLITS
from synthetic_run import tiny_results


def unpack(packed):
    return json.loads(gzip.decompress(base64.b64decode(packed.data)))


@pytest.fixture(scope="module")
def data(results):
    return unpack(pack_completions(results))


def test_a_steered_completion_knows_the_unsteered_one_of_its_prompt_and_seed(data):
    rows, points = data["rows"], data["points"]
    for number, other in enumerate(rows["unsteered"]):
        assert rows["prompt"][other] == rows["prompt"][number]
        assert points[rows["point"][other]][2] == "none"
        assert points[rows["point"][other]][5] == points[rows["point"][number]][5]


def test_what_was_written_and_judged_arrives(results, data):
    row = results[~results["from_baseline"] & results["is_refusal"]].iloc[0]
    rows = data["rows"]
    wanted = [row["role"], row["direction"], row["intervention"], row["layer"], row["alpha"], row["seed"]]
    (place,) = [
        number
        for number in range(len(rows["text"]))
        if data["points"][rows["point"][number]][:6] == wanted
        and data["prompts"][rows["prompt"][number]][:2] == [row["split"], row["id"]]
        and rows["sample"][number] == row["sample"]
    ]
    assert rows["text"][place] == row["completion"]
    assert data["labels"][rows["label"][place]] == "refusal"
    assert [data["phrases"][phrase] for phrase in rows["phrases"][place]] == list(row["matched_phrases"])
    assert rows["flags"][place] == 1 * row["is_helpful"] + 2 * row["is_degenerate"] + 4 * (
        row["finish_reason"] == "length"
    )


def test_characters_that_hide_or_reorder_are_written_out():
    results = tiny_results()
    results["completion"] = "a\u202eb\x1b[31mc\x00"
    texts = unpack(pack_completions(results))["rows"]["text"]
    assert set(texts) == {"a\\u{202E}b\\u{001B}[31mc\\u{0000}"}


def test_the_same_results_give_the_same_bytes_in_any_order(results):
    shuffled = results.sample(frac=1, random_state=1).reset_index(drop=True)
    assert pack_completions(results) == pack_completions(shuffled)


def test_too_many_are_cut_by_whole_prompts_of_every_split(results):
    whole = pack_completions(results)
    length = sum(len(text) for text in unpack(whole)["rows"]["text"])
    part = pack_completions(results, max_characters=length // 4)
    data = unpack(part)
    assert part.n_prompts + part.n_prompts_left_out == whole.n_prompts
    assert 0 < part.n_prompts <= whole.n_prompts / 2
    assert [split for split in SPLITS if any(prompt[0] == split for prompt in data["prompts"])] == list(SPLITS)
    per_prompt = pd.Series(data["rows"]["prompt"]).value_counts()
    everything = unpack(whole)
    names = [tuple(everything["prompts"][number][:2]) for number in everything["rows"]["prompt"]]
    for number, prompt in enumerate(data["prompts"]):
        assert per_prompt[number] == names.count(tuple(prompt[:2]))
