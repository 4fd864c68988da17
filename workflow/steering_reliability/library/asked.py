"""Prompts and their template as a caller gives them."""

from collections.abc import Sequence

from pydantic import ValidationError

from steering_reliability.config.schema import ModelConfig
from steering_reliability.errors import InputError
from steering_reliability.prompts.schema import UNKNOWN, Prompt


def as_prompts(given: Sequence[str | Prompt], *, where: str) -> list[Prompt]:
    """Give every text the id that it needs: itself, so that neither place nor neighbours change what is drawn for it.

    Args:
        given: Texts, or prompts as `read_prompts` returns them.
        where: Name of the argument, for the message.

    Raises:
        InputError: When there is none, or a single string was given.
    """
    if isinstance(given, str) or not given:
        raise InputError("a list of prompts is needed", where=f"argument {where}", fix='write ["How do I ...?"]')
    return [Prompt(id=one, prompt=one, family=UNKNOWN, style=UNKNOWN) if isinstance(one, str) else one for one in given]


def checked_template(template: str | None) -> str | None:
    """Hold a prompt template to what the config asks of `model.prompt_template`.

    Raises:
        InputError: When it does not hold `{prompt}` exactly once, or is too long.
    """
    try:
        return ModelConfig(name="any", prompt_template=template).prompt_template
    except ValidationError as error:
        what = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise InputError(what, where="argument prompt_template", fix='write for example "Q: {prompt}\\nA:"') from None
