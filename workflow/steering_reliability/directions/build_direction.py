"""Make a steering direction of activations, and measure how stable it is and how alike two are."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from steering_reliability.directions.files import Activations, StoredDirection, read_direction
from steering_reliability.directions.methods import Sides, learn, shuffled, sides_of
from steering_reliability.directions.residual_norm import residual_norm
from steering_reliability.errors import InputError

# Below this share of the residual stream's length a direction is rounding, not signal.
ZERO = 1e-6
SPLITS_IN_HALF = 20
BATCHES = 5
CONTROLS = ("random", "shuffled")


def build_direction(
    activations: Activations,
    *,
    layer: int,
    method: str,
    normalize: bool,
    seed: int,
    where: str,
    estimator: str | None = None,
    user_vector: Float[Tensor, " d_model"] | None = None,
) -> StoredDirection:
    """Make the direction of one layer by a method, or a control of the same length.

    The mean of the differences d_i is that of pairs, d_i = positive_i - negative_i (contrastive prefixes: Panickssery
    et al., arXiv 2312.06681, section 3), or otherwise of d_i = positive_i - mean(negative), which is the difference of
    means (Arditi et al., arXiv 2406.11717, section 2.3). `pca`, `logistic` and `lda` make another vector of the same
    length (see `learn`). Of the two controls `random` draws any direction, and `shuffled` is what the same method
    learns where sides are swapped at random.

    Args:
        activations: Of this layer alone.
        layer: Block index, for the seed of a random direction and the record.
        method: The configured method, `random` or `shuffled`.
        normalize: Scale the result to length 1.
        seed: For the controls, and for the random halves of the statistics.
        where: What the message names when the direction is zero.
        estimator: The method that a control is a control of, else `method`; None: that of a mean difference.
        user_vector: The user's vector in place of the learned one; controls take its length.

    Raises:
        InputError: When the direction is zero beside the residual stream, or not finite.
    """
    sides = sides_of(activations)
    if estimator is None:
        estimator = "difference_in_means" if method in CONTROLS else method
    length = residual_norm(sides.texts.numpy())
    difference = sides.differences.mean(dim=0)
    norm = float((difference if user_vector is None else user_vector).norm())
    if not np.isfinite(norm) or norm <= ZERO * length.full:
        what = (
            f"the direction of layer {layer} is zero: length {norm:.3g} beside a residual stream of {length.full:.3g}"
        )
        raise InputError(what, where=where, fix="choose another direction.token_position, or prefixes that differ")
    learned = learn(sides, method=estimator)
    vector = learned if user_vector is None else user_vector.double()
    if method == "random":
        vector = torch.from_numpy(np.random.default_rng(seed).standard_normal(len(vector)))
    elif method == "shuffled":
        vector = _learned_of_shuffled(sides, estimator=estimator, seed=seed)
    unit = _unit(vector, control_of=method, layer=layer, n=len(sides.positive), where=where)
    scaled = unit if normalize else unit * norm
    statistics = {
        "layer": layer,
        "method": method,
        "estimator": estimator,
        "n": len(sides.positive),
        "norm_before_normalizing": norm,
        "difference_norm": float(difference.norm()),
        "relative_norm": norm / length.robust,
        "resid_norm_full": length.full,
        "outlier_dimensions": length.outlier_dimensions,
        **_along(unit, sides=sides),
        "cosine_with_difference": _cosine(unit, difference),
    }
    if method not in CONTROLS:
        statistics["cosine_split_half"] = _split_half_cosine(sides, estimator=estimator, seed=seed)
        statistics["cosine_across_batches"] = _cosine_across_batches(sides, estimator=estimator)
    if user_vector is not None or method in CONTROLS:
        statistics["cosine_with_learned"] = _cosine(unit, learned)
    return StoredDirection(scaled.float(), float(scaled.norm()), length.robust, statistics)


def _unit(
    vector: Float[Tensor, " d_model"], *, control_of: str, layer: int, n: int, where: str
) -> Float[Tensor, " d_model"]:
    """Scale a vector to length 1.

    Raises:
        InputError: When it is zero.
    """
    length = float(vector.norm())
    if length > 0:
        unit: Tensor = vector / length
        return unit
    if control_of == "shuffled":
        what, fix = "the shuffled control of", "or set sanity_checks.shuffled_seeds to []"
    else:
        what, fix = f"the direction that {control_of} learns at", "or use another direction.method"
    what = f"{what} layer {layer} is zero: its {n} prompts are too few or identical"
    raise InputError(what, where=where, fix=f"build the direction from more prompts, {fix}")


def _learned_of_shuffled(sides: Sides, *, estimator: str, seed: int) -> Float[Tensor, " d_model"]:
    """What the estimator learns of swapped sides; zeros where nothing is left."""
    found = shuffled(sides, method=estimator, generator=np.random.default_rng(seed))
    if not len(found.positive):
        return torch.zeros_like(sides.positive[0])
    return learn(found, method=estimator)


def _along(unit: Float[Tensor, " d_model"], *, sides: Sides) -> dict[str, float]:
    """How the texts lie along the direction."""
    differences = sides.differences
    return {
        "mean_norm_of_differences": float(differences.norm(dim=-1).mean()),
        "share_of_variance": float((differences @ unit).square().sum() / differences.square().sum()),
        "mean_abs_projection": float((sides.texts @ unit).abs().mean()),
        "mean_projection_refusing": float((sides.positive @ unit).mean()),
        "mean_projection_complying": float((sides.negative @ unit).mean()),
    }


def _cosine(a: Tensor, b: Tensor) -> float:
    return float(torch.nn.functional.cosine_similarity(a.double(), b.double(), dim=0))


def _split_half_cosine(sides: Sides, *, estimator: str, seed: int) -> float | None:
    """Mean cosine between what is learned of two random halves; None with fewer than four texts on a side."""
    sizes = len(sides.positive), len(sides.negative)
    if min(sizes) < 4:
        return None
    generator = np.random.default_rng(seed)
    cosines = []
    for _ in range(SPLITS_IN_HALF):
        first = torch.from_numpy(generator.permutation(sizes[0]))
        second = first if sides.paired else torch.from_numpy(generator.permutation(sizes[1]))
        halves = (
            sides.part(first[: sizes[0] // 2], second[: sizes[1] // 2]),
            sides.part(first[sizes[0] // 2 :], second[sizes[1] // 2 :]),
        )
        cosines.append(_cosine(*(learn(half, method=estimator) for half in halves)))
    return float(np.mean(cosines))


def _cosine_across_batches(sides: Sides, *, estimator: str) -> float | None:
    """Mean cosine between what is learned of consecutive batches of texts; None with fewer than two per batch."""
    if min(len(sides.positive), len(sides.negative)) < 2 * BATCHES:
        return None
    firsts, seconds = (torch.arange(len(side)).tensor_split(BATCHES) for side in (sides.positive, sides.negative))
    learned = [learn(sides.part(*rows), method=estimator) for rows in zip(firsts, seconds, strict=True)]
    pairs = [(a, b) for i, a in enumerate(learned) for b in learned[i + 1 :]]
    return float(np.mean([_cosine(a, b) for a, b in pairs]))


def cosines_with_main(files: Sequence[str], *, compared: Mapping[str, Sequence[int]]) -> dict[str, dict[int, float]]:
    """Cosine of every other direction with the main one, at the layers where it exists.

    Files are named `.../{direction}/layer_{layer}.pt`; the main direction is the one that is not compared.
    """
    by_place = {(Path(file).parent.name, int(Path(file).stem.removeprefix("layer_"))): file for file in files}
    main = next(name for name, _ in by_place if name not in compared) if compared else ""
    return {
        name: {
            layer: _cosine(
                read_direction(by_place[name, layer]).vector.double(),
                read_direction(by_place[main, layer]).vector.double(),
            )
            for layer in layers
        }
        for name, layers in compared.items()
    }


if __name__ == "__main__":
    from steering_reliability.commands.build_direction import main

    raise SystemExit(main())
