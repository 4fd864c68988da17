"""Find the files of one prompt set in a folder."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from steering_reliability.errors import InputError
from steering_reliability.prompts.records import FORMATS, listed, read_records
from steering_reliability.prompts.sets import KnownSet, kind_of, layout_of, recognise

_SHARD: Final = re.compile(r"-(\d{5})-of-(\d{5})(?=[-.])")


_METADATA: Final = ("dataset_infos.json", "dataset_dict.json")
"""What the hub's libraries write beside the rows."""


def holds_rows(name: str) -> bool:
    """Return whether a file of this name, with the folders it is in, is one of rows; hidden ones don't count."""
    path = Path(name)
    is_hidden = any(part.startswith(".") for part in path.parts)
    return path.suffix.lower() in FORMATS and path.name not in _METADATA and not is_hidden


def choose_files(folder: Path, *, known: KnownSet | None, split: str, named: str) -> list[Path]:
    """Return the one file of rows in a folder, or the parts of one ("-00000-of-00002").

    Among several, those count that have the columns of the set, or of any set where none is given, and whose name does
    not say that they hold prompts of the other kind than the split. `named` is the folder as the user wrote it.

    Raises:
        InputError: When none or several are left, or a part is missing.
    """
    groups: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if holds_rows(name) and path.is_file():
            groups.setdefault(_SHARD.sub("", name), []).append(path)
    if not groups:
        raise InputError("the folder has no file of rows in it", where=named, fix=f"give one of {', '.join(FORMATS)}")
    chosen = list(groups.values())
    if len(chosen) > 1:
        chosen = [group for group in chosen if _fits(group[0], known, split)]
    if len(chosen) != 1:
        there = listed(list(groups))
        what = f"{'several files' if chosen else 'none of the files'} in the folder could be meant: {there}"
        raise InputError(what, where=named, fix="name the file: add it to --file")
    _check_parts(chosen[0], named)
    return chosen[0]


def _fits(path: Path, known: KnownSet | None, split: str) -> bool:
    try:
        rows = read_records(path, expected_field="prompt")
        sets = [one for one, _ in recognise(rows, file=path.name)]
        if known is not None and known not in sets:
            # A plain list can be any set's, and a licence is one too.
            if rows.is_plain:
                return False
            layout_of(known, rows, where=str(path))
        sets = sets if known is None else [known]
    except InputError:
        return False
    return any(kind_of(split) in one.kinds(path.name) for one in sets)


def _check_parts(paths: Sequence[Path], named: str) -> None:
    parts = [found for path in paths if (found := _SHARD.search(path.name))]
    if parts and {int(part[1]) for part in parts} != set(range(int(parts[0][2]))):
        what = f"{len(parts)} of the {int(parts[0][2])} parts of {_SHARD.sub('', paths[0].name)} are there"
        raise InputError(what, where=named, fix="fetch the missing ones, or name one file")
