"""Where a user's prompts come from: a file, a folder, or a dataset repository of the model hub."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from steering_reliability.model.hub_data import PREFIX, fetch_rows, parse
from steering_reliability.prompts.folders import choose_files, holds_rows
from steering_reliability.prompts.sets import KnownSet


@dataclass(frozen=True)
class Source:
    """The files of one set, and for a dataset of the hub its repository, revision and licence."""

    files: list[Path]
    hub: dict[str, str] | None = None


def find_source(given: str, *, known: KnownSet | None, split: str, say: Callable[[str], None]) -> Source:
    """Find the files that `--file` names: a file, a folder with one set in it, or `hub:owner/name[/file]@commit`.

    Raises:
        InputError: When a folder or repository has none or several that could be meant, or the hub does not give it.
    """
    if given.startswith(PREFIX):
        asked = parse(given)
        fetched = fetch_rows(asked, is_wanted=_is_data, say=say)
        files = [fetched.file] if fetched.file else _chosen(fetched.folder, known, split, given)
        origin = {"repository": f"https://huggingface.co/datasets/{asked.name}", "revision": str(asked.revision)}
        return Source(files, {**origin, "licence": fetched.licence})
    path = Path(given)
    return Source(_chosen(path, known, split, given) if path.is_dir() else [path])


def _chosen(folder: Path, known: KnownSet | None, split: str, named: str) -> list[Path]:
    return choose_files(folder, known=known, split=split, named=named)


def _is_data(name: str) -> bool:
    return holds_rows(name) and not name.lower().endswith(".txt")
