"""PCA, logistic regression and LDA against arithmetic by hand, on planted data where their answers differ."""

import math

import numpy as np
import pytest
import torch
from sklearn.covariance import LedoitWolf
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from steering_reliability.directions.build_direction import build_direction
from steering_reliability.directions.files import Activations
from steering_reliability.directions.methods import C, Sides, learn, shuffled, sides_of
from steering_reliability.errors import InputError

METHODS = ("pca", "logistic", "lda")


def sides(positive, negative, *, paired: bool = True) -> Sides:
    return Sides(*(torch.tensor(side, dtype=torch.float64) for side in (positive, negative)), paired)


def noise(*shape, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def planted(n: int = 12, width: int = 40, *, paired: bool = True, seed: int = 0) -> Sides:
    """Two clouds that are 6 apart along the first axis; fewer texts than dimensions."""
    positive, negative = noise(n, width, seed=seed), noise(n, width, seed=seed + 1)
    positive[:, 0] += 6
    return Sides(positive, negative, paired)


def activations(found: Sides) -> Activations:
    return Activations(found.positive.float().unsqueeze(1), found.negative.float().unsqueeze(1), found.paired)


def build(found: Sides, **changes):
    settings = {"layer": 3, "method": "pca", "normalize": False, "seed": 0, "where": "here"}
    return build_direction(activations(found), **(settings | changes))


def cosine(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(torch.cosine_similarity(a.double(), b.double(), dim=0))


def along(vector: torch.Tensor, *expected: float) -> bool:
    return torch.allclose(vector / vector.norm(), torch.nn.functional.normalize(torch.tensor(expected).double(), dim=0))


# d = (2, 3), (2, 3), (2, -3): their mean is (2, 1), and the sum of d d' is ((12, 6), (6, 27)).
CROSSED = sides([[2, 3], [2, 3], [2, -3]], [[0, 0], [0, 0], [0, 0]])


def test_pca_of_pairs_is_the_first_axis_of_their_differences_about_zero():
    largest = (12 + 27 + math.sqrt(15**2 + 4 * 36)) / 2
    found = learn(CROSSED, method="pca")
    assert along(found, 6, largest - 12)
    # Centred, the differences vary along the second axis alone.
    assert not along(found, 0, 1)
    assert found.norm() == pytest.approx(math.sqrt(5))


def test_the_sign_of_pca_is_that_of_most_pairs_not_that_of_the_mean():
    # Along the first axis d = 1, 1, -5: most pairs are positive and the mean is negative.
    found = sides([[1, 0], [1, 0], [-5, 0]], [[0, 0], [0, 0], [0, 0]])
    assert along(learn(found, method="pca"), 1, 0)
    assert along(learn(found, method="difference_in_means"), -1, 0)
    # Of two pairs against each other the mean decides.
    assert along(learn(sides([[1, 0], [-5, 0]], [[0, 0], [0, 0]]), method="pca"), -1, 0)


def test_pca_without_pairs_varies_about_the_middle_and_either_side_counts_as_one():
    # Middle (0, 0). Positive (1, 2), (1, -2), negative (-1, 0): the axes' moments are 1 + 1 and 4 + 0.
    unbalanced = sides([[1, 2.0], [1, -2.0]], [[-1, 0.0]], paired=False)
    assert not learn(unbalanced, method="pca")[0]
    # With the negative text forty times as before the answer is the same.
    many = sides([[1, 2.0], [1, -2.0]], [[-1, 0.0]] * 40, paired=False)
    assert learn(many, method="pca")[0].abs() < 1e-12
    # Where the sides are further apart than either is wide, it is their difference.
    assert along(learn(sides([[3, 2.0], [3, -2.0]], [[-3, 0.0]], paired=False), method="pca"), 1, 0)


def test_lda_is_the_inverse_covariance_times_the_difference():
    # Within the sides the covariance tends to ((1, 1), (1, 2)), whose inverse is ((2, -1), (-1, 1)); times (2, 1.5)
    # that is (2.5, -0.5). With so many texts there is hardly any shrinkage.
    cloud = noise(40_000, 2) @ torch.tensor([[1.0, 1.0], [0.0, 1.0]], dtype=torch.float64)
    found = Sides(cloud[:20_000] + torch.tensor([2.0, 1.5]), cloud[20_000:], False)
    for method, expected in (("lda", [2.5, -0.5]), ("logistic", [2.5, -0.5]), ("difference_in_means", [2.0, 1.5])):
        assert cosine(learn(found, method=method), torch.tensor(expected)) > 0.999, method
    # The covariance with the sides' distance in it, ((2, 1.75), (1.75, 2.5625)), is longest along (1, 1.17).
    assert cosine(learn(found, method="pca"), torch.tensor([1.0, 1.17])) > 0.999


class Shrunk:
    """The covariance of rows, shrunk to its diagonal by Ledoit and Wolf's share, for scikit-learn's LDA."""

    def __init__(self, rows: np.ndarray):
        spread = rows.std(axis=0)
        self.covariance = LedoitWolf(assume_centered=True).fit(rows / spread).covariance_ * np.outer(spread, spread)

    def fit(self, rows):
        # LDA asks for the covariance of each side; ours is of both about their own means.
        self.covariance_ = self.covariance


@pytest.mark.parametrize("n", [12, 200])
def test_lda_is_that_of_scikit_learn_with_the_covariance_shrunk_to_its_diagonal(n):
    found = planted(n=n, paired=False)
    found = Sides(found.positive * torch.arange(1, 41), found.negative * torch.arange(1, 41), False)
    within = torch.cat([side - side.mean(dim=0) for side in (found.positive, found.negative)]).numpy()
    model = LinearDiscriminantAnalysis(solver="lsqr", covariance_estimator=Shrunk(within))
    model.fit(found.texts.numpy(), [1] * n + [0] * n)
    assert cosine(learn(found, method="lda"), torch.from_numpy(model.coef_[0])) == pytest.approx(1, abs=1e-9)


def test_logistic_weights_are_those_at_which_the_penalised_loss_is_flat():
    """At the minimum each weight is C times the sum of residuals times that coordinate, and the residuals sum to 0."""
    found = planted(n=12, width=2, paired=False)
    vector = learn(found, method="logistic")
    middle = (found.positive.mean(dim=0) + found.negative.mean(dim=0)) / 2
    rows = found.texts - middle
    rows = (rows / rows.square().sum(dim=1).mean().sqrt()).numpy()
    labels = np.array([1] * 12 + [0] * 12)
    # The vector has the length of the mean difference: its own length is found on the line, with the intercept.
    unit = (vector / vector.norm()).numpy()
    best = (np.inf, None)
    for length in np.linspace(0.5, 6, 2000):
        residuals = labels - 1 / (1 + np.exp(-(rows @ unit) * length - intercept_of(rows @ unit * length)))
        best = min(best, (float(np.abs(length * unit - C * residuals @ rows).max()), length))
    assert best[0] < 5e-3


def intercept_of(scores: np.ndarray) -> float:
    """The intercept at which the probabilities of 12 + 12 texts sum to 12, by bisection."""
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if (1 / (1 + np.exp(-scores - middle))).sum() < 12 else (low, middle)
    return low


def test_methods_differ_where_one_dimension_is_loud():
    # The sides differ by 2 in a quiet dimension and by 1 in a loud one.
    positive, negative = noise(400, 2) * torch.tensor([0.2, 20.0]), noise(400, 2, seed=1) * torch.tensor([0.2, 20.0])
    found = Sides(positive + torch.tensor([2.0, 1.0]), negative, False)
    quiet = {method: float(cosine(learn(found, method=method), torch.tensor([1.0, 0.0]))) for method in METHODS}
    assert abs(quiet["pca"]) < 0.1
    assert quiet["lda"] > 0.99
    assert quiet["logistic"] > abs(quiet["pca"])


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("method", METHODS)
def test_a_planted_direction_is_found_with_fewer_texts_than_dimensions(method, paired):
    found = planted(paired=paired)
    vector = learn(found, method=method)
    assert cosine(vector, torch.eye(40)[0]) > 0.7
    # As long as the mean difference, and towards the refusing texts, whichever side they are.
    difference = found.positive.mean(dim=0) - found.negative.mean(dim=0)
    assert float(vector.norm()) == pytest.approx(float(difference.norm()))
    turned = learn(Sides(found.negative, found.positive, paired), method=method)
    torch.testing.assert_close(turned, -vector, rtol=1e-5, atol=1e-5)
    assert torch.equal(learn(found, method=method), vector)


@pytest.mark.parametrize("method", [*METHODS, "difference_in_means"])
@pytest.mark.parametrize("paired", [True, False])
def test_a_shuffled_control_is_what_the_same_method_learns_of_labels_that_say_nothing(method, paired):
    found = planted(n=25, paired=paired)
    learned = build(found, method=method)
    assert learned.statistics["estimator"] == learned.statistics["method"] == method
    controls = [build(found, method="shuffled", estimator=method, seed=seed) for seed in range(4)]
    cosines = [control.statistics["cosine_with_learned"] for control in controls]
    assert float(np.square(cosines).mean()) < 0.35**2
    for seed, control in enumerate(controls):
        assert control.vector_norm == pytest.approx(learned.vector_norm)
        assert (control.statistics["method"], control.statistics["estimator"]) == ("shuffled", method)
        relabelled = shuffled(sides_of(activations(found)), method=method, generator=np.random.default_rng(seed))
        again = learn(relabelled, method=method).float()
        assert cosine(again, control.vector) == pytest.approx(1, abs=1e-5)


def test_texts_of_shuffled_sides_are_the_given_ones_half_and_half():
    found = sides([[1.0], [2], [3], [4], [5]], [[-1.0], [-2], [-3], [-4], [-5]])
    swapped = shuffled(found, method="logistic", generator=np.random.default_rng(0))
    assert torch.equal(swapped.positive, -swapped.negative)
    assert sorted(swapped.positive.abs().flatten().tolist()) != [1, 2, 3, 4, 5]
    assert (swapped.positive > 0).sum() == (swapped.positive < 0).sum() == 2
    # Swapped pairs have the same principal component: PCA gets pairs of one side.
    of_pca = shuffled(found, method="pca", generator=np.random.default_rng(0))
    assert of_pca.paired
    assert ((of_pca.positive > 0) == (of_pca.negative > 0)).all()


@pytest.mark.parametrize("method", METHODS)
def test_halves_and_batches_are_refitted(method):
    found = planted(n=40, paired=False)
    statistics = build(found, method=method).statistics
    generator = np.random.default_rng(0)
    cosines = []
    for _ in range(20):
        first, second = (torch.from_numpy(generator.permutation(40)) for _ in range(2))
        parts = [sides_of(activations(found)).part(first[s], second[s]) for s in (slice(20), slice(20, None))]
        cosines.append(cosine(*(learn(part, method=method) for part in parts)))
    assert statistics["cosine_split_half"] == pytest.approx(np.mean(cosines))
    batches = [
        learn(sides_of(activations(found)).part(rows, rows), method=method) for rows in torch.arange(40).split(8)
    ]
    pairs = [cosine(a, b) for i, a in enumerate(batches) for b in batches[i + 1 :]]
    assert statistics["cosine_across_batches"] == pytest.approx(np.mean(pairs))
    difference = found.positive.mean(dim=0) - found.negative.mean(dim=0)
    expected = cosine(learn(found, method=method), difference)
    assert statistics["cosine_with_difference"] == pytest.approx(expected, abs=1e-5)
    assert statistics["difference_norm"] == pytest.approx(float(difference.norm()))


def test_a_dimension_in_which_no_side_varies_weighs_much_and_not_infinitely():
    rows = noise(20, 3)
    rows[:, 2] = 0
    found = Sides(rows[:10] + torch.tensor([0.0, 0.0, 1.0]), rows[10:], False)
    vector = learn(found, method="lda")
    assert torch.isfinite(vector).all()
    assert cosine(vector, torch.tensor([0.0, 0.0, 1.0])) > 0.99


@pytest.mark.parametrize(
    ("method", "found"),
    [
        # A single text of each side, or texts all alike, vary in nothing.
        ("lda", sides([[1.0, 0]], [[0.0, 0]])),
        ("lda", sides([[1.0, 0]] * 5, [[0.0, 0]] * 5, paired=False)),
        # Of two pairs one points each way, and so does their mean along the longest axis.
        ("pca", sides([[1.0, 9], [1, -9]], [[0.0, 0], [0, 0]])),
    ],
)
def test_texts_in_which_a_method_finds_nothing_are_one_message(method, found):
    with pytest.raises(InputError, match=f"the direction that {method} learns at layer 3 is zero") as caught:
        build(found, method=method)
    assert caught.value.where == "here"
    assert "direction.method" in caught.value.fix


@pytest.mark.parametrize("method", METHODS)
def test_sides_that_do_not_differ_are_the_error_of_every_method(method):
    same = noise(6, 5)
    with pytest.raises(InputError, match="direction of layer 3 is zero"):
        build(Sides(same, same.clone(), True), method=method)
    with pytest.raises(InputError, match="direction of layer 3 is zero"):
        build(Sides(same, same * float("nan"), True), method=method)
    # One pair leaves nothing to shuffle.
    one = Sides(noise(1, 5), noise(1, 5, seed=1), True)
    with pytest.raises(InputError, match="the shuffled control of layer 3 is zero"):
        build(one, method="shuffled", estimator=method)
