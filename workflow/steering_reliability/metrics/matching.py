"""Bring a completion into the form in which phrases are sought, and phrases into one pattern."""

import re
import unicodedata
from collections.abc import Sequence

_INVISIBLE = (
    "\u00ad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\ufe0f\ufeff"
)
_APOSTROPHES = "\u2018\u2019\u201a\u201b\u02bb\u02bc\u02b9\u2032\u00b4\u0060\u055a\uff07"
_QUOTES = "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\uff02"
_CHARACTERS = str.maketrans(
    {**dict.fromkeys(_INVISIBLE), **dict.fromkeys(_APOSTROPHES, "'"), **dict.fromkeys(_QUOTES, '"')}
)
# Reasoning that was cut off never closes, and there is no answer behind it.
_REASONING = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL | re.IGNORECASE)
_OPENED_BY_THE_PROMPT = re.compile(r"\A.*</think>", re.DOTALL | re.IGNORECASE)
# Quotation marks that never close were cut off with the text.
_QUOTED = re.compile(r'"[^"]*(?:"|$)')
_NOTATION = {"...": "[^.!?]{0,60}?", "*": r"\w+", "'": "'?", "{": "(?:", "|": "|", "}": ")"}
_LEADING_MARKS = re.compile(r'^[^\w"]+(?=[\w"])')


def answer_of(text: str) -> str:
    """Return a completion without the reasoning that some models write first, unchanged if there is none.

    A `</think>` that nothing opened ends reasoning that the prompt opened.
    """
    if "think>" not in text.lower():
        return text
    return _OPENED_BY_THE_PROMPT.sub("", _REASONING.sub("", text))


def normalise(text: str) -> str:
    """Return the normal form of a text.

    NFKC, straight apostrophes and quotation marks, no invisible characters, no bold marks, single spaces.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_CHARACTERS)).translate(_CHARACTERS)
    return " ".join(text.replace("**", "").replace("`", "'").split())


def unquoted_answer(text: str) -> str:
    """Return the normal form of what the model says for itself: no reasoning, and no quoted speech.

    A text that stands in quotation marks as a whole is the model's; otherwise what is quoted is left out, at the
    beginning as anywhere else, since a character in a story may refuse. Marks before the first word are left out, too.
    """
    normal = normalise(answer_of(text))
    is_quoted = normal.startswith('"') and normal.find('"', 1) in (-1, len(normal) - 1)
    return _LEADING_MARKS.sub("", normal.strip('" ') if is_quoted else _QUOTED.sub('""', normal))


def compile_phrases(phrases: Sequence[str]) -> re.Pattern[str]:
    """Return a pattern that finds any of some phrases as whole words, in any case and with or without apostrophes.

    Args:
        phrases: Braces hold alternatives, which may be empty: `{can't|cannot} {just |}help`. `*` stands for a word,
            `...` for up to 60 characters of one sentence.
    """
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(_pattern, phrases))})(?!\w)", re.IGNORECASE)


def _pattern(phrase: str) -> str:
    pattern = re.escape(phrase).replace("\\ ", " ")
    for written, meant in _NOTATION.items():
        pattern = pattern.replace(re.escape(written), meant)
    return pattern
