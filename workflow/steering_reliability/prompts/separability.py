"""How well a plain bag-of-words classifier tells one set of texts from another; alone in needing scikit-learn."""

from collections.abc import Sequence

from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline


def held_out_auc(texts: Sequence[str], *, is_b: Sequence[bool], topics: Sequence[str], folds: int, seed: int) -> float:
    """Area under the ROC curve of held-out scores, pooled over folds.

    Args:
        texts: Normalized texts, [n]; words are what white space separates, each counts once.
        is_b: Which texts are of the second set, [n].
        topics: Texts on one topic are never both trained on and scored, [n].
        folds: Number of folds; each set needs that many topics.
        seed: Deals topics to folds.

    Returns:
        The probability that a text of the second set scores above one of the first: 0.5 if they are alike.
    """
    scores = cross_val_predict(
        make_pipeline(CountVectorizer(binary=True, token_pattern=r"\S+"), LogisticRegression(max_iter=1000)),
        list(texts),
        list(is_b),
        groups=list(topics),
        cv=StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed),
        method="decision_function",
    )
    return float(roc_auc_score(list(is_b), scores))
