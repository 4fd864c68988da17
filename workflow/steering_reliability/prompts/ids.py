"""Ids for prompts whose file gives none, or some that can't be used."""

from collections.abc import Sequence
from typing import Final

from steering_reliability.prompts.fields import fault_in_id

_MOST_NOTED: Final = 20


def usable_ids(given: Sequence[str | None], *, places: Sequence[str], split: str) -> tuple[list[str], list[str]]:
    """Keep the ids that can be used, and make the others.

    Args:
        given: Id of each prompt as the file has it; "" where it has none, None where it is not text.
        places: Where each stands in the file.
        split: Made ids are "{split}_0001" and so on, by the number of the prompt, with "b" behind one that is taken.

    Returns:
        An id for each prompt, all different, and notes on those that were made and those that were replaced.
    """
    faults = _faults(given, places)
    taken = {name for name, fault in zip(given, faults, strict=True) if not fault}
    ids, replaced = [], []
    for number, (name, fault, place) in enumerate(zip(given, faults, places, strict=True), start=1):
        own = name or ""
        if fault:
            own = f"{split}_{number:04d}"
            while own in taken:
                own += "b"
            if name != "":
                replaced.append(f"{place}: the id {fault}, so it became {own}")
        ids.append(own)
    made = given.count("")
    notes = [f"made {made} ids of the form {split}_0001"] if made else []
    more = [f"and {len(replaced) - _MOST_NOTED} more ids were replaced"] if len(replaced) > _MOST_NOTED else []
    return ids, [*notes, *replaced[:_MOST_NOTED], *more]


def _faults(given: Sequence[str | None], places: Sequence[str]) -> list[str | None]:
    owner: dict[str, str] = {}
    faults = []
    for name, place in zip(given, places, strict=True):
        fault = "is neither text nor a number" if name is None else fault_in_id(name)
        if name is not None and not fault and owner.setdefault(name, place) != place:
            fault = f"{name!r} is that of {owner[name]} too"
        faults.append(fault)
    return faults
