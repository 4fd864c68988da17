"""The chosen token and its statistics, a few rows at a time."""

import math

import pytest
import torch
from steering_reliability.generation.token_statistics import choose_and_measure, logprobs_of

# Four equally likely tokens, and four of 1/2, 1/4, 1/8 and 1/8.
FLAT, STEEP = torch.zeros(4), torch.tensor([4.0, 2.0, 1.0, 1.0]).log()


def greedy(logits: torch.Tensor, *, n: int):
    zeros = torch.zeros(n, dtype=torch.float64)
    return choose_and_measure(logits, uniform=zeros, temperature=zeros, top_p=zeros + 1)


def test_entropy_and_log_probability_by_hand():
    found = greedy(torch.stack([STEEP, FLAT] + [FLAT] * 6), n=2)
    assert found.tokens[0] == 0
    assert found.logprobs == pytest.approx([-math.log(2), -math.log(4)])
    # 1/2 ln 2 + 1/4 ln 4 + 2 * 1/8 ln 8 = (1/2 + 1/2 + 3/4) ln 2.
    assert found.entropies == pytest.approx([1.75 * math.log(2), math.log(4)])


@pytest.mark.parametrize("n", [1, 8, 9, 21])
def test_rows_keep_their_order_and_the_padding_is_dropped(n):
    logits = torch.randn(24, 50, generator=torch.Generator().manual_seed(0))
    found = greedy(logits, n=n)
    assert found.tokens == logits[:n].argmax(dim=-1).tolist()
    assert len(found.logprobs) == len(found.entropies) == n
    assert found.logprobs == greedy(logits, n=24).logprobs[:n]
    targets = torch.arange(n)
    expected = [float(torch.log_softmax(logits[row], dim=-1)[row]) for row in range(n)]
    assert logprobs_of(logits, targets=targets).tolist() == pytest.approx(expected, abs=1e-6)
