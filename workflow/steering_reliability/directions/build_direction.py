"""Make a steering direction of activations, and measure how stable it is and how alike two are."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from steering_reliability.directions.files import Activations, StoredDirection, read_direction
from steering_reliability.errors import InputError

# Below this share of the residual stream's length a direction is rounding, not signal.
ZERO = 1e-6
SPLITS_IN_HALF = 20
BATCHES = 5


def build_direction(
    activations: Activations,
    *,
    layer: int,
    method: str,
    normalize: bool,
    seed: int,
    where: str,
    user_vector: Float[Tensor, " d_model"] | None = None,
) -> StoredDirection:
    """Make the direction of one layer: the mean of the differences d_i, or a random vector of the same length.

    For paired activations d_i = positive_i - negative_i (contrastive prefixes: Panickssery et al., arXiv 2312.06681,
    section 3); otherwise d_i = positive_i - mean(negative), whose mean is the difference of means (Arditi et al.,
    arXiv 2406.11717, section 2.3). The two controls keep the vector's length: `random` draws any direction, `shuffled`
    the mean of the same differences with sides swapped at random.

    Args:
        activations: Of this layer alone.
        layer: Block index, for the seed of a random direction and the record.
        method: The configured method, `random` or `shuffled`.
        normalize: Scale the result to length 1.
        seed: For the controls, and for the random halves of the statistics.
        where: What the message names when the direction is zero.
        user_vector: The user's vector in place of the mean; controls take its length.

    Raises:
        InputError: When the direction is zero beside the residual stream, or not finite.
    """
    positive, negative = activations.positive[:, 0].double(), activations.negative[:, 0].double()
    differences = positive - negative if activations.paired else positive - negative.mean(dim=0)
    everything = torch.cat([positive, negative])
    resid_norm = float(everything.norm(dim=-1).mean())
    learned = differences.mean(dim=0)
    vector = learned if user_vector is None else user_vector.double()
    norm = float(vector.norm())
    if not np.isfinite(norm) or norm <= ZERO * resid_norm:
        what = f"the direction of layer {layer} is zero: length {norm:.3g} beside a residual stream of {resid_norm:.3g}"
        raise InputError(what, where=where, fix="choose another direction.token_position, or prefixes that differ")
    if method == "random":
        vector = torch.from_numpy(np.random.default_rng([seed, layer]).standard_normal(len(vector)))
        vector = vector / vector.norm() * norm
    elif method == "shuffled":
        vector = _shuffled_unit(positive, negative, paired=activations.paired, seed=seed) * norm
    if not float(vector.norm()) > 0:
        raise InputError(
            f"the {method} control of layer {layer} is zero: its {len(differences)} prompts are too few or identical",
            where=where,
            fix="build the direction from more prompts, or set sanity_checks.shuffled_seeds to []",
        )
    unit = vector / vector.norm()
    scaled = unit if normalize else vector
    statistics = {
        "layer": layer,
        "method": method,
        "n": len(differences),
        "norm_before_normalizing": norm,
        "relative_norm": norm / resid_norm,
        "mean_norm_of_differences": float(differences.norm(dim=-1).mean()),
        "cosine_split_half": _split_half_cosine(differences, seed=seed),
        "cosine_across_batches": _cosine_across_batches(differences),
        "share_of_variance": float((differences @ unit).square().sum() / differences.square().sum()),
        "mean_abs_projection": float((everything @ unit).abs().mean()),
    }
    if user_vector is not None or method in ("random", "shuffled"):
        statistics["cosine_with_learned"] = _cosine(unit, learned)
    return StoredDirection(scaled.float(), float(scaled.norm()), resid_norm, statistics)


def _shuffled_unit(
    positive: Float[Tensor, "n d_model"], negative: Float[Tensor, "m d_model"], *, paired: bool, seed: int
) -> Float[Tensor, " d_model"]:
    """Direction that the method makes of texts whose sides are swapped at random.

    Exactly as many texts of each side are given to either side, and one without a counterpart is left out: with an odd
    number of pairs the mean of the signs would be 1/n, and where the mean is far longer than the spread, 1/n of it is
    most of the vector.
    """
    generator = np.random.default_rng(seed)
    if paired:
        order = torch.from_numpy(generator.permutation(len(positive)))
        half = len(positive) // 2
        differences = positive - negative
        mean = differences[order[:half]].mean(dim=0) - differences[order[half : 2 * half]].mean(dim=0)
    else:
        first, second = [], []
        for side in (positive, negative):
            order = torch.from_numpy(generator.permutation(len(side)))
            half = len(side) // 2
            first.append(side[order[:half]])
            second.append(side[order[half : 2 * half]])
        mean = torch.cat(first).mean(dim=0) - torch.cat(second).mean(dim=0)
    # One prompt has no counterpart, and equal differences leave nothing: the caller raises for both.
    unit: Tensor = torch.nan_to_num(mean) / mean.norm().nan_to_num().clamp_min(torch.finfo(mean.dtype).tiny)
    return unit


def _cosine(a: Tensor, b: Tensor) -> float:
    return float(torch.nn.functional.cosine_similarity(a, b, dim=0))


def _split_half_cosine(differences: Float[Tensor, "n d_model"], *, seed: int) -> float | None:
    """Mean cosine between the directions of two random halves; None with fewer than four differences."""
    n = len(differences)
    if n < 4:
        return None
    generator = np.random.default_rng(seed)
    cosines = []
    for _ in range(SPLITS_IN_HALF):
        order = torch.from_numpy(generator.permutation(n))
        first, second = differences[order[: n // 2]], differences[order[n // 2 :]]
        cosines.append(_cosine(first.mean(dim=0), second.mean(dim=0)))
    return float(np.mean(cosines))


def _cosine_across_batches(differences: Float[Tensor, "n d_model"]) -> float | None:
    """Mean cosine between the directions of consecutive batches of prompts; None with fewer than two per batch."""
    if len(differences) < 2 * BATCHES:
        return None
    means = [batch.mean(dim=0) for batch in differences.tensor_split(BATCHES)]
    pairs = [(a, b) for i, a in enumerate(means) for b in means[i + 1 :]]
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
