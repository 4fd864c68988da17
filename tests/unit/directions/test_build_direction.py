"""Directions and their statistics, by hand."""

import math

import pytest
import torch
from steering_reliability.directions.build_direction import build_direction, cosine_between
from steering_reliability.directions.files import Activations, StoredDirection, as_record
from steering_reliability.errors import InputError


def activations(positive, negative, *, paired: bool) -> Activations:
    """One layer of given rows."""
    sides = [torch.tensor(side, dtype=torch.float32).unsqueeze(1) for side in (positive, negative)]
    return Activations(sides[0], sides[1], paired)


def build(found: Activations, **changes) -> StoredDirection:
    settings = {"layer": 3, "method": "contrastive_prefix", "normalize": True, "seed": 0, "where": "here"}
    return build_direction(found, **(settings | changes))


def of_differences(rows) -> StoredDirection:
    """A direction whose differences d_i are the given rows."""
    return build(activations(rows, [[0.0] * len(rows[0])] * len(rows), paired=True))


# d = (3, -1) and (1, -1): their mean is (2, -1).
PAIRED = activations([[3, 0], [1, 0]], [[0, 1], [0, 1]], paired=True)


def test_paired_differences_by_hand():
    found = build(PAIRED, normalize=False)
    torch.testing.assert_close(found.vector, torch.tensor([2.0, -1.0]))
    assert found.vector_norm == pytest.approx(math.sqrt(5))
    assert found.resid_norm == pytest.approx((3 + 1 + 1 + 1) / 4)
    expected = {
        "layer": 3,
        "method": "contrastive_prefix",
        "n": 2,
        "norm_before_normalizing": math.sqrt(5),
        "relative_norm": math.sqrt(5) / 1.5,
        "mean_norm_of_differences": (math.sqrt(10) + math.sqrt(2)) / 2,
        "cosine_split_half": None,
        "cosine_across_batches": None,
        # Along (2, -1)/sqrt 5 the differences are 7/sqrt 5 and 3/sqrt 5; their squares sum to 11.6 of 12.
        "share_of_variance": (49 / 5 + 9 / 5) / 12,
        "mean_abs_projection": (6 + 2 + 1 + 1) / math.sqrt(5) / 4,
    }
    assert found.statistics.keys() == expected.keys()
    for name, value in expected.items():
        assert found.statistics[name] == (pytest.approx(value) if isinstance(value, float) else value), name


def test_unpaired_sides_of_different_size_by_hand():
    found = build(activations([[2, 0], [4, 0]], [[0, 2], [0, 0], [0, 4]], paired=False), normalize=False)
    torch.testing.assert_close(found.vector, torch.tensor([3.0, -2.0]))
    assert found.statistics["n"] == 2
    assert found.statistics["mean_norm_of_differences"] == pytest.approx((math.sqrt(8) + math.sqrt(20)) / 2)
    assert found.resid_norm == pytest.approx((2 + 4 + 2 + 0 + 4) / 5)


def test_a_normalized_direction_has_length_one_and_the_same_statistics():
    plain, normalized = build(PAIRED, normalize=False), build(PAIRED)
    torch.testing.assert_close(normalized.vector, plain.vector / math.sqrt(5))
    assert normalized.vector_norm == pytest.approx(1)
    assert normalized.statistics == plain.statistics
    assert cosine_between(plain, normalized) == pytest.approx(1)
    assert as_record(normalized) == {"vector_norm": normalized.vector_norm, "resid_norm": 1.5, **plain.statistics}


def test_equal_differences_agree_between_halves_and_explain_everything():
    statistics = of_differences([[1.0, 2.0]] * 10).statistics
    for name in ("cosine_split_half", "cosine_across_batches", "share_of_variance"):
        assert statistics[name] == pytest.approx(1), name


def test_split_halves_of_two_and_two():
    # Halves of two e1 and two e2 either share both (cosine 1) or part them (cosine 0): a third of the time.
    cosine = of_differences([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]).statistics["cosine_split_half"]
    assert cosine * 20 == pytest.approx(round(cosine * 20))
    assert 0.4 < cosine < 0.95


