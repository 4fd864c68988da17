"""The check of all prompts at once, light enough to be made before anything runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from steering_reliability.errors import InputError
from steering_reliability.prompts.overlaps import find_overlaps, overlap_notes
from steering_reliability.prompts.reading import read_prompts
from steering_reliability.prompts.schema import Prompt
from steering_reliability.prompts.shift import LABELS
from steering_reliability.prompts.similarity import meta_value, near_copies, normalize_text
from steering_reliability.prompts.subset import spread_subset
from steering_reliability.prompts.validate import Problems


class PromptNotes(NamedTuple):
    """What is no fault of prompts and worth knowing.

    `near_copies` are those within a split and between splits; `unchecked` is what could not be checked of the shift
    between harm_train and harm_test.
    """

    near_copies: tuple[str, ...]
    unchecked: tuple[str, ...]


def check_prompts(paths: Mapping[str, str], *, limit: int | None, cluster_field: str = "template") -> PromptNotes:
    """Make sure that every prompt file is sound, no prompt is in two splits, and no style of harm_train in harm_test.

    `limit` is the most prompts of a split that the run uses, None for all; `cluster_field` is that of
    `cluster_prompts`.

    Raises:
        InputError: With every fault of the first file that has any, or with what the splits share.
    """
    prompts = used_prompts(paths, limit=limit)
    check_disjoint(prompts)
    unchecked = check_shift(prompts["harm_train"], prompts["harm_test"])
    copies = [copies_note(of_split, split=split, field=cluster_field) for split, of_split in prompts.items()]
    return PromptNotes((*filter(None, copies), *_shared(prompts)), tuple(unchecked))


def _shared(prompts: Mapping[str, Sequence[Prompt]]) -> list[str]:
    """Notes on the prompts of a split that are near copies of another split's."""
    splits = list(prompts)
    pairs = [(split, {other: prompts[other] for other in splits[:at]}) for at, split in enumerate(splits)]
    return [
        note
        for split, others in pairs
        for note in overlap_notes(find_overlaps(prompts[split], others=others), name=split)
    ]


def used_prompts(paths: Mapping[str, str], *, limit: int | None) -> dict[str, list[Prompt]]:
    """Read the prompts that a run uses of each split.

    `limit` is the most prompts of a split, None for all.

    Raises:
        InputError: With every fault of the first file that has any.
    """
    return {split: spread_subset(read_prompts(Path(path), split=split), limit=limit) for split, path in paths.items()}


def check_disjoint(prompts_by_split: Mapping[str, Sequence[Prompt]]) -> None:
    """Make sure that no prompt stands in two splits, however its case, punctuation or spacing is written.

    Raises:
        InputError: If a text is shared; names both ids of every such pair.
    """
    problems = Problems(", ".join(prompts_by_split))
    owner: dict[str, tuple[str, str]] = {}
    for split, prompts in prompts_by_split.items():
        for prompt in prompts:
            first_split, first_id = owner.setdefault(normalize_text(prompt.prompt), (split, prompt.id))
            if first_split != split:
                problems.add(f"the same prompt as {first_id} in {first_split}", at=f"{prompt.id} in {split}")
    problems.raise_if_any("remove the shared prompts from all splits but one")


def check_shift(train: Sequence[Prompt], test: Sequence[Prompt]) -> list[str]:
    """Make sure that harm_train and harm_test share no style and no template.

    Returns:
        Notes on what could not be checked, because prompts do not say their style (`meta.style`) or their template
        (`meta.template`); empty when all was checked.

    Raises:
        InputError: If a style or a template is in both; names every one with a prompt of each split.
    """
    shared: list[str] = []
    notes: list[str] = []
    for label in ("style", "template"):
        first_ids: list[dict[str, str]] = [{}, {}]
        n_silent = 0
        for first_id, prompts in zip(first_ids, (train, test), strict=True):
            for prompt in prompts:
                name = LABELS[label](prompt)
                n_silent += name is None
                if name is not None:
                    first_id.setdefault(name, prompt.id)
        in_train, in_test = first_ids
        shared += [f"{label} {name!r}: {in_train[name]} and {in_test[name]}" for name in in_train if name in in_test]
        if n_silent:
            notes.append(f"{n_silent} of {len(train) + len(test)} prompts have no {label}, so it was not checked")
    if shared:
        what = "\n".join(["harm_train and harm_test share styles or templates", *(f"    {line}" for line in shared)])
        fix = "give harm_test other styles and templates than harm_train, or correct meta.style and meta.template"
        raise InputError(what, where="harm_train, harm_test", fix=fix)
    return notes


def copies_note(prompts: Sequence[Prompt], *, split: str, field: str = "template", most: int = 3) -> str:
    """Return a warning where near copies of different templates, or without one, are counted as one; else nothing.

    At most `most` pairs are named; `field` is that of `cluster_prompts`.
    """
    labels = [meta_value(prompt, field) for prompt in prompts]
    pairs = near_copies(tuple(prompt.prompt for prompt in prompts))
    found = [(one, other) for one, other in pairs if labels[one] is None or labels[one] != labels[other]]
    if not found:
        return ""
    named = ", ".join(f"{prompts[one].id} and {prompts[other].id}" for one, other in found[:most])
    more = f" and {len(found) - most} more pairs" if len(found) > most else ""
    return f"{split} has prompts that are nearly the same text ({named}{more}): each such group counts as one prompt"
