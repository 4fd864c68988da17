"""The part of a completion that answers: without the reasoning that some models write before it."""

import re

# A reasoning that was cut off never closes, and there is no answer behind it.
_REASONING = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL | re.IGNORECASE)
_OPENED_BY_THE_PROMPT = re.compile(r"\A.*</think>", re.DOTALL | re.IGNORECASE)


def answer_of(text: str) -> str:
    """Return a completion without its reasoning, unchanged if there is none.

    Args:
        text: The completion alone. A `</think>` that nothing opened ends a reasoning that the prompt opened.
    """
    if "think>" not in text.lower():
        return text
    return _OPENED_BY_THE_PROMPT.sub("", _REASONING.sub("", text))
