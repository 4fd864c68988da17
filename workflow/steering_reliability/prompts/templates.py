"""Templates and topics: the two halves from which the harmful prompts are put together."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_VERB_FORMS = re.compile(r"([\w-]+)/([\w-]+)")


@dataclass(frozen=True)
class Topic:
    """One thing that could be asked for, in the two verb forms that every template needs.

    Args:
        id: For example "train_weapons_03"; unique over both harmful splits.
        family: The family it belongs to.
        do: Bare infinitive, "pick the lock on a shed".
        doing: Gerund, "picking the lock on a shed".
    """

    id: str
    family: str
    do: str
    doing: str


@dataclass(frozen=True)
class Template:
    """One way of asking, with a `{do}` or a `{doing}` where the topic goes.

    Args:
        id: For example "question_2"; unique over both harmful splits.
        style: The style it belongs to.
        text: The wording.
    """

    id: str
    style: str
    text: str

    def fill(self, topic: Topic) -> str:
        """The prompt that asks for `topic` in this wording."""
        return self.text.format(do=topic.do, doing=topic.doing)


@dataclass(frozen=True)
class Material:
    """Everything one harmful split is made from: its families' topics and its styles' templates."""

    families: Mapping[str, tuple[Topic, ...]]
    styles: Mapping[str, tuple[Template, ...]]


def lines_of(block: str) -> list[str]:
    """The non-empty lines of a text block, stripped."""
    return [line.strip() for line in block.splitlines() if line.strip()]


def material(name: str, *, families: Mapping[str, str], styles: Mapping[str, str]) -> Material:
    """Read hand-written blocks of text, one topic or template per line.

    Args:
        name: Begins every topic id, because two splits may have other topics in a family of the same name.
        families: Family name -> topics; a verb is written `pick/picking` so that both forms are by hand.
        styles: Style name -> templates.

    Returns:
        The topics and templates with ids that follow their place in the block.
    """
    return Material(
        families={
            family: tuple(
                Topic(
                    id=f"{name}_{family}_{number:02d}",
                    family=family,
                    do=_VERB_FORMS.sub(r"\1", line),
                    doing=_VERB_FORMS.sub(r"\2", line),
                )
                for number, line in enumerate(lines_of(block), start=1)
            )
            for family, block in families.items()
        },
        styles={
            style: tuple(
                Template(id=f"{style}_{number}", style=style, text=line)
                for number, line in enumerate(lines_of(block), start=1)
            )
            for style, block in styles.items()
        },
    )
