"""The model hub: a model's files, fetched through the hub's own cache and checked against the hashes that it names."""

import glob
import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steering_reliability.errors import InputError
from steering_reliability.files import sha256_of
from steering_reliability.model.hub_errors import NAMES, explain_hub_error, no_network

SETTINGS = (".json", ".model", ".txt", ".jinja")
"""Endings of what decides text beside the weights: tokenizer, vocabulary, chat template, end tokens."""

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
"""Endings of weights that are Python pickles: reading one can run code."""

PROGRESS_SECONDS = 5.0


@dataclass(frozen=True)
class Snapshot:
    """What was fetched: the full commit, and the licence that the model's page names."""

    commit: str
    licence: str


def fetch_config(name: str, *, revision: str | None) -> Path:
    """The config.json of a hub model, from the cache where it is there.

    Raises:
        InputError: When the hub has none, or gives none to this account or without a network.
    """
    from huggingface_hub import HfApi, hf_hub_download  # noqa: PLC0415 - only a hub model needs it
    from huggingface_hub.errors import LocalEntryNotFoundError  # noqa: PLC0415

    try:
        try:
            return Path(hf_hub_download(name, "config.json", revision=revision, local_files_only=True))
        except LocalEntryNotFoundError:
            # This fails at once where there is no network; a download would try for half a minute.
            HfApi().model_info(name, revision=revision, timeout=30)
            return Path(hf_hub_download(name, "config.json", revision=revision))
    except Exception as error:
        raise explain_hub_error(error, name=name, revision=revision) from error


def fetch_settings(name: str) -> Path:
    """Fetch a hub model's config and chat template, of what its main branch is now.

    Without a network what the hub's cache holds of it counts.

    Returns:
        The folder in the cache. Its name is the commit.

    Raises:
        InputError: As `fetch_config` does.
    """
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - only a hub model needs it

    wanted = ["config.json", "tokenizer_config.json", "chat_template.jinja"]
    try:
        return Path(snapshot_download(name, allow_patterns=wanted, tqdm_class=_progress(lambda _: None)))
    except Exception as error:
        raise explain_hub_error(error, name=name, revision=None) from error


def fetch_snapshot(name: str, *, revision: str | None, folder: Path, say: Callable[[str], None]) -> Snapshot:
    """Copy a hub model into a folder: safetensors weights, tokenizer and config, never a pickle.

    The files go through the hub's cache (HF_HOME), where complete ones are kept. Without a network, or with
    HF_HUB_OFFLINE, they come from that cache alone. Every file's hash is compared with the one the hub names.

    `revision` is a commit, tag or branch, None the main branch; `say` receives lines of progress.

    Raises:
        InputError: When the model is absent, gated, damaged, or only there as a pickle, or the hub can't be reached.
    """
    try:
        return _from_hub(name, revision=revision, folder=folder, say=say)
    except InputError:
        raise
    except Exception as error:
        cached = _from_cache(name, revision=revision, folder=folder) if no_network(error) else None
        if cached is None:
            raise explain_hub_error(error, name=name, revision=revision) from error
        return cached


def choose_files(names: Iterable[str]) -> list[str]:
    """The files of a repository that are fetched: settings, and one set of safetensors weights.

    Raises:
        InputError: When there are no safetensors weights or no config.json.
    """
    # Files in folders are other formats of the same weights (onnx/, original/).
    there = sorted(name for name in names if "/" not in name)
    settings = [name for name in there if name.endswith(SETTINGS)]
    weights = [name for name in there if name.endswith(".safetensors") and not name.startswith("adapter_")]
    if "model.safetensors" in weights:
        weights = ["model.safetensors"]
    elif "model.safetensors.index.json" in settings:
        weights = [name for name in weights if name.startswith("model-")]
    if not weights:
        pickles = [name for name in there if name.endswith(PICKLES)]
        pickles.sort(key=lambda name: not name.startswith("pytorch_model"))
        raise InputError(
            f"the model has its weights only as {pickles[0]}, a pickle, which can run code when it is read"
            if pickles
            else "the repository holds no safetensors weights",
            where=NAMES,
            fix="name a revision with safetensors (the hub's converter opens a pull request: revision refs/pr/1 or "
            "so, see the model's Community tab), or convert it yourself and set model.source to that folder",
        )
    if "config.json" not in settings:
        what = "the repository holds no config.json, so it is not a transformers model"
        fix = "choose the repository of the full model, not of an adapter or of another format"
        raise InputError(what, where="config key model.name", fix=fix)
    return settings + weights


