"""Make the three prompt sets from hand-written material, without a network: same seed, same bytes."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count, islice
from typing import TypeVar

from steering_reliability.errors import InputError
from steering_reliability.prompts.schema import SPLITS, Prompt
from steering_reliability.prompts.templates import Material, Template, Topic, lines_of
from steering_reliability.prompts.templates_benign import BENIGN
from steering_reliability.prompts.templates_harm_test import HARM_TEST
from steering_reliability.prompts.templates_harm_train import HARM_TRAIN

_Item = TypeVar("_Item")
_MATERIAL = {"harm_train": HARM_TRAIN, "harm_test": HARM_TEST}


def generate_prompts(split: str, *, n: int, seed: int) -> list[Prompt]:
    """Make one split; a smaller `n` gives the first prompts of a larger one.

    Harmful prompts cross every family with every style evenly. A topic is asked at most once in each style, so no two
    prompts are a rewording of each other in the same manner. Benign prompts are hand-written and evenly spread over
    families.

    Args:
        split: `harm_train`, `harm_test` or `benign`.
        n: Number of prompts, at least 1.
        seed: Orders families, styles, topics and templates.

    Returns:
        `n` prompts with ids `{split}_0001` onwards; harmful ones carry `template` and `topic` in `extra`.

    Raises:
        InputError: If the split is unknown, or `n` is below 1 or above `available_prompts(split)`.
    """
    available = available_prompts(split)
    if not 1 <= n <= available:
        raise InputError(
            f"{n} prompts were asked for, {available} distinct ones can be made",
            where=split,
            fix=f"ask for 1 to {available}, or add topics to prompts/templates_{split}.py",
        )
    ordered = _benign(seed) if split == "benign" else crossed(_MATERIAL[split], f"{seed}/{split}")
    return [
        Prompt(id=f"{split}_{number:04d}", prompt=text, family=family, style=style, extra=extra)
        for number, (text, family, style, extra) in enumerate(islice(ordered, n), start=1)
    ]


def available_prompts(split: str) -> int:
    """How many distinct prompts a split can have: topics x styles, or the hand-written ones.

    Args:
        split: `harm_train`, `harm_test` or `benign`.

    Returns:
        The largest `n` that `generate_prompts` takes.

    Raises:
        InputError: If there is no such split.
    """
    if split == "benign":
        return sum(len(lines_of(block)) for styles in BENIGN.values() for block in styles.values())
    if split not in _MATERIAL:
        raise InputError(f"there is no split {split!r}", where="split", fix=f"use one of {', '.join(SPLITS)}")
    material = _MATERIAL[split]
    return len(material.styles) * sum(len(topics) for topics in material.families.values())


_Made = tuple[str, str, str, dict[str, object]]


def crossed(material: Material, seed: str) -> Iterator[_Made]:
    """Visit all (family, style) cells evenly: every run of len(families) prompts has each family once.

    Args:
        material: Topics and templates.
        seed: Orders everything.

    Yields:
        Prompt, family, style, and the ids of its template and topic.
    """
    families = shuffled(list(material.families), seed)
    styles = shuffled(list(material.styles), seed)
    asked: set[tuple[str, str]] = set()
    uses: Counter[str] = Counter()
    remaining = len(styles) * sum(len(topics) for topics in material.families.values())
    for turn in count():
        for place in shuffled([str(place) for place in range(len(families))], f"{seed}/{turn}"):
            family = families[int(place)]
            style = styles[(int(place) + turn) % len(styles)]
            open_topics = [topic for topic in material.families[family] if (topic.id, style) not in asked]
            if not open_topics:
                continue
            topic = min(open_topics, key=lambda topic: (uses[topic.id], rank(topic.id, seed)))
            template = _least_used(material.styles[style], topic, uses, seed)
            asked.add((topic.id, style))
            uses.update([topic.id, template.id, f"{family}/{template.id}"])
            remaining -= 1
            yield template.fill(topic), family, style, {"template": template.id, "topic": topic.id}
        if not remaining:
            return


def _least_used(templates: tuple[Template, ...], topic: Topic, uses: Counter[str], seed: str) -> Template:
    def wear(template: Template) -> tuple[int, int, str]:
        in_family = f"{topic.family}/{template.id}"
        return uses[in_family], uses[template.id], rank(in_family, seed)

    return min(templates, key=wear)


def _benign(seed: int) -> Iterator[_Made]:
    """One prompt of each family in turn, in a shuffled order within the family."""
    queues = [
        (family, shuffled([(line, style) for style, block in styles.items() for line in lines_of(block)], f"{seed}"))
        for family, styles in BENIGN.items()
    ]
    for turn in range(max(len(queue) for _, queue in queues)):
        for family, queue in queues:
            if turn < len(queue):
                text, style = queue[turn]
                yield text, family, style, {}


def shuffled(items: Sequence[_Item], seed: str) -> list[_Item]:
    """The items in an order that depends on their names and the seed alone.

    Args:
        items: What is told apart by `str`.
        seed: Another one, another order.
    """
    return sorted(items, key=lambda item: rank(str(item), seed))


def rank(name: str, seed: str) -> str:
    """A name's place in the order of a seed, hexadecimal.

    Args:
        name: Of what is ordered.
        seed: Another one, another order.
    """
    # A hash, not random.shuffle: its order can't change with the Python version, nor when something is added.
    return hashlib.sha256(f"{seed}/{name}".encode()).hexdigest()
