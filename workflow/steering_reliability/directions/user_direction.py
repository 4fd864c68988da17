"""A user's direction: a tensor file, or a control vector as repeng and llama.cpp write it."""

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from steering_reliability.errors import InputError

_FIX: Final = "give a .pt or .safetensors with one vector [d_model], or a .gguf control vector that has this layer"


def read_user_direction(
    path: str | Path, *, layer: int, hook_point: str, d_model: int | None = None
) -> Float[Tensor, " d_model"]:
    """Read one layer's vector; pickled code is refused, not run.

    Args:
        path: `.pt` (a tensor, or a mapping with `vector`), `.safetensors` (`direction`, `direction.{layer}` or a single
            tensor) or `.gguf` (tensors `direction.N`, added to what block N gives).
        layer: Block at whose hook point the vector is meant to be added.
        hook_point: `resid_post` or `resid_pre`; the latter is what the block before gives.
        d_model: Width that the vector must have.

    Returns:
        The vector in float64, at its own length.

    Raises:
        InputError: When the file is missing, damaged, has no such layer, or the vector is zero, not finite or of
            another width.
    """
    file = Path(path)
    readers: dict[str, Callable[[], Any]] = {
        ".pt": lambda: _of_torch(file),
        ".safetensors": lambda: _of_safetensors(file, layer=layer),
        ".gguf": lambda: _of_gguf(file, block=layer - (hook_point == "resid_pre")),
    }
    if file.suffix not in readers:
        raise InputError(f"a direction can't be read from {file.suffix or 'such a file'}", where=str(path), fix=_FIX)
    if not file.is_file():
        raise InputError("there is no direction", where=f"config key direction.file: {path}", fix="correct the path")
    try:
        vector = readers[file.suffix]()
    except (SafetensorError, RuntimeError, pickle.UnpicklingError, EOFError, ValueError, OSError) as error:
        raise InputError("the direction's file is damaged", where=str(path), fix=_FIX) from error
    if not isinstance(vector, Tensor) or vector.ndim != 1:
        raise InputError(f"the file holds no single vector for layer {layer}", where=str(path), fix=_FIX)
    vector = vector.double()
    if not bool(torch.isfinite(vector).all()) or not bool(vector.any()):
        raise InputError("the vector is zero or not finite", where=str(path), fix=_FIX)
    if d_model is not None and len(vector) != d_model:
        what = f"the vector has {len(vector)} numbers, but the model's residual stream has {d_model}"
        raise InputError(what, where=str(path), fix="bring a direction of this model")
    return vector


def _of_torch(path: Path) -> Any:
    content = torch.load(path, weights_only=True, map_location="cpu")
    return content.get("vector") if isinstance(content, Mapping) else content


def _of_safetensors(path: Path, *, layer: int) -> Any:
    tensors = load_file(path)
    for name in (f"direction.{layer}", "direction"):
        if name in tensors:
            return tensors[name]
    return next(iter(tensors.values())) if len(tensors) == 1 else None


def _of_gguf(path: Path, *, block: int) -> Any:
    from gguf import GGUFReader  # noqa: PLC0415 - costs a second

    for tensor in GGUFReader(path).tensors:
        if tensor.name == f"direction.{block}":
            return torch.from_numpy(tensor.data.copy())
    return None
