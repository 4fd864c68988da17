"""Where directions come from: their files in a run, the hook point at which they were read, and the kind of model."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from steering_reliability.commands.study import study_of
from steering_reliability.config.reading import load_config
from steering_reliability.config.schema import Config
from steering_reliability.errors import InputError
from steering_reliability.model.source import gguf_fields, locate_gguf, model_folder
from steering_reliability.run.grid import main_direction

_LAYER: Final = re.compile(r"layer_(\d+)\.pt")


@dataclass(frozen=True)
class Origin:
    """What another program must know of directions.

    Attributes:
        hook_point: `resid_post` or `resid_pre`, where they were read.
        architecture: Of the model, by llama.cpp's name; empty where nobody asked.
    """

    hook_point: str
    architecture: str = ""


def directions_of(run: Path | None, configs: Sequence[Path], *, layers: Sequence[int]) -> list[Path]:
    """The main direction's files of a study, by layer.

    Args:
        run: As `study_of` takes it.
        configs: As `study_of` takes them.
        layers: Block indices from 0; none takes all that are there.

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
    """Read from a direction's run where it was read; what the user says goes before.

    Args:
        source: The `.pt`, in its place in the run: below `directions/{name}/`.
        hook_point: What the user says; None asks the run.
        architecture: What the user says; None asks the run's model.
        is_named: Whether the architecture is wanted at all.

    Raises:
        InputError: When there is no such run, or its model is not at hand.
    """
    if hook_point is not None and (architecture is not None or not is_named):
        return Origin(hook_point, architecture or "")
    config = load_config(study_of(_run_of(source), []).config)
    if architecture is None and is_named:
        architecture = _architecture(config)
    return Origin(hook_point or config.direction.hook_point, architecture or "")


def _run_of(source: Path) -> Path:
    run = source.resolve().parent.parent.parent
    if not (run / "logs" / "config.yaml").is_file() and not (run / "provenance.json").is_file():
        what = "the direction lies outside a run, which would say where it was read and on which model"
        raise InputError(what, where=str(source), fix="say --hook-point and --model, or name it where it was made")
    return run


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
    raise InputError("the run's model is not at hand", where=str(settings), fix="say its architecture with --model")
