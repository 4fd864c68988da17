"""The distribution shift between prompt splits: how far apart each pair is."""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Final

from steering_reliability.prompts.schema import UNKNOWN, Prompt
from steering_reliability.prompts.similarity import normalize_text

if TYPE_CHECKING:
    import pandas as pd

FOLDS: Final = 5
"""Cross-validation folds of the classifier; a split with fewer topics has no AUC."""

LABELS: Final[dict[str, Callable[[Prompt], str | None]]] = {
    "family": lambda prompt: _known(prompt.family),
    "style": lambda prompt: _known(prompt.style),
    "template": lambda prompt: _known(prompt.extra.get("template")),
}
"""What prompts may say of themselves, in the form in which it is compared; None where one does not say it."""

_PLURALS: Final = {"family": "families", "style": "styles", "template": "templates"}
_Z95: Final = 1.959964
_CHANCE: Final = 0.5
_NAN: Final = float("nan")
_Measured = tuple[str, float, float, float, int]


def measure_shift(prompts_by_split: Mapping[str, Sequence[Prompt]], *, seed: int) -> "pd.DataFrame":
    """Say how far apart each pair of splits is.

    Measures: `shared_families`, `shared_styles`, `shared_templates` (counts); `word_{1,2,3}gram_jaccard` (shared
    distinct n-grams over all distinct n-grams); `word_{1,2,3}gram_seen` (share of split_b's n-gram occurrences that
    split_a has too); `bow_auc` (area under the ROC curve of a bag-of-words logistic regression that tells split_b from
    split_a: 5-fold, stratified, prompts on one topic never on both sides, pooled held-out scores), and
    `bow_auc_shared_families` (the same, on prompts of shared families only: the style shift with the subject held).

    `seed` deals prompts to folds.

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


def shift_sentence(shift: "pd.DataFrame") -> str:
    """Say whether harm_test was found to be shifted from harm_train; nothing else may call its prompts shifted.

    It was where a classifier tells their words apart: where the 95% interval of `bow_auc` lies above chance.
    """
    pair = (shift["split_a"] == "harm_train") & (shift["split_b"] == "harm_test")
    measured = shift[pair & (shift["measure"] == "bow_auc") & (shift["n"] > 0)]
    if measured.empty:
        return "The shift of harm_test from harm_train was not measured: too few topics to train a classifier."
    auc, low, high, n = (measured.iloc[0][name] for name in ("value", "low", "high", "n"))
    area = f"AUC {auc:.2f}, 95% interval {low:.2f} to {high:.2f}, {_CHANCE} is chance, n = {int(n)}"
    if low > _CHANCE:
        return f"harm_test is shifted from harm_train: a bag-of-words classifier distinguishes them ({area})."
    return (
        f"No shift was found between harm_train and harm_test: a bag-of-words classifier does not distinguish them "
        f"({area})."
    )


def held_out_auc(texts: Sequence[str], *, is_b: Sequence[bool], topics: Sequence[str], seed: int) -> float:
    """Area under the ROC curve of a bag-of-words classifier's held-out scores, pooled over folds.

    Args:
        texts: Normalized texts, [n]; words are what white space separates, each counts once.
        is_b: Which texts are of the second set, [n].
        topics: Texts on one topic are never both trained on and scored, [n]; each set needs `FOLDS` of them.
        seed: Deals topics to folds.

    Returns:
        The probability that a text of the second set scores above one of the first: 0.5 if they are alike.
    """
    # Imported here because scikit-learn takes seconds.
    from sklearn.feature_extraction.text import CountVectorizer  # noqa: PLC0415
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415

    scores = cross_val_predict(
        make_pipeline(CountVectorizer(binary=True, token_pattern=r"\S+"), LogisticRegression(max_iter=1000)),
        list(texts),
        list(is_b),
        groups=list(topics),
        cv=StratifiedGroupKFold(n_splits=FOLDS, shuffle=True, random_state=seed),
        method="decision_function",
    )
    return float(roc_auc_score(list(is_b), scores))


def auc_interval(auc: float, *, n_a: int, n_b: int) -> tuple[float, float]:
    """95% score interval of an AUC; unlike DeLong's it keeps its width at 1.

    `n_a` and `n_b` are the cases of the two classes.

    Returns:
        Low and high: the areas t with |auc - t| = 1.96 SE(t). Source: Newcombe (2006), Statistics in Medicine
        25:559-573, method 5, which modifies the standard error of Hanley and McNeil (1982).
        It takes scores as independent: with cross-validated scores, or prompts that share a template, it is too narrow.
    """
    spread = (n_a + n_b) / 2 - 1

    def is_rejected(area: float) -> bool:
        variance = area * (1 - area) / (n_a * n_b)
        variance *= 1 + spread * (1 - area) / (2 - area) + spread * area / (1 + area)
        return (auc - area) ** 2 > _Z95**2 * variance

    def boundary(outside: float) -> float:
        inside = auc
        for _ in range(60):
            middle = (outside + inside) / 2
            outside, inside = (middle, inside) if is_rejected(middle) else (outside, middle)
        return (outside + inside) / 2

    return boundary(0.0), boundary(1.0)


def _measure_pair(prompts_a: Sequence[Prompt], prompts_b: Sequence[Prompt], seed: int) -> list[_Measured]:
    n = len(prompts_a) + len(prompts_b)
    rows: list[_Measured] = []
    for label, plural in _PLURALS.items():
        names_a, names_b = (_names(prompts, label) for prompts in (prompts_a, prompts_b))
        n_shared, n_known = len(set(names_a) & set(names_b)), len(names_a) + len(names_b)
        is_known = bool(names_a and names_b)
        rows.append((f"shared_{plural}", n_shared if is_known else _NAN, _NAN, _NAN, n_known if is_known else 0))
    for order in (1, 2, 3):
        grams_a, grams_b = (_ngrams(prompts, order) for prompts in (prompts_a, prompts_b))
        kinds_a, kinds_b = set(grams_a), set(grams_b)
        jaccard = _ratio(len(kinds_a & kinds_b), len(kinds_a | kinds_b))
        seen = _ratio(sum(gram in kinds_a for gram in grams_b), len(grams_b))
        rows.append((f"word_{order}gram_jaccard", jaccard, _NAN, _NAN, n if kinds_a | kinds_b else 0))
        rows.append((f"word_{order}gram_seen", seen, _NAN, _NAN, n if grams_b else 0))
    families = set(_names(prompts_a, "family")) & set(_names(prompts_b, "family"))
    shared_a, shared_b = (
        [one for one in prompts if _known(one.family) in families] for prompts in (prompts_a, prompts_b)
    )
    rows.append(_auc("bow_auc", prompts_a, prompts_b, seed))
    rows.append(_auc("bow_auc_shared_families", shared_a, shared_b, seed))
    return rows


def _auc(measure: str, prompts_a: Sequence[Prompt], prompts_b: Sequence[Prompt], seed: int) -> _Measured:
    prompts = [*prompts_a, *prompts_b]
    named = [_known(prompt.extra.get("topic")) for prompt in prompts]
    # A prompt without a topic is a topic by itself.
    topics = [f"topic {topic}" if topic else f"prompt {place}" for place, topic in enumerate(named)]
    if min(len(set(topics[: len(prompts_a)])), len(set(topics[len(prompts_a) :]))) < FOLDS:
        return measure, _NAN, _NAN, _NAN, 0
    auc = held_out_auc(
        [normalize_text(prompt.prompt) for prompt in prompts],
        is_b=[False] * len(prompts_a) + [True] * len(prompts_b),
        topics=topics,
        seed=seed,
    )
    low, high = auc_interval(auc, n_a=len(prompts_a), n_b=len(prompts_b))
    return measure, auc, low, high, len(prompts)


def _names(prompts: Sequence[Prompt], label: str) -> list[str]:
    return [name for prompt in prompts if (name := LABELS[label](prompt)) is not None]


def _ngrams(prompts: Sequence[Prompt], order: int) -> list[tuple[str, ...]]:
    texts = [normalize_text(prompt.prompt).split() for prompt in prompts]
    return [tuple(words[at : at + order]) for words in texts for at in range(len(words) - order + 1)]


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else _NAN


def _known(value: object) -> str | None:
    name = value.strip().casefold() if isinstance(value, str) else ""
    return name if name and name != UNKNOWN else None
