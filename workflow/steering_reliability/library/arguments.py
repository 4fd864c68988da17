"""The arguments of the public functions, checked and resolved as the config's keys are."""

from collections.abc import Sequence
from operator import index
from typing import Any

from pydantic import ValidationError

from steering_reliability.config.direction import DirectionConfig
from steering_reliability.config.experiment import ExperimentConfig
from steering_reliability.config.fields import AlphaUnit, HookPoint, Intervention, Positions
from steering_reliability.config.schema import ModelConfig
from steering_reliability.directions.files import StoredDirection
from steering_reliability.errors import InputError
from steering_reliability.prompts.schema import UNKNOWN, Prompt
from steering_reliability.run.layers import blocks_outside
from steering_reliability.text.layer_names import layer_set

Layers = int | str | Sequence[int]
"""One block, a list of blocks, or a name as in tables: `"14"`, `"10-18"`, `"10+14"` or `"all"`."""

_ARGUMENTS = {"interventions": "intervention", "alphas": "alpha"}


def as_prompts(given: Sequence[str | Prompt], *, where: str) -> list[Prompt]:
    """Give every text the id that it needs: itself, so that neither place nor neighbours change what is drawn for it.

    `where` names the argument in the message.

    Raises:
        InputError: When there is none, or a single string was given.
    """
    if isinstance(given, str) or not given:
        raise InputError("a list of prompts is needed", where=f"argument {where}", fix='write ["How do I ...?"]')
    return [Prompt(id=one, prompt=one, family=UNKNOWN, style=UNKNOWN) if isinstance(one, str) else one for one in given]


def checked_template(template: str | None) -> str | None:
    """Check a prompt template as the config's `model.prompt_template`.

    Raises:
        InputError: When it does not hold `{prompt}` exactly once, or is too long.
    """
    try:
        return ModelConfig(name="any", prompt_template=template).prompt_template
    except ValidationError as error:
        what = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise InputError(what, where="argument prompt_template", fix='write for example "Q: {prompt}\\nA:"') from None


def steered_blocks(
    direction: StoredDirection | Sequence[StoredDirection], *, layer: Layers | None, n_layers: int, d_model: int
) -> dict[int, StoredDirection]:
    """The direction of each block that is steered: at the given layers, else at those that the directions were read at.

    One direction steers every block, a list of them has one for each block.

    Raises:
        InputError: When there is no such layer, a direction names none, their number is another than that of the
            blocks, or a width is another model's.
    """
    directions = [direction] if isinstance(direction, StoredDirection) else list(direction)
    blocks = [
        block_index(one, n_layers=n_layers)
        for one in (_own_layers(directions) if layer is None else _layers(layer, n_layers=n_layers))
    ]
    if len(set(blocks)) < len(blocks):
        raise InputError(f"a block is named twice: {blocks}", where="argument layer", fix="name each block once")
    if len(directions) not in (1, len(blocks)) or not blocks:
        what = f"there are {len(directions)} directions for {len(blocks)} blocks"
        raise InputError(what, where="argument direction", fix="give one direction, or one for each block")
    for one in directions:
        if len(one.vector) != d_model:
            what = f"the direction has {len(one.vector)} numbers, but the model's residual stream has {d_model}"
            raise InputError(what, where="argument direction", fix="use a direction that was built on this model")
    return dict(zip(blocks, directions * len(blocks) if len(directions) == 1 else directions, strict=True))


def _own_layers(directions: Sequence[StoredDirection]) -> list[int]:
    own = [one.statistics.get("layer") for one in directions]
    if None in own:
        raise InputError("the direction does not say its layer", where="argument layer", fix="give layer=")
    return [int(layer) for layer in own if layer is not None]


def _layers(layer: Layers, *, n_layers: int) -> list[int]:
    try:
        found = _named(layer, n_layers=n_layers) if isinstance(layer, str) else _counted(layer)
    except (TypeError, ValueError):
        found = []
    if not found:
        fix = 'write 14, "10-18", [10, 14] or "all"'
        raise InputError(f"{layer!r} names no layers", where="argument layer", fix=fix) from None
    return found


def _named(name: str, *, n_layers: int) -> list[int]:
    one = layer_set(name)
    # The direction is an argument of its own.
    if one.source is not None:
        return []
    return list(range(n_layers)) if one.is_all else list(one.blocks)


def _counted(layer: Any) -> list[int]:
    try:
        return [index(layer)]
    except TypeError:
        return [index(one) for one in layer]


def block_index(layer: int, *, n_layers: int) -> int:
    """The index of a block that may be counted from the end.

    Raises:
        InputError: When there is no such block.
    """
    try:
        layer = index(layer)
    except TypeError:
        raise InputError(f"{layer!r} names no block", where="argument layer", fix="write a whole number") from None
    if blocks_outside([layer], n_layers=n_layers):
        fix = f"use 0 to {n_layers - 1}, or -1 to -{n_layers} to count from the end"
        raise InputError(f"the model has {n_layers} blocks and no layer {layer}", where="argument layer", fix=fix)
    return layer % n_layers


def check_names_and_bounds(
    *,
    alpha: float,
    intervention: Intervention,
    alpha_unit: AlphaUnit,
    hook_point: HookPoint,
    positions: Positions = "all",
) -> None:
    """Check an intervention against the names and bounds of the config.

    Raises:
        InputError: When a name is unknown, or alpha is not finite or out of bounds.
    """
    # Six digits are asked of the config's alphas, which name files.
    settings: dict[str, Any] = {"interventions": [intervention], "alphas": [float(f"{alpha:.6g}")]}
    settings |= {"alpha_unit": alpha_unit, "positions": positions}
    try:
        ExperimentConfig(layers=[0], output_dir="none", **settings)
        # TransformerLens passes over a hook point that it does not know, and nothing would be steered.
        DirectionConfig(hook_point=hook_point)
    except ValidationError as error:
        problem = error.errors()[0]
        # A check of several keys names none; those are about the strength.
        key = str((problem["loc"] or ("alphas",))[0])
        what = f"{problem['msg']} (got {problem['input']!r})"
        fix = f"config.yaml explains the key {key}"
        raise InputError(what, where=f"argument {_ARGUMENTS.get(key, key)}", fix=fix) from None
