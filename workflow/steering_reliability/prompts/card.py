"""The card of an imported split: which set it is, where it comes from, its licence and what was done to it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from steering_reliability.files import sha256_of, write_text
from steering_reliability.prompts.ingest import Ingested


def card_path(prompts: Path) -> Path:
    """Return where the card of a prompts file lies: beside it, as {split}.card.json."""
    return prompts.with_suffix(".card.json")


def describe(
    ingested: Ingested,
    *,
    files: Sequence[Path],
    where: Mapping[str, Sequence[str]],
    hub: Mapping[str, str] | None = None,
    dropped: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Return the content of a card; it has no date, so that the same files give the same bytes.

    Args:
        ingested: The prompts.
        files: The files that they were read from; the card has their SHA-256.
        where: The conditions on rows that the user gave.
        hub: repository, revision and licence of a dataset of the model hub.
        dropped: Prompts left out because another set has them, by the name of that set.
    """
    known = ingested.known
    published = dict(hub or {})
    on_hub = published.pop("licence", "unknown")
    return {
        "set": known.name if known else None,
        "title": known.title if known else None,
        "source": known.source if known else published.get("repository"),
        "licence": known.licence if known else on_hub,
        "hub": {**published, "licence": on_hub} if hub else None,
        "files": {path.name: sha256_of(path) for path in files},
        "fields": ingested.fields.named(),
        "where": {name: list(values) for name, values in where.items()},
        "rows": ingested.n_rows,
        "prompts": len(ingested.prompts),
        "overlaps_dropped": dict(dropped or {}),
    }


def write_card(card: Mapping[str, Any], *, path: Path) -> None:
    """Write a card as JSON."""
    write_text(path, json.dumps(card, indent=2, ensure_ascii=False) + "\n")
