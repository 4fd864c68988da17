"""What a condition's layer names: one block, or a set of blocks that are steered together."""

from collections.abc import Sequence
from dataclasses import dataclass

from steering_reliability.config.experiment import BorrowedDirection, Layer
from steering_reliability.config.fields import Blocks
from steering_reliability.errors import InputError
from steering_reliability.text.layer_names import ALL, layer_set


@dataclass(frozen=True)
class SteeredLayer:
    """The blocks that a condition steers.

    Attributes:
        name: As in files and tables: `14`, `10-18`, `10+14+18` or `all`, and `-from-14` for a borrowed direction.
        blocks: Steered blocks, ascending.
        sources: For each, the block whose direction it is steered along.
    """

    name: str
    blocks: tuple[int, ...]
    sources: tuple[int, ...]

    @property
    def distinct_sources(self) -> list[int]:
        """The blocks whose directions are used, ascending."""
        return sorted(set(self.sources))


def resolve_layer(entry: Layer, *, n_layers: int) -> SteeredLayer:
    """Work out what an entry of `experiment.layers` means in a model of so many blocks.

    Raises:
        InputError: When it names a block that is not there, the same block twice, or a range that runs backwards.
    """
    borrowed = isinstance(entry, BorrowedDirection)
    blocks = _blocks(entry.at if isinstance(entry, BorrowedDirection) else entry, n_layers=n_layers)
    source = _block(entry.source, n_layers=n_layers) if isinstance(entry, BorrowedDirection) else None
    name = _name(blocks, n_layers=n_layers)
    if not borrowed or blocks == (source,):
        return SteeredLayer(name, blocks, blocks)
    return SteeredLayer(f"{name}-from-{source}", blocks, (source or 0,) * len(blocks))


def resolve_layers(entries: Sequence[Layer], *, n_layers: int) -> list[SteeredLayer]:
    """Work out the layers of a grid, in the order given.

    Raises:
        InputError: As `resolve_layer`, or when two entries mean the same.
    """
    found = [resolve_layer(entry, n_layers=n_layers) for entry in entries]
    names = [layer.name for layer in found]
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        what = f"two entries of experiment.layers mean layer {repeated[0]} of {n_layers}"
        raise InputError(what, where="config key experiment.layers", fix="name each once")
    return found


def parse_layer(name: str, *, n_layers: int) -> SteeredLayer:
    """Read a layer's name back.

    Raises:
        InputError: When it is none, or a block is not there.
    """
    try:
        found = layer_set(name)
    except ValueError:
        fix = "use 14, 10-18, 10+14 or all"
        raise InputError(f"{name!r} names no layer", where="a file's name", fix=fix) from None
    at: Blocks = ALL if found.is_all else list(found.blocks)
    borrowed = {"at": at, "from": found.source}
    return resolve_layer(at if found.source is None else BorrowedDirection.model_validate(borrowed), n_layers=n_layers)


def blocks_outside(entries: Sequence[Layer], *, n_layers: int) -> list[int]:
    """The blocks that entries name and a model with so many blocks does not have."""
    named = [number for entry in entries for number in _numbers(entry)]
    return [number for number in named if not -n_layers <= number < n_layers]


def _numbers(entry: Layer) -> list[int]:
    if isinstance(entry, BorrowedDirection):
        return [*_numbers(entry.at), entry.source]
    if isinstance(entry, int):
        return [entry]
    if isinstance(entry, list):
        return entry
    return [] if entry == ALL else [int(end) for end in entry.split("-")]


def _blocks(entry: Blocks, *, n_layers: int) -> tuple[int, ...]:
    if entry == ALL:
        return tuple(range(n_layers))
    numbers = [_block(number, n_layers=n_layers) for number in _numbers(entry)]
    if isinstance(entry, str):
        first, last = numbers
        if last < first:
            what = f"the range {entry} runs backwards"
            raise InputError(what, where="config key experiment.layers", fix=f"write {last}-{first}")
        return tuple(range(first, last + 1))
    if len(set(numbers)) < len(numbers):
        what = f"{entry} names a block of {n_layers} twice"
        raise InputError(what, where="config key experiment.layers", fix="name each block once")
    return tuple(sorted(numbers))


def _block(number: int, *, n_layers: int) -> int:
    if not -n_layers <= number < n_layers:
        fix = f"use 0 to {n_layers - 1}, or -1 to -{n_layers} to count from the end"
        what = f"the model has {n_layers} blocks and no layer {number}"
        raise InputError(what, where="config key experiment.layers", fix=fix)
    return number % n_layers


def _name(blocks: tuple[int, ...], *, n_layers: int) -> str:
    if len(blocks) == n_layers and n_layers > 1:
        return "all"
    if len(blocks) > 1 and blocks == tuple(range(blocks[0], blocks[-1] + 1)):
        return f"{blocks[0]}-{blocks[-1]}"
    return "+".join(map(str, blocks))
