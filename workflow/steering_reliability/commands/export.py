"""A direction as safetensors or as a GGUF control vector, and results as CSV, JSON or a dataset folder."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pandas as pd

from steering_reliability.analysis.schema import COLUMN_DESCRIPTIONS, read_results
from steering_reliability.directions.files import StoredDirection, read_direction
from steering_reliability.errors import InputError
from steering_reliability.whole_file import whole, write_text

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def export_direction(source: Path, *, output: Path, alpha: float, hook_point: str, model: str) -> None:
    """Write a direction for other programs.

    Args:
        source: A `.pt` of this workflow.
        output: `.safetensors` (the unit vector as `direction`, the numbers beside it as metadata) or `.gguf` (a control
            vector as llama.cpp and repeng read it: loaded with scale 1 it adds alpha times the mean residual norm).
        alpha: Strength that scale 1 stands for, in multiples of the mean residual norm.
        hook_point: `resid_post` or `resid_pre`, where the direction was read.
        model: Name of the architecture, for the program that reads the file.

    Raises:
        InputError: When the direction is damaged, the ending unknown, or the file format has no such layer.
    """
    direction = read_direction(source)
    writers: dict[str, Callable[[Path], None]] = {
        ".safetensors": lambda path: _write_safetensors(direction, path, hook_point=hook_point),
        ".gguf": lambda path: _write_gguf(direction, path, alpha=alpha, hook_point=hook_point, model=model),
    }
    if output.suffix not in writers:
        raise InputError(
            f"a direction can't be written as {output.suffix or 'a file without an ending'}",
            where=str(output),
            fix=f"end the name in {' or '.join(writers)}",
        )
    with whole(output) as scratch:
        writers[output.suffix](scratch)


def _layer(direction: StoredDirection) -> int:
    return int(direction.statistics["layer"])


def _write_safetensors(direction: StoredDirection, path: Path, *, hook_point: str) -> None:
    from safetensors.torch import save_file  # noqa: PLC0415 - costs seconds

    unit = direction.vector / direction.vector.norm()
    facts = {"vector_norm": direction.vector_norm, "resid_norm": direction.resid_norm, "layer": _layer(direction)}
    metadata = {name: json.dumps(value) for name, value in facts.items()}
    save_file({"direction": unit.contiguous()}, path, metadata=metadata | {"hook_point": hook_point})


def _write_gguf(direction: StoredDirection, path: Path, *, alpha: float, hook_point: str, model: str) -> None:
    from gguf import GGUFWriter  # noqa: PLC0415 - costs a second

    # llama.cpp adds direction.N to what block N gives; its file has no place for block 0.
    layer = _layer(direction) - (hook_point == "resid_pre")
    if layer < 1:
        raise InputError(
            f"a control vector has no place for the {hook_point} of layer {_layer(direction)}",
            where=str(path),
            fix="export a later layer, or use .safetensors",
        )
    unit = direction.vector / direction.vector.norm()
    writer = GGUFWriter(path, "controlvector")
    writer.add_string("controlvector.model_hint", model)
    writer.add_uint32("controlvector.layer_count", layer)
    writer.add_tensor(f"direction.{layer}", (alpha * direction.resid_norm * unit).numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def export_results(run: Path, *, output: Path) -> None:
    """Write a run's scored completions for other programs.

    Args:
        run: The run's folder.
        output: A `.csv` (text that a spreadsheet would take for a formula gets an apostrophe), a `.jsonl`, or a folder:
            the latter becomes a dataset that `datasets.load_dataset` reads, with a card that says what each column is.

    Raises:
        InputError: When there are no results or the ending is unknown.
    """
    results = read_results(run / "results.parquet")
    if output.suffix == ".csv":
        write_text(output, _without_formulas(results).to_csv(index=False, lineterminator="\n"))
    elif output.suffix == ".jsonl":
        write_text(output, results.to_json(orient="records", lines=True, force_ascii=False))
    elif not output.suffix:
        with whole(output / "results.parquet") as scratch:
            scratch.write_bytes((run / "results.parquet").read_bytes())
        write_text(output / "README.md", _card())
    else:
        fix = "end the name in .csv or .jsonl, or give a folder"
        raise InputError(f"results can't be written as {output.suffix}", where=str(output), fix=fix)


def _without_formulas(results: pd.DataFrame) -> pd.DataFrame:
    texts = results.select_dtypes(include=["object", "string"]).columns
    safe = {
        name: [
            f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value for value in results[name]
        ]
        for name in texts
    }
    return results.assign(**safe)


def _card() -> str:
    columns = "\n".join(f"- `{name}`: {text}" for name, text in COLUMN_DESCRIPTIONS.items())
    head = "---\nconfigs:\n- config_name: default\n  data_files: results.parquet\n---\n"
    return f"{head}\nCompletions of a language model, unsteered and steered, scored for refusal.\n\n{columns}\n"
