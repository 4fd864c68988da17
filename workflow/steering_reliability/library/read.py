"""Load what is there already: a model, a direction, the results of a run."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from steering_reliability.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from steering_reliability.directions.files import StoredDirection
    from steering_reliability.model.loading import LoadedModel


def load_model(
    folder: str | Path,
    *,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto",
) -> "LoadedModel":
    """Boot a Hugging Face folder as a TransformerLens bridge; nothing is looked up on a model hub.

    Args:
        folder: A folder with config.json, safetensors weights and a tokenizer, for example one of results/models.
        device: `auto` is an NVIDIA GPU where there is one, else the CPU; `cuda` and `mps` fall back to the CPU, with a
            warning.
        dtype: `auto` is bfloat16 where the processor multiplies it fast, else float32.

    Returns:
        The model: `bridge` takes TransformerLens hooks, `tokenizer` adds no special token by itself.

    Raises:
        InputError: When the folder is not there, or is not a model that TransformerLens can boot.
    """
    # Without this a misspelt path would be asked for on the hub, as the name of a model.
    if not (Path(folder) / "config.json").is_file():
        what = "there is no model in this folder"
        raise InputError(what, where=str(folder), fix="correct the path, or run the target `model`")
    from steering_reliability.model import loading as model  # noqa: PLC0415 - costs seconds

    _, warning = model.choose_device(device)
    if warning:
        warnings.warn(warning, stacklevel=2)
    return model.load_model(folder, device=device, dtype=dtype)


def load_direction(path: str | Path, *, layer: int | None = None, d_model: int | None = None) -> "StoredDirection":
    """Read the `.pt` of a direction, or an exported `.safetensors`; pickled code is refused, not run.

    Args:
        path: For example results/smollm2/directions/contrastive_prefix/layer_14.pt.
        layer: Which one of an exported file that holds several.
        d_model: Width that the vector must have; None takes any.

    Returns:
        The vector [d_model] in float32, its length, the mean length of the residual stream where it was read (both in
        units of the residual stream), and its statistics with the `layer`.

    Raises:
        InputError: When the file is missing, damaged, not a direction, of another width, or has no such layer.
    """
    from steering_reliability.directions.exported import read_exported  # noqa: PLC0415 - costs seconds
    from steering_reliability.directions.files import read_direction  # noqa: PLC0415

    if Path(path).suffix == ".safetensors":
        return read_exported(path, layer=layer, d_model=d_model)
    return read_direction(path, d_model=d_model)


def load_results(run: str | Path, *, columns: Sequence[str] | None = None) -> "pd.DataFrame":
    """Read the scored completions of a finished run.

    Args:
        run: The run's folder, for example results/smollm2, or its results.parquet.
        columns: Columns to read; None reads all.

    Returns:
        One row per completion and condition; `results.schema.COLUMN_DESCRIPTIONS` says what each column holds, with
        its unit. `layer` is a name: "14", or "10-18" of several blocks. The study is `role == "main"`.

    Raises:
        InputError: When there are no results, or they lack a column.
    """
    from steering_reliability.results.schema import read_results  # noqa: PLC0415 - costs a second

    path = Path(run)
    return read_results(path / "results.parquet" if path.is_dir() else path, columns=columns)
