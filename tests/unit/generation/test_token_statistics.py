"""The chosen token and its statistics, a few rows at a time."""

import math

import pytest
import torch
from steering_reliability.generation.sampling import CANDIDATES, choose_tokens
from steering_reliability.generation.token_statistics import choose_and_measure, logprobs_of

# Four equally likely tokens, and four of 1/2, 1/4, 1/8 and 1/8.
FLAT, STEEP = torch.zeros(4), torch.tensor([4.0, 2.0, 1.0, 1.0]).log()


def test_entropy_and_log_probability_by_hand():
    logits = torch.stack([STEEP, FLAT] + [FLAT] * 6)
    found = choose_and_measure(logits, uniform=[0.0] * 2, temperature=[0.0] * 2, top_p=[1.0] * 2)
    assert found.tokens[0] == 0
    assert found.logprobs == pytest.approx([-math.log(2), -math.log(4)])
    # 1/2 ln 2 + 1/4 ln 4 + 2 * 1/8 ln 8 = (1/2 + 1/2 + 3/4) ln 2.
    assert found.entropies == pytest.approx([1.75 * math.log(2), math.log(4)])
    assert logprobs_of(logits, targets=torch.tensor([1, 3])).tolist() == pytest.approx([-math.log(4)] * 2)


def test_a_row_with_a_wide_nucleus_beside_narrow_ones_is_sorted_in_full():
    """The other rows, on a processor in several pieces, keep what they had."""
    vocabulary = 8 * CANDIDATES
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(40, vocabulary, generator=generator) * torch.tensor([8.0, 8.0, 0.1, 8.0] * 10).unsqueeze(-1)
    how = {"uniform": [0.9 * at / 40 for at in range(40)], "temperature": [0.7, 0.0] * 20, "top_p": [0.95] * 40}
    found = choose_and_measure(logits, **how)
    expected = choose_tokens(logits, **{name: torch.tensor(of, dtype=torch.float64) for name, of in how.items()})
    assert found.tokens == expected.tolist()
    ranks = (-logits).argsort(dim=-1).argsort(dim=-1)[torch.arange(40), expected]
    assert ranks.max() > CANDIDATES
    logprobs = logits.log_softmax(dim=-1)
    torch.testing.assert_close(torch.tensor(found.logprobs), logprobs[torch.arange(40), expected])
    torch.testing.assert_close(torch.tensor(found.entropies), -(logprobs.exp() * logprobs).sum(dim=-1))
