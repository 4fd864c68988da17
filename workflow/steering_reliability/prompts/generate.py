"""Make the three prompt sets from the hand-written `material/`, without a network: same seed, same bytes."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import count
from math import lcm
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import yaml

from steering_reliability.errors import InputError
from steering_reliability.prompts.schema import SPLITS, Prompt

_Item = TypeVar("_Item")
_Made = tuple[str, str, str, dict[str, object]]

_FOLDER: Final = Path(__file__).parent / "material"
_VERB_FORMS: Final = re.compile(r"([\w-]+)/([\w-]+)")


class Material(NamedTuple):
    """What harmful prompts are made from.

    `topics` maps family and topic ("train_weapons_03") to text with verbs in two forms ("pick/picking a lock"),
    `templates` style and template ("question_2") to text with `{do}` or `{doing}` in it.
    """

    topics: dict[str, dict[str, str]]
    templates: dict[str, dict[str, str]]


def generate_prompts(split: str, *, n: int, seed: int) -> list[Prompt]:
    """Make one split; a smaller `n` gives the first prompts of a larger one.

    Harmful prompts cross every family with every style evenly. A topic is used at most once in each style, so no two
    prompts are a rewording of each other in the same manner. Benign prompts are whole sentences, evenly spread over
    families.

    `seed` orders families, styles, topics and templates.

    Returns:
        `n` prompts with ids `{split}_0001` onwards; harmful ones carry `template` and `topic` in `extra`.

    Raises:
        InputError: If the split is unknown, or `n` is below 1 or above the number that the material gives.
    """
    if split not in SPLITS:
        raise InputError(f"there is no split {split!r}", where="split", fix=f"use one of {', '.join(SPLITS)}")
    made = list(_benign(seed) if split == "benign" else crossed(read_material(split), seed=f"{seed}/{split}"))
    if not 1 <= n <= len(made):
        fix = f"request 1 to {len(made)}, or add lines to prompts/material/{split}.yaml"
        raise InputError(f"{n} prompts were requested, {len(made)} distinct ones can be made", where=split, fix=fix)
    return [
        Prompt(id=f"{split}_{number:04d}", prompt=text, family=family, style=style, extra=extra)
        for number, (text, family, style, extra) in enumerate(made[:n], start=1)
    ]


def read_material(name: str) -> Material:
    """Read the topics and templates of `harm_train`, `harm_test` or `tuning`, the last with those of harm_train."""
    content = read_yaml(name)
    templates = content["styles"] if "styles" in content else read_yaml("harm_train")["styles"]
    prefix = name.removeprefix("harm_")
    return Material(
        topics={
            family: {f"{prefix}_{family}_{number:02d}": line for number, line in enumerate(lines, start=1)}
            for family, lines in content["families"].items()
        },
        templates={
            style: {f"{style}_{number}": line for number, line in enumerate(lines, start=1)}
            for style, lines in templates.items()
        },
    )


@cache
def read_yaml(name: str) -> Any:
    """Read a file of the hand-written material: lists of lines by family and style."""
    return yaml.safe_load((_FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


def crossed(material: Material, *, seed: str) -> Iterator[_Made]:
    """Visit all (family, style) cells evenly: every run of len(families) prompts has each family once.

    After any number of such runs all styles were used equally often, or nearly (one apart).

    Yields:
        Prompt, family, style, and the ids of its template and topic.
    """
    families = shuffled(list(material.topics), seed)
    styles = shuffled(list(material.templates), seed)
    made: set[tuple[str, str]] = set()
    uses: Counter[str] = Counter()
    n_prompts = len(styles) * sum(map(len, material.topics.values()))
    for turn in count():
        for place in shuffled(range(len(families)), f"{seed}/{turn}"):
            # Runs of families that follow each other's styles use all styles equally often; the shift after each
            # common multiple leads to the cells that are left.
            at = turn * len(families) + place
            family, style = families[place], styles[(at + at // lcm(len(families), len(styles))) % len(styles)]
            unused = [topic for topic in material.topics[family] if (topic, style) not in made]
            if not unused:
                continue
            topic = min(unused, key=lambda topic: (uses[topic], rank(topic, seed)))
            in_family = {template: f"{family}/{template}" for template in material.templates[style]}
            template = min(in_family, key=lambda one: (uses[in_family[one]], uses[one], rank(in_family[one], seed)))
            made.add((topic, style))
            uses.update([topic, template, in_family[template]])
            text = fill(material.templates[style][template], topic=material.topics[family][topic])
            yield text, family, style, {"template": template, "topic": topic}
        if len(made) == n_prompts:
            return


def fill(template: str, *, topic: str) -> str:
    """Put a topic into a template, each of its verbs in the form that the template takes."""
    return template.format(do=_VERB_FORMS.sub(r"\1", topic), doing=_VERB_FORMS.sub(r"\2", topic))


def _benign(seed: int) -> Iterator[_Made]:
    """One prompt of each family in turn, in a shuffled order within the family."""
    queues = {
        family: shuffled([(line, style) for style, lines in styles.items() for line in lines], f"{seed}")
        for family, styles in read_yaml("benign").items()
    }
    for turn in range(max(map(len, queues.values()))):
        for family, queue in queues.items():
            if turn < len(queue):
                text, style = queue[turn]
                yield text, family, style, {}


def shuffled(items: Sequence[_Item], seed: str) -> list[_Item]:
    """Return the items in an order that depends on their `str` and the seed alone."""
    return sorted(items, key=lambda item: rank(str(item), seed))


def rank(name: str, seed: str) -> str:
    """Return a name's place in the order of a seed, hexadecimal."""
    # A hash, not random.shuffle: its order can't change with the Python version, nor when something is added.
    return hashlib.sha256(f"{seed}/{name}".encode()).hexdigest()
