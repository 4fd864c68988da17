"""The model hub: a model's files, fetched into the hub's own cache, continued after a stop and checked byte by byte."""

import hashlib
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

from steering_reliability.errors import InputError
from steering_reliability.model.hub_errors import explain_hub_error, no_network

Say = Callable[[str], None]
# Beside the weights: what a tokenizer, a config and a chat template are made of.
SETTINGS = (".json", ".model", ".txt", ".jinja")
# Weights that are Python pickles: to read one is to run what is in it.
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
CHUNK = 1 << 20
FRUITLESS_TRIES = 4
SECONDS_BETWEEN_NEWS = 5.0


@dataclass(frozen=True)
class HubFile:
    """A file of a hub model.

    Attributes:
        name: Its name at the root of the repository.
        size: In bytes.
        digest: SHA-256 of a large file, git's SHA-1 of a small one; the cache calls the file by it.
    """

    name: str
    size: int
    digest: str


@dataclass(frozen=True)
class Snapshot:
    """What was fetched: the full commit, and the licence that the model's page names."""

    commit: str
    licence: str


def _on_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


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


def fetch_snapshot(name: str, *, revision: str | None, folder: Path, say: Say = _on_stderr) -> Snapshot:
    """Copy a hub model into a folder: safetensors weights, tokenizer and config, never a pickle.

    The files go through the hub's cache (HF_HOME), where a fetch that was stopped goes on. Without a network, or with
    HF_HUB_OFFLINE, they come from that cache alone. Every file's hash is compared with the one the hub names.

    Args:
        name: Id of the repository.
        revision: Commit, tag or branch; None is the main branch.
        folder: Receives the files.
        say: Told how far it is, a line at a time.

    Raises:
        InputError: When the model is absent, gated, damaged, or only there as a pickle, or the hub can't be reached.
    """
    try:
        try:
            return _from_hub(name, revision=revision, folder=folder, say=say)
        except Exception as error:
            if isinstance(error, InputError) or not no_network(error):
                raise
            return _from_cache(name, revision=revision, folder=folder, reason=error)
    except InputError:
        raise
    except Exception as error:
        raise explain_hub_error(error, name=name, revision=revision) from error


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
            where="config keys model.name and model.revision",
            fix="name a revision with safetensors (the hub's converter opens a pull request: revision refs/pr/1 or "
            "so, see the model's Community tab), or convert it yourself and set model.source to that folder",
        )
    if "config.json" not in settings:
        raise InputError(
            "the repository holds no config.json, so it is not a transformers model",
            where="config key model.name",
            fix="choose the repository of the full model, not of an adapter or of another format",
        )
    return settings + weights


def _from_hub(name: str, *, revision: str | None, folder: Path, say: Say) -> Snapshot:
    from huggingface_hub import HfApi, snapshot_download  # noqa: PLC0415

    info = HfApi().model_info(name, revision=revision, files_metadata=True, timeout=30)
    chosen = set(choose_files(sibling.rfilename for sibling in info.siblings or []))
    files = [_hub_file(sibling) for sibling in info.siblings or [] if sibling.rfilename in chosen]
    say(f"fetching {name} at {info.sha}: {len(files)} files, {_megabytes(sum(file.size for file in files))}")
    for file in files:
        _fetch(file, name=name, commit=str(info.sha), say=say)
    # All blobs are there by now: this only makes the cache's own links to them.
    snapshot = Path(snapshot_download(name, revision=revision, allow_patterns=sorted(chosen)))
    if snapshot.name != info.sha:
        raise InputError(
            "the revision moved on while it was fetched", where="config key model.revision", fix="run again"
        )
    _copy(snapshot, folder, sorted(chosen))
    card: Any = info.card_data or {}
    return Snapshot(snapshot.name, str(card.get("license") or "unknown"))


def _hub_file(sibling: Any) -> HubFile:
    if sibling.lfs is not None:
        return HubFile(sibling.rfilename, int(sibling.lfs.size), str(sibling.lfs.sha256))
    return HubFile(sibling.rfilename, int(sibling.size), str(sibling.blob_id))


def _fetch(file: HubFile, *, name: str, commit: str, say: Say) -> None:
    # huggingface_hub begins a file anew after a stop (its partial files carry random names) and compares sizes only.
    from huggingface_hub import hf_hub_url  # noqa: PLC0415
    from huggingface_hub.utils import WeakFileLock  # noqa: PLC0415

    repository = _cache() / f"models--{name.replace('/', '--')}"
    blob = repository / "blobs" / file.digest
    lock = _cache() / ".locks" / repository.name / f"{file.digest}.lock"
    for place in (blob, lock):
        place.parent.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(lock):
        if blob.exists() and _is_whole(blob, file):
            return
        blob.unlink(missing_ok=True)
        partial = blob.with_name(f"{blob.name}.incomplete")
        begun = partial.exists()
        url = hf_hub_url(name, file.name, revision=commit)
        _fetch_bytes(url, partial, file=file, say=say)
        if not _is_whole(partial, file) and begun:
            # What an earlier try left may be at fault.
            partial.unlink()
            _fetch_bytes(url, partial, file=file, say=say)
        if not _is_whole(partial, file):
            partial.unlink()
            raise _damaged(file.name, "the hub's listing", fix="run again; if it stays, the hub or a proxy is at fault")
        partial.replace(blob)


