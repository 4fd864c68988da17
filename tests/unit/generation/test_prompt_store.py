"""Prompt states are kept within a budget, the least recently used go first."""

import torch
from steering_reliability.generation.prompt_store import PromptState, PromptStore


def state(*tokens: int) -> PromptState:
    """A state of 4 * (2 + 2 + 6) = 40 bytes."""
    return PromptState(tokens, [(torch.zeros(2), torch.zeros(2))], torch.zeros(6))


def test_the_least_recently_used_state_goes_first_and_the_newest_stays_even_beyond_the_budget():
    assert state(1, 2).n_bytes == 40
    store = PromptStore(budget=80)
    store.put(state(1))
    store.put(state(2))
    assert store.get((1,)) is not None
    store.put(state(3))
    assert [store.get((key,)) is not None for key in (1, 2, 3)] == [True, False, True]
    store.budget = 0
    store.put(state(4))
    assert [store.get((key,)) is not None for key in (1, 3, 4)] == [False, False, True]


def test_the_common_beginning_is_found():
    store = PromptStore(budget=1000)
    assert store.longest_shared((1, 2)) == (None, 0)
    store.put(state(1, 2, 3, 4))
    kept = store.get((1, 2, 3, 4))
    assert store.longest_shared((1, 2, 9)) == (kept, 2)
    assert store.longest_shared((1, 2, 3, 4, 5)) == (kept, 4)
    assert store.longest_shared((9, 2)) == (kept, 0)
