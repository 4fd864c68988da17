"""Directions and their statistics, by hand."""

import math

import pytest
import torch
from steering_reliability.directions.build_direction import build_direction, cosines_with_main
from steering_reliability.directions.files import Activations, StoredDirection, write_direction
from steering_reliability.errors import InputError


def activations(positive, negative, *, paired: bool) -> Activations:
    """One layer of given rows."""
    sides = [torch.tensor(side, dtype=torch.float32).unsqueeze(1) for side in (positive, negative)]
    return Activations(sides[0], sides[1], paired)


def build(found: Activations, **changes) -> StoredDirection:
    settings = {"layer": 3, "method": "contrastive_prefix", "normalize": True, "seed": 0, "where": "here"}
    return build_direction(found, **(settings | changes))


def cosine(first: StoredDirection, second: StoredDirection) -> float:
    return float(torch.cosine_similarity(first.vector.double(), second.vector.double(), dim=0))


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
        "estimator": "contrastive_prefix",
        "n": 2,
        "norm_before_normalizing": math.sqrt(5),
        "difference_norm": math.sqrt(5),
        "relative_norm": math.sqrt(5) / 1.5,
        "resid_norm_full": 1.5,
        "outlier_dimensions": [],
        "mean_norm_of_differences": (math.sqrt(10) + math.sqrt(2)) / 2,
        "cosine_split_half": None,
        "cosine_across_batches": None,
        "cosine_with_difference": 1.0,
        # Along (2, -1)/sqrt 5 the differences are 7/sqrt 5 and 3/sqrt 5; their squares sum to 11.6 of 12.
        "share_of_variance": (49 / 5 + 9 / 5) / 12,
        "mean_abs_projection": (6 + 2 + 1 + 1) / math.sqrt(5) / 4,
        "mean_projection_refusing": (6 + 2) / math.sqrt(5) / 2,
        "mean_projection_complying": (-1 - 1) / math.sqrt(5) / 2,
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
    assert normalized.record == {"vector_norm": normalized.vector_norm, "resid_norm": 1.5, **plain.statistics}


def test_agreement_of_halves_and_batches():
    statistics = of_differences([[1.0, 2.0]] * 10).statistics
    for name in ("cosine_split_half", "cosine_across_batches", "share_of_variance"):
        assert statistics[name] == pytest.approx(1), name
    # Halves of two e1 and two e2 either share both (cosine 1) or part them (cosine 0): a third of the time.
    cosine = of_differences([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]).statistics["cosine_split_half"]
    assert cosine * 20 == pytest.approx(round(cosine * 20))
    assert 0.4 < cosine < 0.95
    # Of ten pairs of batches, one of five pointing the other way, six agree and four oppose each other.
    rows = [[1.0, 0.0]] * 8 + [[-1.0, 0.0]] * 2
    assert of_differences(rows).statistics["cosine_across_batches"] == pytest.approx((6 - 4) / 10)


@pytest.mark.parametrize("size", [0.0, 1e-7, float("nan"), 0.01])
def test_a_direction_that_is_zero_beside_the_stream_is_an_error_that_names_the_place(size):
    rows = torch.full((8, 1, 4), 10.0)
    shifted = rows.clone()
    shifted[:, 0, 0] += size
    found = Activations(shifted, rows, True)
    if size == 0.01:
        torch.testing.assert_close(build(found).vector, torch.tensor([1.0, 0.0, 0.0, 0.0]))
        return
    with pytest.raises(InputError, match="direction of layer 3 is zero") as caught:
        build(found)
    assert caught.value.where == "here"
    assert "token_position" in caught.value.fix


def test_random_directions_depend_on_the_seed_alone():
    wide = activations(*torch.randn(2, 6, 64).tolist(), paired=True)
    other = activations(*torch.randn(2, 6, 64).tolist(), paired=True)

    def unit(source: Activations, *, seed: int, layer: int) -> StoredDirection:
        return build(source, method="random", seed=seed, layer=layer)

    first = unit(wide, seed=0, layer=1)
    assert first.statistics["method"] == "random"
    torch.testing.assert_close(first.vector, unit(other, seed=0, layer=1).vector)
    assert abs(cosine(first, unit(wide, seed=1, layer=1))) < 0.5
    torch.testing.assert_close(first.vector, unit(wide, seed=0, layer=2).vector)


def test_outlier_dimensions_are_named_and_left_out_of_the_norm_but_not_of_the_direction():
    rows = noise(20, 50)
    rows[:, 7] = 1000
    shifted = rows.clone()
    shifted[:, 3] += 2
    shifted[:, 7] += 1
    found = build(Activations(shifted.unsqueeze(1), rows.unsqueeze(1), True), normalize=False)
    assert found.statistics["outlier_dimensions"] == [7]
    without = torch.cat([shifted, rows])[:, torch.arange(50) != 7]
    assert found.resid_norm == pytest.approx(float(without.norm(dim=-1).mean()))
    assert found.statistics["resid_norm_full"] > 1000
    assert found.resid_norm < 10
    assert found.statistics["relative_norm"] == pytest.approx(math.sqrt(5) / found.resid_norm)
    torch.testing.assert_close(found.vector[[3, 7]], torch.tensor([2.0, 1.0]), rtol=1e-3, atol=1e-4)


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


