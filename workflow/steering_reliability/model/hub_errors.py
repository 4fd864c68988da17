"""What the model hub's errors mean to a user: one message each, with the way out."""

import errno
from collections.abc import Iterator

from steering_reliability.errors import InputError

# What is wrong, where, and what to do.
Told = tuple[str, str, str]
NAMES = "config keys model.name and model.revision"
LOCAL = "set model.source to a local folder"


def no_network(error: Exception) -> bool:
    """Whether an error says that the hub could not be asked at all, rather than that it said no."""
    from huggingface_hub.errors import OfflineModeIsEnabled  # noqa: PLC0415 - only a hub model needs it

    if any(isinstance(link, OfflineModeIsEnabled) for link in _chain(error)):
        return True
    return any(_is_network(link) for link in _chain(error)) and _status(error) is None


def explain_hub_error(error: Exception, *, name: str, revision: str | None) -> InputError:
    """Turn what huggingface_hub raised into the one message that a user sees; it never holds a token.

    Args:
        error: What was raised.
        name: Id of the repository.
        revision: What was asked for; None is the main branch.
    """
    told = _the_hub_says_no(error, name, revision) or _this_side_fails(error, name, revision)
    what, where, fix = told or (
        f"{name} can't be fetched from the model hub: {_first_line(error)}",
        NAMES,
        f"check the name, the network and HF_TOKEN, or {LOCAL}",
    )
    return InputError(what, where=where, fix=fix)


def _the_hub_says_no(error: Exception, name: str, revision: str | None) -> Told | None:
    from huggingface_hub import constants, errors, get_token  # noqa: PLC0415

    sent = "the token that was sent does not open it" if get_token() else "no token was sent"
    kinds: list[tuple[type[BaseException], Told]] = [
        (
            errors.GatedRepoError,
            (
                f"{name} is gated: its owners give it only to accounts that accepted their terms ({sent})",
                NAMES,
                f"accept the terms at {constants.ENDPOINT}/{name} and set HF_TOKEN to a token of that account",
            ),
        ),
        (
            errors.RevisionNotFoundError,
            (
                f"{name} has no revision {revision}",
                "config key model.revision",
                f"take a commit from {constants.ENDPOINT}/{name}/commits/main",
            ),
        ),
        (
            errors.RemoteEntryNotFoundError,
            (
                f"{name} lacks a file of a transformers model: {_first_line(_root(error))}",
                NAMES,
                "choose the repository of the full model, not of an adapter or of another format",
            ),
        ),
        (
            errors.RepositoryNotFoundError,
            (
                f"the hub has no model {name}, or does not show it to this account ({sent})",
                NAMES,
                f"correct the name (owner/model); for a private model set HF_TOKEN; or {LOCAL}",
            ),
        ),
        (
            errors.HFValidationError,
            (f"{name} is no name that the hub could have", "config key model.name", f"correct it, or {LOCAL}"),
        ),
    ]
    for kind, told in kinds:
        if any(isinstance(link, kind) for link in _chain(error)):
            return told
    status = _status(error)
    if status == 401 and get_token():
        fix = "make a new token, or unset HF_TOKEN: a public model needs none"
        return f"the hub does not accept the token that was sent for {name}", "HF_TOKEN", fix
    if status is not None:
        fix = f"run again later (what was fetched is kept), or {LOCAL}"
        return f"the hub answers {status} for {name}: {_first_line(error)}", str(constants.ENDPOINT), fix
    return None


def _this_side_fails(error: Exception, name: str, revision: str | None) -> Told | None:
    from huggingface_hub import constants, errors  # noqa: PLC0415

    links = list(_chain(error))
    cache = str(constants.HF_HUB_CACHE)
    if any(isinstance(link, errors.OfflineModeIsEnabled) for link in links):
        what = f"HF_HUB_OFFLINE is set, and {name} ({revision or 'main'}) is not whole in the hub's cache"
        return what, cache, f"run once without HF_HUB_OFFLINE, point HF_HOME at the cache, or {LOCAL}"
    if any(isinstance(link, OSError) and link.errno in (errno.ENOSPC, errno.EDQUOT) for link in links):
        fix = "free some, or point HF_HOME at another disk; what was fetched is kept"
        return f"there is no room on the disk for {name}", cache, fix
    if any(isinstance(link, PermissionError) for link in links):
        return "the hub's cache can't be written", cache, "point HF_HOME at a folder of your own"
    if no_network(error):
        fix = f"check the network, proxy and HF_ENDPOINT and run again (what was fetched is kept), or {LOCAL}"
        return f"the hub can't be reached for {name}: {_first_line(_root(error))}", str(constants.ENDPOINT), fix
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _root(error: BaseException) -> BaseException:
    return list(_chain(error))[-1]


def _is_network(error: BaseException) -> bool:
    # The HTTP library differs between versions of huggingface_hub, the names of its errors do not.
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & {"TransportError", "ConnectionError", "TimeoutError"})


def _status(error: BaseException) -> int | None:
    from huggingface_hub.errors import HfHubHTTPError  # noqa: PLC0415

    for link in _chain(error):
        if isinstance(link, HfHubHTTPError):
            return int(link.response.status_code)
    return None


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
