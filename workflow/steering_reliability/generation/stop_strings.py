"""Ends that a model spells in ordinary tokens: where a completion stops, and what of it is kept."""

from collections.abc import Sequence
from typing import Any


def ends_with_stop(tokens: Sequence[int], *, stops: Sequence[str], tokenizer: Any) -> bool:
    """Whether a stop string is complete with the last token, and none was before it."""
    if not stops:
        return False
    # A character takes four tokens at most, where a tokenizer falls back to bytes.
    longest = 4 * max(map(len, stops))
    text = tokenizer.decode(tokens[-longest:], skip_special_tokens=False)
    return any(stop in text for stop in stops)


def kept_text(tokens: Sequence[int], *, stops: Sequence[str], tokenizer: Any) -> tuple[str, int]:
    """The text before the first stop string, without special tokens, and how many tokens it takes to write it."""
    whole = tokenizer.decode(tokens, skip_special_tokens=False)
    places = [place for place in map(whole.find, stops) if place >= 0]
    if not places:
        return tokenizer.decode(tokens, skip_special_tokens=True), len(tokens)
    before = whole[: min(places)]
    needed = len(tokens)
    while needed and tokenizer.decode(tokens[: needed - 1], skip_special_tokens=False).startswith(before):
        needed -= 1
    # The last of these tokens may hold the beginning of the stop string too.
    surplus = len(tokenizer.decode(tokens[:needed], skip_special_tokens=False)) - len(before)
    text = tokenizer.decode(tokens[:needed], skip_special_tokens=True)
    return text[: len(text) - surplus], needed