def _from_hub(name: str, *, revision: str | None, folder: Path, say: Callable[[str], None]) -> Snapshot:
    from huggingface_hub import HfApi, snapshot_download  # noqa: PLC0415

    info = HfApi().model_info(name, revision=revision, files_metadata=True, timeout=30)
    listed = {sibling.rfilename: sibling for sibling in info.siblings or []}
    # The hub calls a large file by its SHA-256, a small one by git's SHA-1.
    digests = {
        file: str(listed[file].lfs.sha256 if listed[file].lfs else listed[file].blob_id)
        for file in choose_files(listed)
    }
    size = sum(listed[file].size for file in digests) / 1e6
    say(f"fetching {name} at {info.sha}: {len(digests)} files, {size:.1f} MB")
    patterns = [*map(glob.escape, digests)]
    for _ in range(2):
        snapshot = Path(snapshot_download(name, revision=revision, allow_patterns=patterns, tqdm_class=_progress(say)))
        if snapshot.name != info.sha:
            raise InputError(
                "the revision changed during the download", where="config key model.revision", fix="run again"
            )
        damaged = [file for file, digest in digests.items() if not _is_intact(snapshot / file, digest)]
        if not damaged:
            _check_shards(snapshot, digests)
            _copy(snapshot, folder, digests)
            return Snapshot(snapshot.name, str((info.card_data or {}).get("license") or "unknown"))
        # huggingface_hub takes a file in the cache as it is: a damaged one must go before it is fetched again.
        for file in damaged:
            (snapshot / file).resolve().unlink(missing_ok=True)
            (snapshot / file).unlink(missing_ok=True)
    fix = "run again; if the error persists, the fault is in the hub or a proxy"
    raise _damaged(damaged[0], where=str(HfApi().endpoint), fix=fix)


def _from_cache(name: str, *, revision: str | None, folder: Path) -> Snapshot | None:
    """Copy a model that is complete in the hub's cache; None where it is not."""
    from huggingface_hub import snapshot_download  # noqa: PLC0415

    try:
        snapshot = Path(
            snapshot_download(name, revision=revision, allow_patterns=["config.json"], local_files_only=True)
        )
        chosen = choose_files(path.name for path in snapshot.iterdir())
        _check_shards(snapshot, chosen)
    except Exception:
        # Whatever is wrong with the cache, it does not replace the hub.
        return None
    for path in (snapshot / file for file in chosen):
        # The cache calls a file by the hub's digest of it.
        if path.is_symlink() and not _is_intact(path, path.readlink().name):
            fix = f"delete {path.resolve()} and run again with a network"
            raise _damaged(path.name, where="the hub's cache", fix=fix)
    _copy(snapshot, folder, chosen)
    return Snapshot(snapshot.name, "unknown")


def _check_shards(snapshot: Path, chosen: Iterable[str]) -> None:
    """Refuse weights in several files whose index is damaged, or names a file that is missing."""
    there, index = set(chosen), snapshot / "model.safetensors.index.json"
    if "model.safetensors" in there or not index.is_file():
        return
    fix = "choose a revision that holds every file of the weights"
    try:
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise InputError(f"{index.name} does not say which files hold the weights", where=NAMES, fix=fix) from error
    if missing := sorted(shards - there):
        what = f"{index.name} names {', '.join(missing)}, which the repository does not hold"
        raise InputError(what, where=NAMES, fix=fix)


def _copy(snapshot: Path, folder: Path, names: Iterable[str]) -> None:
    # Not links: what lies in the cache may be tidied away, and must not change when a user edits a folder of models.
    for name in names:
        shutil.copyfile(snapshot / name, folder / name)


def _is_intact(path: Path, digest: str) -> bool:
    if not path.is_file():
        return False
    if len(digest) == 64:
        return sha256_of(path) == digest
    # git hashes a header of its own before the content.
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest() == digest


def _damaged(name: str, *, where: str, fix: str) -> InputError:
    return InputError(f"the hash of {name} differs from the one that the hub lists", where=where, fix=fix)


def _progress(say: Callable[[str], None]) -> type:
    """A progress bar for huggingface_hub that passes the bytes downloaded to `say`, a line every few seconds."""
    from huggingface_hub.utils import tqdm  # noqa: PLC0415

    last = time.monotonic()

    class Progress(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **settings: Any) -> None:
            # huggingface_hub disables its bars where there is no terminal.
            super().__init__(*args, **settings | {"disable": False, "leave": False, "mininterval": 0})

        def display(self, *_: Any, **__: Any) -> None:
            nonlocal last
            # huggingface_hub has other bars for files and, with Xet, for the bytes put together.
            if "Downloading" in (self.desc or "") and self.n and time.monotonic() - last > PROGRESS_SECONDS:
                last = time.monotonic()
                say(f"  {self.n / 1e6:.1f} of {self.total / 1e6:.1f} MB")

    return Progress
