"""A direction that was exported as safetensors, read back with its lengths."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from steering_reliability.directions.files import StoredDirection
from steering_reliability.errors import InputError

_FIX = "give a file that `steering-reliability export direction` wrote"


def read_exported(path: str | Path, *, layer: int | None = None, d_model: int | None = None) -> StoredDirection:
    """Read one layer's direction; `layer` may be left out where the file holds one.

    Raises:
        InputError: When the file is missing, damaged, of another program or model, or has no such layer.
    """
    try:
        with safe_open(path, framework="pt") as file:
            facts = {name: json.loads(text) for name, text in (file.metadata() or {}).items() if name != "hook_point"}
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 - no mapping
        lengths = {name: _by_layer(facts[name], layer=facts["layer"]) for name in ("vector_norm", "resid_norm")}
    except FileNotFoundError as error:
        raise InputError("there is no direction", where=str(path), fix="correct the path") from error
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise InputError("the file does not say its layers and lengths", where=str(path), fix=_FIX) from error
    there = sorted(lengths["resid_norm"])
    chosen = there[0] if layer is None and len(there) == 1 else layer
    if chosen not in there:
        what = "the file holds several layers" if layer is None else f"there is no direction of layer {layer}"
        raise InputError(what, where=str(path), fix=f"give layer= as one of {', '.join(map(str, there))}")
    unit = tensors["direction" if len(there) == 1 else f"direction.{chosen}"]
    if d_model is not None and len(unit) != d_model:
        what = f"the direction has {len(unit)} numbers, but the model's residual stream has {d_model}"
        raise InputError(what, where=str(path), fix="use a direction that was built on this model")
    norm, resid_norm = (lengths[name][chosen] for name in ("vector_norm", "resid_norm"))
    return StoredDirection(unit * norm, norm, resid_norm, {"layer": chosen})


def _by_layer(found: Any, *, layer: Any) -> dict[int, float]:
    """The lengths by layer; those of a single one are a number."""
    return {int(key): float(value) for key, value in (found if isinstance(found, dict) else {layer: found}).items()}