def noise(*shape, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def shared(n: int, *, length: float = 40.0, seed: int = 0) -> torch.Tensor:
    """Rows of 64 numbers that have a long common part and a small spread."""
    rows = noise(n, 64, seed=seed)
    rows[:, 0] += length
    return rows


@pytest.mark.parametrize("n", [74, 75])
def test_shuffled_labels_hold_nothing_of_a_long_mean_however_many_pairs_there_are(n):
    found = activations(shared(n).tolist(), torch.zeros(n, 64).tolist(), paired=True)
    learned = build(found)
    shuffled = [build(found, method="shuffled", seed=seed) for seed in range(20)]
    cosines = torch.tensor([cosine(control, learned) for control in shuffled])
    # Of two directions in 64 dimensions chance gives 1/8.
    assert float(cosines.square().mean().sqrt()) < 0.2
    assert float(cosines.abs().max()) < 0.4
    recorded = [control.statistics["cosine_with_learned"] for control in shuffled]
    assert recorded == pytest.approx(cosines.tolist(), abs=1e-5)


@pytest.mark.parametrize(("n", "m"), [(8, 6), (75, 51)])
def test_shuffled_labels_of_unpaired_texts_hold_nothing_of_the_difference_either(n, m):
    found = activations(shared(n).tolist(), noise(m, 64, seed=1).tolist(), paired=False)
    cosines = [build(found, method="shuffled", seed=seed).statistics["cosine_with_learned"] for seed in range(20)]
    assert sum(cosine**2 for cosine in cosines) / 20 < 0.2**2
    assert build(found).statistics["cosine_split_half"] > 0.9


def test_an_odd_pair_is_left_out_of_the_shuffled_direction_and_of_nothing_else():
    # Without the odd one two pairs are left: their difference, in either order.
    three = activations([[4, 1, 0], [4, 0, 2], [4, 5, 5]], [[0, 0, 0]] * 3, paired=True)
    differences = [torch.tensor(row) for row in ((0.0, 1.0, -2.0), (0.0, -4.0, -5.0), (0.0, -5.0, -3.0))]
    seen = set()
    for seed in range(30):
        found = build(three, method="shuffled", seed=seed)
        assert found.statistics["n"] == 3
        (which,) = [
            number for number, row in enumerate(differences)
            if abs(float(torch.cosine_similarity(row, found.vector, dim=0))) == pytest.approx(1)
        ]  # fmt: skip
        seen.add(which)
    assert seen == {0, 1, 2}


@pytest.mark.parametrize("method", ["random", "shuffled"])
def test_a_users_vector_takes_the_place_of_the_learned_one_and_gives_controls_its_length(method):
    vector = torch.tensor([2.0, 2.0])
    found = build(PAIRED, user_vector=vector, normalize=False)
    assert torch.equal(found.vector, vector)
    # The residual stream and the learned direction, (2, -1), are still measured.
    assert found.resid_norm == 1.5
    assert found.statistics["cosine_with_learned"] == pytest.approx(2 / math.sqrt(8 * 5))
    # `difference` counts in the user's own length; the measured difference has another.
    assert found.statistics["norm_before_normalizing"] == pytest.approx(math.sqrt(8))
    assert found.statistics["difference_norm"] == pytest.approx(math.sqrt(5))
    control = build(FOUR, user_vector=vector, method=method, normalize=False, seed=3)
    assert control.vector_norm == pytest.approx(math.sqrt(8))
    assert control.statistics["cosine_with_learned"] == pytest.approx(cosine(control, build(FOUR)))
    # Of the direction itself it would be one by definition.
    assert "cosine_with_learned" not in build(FOUR).statistics


@pytest.mark.parametrize("n", [1, 4])
def test_a_control_of_one_prompt_or_of_prompts_all_alike_is_an_error_and_no_nan(n):
    alike = Activations(torch.ones(n, 1, 4), torch.zeros(n, 1, 4), True)
    with pytest.raises(InputError, match="the shuffled control of layer 0 is zero"):
        build_direction(alike, layer=0, method="shuffled", normalize=True, seed=0, where="x")


def test_cosines_with_the_main_direction(tmp_path):
    vectors = {("main", 0): [1.0, 0.0], ("main", 2): [0.0, 1.0], ("random_0", 2): [3.0, 4.0], ("alt", 0): [-2.0, 0.0]}
    files = []
    for (name, layer), vector in vectors.items():
        files.append(str(tmp_path / name / f"layer_{layer}.pt"))
        write_direction(files[-1], StoredDirection(torch.tensor(vector), 1.0, 1.0, {}))
    found = cosines_with_main(files, compared={"random_0": [2], "alt": [0]})
    assert found == {"random_0": {2: pytest.approx(0.8)}, "alt": {0: pytest.approx(-1)}}
    assert cosines_with_main(files[:2], compared={}) == {}
