"""Residual streams are kept by row and token, and come back as they were."""

import torch
from steering_reliability.generation.residual_store import NOWHERE, ResidualStore


def test_a_row_gets_back_what_it_kept_whatever_comes_beside_it():
    store = ResidualStore(d_model=2, dtype=torch.float32, device=torch.device("cpu"))
    first, second = store.take(2), store.take(2)
    for token in range(2):
        # A third row is not kept.
        rows = torch.tensor([[1.0, token], [2.0, token], [9.0, 9.0]])
        store.keep(rows, places=torch.tensor([first, second, NOWHERE]), tokens=torch.tensor([token, token, 0]))
    # More rows and longer ones than there was room for.
    others = [store.take(5) for _ in range(40)]
    assert len({first, second, NOWHERE, *others}) == 43
    store.keep(torch.full((40, 2), 7.0), places=torch.tensor(others), tokens=torch.tensor([4] * 40))
    assert store.give_back(second, tokens=2).tolist() == [[2.0, 0.0], [2.0, 1.0]]
    assert store.give_back(first, tokens=1).tolist() == [[1.0, 0.0]]
    assert store.give_back(others[0], tokens=5)[4].tolist() == [7.0, 7.0]


def test_what_came_back_stays_when_another_row_takes_the_place():
    store = ResidualStore(d_model=1, dtype=torch.bfloat16, device=torch.device("cpu"))
    place = store.take(1)
    store.keep(torch.tensor([[3.0]], dtype=torch.bfloat16), places=torch.tensor([place]), tokens=torch.tensor([0]))
    kept = store.give_back(place, tokens=1)
    assert store.take(1) == place
    store.keep(torch.tensor([[4.0]], dtype=torch.bfloat16), places=torch.tensor([place]), tokens=torch.tensor([0]))
    assert kept.tolist() == [[3.0]]
