"""The model hub's dataset repositories: files of rows, fetched at a pinned commit; no code of a repository is run."""

import glob
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from steering_reliability.errors import InputError
from steering_reliability.model.hub import _damaged, _is_intact, _progress
from steering_reliability.model.hub_errors import explain_hub_error, no_network

PREFIX: Final = "hub:"
"""What a source begins with that is a dataset repository."""

_FORM: Final = re.compile(r"(?P<name>[^/@]+/[^/@]+)(?:/(?P<file>[^@]+))?(?:@(?P<revision>.+))?")
_COMMIT: Final = re.compile("[0-9a-f]{40}")
_MOST_MB: Final = 500


@dataclass(frozen=True)
class Dataset:
    """What a user asks for, `hub:owner/name[/file]@commit`."""

    name: str
    file: str | None
    revision: str | None


@dataclass(frozen=True)
class Fetched:
    """What was fetched.

    `folder` in the hub's cache holds the repository's files of rows, `file` is the one that was asked for, if one was;
    `licence` is what the dataset's page names.
    """

    folder: Path
    file: Path | None
    licence: str


def parse(source: str) -> Dataset:
    """Read `hub:owner/name[/file][@revision]`.

    Raises:
        InputError: When it has another form.
    """
    found = _FORM.fullmatch(source.removeprefix(PREFIX))
    if found is None:
        raise InputError(f"{source} names no dataset", where="--file", fix=f"write {PREFIX}owner/name@commit")
    return Dataset(found["name"], found["file"], found["revision"])


def fetch_rows(asked: Dataset, *, is_wanted: Callable[[str], bool], say: Callable[[str], None]) -> Fetched:
    """Fetch the files of rows of a dataset repository into the hub's cache (HF_HOME); nothing else is fetched.

    The hash of every file is compared with the one that the hub names.

    Args:
        asked: The dataset; its revision must be a commit, whose files can't change.
        is_wanted: Tells by a file's name whether it counts.
        say: Receives lines of progress.

    Without a network only a file that is named, and was fetched before, can be had.

    Raises:
        InputError: When the revision is no commit (the message names that of the main branch), or the dataset or file
            is absent, gated, damaged, or too large to be meant, or the hub can't be reached.
    """
    try:
        if asked.revision is None or not _COMMIT.fullmatch(asked.revision):
            raise _unpinned(asked)
        return _from_hub(asked, is_wanted, say)
    except InputError:
        raise
    except Exception as error:
        cached = _from_cache(asked, is_wanted) if no_network(error) else None
        if cached is None:
            raise explain_hub_error(error, name=asked.name, revision=asked.revision, is_dataset=True) from error
        return cached


def _unpinned(asked: Dataset) -> InputError:
    from huggingface_hub import HfApi  # noqa: PLC0415 - only a hub dataset needs it

    commit = HfApi().dataset_info(asked.name, revision=asked.revision, timeout=30).sha
    place = f"{PREFIX}{asked.name}{f'/{asked.file}' if asked.file else ''}"
    given = f"{asked.revision} is no commit" if asked.revision else "no revision is given"
    what = f"the dataset is not pinned: {given}, so its files could change"
    return InputError(what, where="--file", fix=f"use {place}@{commit}, which {asked.revision or 'main'} is now")


def _from_hub(asked: Dataset, is_wanted: Callable[[str], bool], say: Callable[[str], None]) -> Fetched:
    from huggingface_hub import HfApi, snapshot_download  # noqa: PLC0415

    info = HfApi().dataset_info(asked.name, revision=asked.revision, files_metadata=True, timeout=30)
    listed = {sibling.rfilename: sibling for sibling in info.siblings or []}
    chosen = _choose(list(listed), asked, is_wanted)
    size = sum(listed[file].size or 0 for file in chosen) / 1e6
    if size > _MOST_MB and asked.file is None:
        what = f"the files of rows of {asked.name} have {size:.0f} MB: {_named(chosen)}"
        raise InputError(what, where="--file", fix=f"name one: {PREFIX}{asked.name}/FILE@{asked.revision}")
    say(f"fetching {asked.name} at {info.sha}: {len(chosen)} files, {size:.1f} MB")
    patterns, damaged = [*map(glob.escape, chosen)], [""]
    for _ in range(2):
        snapshot = Path(
            snapshot_download(
                asked.name,
                repo_type="dataset",
                revision=asked.revision,
                allow_patterns=patterns,
                tqdm_class=_progress(say),
            )
        )
        damaged = [file for file in chosen if not _is_intact(snapshot / file, _digest(listed[file]))]
        if not damaged:
            return _fetched(snapshot, asked, info.card_data)
        # huggingface_hub takes a file in the cache as it is: a damaged one must go before it is fetched again.
        for file in damaged:
            (snapshot / file).resolve().unlink(missing_ok=True)
            (snapshot / file).unlink(missing_ok=True)
    fix = "run again; if the error persists, the fault is in the hub or a proxy"
    raise _damaged(damaged[0], where=str(HfApi().endpoint), fix=fix)


def _digest(sibling: Any) -> str:
    # The hub calls a large file by its SHA-256, a small one by git's SHA-1.
    return str(sibling.lfs.sha256 if sibling.lfs else sibling.blob_id)


def _choose(names: list[str], asked: Dataset, is_wanted: Callable[[str], bool]) -> list[str]:
    rows = sorted(filter(is_wanted, names))
    if not rows:
        what = f"{asked.name} holds no file of rows at that commit"
        raise InputError(what, where="--file", fix="choose a dataset with CSV, Parquet, JSON or JSON Lines files")
    if asked.file is None:
        return rows
    if asked.file not in rows:
        what = f"{asked.name} holds no file of rows {asked.file}"
        raise InputError(what, where="--file", fix=f"use one of {_named(rows)}")
    return [asked.file]


def _named(files: list[str]) -> str:
    return ", ".join(files[:20]) + (f" and {len(files) - 20} more" if len(files) > 20 else "")


def _fetched(snapshot: Path, asked: Dataset, card: Any) -> Fetched:
    licence = (card or {}).get("license") or "unknown"
    file = None if asked.file is None else snapshot / asked.file
    return Fetched(snapshot, file, licence if isinstance(licence, str) else ", ".join(map(str, licence)))


def _from_cache(asked: Dataset, is_wanted: Callable[[str], bool]) -> Fetched | None:
    """The file that was asked for, from the hub's cache; None where none was, or it is not there."""
    from huggingface_hub import hf_hub_download  # noqa: PLC0415

    # Without the hub nobody knows which files a repository has, so the cache can't stand for a whole one.
    if asked.file is None or not is_wanted(asked.file):
        return None
    try:
        path = Path(
            hf_hub_download(asked.name, asked.file, repo_type="dataset", revision=asked.revision, local_files_only=True)
        )
    except Exception:
        # Whatever is wrong with the cache, it does not replace the hub.
        return None
    # The cache calls a file by the hub's digest of it.
    if path.is_symlink() and not _is_intact(path, path.readlink().name):
        fix = f"delete {path.resolve()} and run again with a network"
        raise _damaged(path.name, where="the hub's cache", fix=fix)
    return Fetched(path.parent, path, "unknown")
