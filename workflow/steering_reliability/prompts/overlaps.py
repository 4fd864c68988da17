"""Prompts that two sets share: the same text, or a near copy of it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from steering_reliability.prompts.schema import Prompt
from steering_reliability.prompts.similarity import near_copies, normalize_text

_MOST_NAMED: Final = 3


class Overlap(NamedTuple):
    """A prompt, and the prompt of another set that is the same (`is_same`) or a near copy."""

    id: str
    other: str
    other_id: str
    is_same: bool


def find_overlaps(prompts: Sequence[Prompt], *, others: Mapping[str, Sequence[Prompt]]) -> list[Overlap]:
    """Find the prompts that are in other sets too.

    Case, punctuation and spacing do not count (`normalize_text`); near copies are those of `near_copies`.

    Returns:
        For each prompt and other set at most one overlap, the same text before a near copy; in the order of the sets,
        then of the prompts.
    """
    found = []
    for name, other in others.items():
        texts = tuple(prompt.prompt for prompt in (*prompts, *other))
        plain = [normalize_text(text) for text in texts]
        pairs = [(one, two) for one, two in near_copies(texts) if one < len(prompts) <= two]
        best: dict[int, tuple[bool, int]] = {}
        for one, two in pairs:
            candidate = (plain[one] != plain[two], two)
            best[one] = min(candidate, best.get(one, candidate))
        found += [
            Overlap(prompts[one].id, name, other[two - len(prompts)].id, not differs)
            for one, (differs, two) in sorted(best.items())
        ]
    return found


def without(prompts: Sequence[Prompt], *, overlaps: Collection[Overlap]) -> list[Prompt]:
    """Return the prompts that have no overlap."""
    shared = {overlap.id for overlap in overlaps}
    return [prompt for prompt in prompts if prompt.id not in shared]


def overlap_notes(overlaps: Sequence[Overlap], *, name: str) -> list[str]:
    """Return sentences on how many prompts of `name` each other set has too; the first are named."""
    notes = []
    for other in dict.fromkeys(overlap.other for overlap in overlaps):
        for is_same, one_is, many_are in (
            (True, "is the same as one", "are the same as some"),
            (False, "is a near copy of one", "are near copies of some"),
        ):
            found = [one for one in overlaps if (one.other, one.is_same) == (other, is_same)]
            named = ", ".join(f"{one.id} and {one.other_id}" for one in found[:_MOST_NAMED])
            more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
            prompts = (
                f"1 prompt of {name} {one_is}" if len(found) == 1 else f"{len(found)} prompts of {name} {many_are}"
            )
            if found:
                notes.append(f"{prompts} of {other} ({named}{more})")
    return notes
