"""Make a model's Hugging Face folder from a GGUF file or a snapshot of the hub, complete or not at all."""

import glob
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

from steering_reliability.config.schema import ModelConfig
from steering_reliability.files import sha256_of, usual_mode
from steering_reliability.model.card import preparing_code, write_card
from steering_reliability.model.hub import fetch_snapshot
from steering_reliability.model.source import file_fingerprint, gguf_fields, locate_gguf


def prepare_model(model: ModelConfig, *, folder: str | Path, say: Callable[[str], None] = print) -> None:
    """Make the Hugging Face folder of a hub or GGUF source; config.json arrives last, so a torn folder is no folder.

    `say` receives what a user should see while it is made, a line at a time.

    Raises:
        InputError: When the source is missing.
    """
    with published_folder(folder) as made:
        card = _fetch_from_hub(model, made, say) if model.source == "hub" else _convert_gguf(model, made)
        write_card({**card, "code": preparing_code()}, made)


@contextmanager
def published_folder(folder: str | Path) -> Iterator[Path]:
    """Write a model's folder under another name, and move the files to their place when all are complete.

    config.json comes last: a rule takes it for the sign that the folder is complete. What a killed attempt has left is
    removed first: Snakemake lets nobody else make the folder at the same time.

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
        say(f"model.revision is not a commit: set it to {fetched.commit} to pin the version that was fetched now")
    return {
        "name": model.name,
        "source": "hub",
        "asked_for": model.revision or "main",
        "revision": fetched.commit,
        "licence": fetched.licence,
    }


def _convert_gguf(model: ModelConfig, made: Path) -> dict[str, Any]:
    file = locate_gguf(model)
    _dequantize(file.path, made)
    package = metadata.metadata(file.package).json if file.package else {}
    licence = gguf_fields(file.path).get("license") or package.get("license_expression") or package.get("license")
    return {
        "name": file.path.stem,
        "source": model.source,
        "file": file_fingerprint(file.path),
        "package": f"{file.package}=={metadata.version(file.package)}" if file.package else None,
        "licence": str(licence or "unknown"),
        "sha256": sha256_of(file.path),
        "weights": f"dequantized {_quantization(file.path)}",
        "written_with": {name: metadata.version(name) for name in ("transformers", "gguf", "torch")},
    }


def _dequantize(path: Path, folder: Path) -> None:
    """Write a GGUF file as a plain float32 Hugging Face folder: config.json, model.safetensors and the tokenizer."""
    import torch  # noqa: PLC0415 - only where a model is made
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415 - costs seconds

    quantized = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    settings = quantized.config.to_dict()
    # save_pretrained refuses a model whose config says that it is still quantized.
    settings.pop("quantization_config", None)
    plain = AutoModelForCausalLM.from_config(type(quantized.config).from_dict(settings), dtype=torch.float32)
    plain.load_state_dict(quantized.state_dict())
    plain.generation_config = quantized.generation_config
    plain.save_pretrained(folder)
    AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name).save_pretrained(folder, save_jinja_files=False)


def _quantization(path: Path) -> str:
    """The file's own name of its quantization, for example `Q4_1`, else the type of most of its bytes."""
    from gguf import GGUFReader, LlamaFileType  # noqa: PLC0415

    file_type = gguf_fields(path).get("file_type")
    if file_type in set(LlamaFileType) - {LlamaFileType.GUESSED}:
        return str(LlamaFileType(file_type).name).removeprefix("MOSTLY_").removeprefix("ALL_")
    n_bytes: Counter[str] = Counter()
    for tensor in GGUFReader(path).tensors:
        n_bytes[tensor.tensor_type.name] += int(tensor.n_bytes)
    return n_bytes.most_common(1)[0][0]
