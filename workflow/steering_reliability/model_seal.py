"""The SHA-256 of every file of a model's folder that was made here, written with it and checked before it is used."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from steering_reliability.digest import sha256_of
from steering_reliability.errors import InputError

CARD = "model_card.json"


def write_card(card: Mapping[str, Any], folder: Path) -> None:
    """Write what a model's folder was made from, and the SHA-256 of its other files, as model_card.json."""
    files = {path.name: sha256_of(path) for path in sorted(folder.iterdir()) if path.is_file() and path.name != CARD}
    (folder / CARD).write_text(json.dumps({**card, "files": files}, indent=2) + "\n", encoding="utf-8")


def check_files(folder: str | Path, *, weights: bool) -> None:
    """Compare a model's files with what its card says of them; a user's own folder has none and is taken as it is.

    Args:
        folder: The model's Hugging Face folder.
        weights: Whether to read the weights too, a second per GB.

    Raises:
        InputError: When a file is missing or has other bytes, or when the card itself is damaged.
    """
    path = Path(folder) / CARD
    if not path.is_file():
        return
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        recorded = dict(card.get("files", {}))
    except (ValueError, TypeError, AttributeError) as error:
        raise _damaged(path) from error
    for name, digest in recorded.items():
        file = Path(folder) / name
        if (weights or file.suffix != ".safetensors") and (not file.is_file() or sha256_of(file) != digest):
            raise _damaged(file)


def _damaged(path: Path) -> InputError:
    return InputError(
        "a file of the model is not what it was when the model's folder was made",
        where=str(path),
        fix=f"delete the folder {path.parent} and run again: it is made anew",
    )
