"""The chosen token and its statistics, a few rows at a time."""

import math

import pytest
import torch
from steering_reliability.generation.token_statistics import choose_and_measure, logprobs_of

# Four equally likely tokens, and four of 1/2, 1/4, 1/8 and 1/8.
FLAT, STEEP = torch.zeros(4), torch.tensor([4.0, 2.0, 1.0, 1.0]).log()


def test_entropy_and_log_probability_by_hand():
    logits, zeros = torch.stack([STEEP, FLAT] + [FLAT] * 6), torch.zeros(2, dtype=torch.float64)
    found = choose_and_measure(logits, uniform=zeros, temperature=zeros, top_p=zeros + 1)
    assert found.tokens[0] == 0
    assert found.logprobs == pytest.approx([-math.log(2), -math.log(4)])
    # 1/2 ln 2 + 1/4 ln 4 + 2 * 1/8 ln 8 = (1/2 + 1/2 + 3/4) ln 2.
    assert found.entropies == pytest.approx([1.75 * math.log(2), math.log(4)])
    assert logprobs_of(logits, targets=torch.tensor([1, 3])).tolist() == pytest.approx([-math.log(4)] * 2)
