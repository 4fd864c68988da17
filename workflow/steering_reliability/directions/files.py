"""The `.pt` of a direction, and the activations that it was made of."""

import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from steering_reliability.directions.coefficient import coefficient_of
from steering_reliability.errors import InputError
from steering_reliability.files import atomic_write, write_text


@dataclass(frozen=True)
class StoredDirection:
    """A direction as it lies on disk.

    Attributes:
        vector: The direction, float32.
        vector_norm: Its length.
        resid_norm: Mean length of the residual stream where it was read, without outlier dimensions.
        statistics: Everything that its `.json` holds.
    """

    vector: Float[Tensor, " d_model"]
    vector_norm: float
    resid_norm: float
    statistics: dict[str, Any]

    @property
    def record(self) -> dict[str, Any]:
        """The statistics with the two lengths, as the JSON beside the `.pt` holds them."""
        return {"vector_norm": self.vector_norm, "resid_norm": self.resid_norm, **self.statistics}

    def coefficient(self, alpha: float, *, intervention: str, unit: str) -> float:
        """What an alpha comes to along this direction: see `coefficient_of`."""
        return coefficient_of(self.record, alpha=alpha, intervention=intervention, unit=unit)


@dataclass(frozen=True)
class Activations:
    """Residual streams at the read tokens, for all layers.

    `positive` (refusal side) and `negative` have a row per text; `paired`: row i of both is of the same prompt.
    """

    positive: Float[Tensor, "n layers d_model"]
    negative: Float[Tensor, "m layers d_model"]
    paired: bool


def write_direction(path: str | Path, direction: StoredDirection) -> None:
    """Write `layer_{layer}.pt` and, beside it, the statistics as JSON; each whole or not at all."""
    target = Path(path)
    with atomic_write(target) as scratch:
        torch.save({"vector": direction.vector.contiguous(), **direction.record}, scratch)
    write_text(target.with_suffix(".json"), json.dumps(direction.record, indent=2) + "\n")


def read_direction(path: str | Path, *, d_model: int | None = None) -> StoredDirection:
    """Read the `.pt` of a direction, refusing pickled code.

    Raises:
        InputError: When the file is missing, damaged, not a direction, or of another model.
    """
    remake = "delete it and run again; Snakemake makes it again"
    try:
        content = torch.load(path, weights_only=True, map_location="cpu")
    except FileNotFoundError as error:
        raise InputError("there is no direction", where=str(path), fix="run the target `directions`") from error
    except (RuntimeError, SafetensorError, pickle.UnpicklingError, EOFError, ValueError, OSError) as error:
        raise InputError("the direction's file is damaged", where=str(path), fix=remake) from error
    vector = content.get("vector") if isinstance(content, Mapping) else None
    if not isinstance(vector, Tensor) or vector.ndim != 1 or not bool(torch.isfinite(vector).all()):
        raise InputError("the file holds no finite vector", where=str(path), fix=remake)
    if not {"vector_norm", "resid_norm"} <= content.keys():
        raise InputError("the file lacks vector_norm or resid_norm", where=str(path), fix=remake)
    if d_model is not None and len(vector) != d_model:
        what = f"the direction has {len(vector)} numbers, but the model's residual stream has {d_model}"
        raise InputError(what, where=str(path), fix=remake)
    rest = {key: value for key, value in content.items() if key not in ("vector", "vector_norm", "resid_norm")}
    return StoredDirection(vector.float(), float(content["vector_norm"]), float(content["resid_norm"]), rest)


def write_activations(path: str | Path, activations: Activations) -> None:
    """Write activations as safetensors, whole or not at all."""
    tensors = {"positive": activations.positive.contiguous(), "negative": activations.negative.contiguous()}
    with atomic_write(Path(path)) as scratch:
        save_file(tensors, scratch, metadata={"paired": str(activations.paired)})


def read_activations(path: str | Path, *, layer: int) -> Activations:
    """Read the activations of one layer (kept as an axis of length 1).

    Raises:
        InputError: When the file is damaged or has no such layer.
    """
    try:
        with safe_open(path, framework="pt") as file:
            paired = (file.metadata() or {}).get("paired") == "True"
            sides = [file.get_slice(name)[:, layer : layer + 1] for name in ("positive", "negative")]
    except (SafetensorError, OSError) as error:
        raise InputError("the activations are damaged", where=str(path), fix="delete the file and run again") from error
    if sides[0].shape[1] != 1:
        raise InputError(f"there are no activations of layer {layer}", where=str(path), fix="delete it and run again")
    return Activations(sides[0], sides[1], paired)
