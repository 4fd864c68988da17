"""One uniform per (seed, prompt, sample, step), inverted through the nucleus."""

from collections import Counter

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from steering_reliability.generation.sampling import CANDIDATES, STRETCH, choose_tokens, first_maximum, uniforms

# Token 2 is the most likely, then 0, 3 and 1.
SHARES = torch.tensor([0.3, 0.05, 0.5, 0.15])


def choose(logits, uniform, *, temperature: float = 1.0, top_p: float = 1.0) -> list[int]:
    """Tokens of rows that share logits, one per uniform."""
    n = len(uniform)
    return choose_tokens(
        logits.expand(n, -1),
        uniform=torch.tensor(uniform, dtype=torch.float64),
        temperature=torch.full((n,), temperature, dtype=torch.float64),
        top_p=torch.full((n,), top_p, dtype=torch.float64),
    ).tolist()


def sorted_choice(logits: torch.Tensor, uniform: float, *, top_p: float) -> int:
    """The contract by a full sort in float64."""
    shares = logits.softmax(dim=-1).double().numpy()
    order = np.argsort(-shares, kind="stable")
    cumulated = np.cumsum(shares[order])
    size = min(int(np.searchsorted(cumulated, top_p)) + 1, len(order))
    mass = cumulated[size - 1] if top_p < 1 else 1.0
    return int(order[min(int(np.searchsorted(cumulated, uniform * mass, side="right")), size - 1)])


def test_a_longer_draw_begins_with_the_shorter_one():
    long = uniforms(3, prompt_id="benign_0001", sample=2, n=100)
    assert uniforms(3, prompt_id="benign_0001", sample=2, n=7) == long[:7]
    assert len(set(long)) == 100
    assert all(0 <= uniform < 1 for uniform in long)


def test_each_part_of_the_key_matters():
    keys = [(0, "a", 0), (1, "a", 0), (0, "b", 0), (0, "a", 1), (1, "a", 11), (11, "a", 1), (1, "1a", 1)]
    draws = {uniforms(seed, prompt_id=prompt, sample=sample, n=3) for seed, prompt, sample in keys}
    assert len(draws) == len(keys)


def test_a_draw_never_changes():
    # A changed generator would change every published completion.
    assert uniforms(0, prompt_id="harm_test_0001", sample=0, n=3) == (
        0.6770193934888438,
        0.09452948184890553,
        0.4598092325452371,
    )


def test_temperature_is_applied_before_the_nucleus():
    # At temperature 0.5 the shares are squared: 25, 9, 2.25 and 0.25 of 36.5; 25 reach two thirds.
    assert choose(SHARES.log(), [0.999999], temperature=0.5, top_p=0.66) == [2]
    assert choose(SHARES.log(), [25 / 36.5 - 0.001, 25 / 36.5 + 0.001], temperature=0.5) == [2, 0]


@pytest.mark.parametrize("vocabulary", [STRETCH, 40 * STRETCH, 40 * STRETCH + 3])
def test_the_first_maximum_is_that_of_argmax_with_many_equals(vocabulary):
    logits = torch.randint(0, 50, (16, vocabulary), generator=torch.Generator().manual_seed(0)).float()
    assert (logits == logits.amax(dim=-1, keepdim=True)).sum(dim=-1).max() > 1
    first = [row.index(max(row)) for row in logits.tolist()]
    assert first_maximum(logits).tolist() == logits.argmax(dim=-1).tolist() == first
    # Temperature 0, whatever the uniform.
    assert choose(logits[0], [0.0, 0.99], temperature=0.0, top_p=0.5) == first[:1] * 2


@pytest.mark.parametrize("top_p", [0.3, 0.9, 0.999, 1.0])
@pytest.mark.parametrize("spread", [0.1, 1.0, 4.0])
def test_a_wide_nucleus_is_sorted_in_full(top_p, spread):
    vocabulary = 8 * CANDIDATES
    logits = torch.randn(vocabulary, generator=torch.Generator().manual_seed(1)) * spread
    uniform = [*uniforms(0, prompt_id="wide", sample=0, n=200), 0.0, 0.999999]
    chosen = choose(logits, uniform, top_p=top_p)
    assert chosen == [sorted_choice(logits, u, top_p=top_p) for u in uniform]
    if (top_p, spread) == (0.9, 0.1):
        # Otherwise the test would miss what it is for.
        assert max((-logits).argsort().argsort()[chosen]) > CANDIDATES


def test_a_row_draws_the_same_beside_others_as_alone():
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(24, 2000, generator=generator) * torch.linspace(0.2, 5, 24).unsqueeze(-1)
    settings = {
        "uniform": torch.rand(24, generator=generator, dtype=torch.float64),
        "temperature": torch.tensor([0.0, 0.5, 1.3] * 8, dtype=torch.float64),
        "top_p": torch.tensor([1.0, 0.5, 0.95, 0.999] * 6, dtype=torch.float64),
    }
    together = choose_tokens(logits, **settings).tolist()
    alone = [
        choose_tokens(logits[at : at + 1], **{name: value[at : at + 1] for name, value in settings.items()}).item()
        for at in range(24)
    ]
    assert together == alone
    assert len(set(together)) > 12


@pytest.mark.parametrize(
    ("temperature", "top_p", "expected"),
    [
        (1.0, 1.0, {0: 0.3, 1: 0.05, 2: 0.5, 3: 0.15}),
        (1.0, 0.9, {2: 0.5 / 0.95, 0: 0.3 / 0.95, 3: 0.15 / 0.95}),
        (0.5, 1.0, {2: 25 / 36.5, 0: 9 / 36.5, 3: 2.25 / 36.5, 1: 0.25 / 36.5}),
    ],
)
def test_tokens_are_drawn_as_often_as_they_should_be(temperature, top_p, expected):
    n = 4000
    uniform = [uniforms(0, prompt_id=f"prompt_{number}", sample=0, n=1)[0] for number in range(n)]
    counts = Counter(choose(SHARES.log(), uniform, temperature=temperature, top_p=top_p))
    assert set(counts) == set(expected)
    tokens = sorted(expected)
    assert chisquare([counts[t] for t in tokens], [n * expected[t] for t in tokens]).pvalue > 0.01
