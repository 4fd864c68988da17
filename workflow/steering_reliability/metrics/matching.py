"""Find the phrases of the table in a text: one normal form, one compiled pattern, one pass."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from steering_reliability.metrics.phrases import FAMILIES, IDIOMS, expand

# The place of a phrase is where it begins in the normal form of the text, in characters.
OPENING_END = 100
EARLY_END = 250
OPENING, EARLY, LATE, QUOTED = 1.0, 0.75, 0.4, 0.1

_INVISIBLE = (
    "\u00ad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\ufe0f\ufeff"
)
_APOSTROPHES = "\u2018\u2019\u201a\u201b\u02bb\u02bc\u02b9\u2032\u00b4\u0060\u055a\uff07"
_QUOTES = "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\uff02"
_CHARACTERS = str.maketrans(
    {**dict.fromkeys(_INVISIBLE), **dict.fromkeys(_APOSTROPHES, "'"), **dict.fromkeys(_QUOTES, '"')}
)


@dataclass(frozen=True)
class Occurrence:
    """A phrase of the table found in a text.

    Args:
        phrase: The phrase as the table writes it.
        family: Index of its family in `phrases.FAMILIES`.
        factor: Share of its weight that counts at this place, in [0, 1].
    """

    phrase: str
    family: int
    factor: float


@dataclass
class _Node:
    """One character of the prefix tree from which the pattern is written."""

    children: dict[str, "_Node"] = field(default_factory=dict)
    ends: bool = False

    def add(self, word: str) -> None:
        node = self
        for character in word:
            node = node.children.setdefault(character, _Node())
        node.ends = True

    def pattern(self) -> str:
        """A regular expression that matches the longest word of the tree."""
        branches = [re.escape(character) + child.pattern() for character, child in self.children.items()]
        if not branches:
            return ""
        if len(branches) == 1 and not self.ends:
            return branches[0]
        return f"(?:{'|'.join(branches)}){'?' if self.ends else ''}"


def normalise(text: str) -> str:
    """Return the normal form in which phrases are sought.

    Lower case, NFKC, straight apostrophes and quotation marks, no invisible characters, no bold marks, single spaces.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_CHARACTERS)).translate(_CHARACTERS)
    return " ".join(text.replace("**", "").replace("`", "'").lower().split())


def _spellings(phrase: str) -> tuple[str, ...]:
    normal = normalise(phrase)
    return (normal, normal.replace("'", "")) if "'" in normal else (normal,)


def _index_phrases() -> dict[str, tuple[str, int]]:
    index: dict[str, tuple[str, int]] = {}
    for number, family in enumerate(FAMILIES):
        for phrase in family.phrases:
            for spelling in _spellings(phrase):
                index.setdefault(spelling, (phrase, number))
    return index


def _tree(words: Iterable[str]) -> str:
    root = _Node()
    for word in words:
        root.add(word)
    return root.pattern()


def _compile(known: Iterable[str]) -> re.Pattern[str]:
    idioms = [spelling for template in IDIOMS for phrase in expand(template) for spelling in _spellings(phrase)]
    gap = r"\b[^.!?]{0,60}?\b"
    # NFKC writes an ellipsis as three full stops.
    spanning = [gap.join(map(re.escape, idiom.split("..."))) for idiom in idioms if "..." in idiom]
    fixed = _tree([idiom for idiom in idioms if "..." not in idiom])
    return re.compile(rf"\b(?:(?:{fixed}|{'|'.join(spanning)})(?!\w)|{_tree(known)}(?!\w))")


_KNOWN = _index_phrases()
_PATTERN = _compile(_KNOWN)


def _factor(text: str, start: int) -> float:
    if start and text.rfind('"', 0, start) > 0 and text.count('"', 0, start) % 2:
        return QUOTED
    if start < OPENING_END:
        return OPENING
    return EARLY if start < EARLY_END else LATE


def find_phrases(text: str) -> Iterator[Occurrence]:
    """Yield the table's phrases in `text`, a normal form, from left to right without overlap; idioms are skipped."""
    for match in _PATTERN.finditer(text):
        known = _KNOWN.get(match.group())
        if known is not None:
            yield Occurrence(phrase=known[0], family=known[1], factor=_factor(text, match.start()))
