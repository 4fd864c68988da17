"""A direction as safetensors, as a GGUF control vector or as a folder of both, and results as CSV, JSON or a folder."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from steering_reliability.commands.study import study_of
from steering_reliability.config.reading import load_config
from steering_reliability.config.schema import Config
from steering_reliability.directions.files import StoredDirection, read_direction
from steering_reliability.errors import InputError
from steering_reliability.files import atomic_write, read_json_object, write_text
from steering_reliability.model.source import gguf_fields, locate_gguf, model_folder
from steering_reliability.prompts.card import card_path
from steering_reliability.prompts.schema import SPLITS
from steering_reliability.report.cards import ExportedLayer, dataset_card, direction_card
from steering_reliability.results.schema import POINT_KEYS, read_results
from steering_reliability.run.grid import main_direction
from steering_reliability.run.record import config_file, read_provenance, recorded_config

_LAYER: Final = re.compile(r"layer_(\d+)\.pt")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Origin:
    """What another program must know of directions.

    `architecture` is the model's by llama.cpp's name; empty where it is not needed.
    """

    hook_point: str
    architecture: str = ""


def directions_of(run: Path | None, configs: Sequence[Path], *, layers: Sequence[int]) -> list[Path]:
    """The main direction's files of a study (see `study_of`) at some layers; without a choice at all that are there.

    Raises:
        InputError: When one is not there.
    """
    config = load_config(study_of(run, configs).config)
    folder = Path(config.experiment.output_dir) / "directions" / main_direction(config)
    there = {int(found[1]): path for path in folder.glob("*.pt") if (found := _LAYER.fullmatch(path.name))}
    missing = [layer for layer in layers if layer not in there]
    if missing or not there:
        what = f"there is no direction of layer {missing[0]}" if missing else "there is no direction"
        raise InputError(what, where=str(folder), fix="run the target `directions`")
    return [there[layer] for layer in sorted(set(layers) or there)]


def origin_of(source: Path, *, hook_point: str | None, architecture: str | None, is_named: bool) -> Origin:
    """Find a direction's hook point and model in its run, unless the user gives them.

    `source` lies in its run, below `directions/{name}/`; the architecture is looked for only where `is_named`.

    Raises:
        InputError: When there is no such run, or its model is not at hand.
    """
    if hook_point is not None and (architecture is not None or not is_named):
        return Origin(hook_point, architecture or "")
    run = source.resolve().parents[2]
    if not config_file(run).is_file() and not (run / "provenance.json").is_file():
        what = "the direction is not inside a run, so its hook point and model are unknown"
        raise InputError(what, where=str(source), fix="give --hook-point and --model, or its path in the run")
    config = load_config(study_of(run, []).config)
    if architecture is None and is_named:
        architecture = _architecture(config)
    return Origin(hook_point or config.direction.hook_point, architecture or "")


def _architecture(config: Config) -> str:
    """The model's architecture by llama.cpp's name, which is Hugging Face's but for a few."""
    from gguf import MODEL_ARCH_NAMES  # noqa: PLC0415 - costs a second

    settings = Path(model_folder(config.model)) / "config.json"
    if settings.is_file():
        found: dict[str, Any] = json.loads(settings.read_text(encoding="utf-8"))
        kind = str(found.get("model_type", ""))
        known = set(MODEL_ARCH_NAMES.values())
        return next((name for name in (kind, kind.replace("_", "")) if name in known), kind)
    if config.model.source.endswith(".gguf"):
        return str(gguf_fields(locate_gguf(config.model).path).get("architecture", ""))
    raise InputError(
        "the run's model is not on this machine", where=str(settings), fix="give the architecture with --model"
    )


def facts_of(run: Path) -> dict[str, Any]:
    """What a run recorded of itself; of one that is not finished its config and the model's name, of none nothing."""
    try:
        return read_provenance(run)
    except InputError:
        try:
            config = load_config(recorded_config(run)).model_dump(mode="json")
        except InputError:
            return {}
        return {"config": config, "model": {"name": config["model"]["name"]}}


def export_directions(sources: Sequence[Path], *, output: Path, alpha: float, origin: Origin) -> None:
    """Write the directions of one or several layers for other programs.

    Args:
        sources: `.pt` files of this workflow, each of another layer.
        output: `.safetensors` (unit vectors, as `direction` or, of several layers, as `direction.{layer}`, and the
            numbers beside them as metadata) or `.gguf` (a control vector as llama.cpp and repeng read it: loaded with
            scale 1 it adds, at each of its layers, alpha times the mean residual norm there). Or a folder, which gets
            both and a card: a repository for a model hub.
        alpha: Strength that scale 1 stands for, in multiples of the mean residual norm.
        origin: Where the directions were read.

    Raises:
        InputError: When a direction is damaged, a layer appears twice, the ending unknown, or the file format has no
            such layer.
    """
    directions = _by_layer(sources)
    if not output.suffix:
        _write_folder(directions, output, alpha=alpha, origin=origin, facts=facts_of(sources[0].resolve().parents[2]))
        return
    writers: dict[str, Callable[[Path], None]] = {
        ".safetensors": lambda path: _write_safetensors(directions, path, origin=origin),
        ".gguf": lambda path: _write_gguf(directions, path, alpha=alpha, origin=origin),
    }
    if output.suffix not in writers:
        what = f"a direction can't be written as {output.suffix}"
        fix = f"end the name in {' or '.join(writers)}, or name a folder"
        raise InputError(what, where=str(output), fix=fix)
    with atomic_write(output) as scratch:
        writers[output.suffix](scratch)


