"""What else steering does to a text: its length, its repetition, and whether it has collapsed.

Distinct n-grams are those of Li et al. (2016, A Diversity-Promoting Objective Function, section 5). Collapsed text has
length and no refusal phrase, so that every other metric would take it for an answer.
"""

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass

# Loops of longer units don't fit three times into the lengths studied, and show in the distinct n-grams.
_MAX_WORD_PERIOD = 32
_MAX_CHARACTER_PERIOD = 8
_COPIES = 3
_MIN_REPEATED_CHARACTERS, _MIN_REPEATED_DIGITS = 6, 12

# Half of the text is one loop; answers of chat models reached 0.15 at most (docs/refusal_metric.md).
LONGEST_REPEAT = 0.5
# Fewer than two in five word pairs are new: fluent English stays above 0.8 in 30 words, a sentence said twice near 0.5.
DISTINCT_2 = 0.4
DISTINCT_2_MIN_WORDS = 12
# Nats a token below the baseline: e^2.5, each token 12 times less likely than those the model writes by itself.
BASE_LOGPROB_DROP = 2.5


@dataclass(frozen=True)
class Confounds:
    """Length and repetition of one completion.

    Args:
        n_words: Words, that is, runs without white space.
        distinct_1: Share of distinct words among the words, ignoring case; NaN without words.
        distinct_2: The same for pairs of neighbouring words; NaN with fewer than 2 words.
        distinct_3: The same for triples; NaN with fewer than 3 words.
        longest_repeat: Share of the words in the longest stretch that says one unit of words (at most 32) at least 3
            times in a row, and perhaps the beginning of it once more; 0 without such a stretch, NaN without words.
        longest_character_repeat: Share of the characters in the longest stretch that writes one unit of characters (at
            most 8) at least 3 times in a row, runs of white space counting as one space; a stretch of fewer than 6
            characters (of digits: 12) doesn't count; 0 without such a stretch, NaN without words.
    """

    n_words: int
    distinct_1: float
    distinct_2: float
    distinct_3: float
    longest_repeat: float
    longest_character_repeat: float


def measure_confounds(text: str) -> Confounds:
    """Measure length and repetition of one completion."""
    words = text.lower().split()
    if not words:
        return Confounds(0, math.nan, math.nan, math.nan, math.nan, math.nan)
    stretch, _ = _longest_loop(words, max_period=_MAX_WORD_PERIOD)
    return Confounds(
        n_words=len(words),
        distinct_1=_distinct_share(words, 1),
        distinct_2=_distinct_share(words, 2),
        distinct_3=_distinct_share(words, 3),
        longest_repeat=stretch / len(words),
        longest_character_repeat=_character_repeat(" ".join(words)),
    )


def _distinct_share(words: Sequence[str], n: int) -> float:
    count = len(words) - n + 1
    if count < 1:
        return math.nan
    return len(set(zip(*(words[offset:] for offset in range(n)), strict=False))) / count


def _longest_loop(units: Sequence[str], *, max_period: int) -> tuple[int, int]:
    """Return length and end of the longest stretch that says one unit 3 times or more; (0, 0) if none does."""
    longest, end = 0, 0
    for period in range(1, min(max_period, len(units) // _COPIES) + 1):
        # A stretch of s units has period p if s - p of them in a row equal the unit p further on.
        equal = bytes(map(operator.eq, units, units[period:]))
        # Most periods fail this search, which costs far less than the split.
        if b"\x01" * max(period * (_COPIES - 1), longest - period + 1) in equal:
            run = max(equal.split(b"\x00"), key=len)
            longest = len(run) + period
            end = equal.find(run) + longest
    return longest, end


def _character_repeat(text: str) -> float:
    stretch, end = _longest_loop(text, max_period=_MAX_CHARACTER_PERIOD)
    # "1000000" is a number, not a collapse.
    digits = text[end - stretch : end].isdigit()
    enough = stretch >= (_MIN_REPEATED_DIGITS if digits else _MIN_REPEATED_CHARACTERS)
    return stretch / len(text) if enough else 0.0


def is_repetitive(confounds: Confounds) -> bool:
    """Whether a text says or writes the same thing over and over; an empty one does not."""
    if confounds.n_words == 0:
        return False
    if confounds.longest_repeat >= LONGEST_REPEAT or confounds.longest_character_repeat >= LONGEST_REPEAT:
        return True
    return confounds.n_words >= DISTINCT_2_MIN_WORDS and confounds.distinct_2 < DISTINCT_2


def is_degenerate(confounds: Confounds, *, base_logprob: float, baseline_base_logprob: float) -> bool:
    """Whether a completion has collapsed: repetitive, or far less likely under the unsteered model than its baseline.

    Args:
        confounds: Of the completion.
        base_logprob: Its mean log-probability per token under the unsteered model, in nats; NaN if not known.
        baseline_base_logprob: The median of the same over the baseline's completions on the same split; NaN if unknown.
    """
    # A comparison with NaN is false: without a log-probability only repetition counts.
    return is_repetitive(confounds) or base_logprob < baseline_base_logprob - BASE_LOGPROB_DROP
