"""The vector that a method makes of two sides of texts: mean difference, PCA, logistic regression or LDA."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from steering_reliability.directions.files import Activations

# L2 penalty of the logistic regression, by scikit-learn's name: of texts whose RMS distance from the middle is 1.
C: Final = 1.0
# So that a dimension in which a side never varies weighs much but not infinitely.
_LEAST_SPREAD: Final = 1e-3
_LEAST_SHRINKAGE: Final = 1e-6

Rows = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Sides:
    """Residual streams of one layer, a row per text; `paired`: row i of both sides is of the same prompt."""

    positive: Float[Tensor, "n d_model"]
    negative: Float[Tensor, "m d_model"]
    paired: bool

    @property
    def differences(self) -> Float[Tensor, "n d_model"]:
        """positive_i - negative_i of pairs, else positive_i - mean(negative)."""
        return self.positive - (self.negative if self.paired else self.negative.mean(dim=0))

    @property
    def texts(self) -> Float[Tensor, "k d_model"]:
        """The rows of both sides."""
        return torch.cat([self.positive, self.negative])

    def part(self, first: Tensor, second: Tensor) -> "Sides":
        """The texts with these row numbers."""
        return replace(self, positive=self.positive[first], negative=self.negative[second])


def sides_of(activations: Activations) -> Sides:
    """The two sides of a single layer, in float64."""
    return Sides(activations.positive[:, 0].double(), activations.negative[:, 0].double(), activations.paired)


def learn(sides: Sides, *, method: str) -> Float[Tensor, " d_model"]:
    """The vector that a method makes of two sides, as long as their mean difference.

    Methods other than `pca`, `logistic` and `lda` are the mean difference. The length makes an alpha push equally far
    whatever the method, and the vector points from complying to refusing texts.

    Returns:
        Zeros where the method finds no direction.
    """
    difference = sides.differences.mean(dim=0)
    if method not in _METHODS:
        return difference
    from threadpoolctl import threadpool_limits  # noqa: PLC0415 - finds all loaded libraries, which takes a while

    # Several threads add in another order, and the bytes would depend on the number of cores.
    with threadpool_limits(limits=1):
        found = torch.from_numpy(_METHODS[method](sides))
    length = float(found.norm())
    return found * (float(difference.norm()) / length) if length > 0 else torch.zeros_like(difference)


def shuffled(sides: Sides, *, method: str, generator: np.random.Generator) -> Sides:
    """The texts with labels that say nothing, for a control that a method learns of them.

    Exactly as many texts of each side are given to either side, and one without a counterpart is left out: with an odd
    number of pairs the mean of the signs would be 1/n, and where the mean is far longer than the spread, 1/n of it is
    most of the vector. Pairs swap their sides. PCA would find the same component of swapped pairs, so it gets pairs of
    texts of one side.
    """
    if sides.paired and method != "pca":
        order = torch.from_numpy(generator.permutation(len(sides.positive)))
        half = len(order) // 2
        kept, swapped = order[:half], order[half : 2 * half]
        first = torch.cat([sides.positive[kept], sides.negative[swapped]])
        return Sides(first, torch.cat([sides.negative[kept], sides.positive[swapped]]), True)
    halves: tuple[list[Tensor], list[Tensor]] = ([], [])
    for side in (sides.positive, sides.negative):
        order = torch.from_numpy(generator.permutation(len(side)))
        half = len(side) // 2
        halves[0].append(side[order[:half]])
        halves[1].append(side[order[half : 2 * half]])
    return Sides(torch.cat(halves[0]), torch.cat(halves[1]), method == "pca")


def _pca(sides: Sides) -> Rows:
    """First principal component of the differences, taken in both orders so that their mean counts.

    Zou et al., arXiv 2310.01405, appendix C.1, shuffle the order within pairs instead. Their rule of the sign: most
    pairs have the refusing text further along. Without pairs: of the texts around the middle of the two means.
    """
    differences: Rows = sides.differences.numpy()
    rows = differences
    if not sides.paired:
        middle = (sides.positive.mean(dim=0) + sides.negative.mean(dim=0)) / 2
        # Either side counts as one, however many texts it has.
        rows = np.concatenate([(side - middle).numpy() / len(side) ** 0.5 for side in (sides.positive, sides.negative)])
    if not rows.any():
        return np.zeros(rows.shape[1])
    component: Rows = np.linalg.svd(rows, full_matrices=False)[2][0]
    along = differences @ component
    signed: Rows = component * np.sign(np.sign(along).sum() or along.mean())
    return signed


def _logistic(sides: Sides) -> Rows:
    """Weights of an L2-regularised logistic regression, in the residual stream's own coordinates.

    Texts are centred and divided by one number, their RMS distance from the middle, so that the penalty means the same
    in every model. Dimensions are not standardised: weights would grow where the residual stream hardly varies.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - takes seconds

    middle = (sides.positive.mean(dim=0) + sides.negative.mean(dim=0)) / 2
    rows: Rows = (sides.texts - middle).numpy()
    scale = float(np.sqrt((rows**2).sum(axis=1).mean()))
    if not scale > 0:
        return np.zeros(rows.shape[1])
    labels = np.repeat([1, 0], [len(sides.positive), len(sides.negative)])
    model = LogisticRegression(C=C, class_weight="balanced", tol=1e-8, max_iter=10_000)
    weights: Rows = model.fit(rows / scale, labels).coef_[0]
    return weights


def _lda(sides: Sides) -> Rows:
    """The mean difference times the inverse covariance within the sides: Fisher's discriminant.

    Marks & Tegmark, arXiv 2310.06824, section 4.1. With fewer texts than dimensions the covariance has no inverse. It
    is shrunk towards its diagonal by Ledoit and Wolf's share, as scikit-learn's LinearDiscriminantAnalysis does with
    shrinkage="auto"; towards one variance for all, outlier dimensions would set that variance.
    """
    from sklearn.covariance import ledoit_wolf_shrinkage  # noqa: PLC0415 - takes seconds

    means = (sides.positive.mean(dim=0), sides.negative.mean(dim=0))
    within: Rows = torch.cat([sides.positive - means[0], sides.negative - means[1]]).numpy()
    spread = np.sqrt((within**2).mean(axis=0))
    if not spread.any():
        return np.zeros(len(spread))
    spread = np.maximum(spread, _LEAST_SPREAD * spread.mean())
    rows, target = within / spread, (means[0] - means[1]).numpy() / spread
    share = max(float(ledoit_wolf_shrinkage(rows, assume_centered=True)), _LEAST_SHRINKAGE)
    n, width = rows.shape
    ridge = n * share * float((rows**2).mean())
    kept = 1 - share
    # Solves (ridge + kept rows'rows) w = target, by the smaller of the two matrices (Woodbury).
    if width <= n:
        weights = np.linalg.solve(kept * rows.T @ rows + ridge * np.eye(width), target)
    else:
        inner = np.linalg.solve(kept * rows @ rows.T + ridge * np.eye(n), rows @ target)
        weights = (target - kept * rows.T @ inner) / ridge
    solution: Rows = weights / spread
    return solution


_METHODS: Final[dict[str, Callable[[Sides], Rows]]] = {"pca": _pca, "logistic": _logistic, "lda": _lda}