def test_one_of_five_batches_points_the_other_way():
    # Of ten pairs of batches six agree and four oppose each other.
    rows = [[1.0, 0.0]] * 8 + [[-1.0, 0.0]] * 2
    assert of_differences(rows).statistics["cosine_across_batches"] == pytest.approx((6 - 4) / 10)


def test_the_halves_follow_the_seed():
    generator = torch.Generator().manual_seed(0)
    rows = (torch.randn(12, 6, generator=generator) + 0.3).tolist()
    found = [build(activations(rows, [[0.0] * 6] * 12, paired=True), seed=seed) for seed in (0, 0, 1)]
    cosines = [direction.statistics["cosine_split_half"] for direction in found]
    assert cosines[0] == cosines[1] != cosines[2]


@pytest.mark.parametrize("size", [0.0, 1e-7])
def test_a_zero_direction_is_an_error_that_names_the_place(size):
    rows = torch.full((8, 4), 10.0)
    shifted = rows.clone()
    shifted[:, 0] += size
    found = Activations(shifted.unsqueeze(1), rows.unsqueeze(1), True)
    with pytest.raises(InputError, match="direction of layer 3 is zero") as caught:
        build(found)
    assert caught.value.where == "here"
    assert "token_position" in caught.value.fix


def test_a_small_direction_is_not_zero():
    rows = torch.full((8, 4), 10.0)
    shifted = rows.clone()
    shifted[:, 0] += 0.01
    found = build(Activations(shifted.unsqueeze(1), rows.unsqueeze(1), True))
    torch.testing.assert_close(found.vector, torch.tensor([1.0, 0.0, 0.0, 0.0]))


def test_a_direction_that_is_not_finite_is_an_error():
    with pytest.raises(InputError):
        of_differences([[1.0, float("nan")]] * 4)


def test_a_random_direction_has_the_length_of_what_it_controls():
    found = build(PAIRED, method="random", normalize=False, seed=4)
    assert found.vector_norm == pytest.approx(math.sqrt(5))
    assert float(found.vector.norm()) == pytest.approx(math.sqrt(5))
    assert found.statistics["method"] == "random"


def test_random_directions_depend_on_seed_and_layer_alone():
    wide = activations(*torch.randn(2, 6, 64).tolist(), paired=True)
    other = activations(*torch.randn(2, 6, 64).tolist(), paired=True)

    def unit(source: Activations, *, seed: int, layer: int) -> StoredDirection:
        return build(source, method="random", seed=seed, layer=layer)

    first = unit(wide, seed=0, layer=1)
    torch.testing.assert_close(first.vector, unit(other, seed=0, layer=1).vector)
    assert abs(cosine_between(first, unit(wide, seed=1, layer=1))) < 0.5
    assert abs(cosine_between(first, unit(wide, seed=0, layer=2))) < 0.5


# Every d is (1, 0): with two of each sign their mean is zero but for the noise in the second coordinate.
FOUR = activations([[1, 1], [1, 2], [1, 4], [1, 8]], [[0, 0]] * 4, paired=True)


def test_shuffled_labels_keep_the_length_and_lose_what_all_prompts_share():
    true = build(FOUR, normalize=False)
    found = build(FOUR, method="shuffled", normalize=False, seed=1)
    assert found.vector_norm == pytest.approx(true.vector_norm)
    # Two signs of each kind: the first coordinate cancels exactly.
    assert float(found.vector[0]) == 0.0
    assert abs(float(found.vector[1])) == pytest.approx(true.vector_norm)
    assert found.statistics["method"] == "shuffled"


def test_shuffled_directions_depend_on_the_seed():
    noise = torch.randn(2, 16, 8, generator=torch.Generator().manual_seed(0)).tolist()
    vectors = {
        tuple(build(activations(*noise, paired=paired), method="shuffled", seed=seed).vector.tolist())
        for seed in range(3)
        for paired in (True, False)
    }
    assert len(vectors) == 6