def _by_layer(sources: Sequence[Path]) -> dict[int, StoredDirection]:
    directions: dict[int, StoredDirection] = {}
    for source in sources:
        direction = read_direction(source)
        layer = int(direction.statistics["layer"])
        if layer in directions:
            raise InputError(
                f"there are two directions of layer {layer}", where=str(source), fix="give one direction per layer"
            )
        directions[layer] = direction
    return directions


def _write_folder(
    directions: Mapping[int, StoredDirection], folder: Path, *, alpha: float, origin: Origin, facts: Mapping[str, Any]
) -> None:
    layers = [
        ExportedLayer(
            layer,
            block=layer - (origin.hook_point == "resid_pre"),
            tensor=_tensor_name(layer, n_layers=len(directions)),
            resid_norm=one.resid_norm,
            length=one.coefficient(alpha, intervention="add", unit="resid_norm"),
        )
        for layer, one in directions.items()
    ]
    has_control_vector = min(one.block for one in layers) >= 1
    with atomic_write(folder / "direction.safetensors") as scratch:
        _write_safetensors(directions, scratch, origin=origin)
    if has_control_vector:
        with atomic_write(folder / "control_vector.gguf") as scratch:
            _write_gguf(directions, scratch, alpha=alpha, origin=origin)
    card = direction_card(
        layers, facts=facts, hook_point=origin.hook_point, alpha=alpha, has_control_vector=has_control_vector
    )
    write_text(folder / "README.md", card)


def _tensor_name(layer: int, *, n_layers: int) -> str:
    return f"direction.{layer}" if n_layers > 1 else "direction"


def _write_safetensors(directions: Mapping[int, StoredDirection], path: Path, *, origin: Origin) -> None:
    from safetensors.torch import save_file  # noqa: PLC0415 - costs seconds

    several = len(directions) > 1
    tensors = {
        _tensor_name(layer, n_layers=len(directions)): (one.vector / one.vector.norm()).contiguous()
        for layer, one in directions.items()
    }
    facts: dict[str, dict[int, float]] = {
        "vector_norm": {layer: one.vector_norm for layer, one in directions.items()},
        "resid_norm": {layer: one.resid_norm for layer, one in directions.items()},
        "layer": {layer: layer for layer in directions},
    }
    metadata = {name: json.dumps(of if several else next(iter(of.values()))) for name, of in facts.items()}
    save_file(tensors, path, metadata=metadata | {"hook_point": origin.hook_point})


def _write_gguf(directions: Mapping[int, StoredDirection], path: Path, *, alpha: float, origin: Origin) -> None:
    from gguf import GGUFWriter  # noqa: PLC0415 - costs a second

    # llama.cpp adds direction.N to what block N gives; its file has no place for block 0.
    blocks = {layer - (origin.hook_point == "resid_pre"): one for layer, one in sorted(directions.items())}
    if min(blocks) < 1:
        raise InputError(
            f"a control vector can't hold the {origin.hook_point} of layer {min(directions)}",
            where=str(path),
            fix="export later layers, or use .safetensors",
        )
    writer = GGUFWriter(path, "controlvector")
    writer.add_string("controlvector.model_hint", origin.architecture)
    writer.add_uint32("controlvector.layer_count", max(blocks))
    for block, one in blocks.items():
        length = one.coefficient(alpha, intervention="add", unit="resid_norm")
        writer.add_tensor(f"direction.{block}", (length * one.vector / one.vector.norm()).numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def export_results(run: Path, *, output: Path) -> None:
    """Write a run's scored completions for other programs.

    The output is a `.csv` (text that a spreadsheet would take for a formula gets an apostrophe), a `.jsonl`, or a
    folder: it becomes a dataset that `datasets.load_dataset` reads, with a card that says what it is of, under which
    licences, and what each column holds.

    Raises:
        InputError: When there are no results or the ending is unknown.
    """
    results = read_results(run / "results.parquet")
    if output.suffix == ".csv":
        write_text(output, _without_formulas(results).to_csv(index=False, lineterminator="\n"))
    elif output.suffix == ".jsonl":
        write_text(output, results.to_json(orient="records", lines=True, force_ascii=False))
    elif not output.suffix:
        with atomic_write(output / "results.parquet") as scratch:
            scratch.write_bytes((run / "results.parquet").read_bytes())
        write_text(output / "README.md", _dataset_card(run, results))
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


def _dataset_card(run: Path, results: pd.DataFrame) -> str:
    facts = facts_of(run)
    data = (facts.get("config") or {}).get("data") or {}
    paths = {split: data.get(f"{split}_path") for split in SPLITS}
    cards = {split: read_json_object(card_path(Path(path))) for split, path in paths.items() if path}
    conditions = len(results[POINT_KEYS].drop_duplicates())
    return dataset_card(facts=facts, rows=len(results), conditions=conditions, prompt_cards=cards)
