"""The card of a model's folder that was made here: what made it, and the SHA-256 of its files."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from steering_reliability.errors import InputError
from steering_reliability.files import read_json_object, sha256_of
from steering_reliability.process.code_digest import code_of

CARD = "model_card.json"

_WITHOUT = ("model/source.py", "model/hub_errors.py")
"""Finding a source and wording errors change no byte of a model's folder."""


def preparing_code() -> str:
    """Digest of the code that decides what rule prepare_model writes."""
    return code_of("model/preparation.py", without=_WITHOUT)


def tuning_code() -> str:
    """Digest of the code that decides what rule tune_refusal writes."""
    return code_of("tuning/tune_refusal.py", without=_WITHOUT, assets=("prompts/material",))


def write_card(card: Mapping[str, Any], folder: Path) -> None:
    """Write what a model's folder was made from, and the SHA-256 of its other files, as model_card.json."""
    files = {path.name: sha256_of(path) for path in sorted(folder.iterdir()) if path.is_file() and path.name != CARD}
    (folder / CARD).write_text(json.dumps({**card, "files": files}, indent=2) + "\n", encoding="utf-8")


def read_card(folder: str | Path) -> dict[str, Any]:
    """The card of a model's folder; empty where there is none, or none that can be read."""
    return read_json_object(Path(folder) / CARD)


def other_code_note(folder: str | Path, *, code: str, rule: str, snakemake: str = "snakemake") -> str | None:
    """The warning that a model's folder was made by other code than is here; None where it was not, or is not there.

    `code` is the digest of the code that would make it now, `rule` the rule that makes it,
    `snakemake` how Snakemake is called.
    """
    if not (Path(folder) / "config.json").is_file() or read_card(folder).get("code") == code:
        return None
    return (
        f"{folder} was made by another version of rule {rule}; to remake it and everything that depends on it: "
        f"{snakemake} --cores 4 --forcerun {rule} (with your --configfile, if you use one)"
    )


def check_files(folder: str | Path, *, weights: bool) -> None:
    """Compare a model's files with the hashes on its card; a user's own folder has no card and is not checked.

    With `weights` the weights are read too, a second per GB.

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
        "a file of the model has changed since the model's folder was made",
        where=str(path),
        fix=f"delete the folder {path.parent} and run again; Snakemake makes it again",
    )
