"""Prompts that are nearly the same text: found by the words they share, without comparing every pair."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import ceil
from typing import Final

from steering_reliability.prompts.normalize import normalize_text

ALIKE: Final = 2 / 3
"""Two prompts are near copies from this Jaccard index of their words and word pairs on: two of three are shared."""


def near_copies(texts: Sequence[str], *, alike: float = ALIKE) -> Iterator[tuple[int, int]]:
    """Yield the pairs of texts that are near copies of each other.

    Case, sentence marks and spacing do not count. A text's features are its distinct words and pairs of neighbouring
    words; only pairs that share one of their rarest features are compared (prefix filtering), which misses none.

    Args:
        texts: The texts.
        alike: Least Jaccard index of the features.

    Yields:
        Places (i, j) with i < j.

    Source: Bayardo, Ma and Srikant (2007), Scaling Up All Pairs Similarity Search, for the filter.
    """
    features = [_features(text) for text in texts]
    uses = Counter(feature for own in features for feature in own)
    holders: defaultdict[str, list[int]] = defaultdict(list)
    for place, own in enumerate(features):
        rarest = sorted(own, key=lambda feature: (uses[feature], feature))
        # Two sets with this index share a feature among the rarest of each.
        prefix = rarest[: len(rarest) - ceil(alike * len(rarest)) + 1]
        for other in sorted({candidate for feature in prefix for candidate in holders[feature]}):
            shared = len(own & features[other])
            if shared >= alike * (len(own) + len(features[other]) - shared) - 1e-9:
                yield other, place
        for feature in prefix:
            holders[feature].append(place)


def _features(text: str) -> set[str]:
    words = normalize_text(text).split()
    return {*words, *(f"{first} {second}" for first, second in pairwise(words))}
