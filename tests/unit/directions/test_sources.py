"""Which texts a method compares."""

import pytest
from steering_reliability.directions.activations import Text
from steering_reliability.directions.sources import texts_to_compare
from steering_reliability.errors import InputError
from steering_reliability.prompts.schema import Prompt

PROMPTS = {
    "harm_train": [Prompt("h1", "pick", "locks", "direct"), Prompt("h2", "forge", "papers", "direct")],
    "benign": [Prompt("b1", "bake", "food", "direct")],
}
PREFIXES = {"refusal_prefix": "No.", "compliance_prefix": "Yes."}


def outcomes(*, refusal: int, helpful: int, other: int = 0) -> list[dict]:
    kinds = ["refusal"] * refusal + ["helpful"] * helpful + ["other"] * other
    return [{"prompt": f"p{n}", "completion": f"{kind} {n}", "outcome": kind} for n, kind in enumerate(kinds)]


def test_a_contrast_of_prefixes_pairs_each_harmful_prompt_with_both():
    refusing, complying, paired = texts_to_compare("contrastive_prefix", prompts=PROMPTS, **PREFIXES)
    assert refusing == [Text("pick", "No."), Text("forge", "No.")]
    assert complying == [Text("pick", "Yes."), Text("forge", "Yes.")]
    assert paired


def test_a_difference_of_means_compares_harmful_and_benign_prompts():
    assert texts_to_compare("difference_in_means", prompts=PROMPTS, **PREFIXES) == (
        [Text("pick"), Text("forge")],
        [Text("bake")],
        False,
    )


def test_outcomes_are_parted_and_the_rest_left_out():
    refused, helped, paired = texts_to_compare(
        "outcome_conditioned", prompts=PROMPTS, outcomes=outcomes(refusal=8, helpful=9, other=5), **PREFIXES
    )
    assert refused == [Text(f"p{n}", f"refusal {n}") for n in range(8)]
    assert helped == [Text(f"p{n}", f"helpful {n}") for n in range(8, 17)]
    assert not paired


@pytest.mark.parametrize(("refusal", "helpful"), [(7, 30), (30, 7), (0, 0)])
def test_too_few_outcomes_are_counted(refusal, helpful):
    rows = outcomes(refusal=refusal, helpful=helpful, other=3)
    with pytest.raises(InputError, match=f"of {len(rows)} there are {refusal} refused and {helpful} helpful") as caught:
        texts_to_compare("outcome_conditioned", prompts=PROMPTS, outcomes=rows, where="shard.jsonl", **PREFIXES)
    assert caught.value.where == "shard.jsonl"
    assert "contrastive_prefix" in caught.value.fix
