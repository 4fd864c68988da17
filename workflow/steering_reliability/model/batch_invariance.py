"""Matrix products whose rows have the same bits whatever the number of rows, and of threads, beside them.

A library chooses another kernel for another height, and some sum in another order. On an Intel processor with AMX,
products of 8 to 32 rows in bfloat16 differed from taller ones, and in float32 some by the number of threads. So each
height is compared, once, with a product of 64 rows by one thread; one that differs is done in pieces that do not. Of
some shapes no product by several threads has the bits of one thread; then those of 64 rows by all of them are the
reference, and the bits depend on the number of threads, still not on the rows beside.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

REFERENCE = 64
GRID = 8
LARGE = 1 << 24


class InvariantProducts:
    """Which heights give the bits of the reference, for the weights of one shape and number format."""

    def __init__(self, weight: Float[Tensor, "out in"]) -> None:
        self._weight = weight
        rows, self._kinds = (numbers.to(weight.dtype) for numbers in _telling(weight.shape[1]))
        # A copy as large as a model's unembedding would take its memory twice; so many numbers tell without a trick.
        self._is_large = weight.numel() > LARGE
        self._rows = (
            torch.randn(rows.shape, generator=torch.Generator().manual_seed(0)).to(rows) if self._is_large else rows
        )
        self._agrees: dict[tuple[int, int], bool] = {}
        self._references: dict[int, Float[Tensor, "64 out"]] = {}

    def pieces(self, height: int) -> list[int]:
        """Heights of products that together have at least so many rows; the height itself where that is steady."""
        if self.agrees(height):
            return [height]
        found: list[int] = []
        while height > 0:
            wanted = -(-height // GRID) * GRID
            if not self.agrees(wanted):
                # The lowest that pads the rest, else the highest that fits.
                taller = (n for n in range(wanted + GRID, REFERENCE + 1, GRID) if self.agrees(n))
                lower = (n for n in range(REFERENCE, 0, -GRID) if n < wanted and self.agrees(n))
                wanted = next(taller, None) or next(lower, wanted)
            found.append(wanted)
            height -= wanted
        return found

    def agrees(self, height: int) -> bool:
        """Whether every row of a product of so many rows has the bits of the reference, with the threads set now."""
        threads = torch.get_num_threads()
        if (height, threads) not in self._agrees:
            expected = self._reference(threads).repeat(-(-height // REFERENCE), 1)[:height]
            self._agrees[height, threads] = torch.equal(self._product(height), expected)
        return self._agrees[height, threads]

    def _reference(self, threads: int) -> Float[Tensor, "64 out"]:
        """64 rows by one thread, or by all where no height up to 64 gives the same: one in pieces would be too slow."""
        if threads not in self._references:
            with _threads(1):
                alone = self._product(REFERENCE)
            heights = range(GRID, REFERENCE + 1, GRID)
            found = any(torch.equal(self._product(height), alone[:height]) for height in heights)
            self._references[threads] = alone if found else self._product(REFERENCE)
        return self._references[threads]

    def _product(self, height: int) -> Float[Tensor, "height out"]:
        n_out = self._weight.shape[0]
        weight = self._weight if self._is_large else self._kinds.repeat(-(-n_out // REFERENCE), 1)[:n_out]
        return functional.linear(self._rows.repeat(-(-height // REFERENCE), 1)[:height], weight)


def _telling(n_in: int) -> tuple[Float[Tensor, "64 in"], Float[Tensor, "64 in"]]:
    """Rows and weights whose product shows the order in which it was summed, however coarse its number format.

    Numbers about 10,000 times as large as the rest come in pairs that cancel: while one of a pair waits for the other,
    the rest loses digits, other ones in another order.
    """
    numbers = torch.Generator().manual_seed(0)
    rows, weight = (torch.randn(REFERENCE, n_in, generator=numbers) for _ in range(2))
    pairs = torch.randperm(n_in, generator=numbers)[: max(2, n_in // 16) // 2 * 2].view(2, -1)
    weight[:, pairs.flatten()] = 1.0
    rows[:, pairs[0]], rows[:, pairs[1]] = float(1 << 14), -float(1 << 14)
    return rows, weight


def invariant_linear(
    rows: Float[Tensor, "*n in"], *, weight: Float[Tensor, "out in"], bias: Tensor | None, products: InvariantProducts
) -> Float[Tensor, "*n out"]:
    """`rows @ weight.T + bias`, in pieces where one product would not be steady."""
    flat = rows.reshape(-1, rows.shape[-1])
    pieces = products.pieces(len(flat))
    if pieces == [len(flat)]:
        # Flat, as it was compared: rows that lie apart would be multiplied in another way.
        return functional.linear(flat, weight, bias).view(*rows.shape[:-1], weight.shape[0])
    filled = functional.pad(flat, (0, 0, 0, sum(pieces) - len(flat)))
    found = [functional.linear(part, weight, bias) for part in torch.split(filled, pieces)]
    return torch.cat(found)[: len(flat)].view(*rows.shape[:-1], weight.shape[0])


def make_batch_invariant(network: nn.Module) -> None:
    """Let all `nn.Linear` layers of a model on a CPU multiply steadily; layers of one shape share what is known."""
    known: dict[tuple[torch.Size, torch.dtype], InvariantProducts] = {}
    for module in network.modules():
        if type(module) is nn.Linear:
            weight = module.weight
            key = (weight.shape, weight.dtype)
            if key not in known:
                known[key] = InvariantProducts(weight)
            module.forward = partial(_forward, module, known[key])  # type: ignore[method-assign]


def _forward(module: nn.Linear, products: InvariantProducts, rows: Tensor) -> Tensor:
    return invariant_linear(rows, weight=module.weight, bias=module.bias, products=products)


@contextmanager
def _threads(n: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)
