"""Where a direction is applied: the layer asked for, else its own."""

from typing import Any

from pydantic import ValidationError

from steering_reliability.config.schema import (
    AlphaUnit,
    DirectionConfig,
    ExperimentConfig,
    HookPoint,
    Intervention,
    Positions,
)
from steering_reliability.directions.files import StoredDirection
from steering_reliability.errors import InputError
from steering_reliability.run.grid import layers_outside

_ARGUMENTS = {"interventions": "intervention", "alphas": "alpha"}


def place(direction: StoredDirection, *, layer: int | None, n_layers: int, d_model: int) -> int:
    """The block index at which a direction steers.

    Args:
        direction: A direction.
        layer: Block index, negatives count from the end; None takes the layer that the direction was read at.
        n_layers: Number of blocks.
        d_model: Width of the residual stream.

    Raises:
        InputError: When there is no such layer, the direction names none, or its width is another model's.
    """
    chosen = direction.statistics.get("layer") if layer is None else layer
    if not isinstance(chosen, int):
        raise InputError("the direction does not say its layer", where="argument layer", fix="give layer=")
    index = block_index(chosen, n_layers=n_layers)
    if len(direction.vector) != d_model:
        raise InputError(
            f"the direction has {len(direction.vector)} numbers, but the model's residual stream has {d_model}",
            where="argument direction",
            fix="use a direction that was built on this model",
        )
    return index


def block_index(layer: int, *, n_layers: int) -> int:
    """The index of a block that may be counted from the end.

    Raises:
        InputError: When there is no such block.
    """
    if layers_outside([layer], n_layers=n_layers):
        raise InputError(
            f"the model has {n_layers} blocks and no layer {layer}",
            where="argument layer",
            fix=f"use 0 to {n_layers - 1}, or -1 to -{n_layers} to count from the end",
        )
    return layer % n_layers


def check_names_and_bounds(
    *,
    alpha: float,
    intervention: Intervention,
    alpha_unit: AlphaUnit,
    hook_point: HookPoint,
    positions: Positions = "all",
) -> None:
    """Hold an intervention to the names and bounds of the config.

    Raises:
        InputError: When a name is unknown, or alpha is not finite or out of bounds.
    """
    settings: dict[str, Any] = {"interventions": [intervention], "alphas": [alpha]}
    settings |= {"alpha_unit": alpha_unit, "positions": positions}
    try:
        ExperimentConfig(layers=[0], output_dir="none", **settings)
        # TransformerLens passes over a hook point that it does not know, and nothing would be steered.
        DirectionConfig(hook_point=hook_point)
    except ValidationError as error:
        problem = error.errors()[0]
        key = str(problem["loc"][0])
        raise InputError(
            f"{problem['msg']} (got {problem['input']!r})",
            where=f"argument {_ARGUMENTS.get(key, key)}",
            fix=f"config.yaml explains the key {key}",
        ) from None