def _fetch_bytes(url: str, partial: Path, *, file: HubFile, say: Say) -> None:
    from huggingface_hub.errors import HfHubHTTPError  # noqa: PLC0415

    fruitless = 0
    with partial.open("ab", buffering=0) as stream:
        while (had := stream.tell()) < file.size:
            if had:
                say(f"  {file.name}: going on at {_megabytes(had)} of {_megabytes(file.size)}")
            broken: Exception | None = None
            try:
                _stream(url, stream, file=file, say=say)
            except Exception as error:  # of which library a network error is depends on huggingface_hub's version
                broken = error
                status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
                if status == 416:
                    # Nothing comes after what is here, yet the listing names more.
                    stream.truncate(0)
                    raise _damaged(file.name, "the hub's listing", fix="run again later") from None
                if status is not None and status < 500 and status not in (408, 429):
                    raise
            fruitless = 0 if stream.tell() > had else fruitless + 1
            if fruitless == FRUITLESS_TRIES:
                raise broken or _damaged(file.name, "the hub's listing", fix="run again later")
            if broken is not None:
                say(f"  {file.name}: the connection broke ({type(broken).__name__}), trying again")
                time.sleep(min(2.0 ** max(fruitless - 1, 0), 8.0))


def _stream(url: str, stream: FileIO, *, file: HubFile, say: Say) -> None:
    from huggingface_hub import constants, get_session  # noqa: PLC0415
    from huggingface_hub.utils import build_hf_headers, hf_raise_for_status  # noqa: PLC0415

    at = stream.tell()
    # A compressed answer could not be continued from a byte of the file.
    headers = build_hf_headers() | {"Accept-Encoding": "identity"} | ({"Range": f"bytes={at}-"} if at else {})
    with get_session().stream("GET", url, headers=headers, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT) as answer:
        hf_raise_for_status(answer)
        if at and answer.status_code != 206:
            stream.seek(0)
            stream.truncate()
        told = time.monotonic()
        # As it comes: of a larger chunk, the part that had come would be lost with the connection.
        for chunk in answer.iter_bytes():
            stream.write(chunk)
            if stream.tell() > file.size:
                return
            if time.monotonic() - told > SECONDS_BETWEEN_NEWS:
                told = time.monotonic()
                say(f"  {file.name}: {100 * stream.tell() // file.size}% of {_megabytes(file.size)}")


def _from_cache(name: str, *, revision: str | None, folder: Path, reason: Exception) -> Snapshot:
    from huggingface_hub import snapshot_download  # noqa: PLC0415

    try:
        snapshot = Path(
            snapshot_download(name, revision=revision, allow_patterns=["config.json"], local_files_only=True)
        )
        chosen = choose_files(path.name for path in snapshot.iterdir())
        index = snapshot / "model.safetensors.index.json"
        asked = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values() if index.is_file() else ()
    except Exception:
        # Whatever is wrong with the cache: it does not replace the hub.
        raise reason from None
    if "model.safetensors" not in chosen and not set(asked) <= set(chosen):
        raise reason
    for path in (snapshot / file for file in chosen):
        if path.is_symlink():
            digest = path.readlink().name
            if not _is_whole(path, HubFile(path.name, path.stat().st_size, digest)):
                raise _damaged(
                    path.name, "the hub's cache", fix=f"delete {path.resolve()} and run again with a network"
                )
    _copy(snapshot, folder, chosen)
    return Snapshot(snapshot.name, "unknown")


def _copy(snapshot: Path, folder: Path, names: Sequence[str]) -> None:
    # Not links: what lies in the cache may be tidied away, and must not change when a user edits a folder of models.
    for name in names:
        shutil.copyfile(snapshot / name, folder / name)


def _is_whole(path: Path, file: HubFile) -> bool:
    if path.stat().st_size != file.size:
        return False
    # git hashes a header of its own before the content.
    total = hashlib.sha256() if len(file.digest) == 64 else hashlib.sha1(f"blob {file.size}\0".encode())
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            total.update(chunk)
    return total.hexdigest() == file.digest


def _damaged(name: str, where: str, *, fix: str) -> InputError:
    return InputError(f"{name} does not have the size and hash that the hub names for it", where=where, fix=fix)


def _cache() -> Path:
    from huggingface_hub import constants  # noqa: PLC0415

    return Path(constants.HF_HUB_CACHE)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"
