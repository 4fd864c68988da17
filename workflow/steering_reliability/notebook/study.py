"""A notebook's study: its complete config, in a folder that holds no other study, and what makes its numbers."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from steering_reliability.commands.named_model import is_model_of, named_model, names_model, section_of
from steering_reliability.commands.new_study import USUAL
from steering_reliability.config.fields import AUTO
from steering_reliability.config.files import WORKFLOW, merge_over, read_config
from steering_reliability.errors import InputError
from steering_reliability.files import write_text
from steering_reliability.process.code_digest import package_digest
from steering_reliability.process.machine import gpu_name
from steering_reliability.run.plan import plan_run
from steering_reliability.run.record import versions

SPEED_ONLY: Final = ("generation.batch_size", "generation.memory_gib", "generation.workers")
"""Keys that decide how fast a run is and nothing that it writes."""

_MOST_NAMED: Final = 5


def write_study(
    folder: str | Path,
    settings: Mapping[str, Any],
    *,
    model: str | Mapping[str, Any] = "",
    changes: Mapping[str, Any] | None = None,
) -> Path:
    """Write the config of a run into the run's folder; a folder with another study is left as it is.

    Args:
        folder: Of the run, relative to the repository; the report goes to its subfolder `report`.
        settings: Sections of the notebook, merged key by key over config.yaml.
        model: A model as `steering-reliability run` takes it: a hub id, a folder or a .gguf file; or keys of the
            section `model`, merged over both. Empty for the model of config.yaml.
        changes: Sections of the user, merged over all of it.

    Returns:
        The config's file. It names every key, so what it means does not depend on config.yaml.

    Raises:
        InputError: When the config can't be used, or the folder holds a run with another one.
    """
    folder = Path(folder)
    config = merge_over(read_config(WORKFLOW / "config.yaml"), settings)
    section = _section_of(model, folder) if isinstance(model, str) and model else model or {}
    for name, given in (("MODEL", {"model": section}), ("CHANGES", changes or {})):
        config = merge_over(config, _as_sections(given, name=name))
    _set_folder(config, folder, changes=changes or {})
    plan_run(config)
    _check_folder(folder, config)
    file = folder / "config.yaml"
    write_text(file, yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
    return file


def chosen(value: float | None, *, of_embedded: float, model: Any) -> list[float] | str:
    """A layer or strength as the config takes it; one that was left open is the scan's choice, if a model was named."""
    if value is None and model:
        return AUTO
    return [of_embedded if value is None else value]


def _section_of(word: str, folder: Path) -> dict[str, Any]:
    """The section `model` of a model that is named by one word; a run that goes on keeps the revision it began with."""
    if not names_model(word):
        what, fix = "this is a run or a config file, not a model", "give a hub id, a folder of a model or a .gguf file"
        raise InputError(what, where=f"parameter MODEL = {word!r}", fix=fix)
    there = (_read(folder / "config.yaml") or {}).get("model")
    if isinstance(there, dict) and is_model_of({"model": there}, section=section_of(word)):
        return there
    return {**USUAL, **named_model(word).section}


def _as_sections(given: Any, *, name: str) -> Mapping[str, Any]:
    if not (isinstance(given, Mapping) and all(isinstance(section, Mapping | None) for section in given.values())):
        raise InputError(
            f"{name} must contain sections of config.yaml with their keys, not {str(given)[:60]!r}",
            where=f"parameter {name}",
            fix='write it like {"generation": {"max_new_tokens": 20}}, or {} for no change',
        )
    return given


def _set_folder(config: dict[str, Any], folder: Path, *, changes: Mapping[str, Any]) -> None:
    for section, place in (("experiment", folder), ("report", folder / "report")):
        if "output_dir" in (changes.get(section) or {}):
            what = f"the notebook reads its results where OUTPUT_DIR and RUN_ID say, not in {section}.output_dir"
            fix = "take the key out, and set OUTPUT_DIR and RUN_ID"
            raise InputError(what, where=f"parameter CHANGES, key {section}.output_dir", fix=fix)
        config[section] = {**(config[section] or {}), "output_dir": str(place)}


def _check_folder(folder: Path, config: Mapping[str, Any]) -> None:
    """Refuse a folder in which another study lies: one would go on in the files of the other."""
    file = folder / "config.yaml"
    if not folder.exists() or not any(path != file for path in folder.iterdir()):
        return
    fix = "choose another RUN_ID, or delete the folder if its results are not needed"
    there = _read(file)
    if there is None:
        raise InputError("the folder holds files that were not made by a notebook", where=str(folder), fix=fix)
    before, now = dict(_flat(there)), dict(_flat(config))
    names = [name for name in {**before, **now} if name not in SPEED_ONLY]
    changed = [name for name in names if before.get(name, "nothing") != now.get(name, "nothing")]
    if changed:
        named = [
            f"{name} ({str(before.get(name, 'nothing'))[:60]} there, {str(now.get(name, 'nothing'))[:60]} here)"
            for name in changed[:_MOST_NAMED]
        ]
        named += [f"and {len(changed) - _MOST_NAMED} more"] if len(changed) > _MOST_NAMED else []
        raise InputError(f"the folder holds a run with other settings: {', '.join(named)}", where=str(folder), fix=fix)


def _read(file: Path) -> dict[str, Any] | None:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return None
    return content if isinstance(content, dict) else None


def _flat(settings: Any, *, name: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(settings, Mapping):
        yield name, settings
        return
    for key, value in settings.items():
        yield from _flat(value, name=f"{name}.{key}" if name else str(key))


def describe(folder: str | Path) -> str:
    """Where the run goes, the digest of the package's code, versions and the GPU, a line each."""
    facts = {
        "run": str(folder),
        "code": package_digest(),
        "versions": ", ".join(f"{name} {version}" for name, version in versions().items()),
        "GPU": gpu_name() or "none, the CPU computes",
    }
    return "\n".join(f"{name + ':':<9} {fact}" for name, fact in facts.items())
