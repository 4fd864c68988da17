"""A model that a user names by one word: a hub id, a folder, a .gguf file, or package:file.gguf."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from steering_reliability.config.files import WORKFLOW, read_yaml
from steering_reliability.config.schema import ModelConfig
from steering_reliability.errors import InputError
from steering_reliability.model.hub import fetch_settings
from steering_reliability.model.source import gguf_fields, has_chat_template, locate_gguf
from steering_reliability.run.record import config_file

AS_QUESTION: Final = "Q: {prompt}\nA:"
"""The text around a prompt for a model without a chat template."""

_HUB_ID: Final = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


@dataclass(frozen=True)
class NamedModel:
    """The section `model` of a config, and why its keys have their values."""

    section: dict[str, Any]
    why: dict[str, str] = field(default_factory=dict)


def is_model_of(config: Mapping[str, Any], *, section: Mapping[str, Any]) -> bool:
    """Whether a config is about a model, whatever a local one is called there, and at whichever revision."""
    other = config.get("model")
    if not isinstance(other, Mapping):
        return False
    key = "name" if section["source"] == "hub" else "source"
    return bool(other.get("source", "hub") == section["source"] and other.get(key) == section[key])


def names_model(word: str) -> bool:
    """Whether a word names a model, and not the folder of a run or a config file.

    Raises:
        InputError: When it names nothing.
    """
    path = Path(word)
    if word.endswith(".gguf") or (path / "config.json").is_file():
        return True
    if config_file(path).is_file() or (path / "provenance.json").is_file() or path.suffix in (".yaml", ".yml", ".json"):
        return False
    if path.is_dir():
        what = "the folder holds neither a model (there is no config.json) nor a run"
        raise InputError(what, where=word, fix="name the folder of a model or of a run")
    if path.exists():
        return False
    if path.parent.is_dir() or not _HUB_ID.fullmatch(word):
        what = "there is no model, run or config file of this name"
        fix = "give a hub id (owner/model), a folder, a .gguf file or package:file.gguf"
        raise InputError(what, where=word, fix=fix)
    return True


def section_of(word: str) -> dict[str, Any]:
    """Name and source of a model that a word names; nothing is looked for."""
    if word.endswith(".gguf"):
        return {"name": re.split("[:/]", word)[-1].removesuffix(".gguf"), "source": word}
    if Path(word).is_dir():
        return {"name": Path(word).resolve().name, "source": str(Path(word))}
    return {"name": word, "source": "hub"}


def named_model(word: str) -> NamedModel:
    """Find a model by the word that names it, without its weights.

    Raises:
        InputError: When it is not there, or the hub has none or can't be reached.
    """
    section = section_of(word)
    if section["source"] == "hub":
        settings = fetch_settings(word)
        why = {"revision": "the commit of the main branch when this file was written."}
        return _with_template(section | {"revision": settings.name}, is_chat=has_chat_template(settings), why=why)
    if word.endswith(".gguf"):
        is_chat = gguf_fields(locate_gguf(ModelConfig(**section)).path)["has_chat_template"]
        return _with_template(section, is_chat=is_chat)
    return _with_template(section, is_chat=has_chat_template(word))


def embedded_section() -> dict[str, Any]:
    """The section `model` of the default study, whose model comes in a wheel."""
    section: dict[str, Any] = read_yaml(WORKFLOW / "config.yaml")["model"]
    return section


def embedded_model() -> NamedModel:
    """The model of the default study.

    Raises:
        InputError: When the wheel is not installed.
    """
    section = embedded_section()
    locate_gguf(ModelConfig(**section))
    return NamedModel(section, {"source": "the embedded model, from its wheel."})


def _with_template(section: dict[str, Any], *, is_chat: bool, why: dict[str, str] | None = None) -> NamedModel:
    if is_chat:
        reason = {"chat_template": "the model has a template."}
        return NamedModel(section, {**(why or {}), **reason})
    template = {"chat_template": "none", "prompt_template": AS_QUESTION}
    reason = {"prompt_template": "the model has no chat template, so a prompt is asked as a question."}
    return NamedModel({**section, **template}, {**(why or {}), **reason})
