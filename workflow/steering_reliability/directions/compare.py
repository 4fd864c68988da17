"""How alike the directions of a run are."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from steering_reliability.directions.build_direction import cosine_between
from steering_reliability.directions.files import read_direction


def cosines_with_main(files: Sequence[str], *, compared: Mapping[str, Sequence[int]]) -> dict[str, dict[int, float]]:
    """Cosine of every other direction with the main one, layer by layer.

    Args:
        files: Paths `.../{direction}/layer_{layer}.pt`; the main direction is the one that is not compared.
        compared: Direction to the layers at which it exists.
    """
    by_place = {(Path(file).parent.name, int(Path(file).stem.removeprefix("layer_"))): file for file in files}
    main = next(name for name, _ in by_place if name not in compared) if compared else ""
    return {
        name: {
            layer: cosine_between(read_direction(by_place[name, layer]), read_direction(by_place[main, layer]))
            for layer in layers
        }
        for name, layers in compared.items()
    }
