"""A row's bits do not depend on the rows beside it, nor on the number of threads."""

import pytest
import torch
from steering_reliability.model.batch_invariance import InvariantProducts, invariant_linear, make_batch_invariant
from torch import nn

HEIGHTS = (1, 3, 8, 24, 40, 64, 120, 240, 600)
# Of these on some processors no product by two threads has the bits of one.
BY_THREADS = ((896, 896), (896, 4864))
SHAPES = ((96, 576), (192, 576), (576, 1536), (1536, 576), (4096, 64))


@pytest.fixture
def threads():
    """Set the number of threads; it is as before when the test is over."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("shape", "together"), [*((shape, [1, 2]) for shape in SHAPES), *((shape, [2]) for shape in BY_THREADS)]
)
def test_the_first_row_is_the_same_at_every_height(shape, together, dtype, threads):
    numbers = torch.Generator().manual_seed(3)
    weight = torch.randn(shape, generator=numbers).to(dtype)
    rows = torch.randn(max(HEIGHTS), shape[1], generator=numbers).to(dtype)
    found = []
    for n in together:
        threads(n)
        products = InvariantProducts(weight)
        found += [invariant_linear(rows[:height], weight=weight, bias=None, products=products)[0] for height in HEIGHTS]
    assert all(torch.equal(one, found[0]) for one in found)


@pytest.mark.parametrize(
    ("height", "steady", "expected"),
    [
        (24, {24}, [24]),
        # Not a multiple of 8, and steady all the same.
        (5, {5}, [5]),
        (5, {8, 64}, [8]),
        (16, {40, 64}, [40]),
        (240, {64, 48}, [64, 64, 64, 48]),
        (240, {64, 176}, [64, 176]),
        (240, {56, 16}, [56, 56, 56, 56, 16]),
        # Where nothing is steady the height stays, up to the grid.
        (20, set(), [24]),
    ],
)
def test_a_height_that_is_not_steady_is_done_in_pieces(height, steady, expected):
    products = InvariantProducts(torch.ones(8, 8))
    products.agrees = steady.__contains__
    assert products.pieces(height) == expected


def test_pieces_are_the_product_with_its_bias():
    products = InvariantProducts(torch.ones(3, 4))
    products.agrees = {64}.__contains__
    rows, weight, bias = torch.randn(2, 35, 4), torch.randn(3, 4), torch.randn(3)
    found = invariant_linear(rows, weight=weight, bias=bias, products=products)
    torch.testing.assert_close(found, rows @ weight.T + bias)


def test_every_linear_layer_of_a_model_is_made_steady():
    network = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Sequential(nn.Linear(3, 2, bias=False)))
    rows = torch.randn(5, 4)
    expected = network(rows)
    make_batch_invariant(network)
    assert all("forward" in vars(layer) for layer in network.modules() if isinstance(layer, nn.Linear))
    torch.testing.assert_close(network(rows), expected)
