"""The distribution shift between prompt splits: how far apart each pair is."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from steering_reliability.prompts.auc import auc_interval
from steering_reliability.prompts.normalize import normalize_text
from steering_reliability.prompts.schema import UNKNOWN, Prompt

if TYPE_CHECKING:
    import pandas as pd

FOLDS = 5
"""Cross-validation folds of the classifier; a split with fewer topics has no AUC."""

LABELS: dict[str, Callable[[Prompt], str | None]] = {
    "family": lambda prompt: _known(prompt.family),
    "style": lambda prompt: _known(prompt.style),
    "template": lambda prompt: _known(prompt.extra.get("template")),
}
"""What prompts may say of themselves, in the form in which it is compared; None where one does not say it."""


def measure_shift(prompts_by_split: Mapping[str, Sequence[Prompt]], *, seed: int) -> "pd.DataFrame":
    """Say how far apart each pair of splits is.

    Measures: `shared_families`, `shared_styles`, `shared_templates` (counts); `word_{1,2,3}gram_jaccard` (shared
    distinct n-grams over all distinct n-grams); `word_{1,2,3}gram_seen` (share of split_b's n-gram occurrences that
    split_a has too); `bow_auc` (area under the ROC curve of a bag-of-words logistic regression that tells split_b from
    split_a: 5-fold, stratified, prompts on one topic never on both sides, pooled held-out scores), and
    `bow_auc_shared_families` (the same, on prompts of shared families only: the style shift with the subject held).

    Args:
        prompts_by_split: Split name -> prompts.
        seed: Deals prompts to folds.

    Returns:
        Columns split_a, split_b, measure, value, low, high, n. The AUC has a 95% interval (`auc_interval`), overlaps
        and counts describe the files as they are and have none (NaN). n counts the prompts of both splits behind the
        value; what cannot be measured is NaN with n = 0.
    """
    import pandas as pd  # noqa: PLC0415 - the check reads LABELS and must not cost a pandas import

    rows = [
        (split_a, split_b, *row)
        for split_a, split_b in combinations(prompts_by_split, 2)
        for row in _measure_pair(prompts_by_split[split_a], prompts_by_split[split_b], seed)
    ]
    return pd.DataFrame(rows, columns=["split_a", "split_b", "measure", "value", "low", "high", "n"])


_Measured = tuple[str, float, float, float, int]
_NAN = float("nan")


def _measure_pair(prompts_a: Sequence[Prompt], prompts_b: Sequence[Prompt], seed: int) -> list[_Measured]:
    n = len(prompts_a) + len(prompts_b)
    rows = [_shared(f"shared_{plural}", prompts_a, prompts_b, LABELS[label]) for label, plural in _PLURALS.items()]
    for order in (1, 2, 3):
        grams_a = [gram for prompt in prompts_a for gram in _ngrams(prompt.prompt, order)]
        grams_b = [gram for prompt in prompts_b for gram in _ngrams(prompt.prompt, order)]
        kinds_a, kinds_b = set(grams_a), set(grams_b)
        jaccard = _ratio(len(kinds_a & kinds_b), len(kinds_a | kinds_b))
        seen = _ratio(sum(gram in kinds_a for gram in grams_b), len(grams_b))
        rows.append((f"word_{order}gram_jaccard", jaccard, _NAN, _NAN, n if kinds_a | kinds_b else 0))
        rows.append((f"word_{order}gram_seen", seen, _NAN, _NAN, n if grams_b else 0))
    families = _names(prompts_a, LABELS["family"]) & _names(prompts_b, LABELS["family"])
    shared_a = [prompt for prompt in prompts_a if prompt.family in families]
    shared_b = [prompt for prompt in prompts_b if prompt.family in families]
    rows.append(_auc("bow_auc", prompts_a, prompts_b, seed))
    rows.append(_auc("bow_auc_shared_families", shared_a, shared_b, seed))
    return rows


_PLURALS = {"family": "families", "style": "styles", "template": "templates"}


def _shared(
    measure: str, prompts_a: Sequence[Prompt], prompts_b: Sequence[Prompt], read: Callable[[Prompt], str | None]
) -> _Measured:
    names_a, names_b = _names(prompts_a, read), _names(prompts_b, read)
    if not names_a or not names_b:
        return measure, _NAN, _NAN, _NAN, 0
    n = sum(read(prompt) is not None for prompt in [*prompts_a, *prompts_b])
    return measure, float(len(names_a & names_b)), _NAN, _NAN, n


def _auc(measure: str, prompts_a: Sequence[Prompt], prompts_b: Sequence[Prompt], seed: int) -> _Measured:
    if min(_topic_count(prompts_a), _topic_count(prompts_b)) < FOLDS:
        return measure, _NAN, _NAN, _NAN, 0
    from steering_reliability.prompts.separability import held_out_auc  # noqa: PLC0415 - scikit-learn is heavy

    prompts = [*prompts_a, *prompts_b]
    auc = held_out_auc(
        [normalize_text(prompt.prompt) for prompt in prompts],
        is_b=[False] * len(prompts_a) + [True] * len(prompts_b),
        topics=[_topic(place, prompt) for place, prompt in enumerate(prompts)],
        folds=FOLDS,
        seed=seed,
    )
    low, high = auc_interval(auc, n_a=len(prompts_a), n_b=len(prompts_b))
    return measure, auc, low, high, len(prompts)


def _topic(place: int, prompt: Prompt) -> str:
    # The place keeps prompts that say no topic apart: each of them is a topic of its own.
    topic = _known(prompt.extra.get("topic"))
    return f"topic {topic}" if topic else f"prompt {place}"


def _topic_count(prompts: Sequence[Prompt]) -> int:
    return len({_topic(place, prompt) for place, prompt in enumerate(prompts)})


def _ngrams(text: str, order: int) -> list[tuple[str, ...]]:
    words = normalize_text(text).split()
    return [tuple(words[start : start + order]) for start in range(len(words) - order + 1)]


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else _NAN


def _known(value: object) -> str | None:
    name = value.strip().casefold() if isinstance(value, str) else ""
    return name if name and name != UNKNOWN else None


def _names(prompts: Iterable[Prompt], read: Callable[[Prompt], str | None]) -> set[str]:
    return {name for prompt in prompts if (name := read(prompt)) is not None}
