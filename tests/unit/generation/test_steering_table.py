"""What is done at each block to each row: looked up by its condition, and nothing done to the others."""

import gc

import torch
from steering_reliability.generation.steering_table import UNSTEERED, SteeringTable
from steering_reliability.interventions.steer import BlockSteering

X, Y = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])


def applied(table, rows, *, block, conditions):
    entries = torch.tensor(table.entries(conditions))
    return table.apply(torch.tensor(rows), block=block, entries=entries).tolist()


def test_each_row_is_steered_by_its_own_condition_at_each_block():
    table = SteeringTable(d_model=2, device=torch.device("cpu"))
    pushed, cleared = {3: BlockSteering(X, add=2.0), 5: BlockSteering(Y, add=1.0)}, {3: BlockSteering(Y, ablate=0.5)}
    for blocks in (pushed, cleared):
        table.join(blocks)
    rows = [[1.0, 4.0]] * 3
    assert applied(table, rows, block=3, conditions=[pushed, cleared, None]) == [[3.0, 4.0], [1.0, 2.0], [1.0, 4.0]]
    # The second condition does nothing at block 5.
    assert applied(table, rows, block=5, conditions=[pushed, cleared, None]) == [[1.0, 5.0], [1.0, 4.0], [1.0, 4.0]]


def test_the_norm_is_kept_where_that_is_asked_for():
    table = SteeringTable(d_model=2, device=torch.device("cpu"))
    scaled, plain = {0: BlockSteering(Y, add=4.0, keep_norm=True)}, {0: BlockSteering(Y, add=4.0)}
    for blocks in (scaled, plain):
        table.join(blocks)
    # (3, 0) becomes (3, 4), of length 5, and is scaled to length 3.
    found = applied(table, [[3.0, 0.0]] * 2, block=0, conditions=[scaled, plain])
    torch.testing.assert_close(torch.tensor(found), torch.tensor([[1.8, 2.4], [3.0, 4.0]]))


def test_a_row_that_is_not_steered_keeps_its_bits():
    table = SteeringTable(d_model=2, device=torch.device("cpu"))
    blocks = {0: BlockSteering(X, add=1.0, ablate=1.0)}
    table.join(blocks)
    rows = torch.tensor([[-0.0, float("inf")], [float("nan"), 1e38]])
    found = table.apply(rows, block=0, entries=torch.tensor(table.entries([blocks, None]))[[1, 1]])
    assert found.view(torch.int32).tolist() == rows.view(torch.int32).tolist()
    assert table.entries([None]) == [UNSTEERED]


def test_a_condition_that_is_gone_makes_room_for_the_next():
    table = SteeringTable(d_model=2, device=torch.device("cpu"))
    stays = {0: BlockSteering(X, add=1.0)}
    table.join(stays)
    for strength in range(2, 50):
        # An object in the place of one that is gone may have the number that it had.
        blocks = {0: BlockSteering(X, add=float(strength))}
        table.join(blocks)
        expected = [[1.0, 0.0], [float(strength), 0.0]]
        assert applied(table, [[0.0, 0.0]] * 2, block=0, conditions=[stays, blocks]) == expected
        assert set(table.entries([stays, blocks])) == {1, 2}
        table.leave(blocks)
        del blocks
        gc.collect()


def test_a_condition_stays_while_one_of_its_rows_does():
    table = SteeringTable(d_model=2, device=torch.device("cpu"))
    first, second = {0: BlockSteering(X, add=1.0)}, {0: BlockSteering(Y, add=1.0)}
    table.join(first)
    table.join(first)
    table.leave(first)
    table.join(second)
    assert applied(table, [[0.0, 0.0]] * 2, block=0, conditions=[first, second]) == [[1.0, 0.0], [0.0, 1.0]]
