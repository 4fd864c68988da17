"""What the model hub's errors mean to a user: one message each, with the way out."""

import errno
from collections.abc import Iterator
from typing import NamedTuple

from steering_reliability.errors import InputError

NAMES = "config keys model.name and model.revision"


class _Asked(NamedTuple):
    """What was asked of the hub, where the user named it, and what to do without the hub."""

    name: str
    revision: str | None
    kind: str = "model"
    folder: str = ""
    key: str = "config key model.name"
    revision_key: str = "config key model.revision"
    keys: str = NAMES
    local: str = "set model.source to a local folder"


def _dataset(name: str, revision: str | None) -> _Asked:
    local = "download the file and give it to --file"
    return _Asked(name, revision, "dataset", "datasets/", "--file", "--file", "--file", local)


def no_network(error: Exception) -> bool:
    """Whether the hub could not be reached at all, rather than that it refused."""
    from huggingface_hub.errors import OfflineModeIsEnabled  # noqa: PLC0415 - only a hub model needs it

    if _is_in_chain(error, OfflineModeIsEnabled):
        return True
    # The HTTP library differs between versions of huggingface_hub, the names of its errors do not.
    names = {kind.__name__ for link in _chain(error) for kind in type(link).__mro__}
    return bool(names & {"TransportError", "ConnectionError", "TimeoutError"}) and _status(error) is None


def explain_hub_error(error: Exception, *, name: str, revision: str | None, is_dataset: bool = False) -> InputError:
    """Turn what huggingface_hub raised into the one message that a user sees; it never holds a token."""
    asked = _dataset(name, revision) if is_dataset else _Asked(name, revision)
    for explain in (_refused, _failed, _failed_here):
        found = explain(error, asked)
        if found is not None:
            return InputError(found[0], where=found[1], fix=found[2])
    what = f"{asked.name} can't be fetched from the model hub: {_first_line(error)}"
    return InputError(what, where=asked.keys, fix=f"check the name, the network and HF_TOKEN, or {asked.local}")


def _refused(error: Exception, asked: _Asked) -> tuple[str, str, str] | None:
    """What, where and fix, where the hub does not give what is asked for."""
    from huggingface_hub import constants, errors, get_token  # noqa: PLC0415

    name, page = asked.name, f"{constants.ENDPOINT}/{asked.folder}{asked.name}"
    sent = "the token that was sent has no access to it" if get_token() else "no token was sent"
    if _is_in_chain(error, errors.GatedRepoError):
        what = f"{name} is gated: its owners share it only with accounts that accepted their terms ({sent})"
        return what, asked.keys, f"accept the terms at {page} and set HF_TOKEN to a token of that account"
    if _is_in_chain(error, errors.RevisionNotFoundError):
        fix = f"take a commit from {page}/commits/main"
        return f"{name} has no revision {asked.revision}", asked.revision_key, fix
    if _is_in_chain(error, errors.RemoteEntryNotFoundError):
        what = f"{name} lacks a file of a transformers model: {_first_line(_root(error))}"
        return what, asked.keys, "choose the repository of the full model, not of an adapter or of another format"
    if _is_in_chain(error, errors.RepositoryNotFoundError):
        what = f"the hub has no {asked.kind} {name}, or does not show it to this account ({sent})"
        fix = f"correct the name (owner/{asked.kind}); for a private {asked.kind} set HF_TOKEN; or {asked.local}"
        return what, asked.keys, fix
    if _is_in_chain(error, errors.HFValidationError):
        return f"{name} is not a valid hub name", asked.key, f"correct it, or {asked.local}"
    return None


def _failed(error: Exception, asked: _Asked) -> tuple[str, str, str] | None:
    """What, where and fix, where the hub answered with another error status."""
    from huggingface_hub import constants, get_token  # noqa: PLC0415

    status = _status(error)
    if status == 401 and get_token():
        fix = f"make a new token, or unset HF_TOKEN: a public {asked.kind} needs none"
        return f"the hub does not accept the token that was sent for {asked.name}", "HF_TOKEN", fix
    if status is not None:
        fix = f"run again later (complete files are kept), or {asked.local}"
        return f"the hub answers {status} for {asked.name}: {_first_line(error)}", str(constants.ENDPOINT), fix
    return None


def _failed_here(error: Exception, asked: _Asked) -> tuple[str, str, str] | None:
    """What, where and fix, where this machine or its network failed."""
    from huggingface_hub import constants, errors  # noqa: PLC0415

    name, cache = asked.name, str(constants.HF_HUB_CACHE)
    if _is_in_chain(error, errors.OfflineModeIsEnabled):
        what = f"HF_HUB_OFFLINE is set, and {name} ({asked.revision or 'main'}) is not complete in the hub's cache"
        return what, cache, f"run once without HF_HUB_OFFLINE, point HF_HOME at the cache, or {asked.local}"
    if any(isinstance(link, OSError) and link.errno in (errno.ENOSPC, errno.EDQUOT) for link in _chain(error)):
        fix = "free some, or point HF_HOME at another disk; complete files are kept"
        return f"there is no room on the disk for {name}", cache, fix
    if _is_in_chain(error, PermissionError):
        return "the hub's cache can't be written", cache, "point HF_HOME at a folder of your own"
    if "Consistency check failed" in str(_root(error)):
        # huggingface_hub's own comparison of sizes, an OSError like any other.
        fix = f"run again; if it happens again, the hub or a proxy is at fault; or {asked.local}"
        return f"a file of {name} arrived incomplete: {_first_line(_root(error))}", str(constants.ENDPOINT), fix
    if no_network(error):
        fix = f"check the network, proxy and HF_ENDPOINT and run again (complete files are kept), or {asked.local}"
        return f"the hub can't be reached for {name}: {_first_line(_root(error))}", str(constants.ENDPOINT), fix
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _is_in_chain(error: BaseException, kind: type[BaseException]) -> bool:
    return any(isinstance(link, kind) for link in _chain(error))


def _root(error: BaseException) -> BaseException:
    return list(_chain(error))[-1]


def _status(error: BaseException) -> int | None:
    from huggingface_hub.errors import HfHubHTTPError  # noqa: PLC0415

    statuses = (int(link.response.status_code) for link in _chain(error) if isinstance(link, HfHubHTTPError))
    return next(statuses, None)


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
