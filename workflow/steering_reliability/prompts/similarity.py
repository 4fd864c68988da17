"""Which prompts are alike, by template or by text: an interval counts them as one."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from math import ceil
from typing import Final

from steering_reliability.prompts.schema import Prompt

ALIKE: Final = 2 / 3
"""Two texts are near copies from this Jaccard index of their words and word pairs on: two of three are shared."""

_SENTENCE_MARKS: Final = dict.fromkeys(map(ord, ".,;:!?'\"()[]-–—…‘’“”"), " ")


def normalize_text(text: str) -> str:
    """Take out case, sentence marks, Unicode forms and white space: the form in which splits are compared.

    Marks that carry meaning in code ("C++", "a == b") stay. Text of nothing but sentence marks comes back as it is.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(plain.translate(_SENTENCE_MARKS).split()) or plain.strip()


@lru_cache(maxsize=8)
def near_copies(texts: tuple[str, ...]) -> list[tuple[int, int]]:
    """Find the pairs of texts that are near copies of each other, without comparing every pair.

    Case, sentence marks and spacing do not count. A text's features are its distinct words and pairs of neighbouring
    words; only pairs that share one of their rarest features are compared (prefix filtering), which misses none.

    Returns:
        Places (i, j) with i < j.

    Source: Bayardo, Ma and Srikant (2007), Scaling Up All Pairs Similarity Search, for the filter.
    """
    features = [text_features(text) for text in texts]
    uses = Counter(feature for of_text in features for feature in of_text)
    holders: defaultdict[str, list[int]] = defaultdict(list)
    found = []
    for place, of_text in enumerate(features):
        rarest = sorted(of_text, key=lambda feature: (uses[feature], feature))
        # Two sets with this index share a feature among the rarest of each.
        prefix = rarest[: len(rarest) - ceil(ALIKE * len(rarest)) + 1]
        for other in sorted({candidate for feature in prefix for candidate in holders[feature]}):
            shared = len(of_text & features[other])
            if shared >= ALIKE * (len(of_text) + len(features[other]) - shared) - 1e-9:
                found.append((other, place))
        for feature in prefix:
            holders[feature].append(place)
    return found


def text_features(text: str) -> set[str]:
    """Return the distinct words of a text and the pairs of neighbouring ones."""
    words = normalize_text(text).split()
    return {*words, *(f"{first} {second}" for first, second in pairwise(words))}


def cluster_prompts(prompts: Sequence[Prompt], *, field: str = "template") -> dict[str, str]:
    """Return the cluster of every prompt of a split.

    Prompts with the same value of `meta.{field}` are one cluster, and so are near copies; what both join is one. A
    prompt that is like no other is a cluster by itself.

    Prompts without the field are joined by their text alone.

    Returns:
        Prompt id to the id of the first prompt of its cluster.
    """
    parent = list(range(len(prompts)))

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    first_of: dict[str, int] = {}
    pairs = list(near_copies(tuple(prompt.prompt for prompt in prompts)))
    for place, prompt in enumerate(prompts):
        label = meta_value(prompt, field)
        if label is not None:
            pairs.append((first_of.setdefault(label, place), place))
    for one, other in pairs:
        first, second = sorted((root(one), root(other)))
        parent[second] = first
    return {prompt.id: prompts[root(place)].id for place, prompt in enumerate(prompts)}


def meta_value(prompt: Prompt, field: str) -> str | None:
    """Return a key of a prompt's meta as text, None where it has none."""
    value = {"family": prompt.family, "style": prompt.style, **prompt.extra}.get(field)
    return None if value is None or isinstance(value, (dict, list)) else str(value)
