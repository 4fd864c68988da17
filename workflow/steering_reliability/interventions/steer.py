"""The interventions on rows of a batch and as TransformerLens hooks, and where they apply."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from steering_reliability.config.fields import Positions

Hook = Callable[[Tensor, Any], Tensor]


@dataclass(frozen=True)
class BlockSteering:
    """How a row's residual stream is steered at one block: the arguments of `steer` for this row.

    Attributes:
        unit: Direction of length 1.
        add: Length added along it, in units of the residual stream.
        ablate: Fraction of the projection removed.
        keep_norm: Whether the residual stream is scaled back to its own length afterwards.
    """

    unit: Float[Tensor, " d_model"]
    add: float = 0.0
    ablate: float = 0.0
    keep_norm: bool = False


def steer(
    resid: Float[Tensor, "*rows d_model"],
    *,
    unit: Float[Tensor, "*rows d_model"],
    add: Float[Tensor, "*rows"],
    ablate: Float[Tensor, "*rows"],
    keep_norm: Bool[Tensor, "*rows"] | None = None,
) -> Float[Tensor, "*rows d_model"]:
    """Steer every row by its own coefficients: `resid + (add - ablate * (resid . unit)) * unit`.

    A row with both coefficients 0 keeps its values. The arithmetic is float32 whatever the residual's format, so that
    an ablation leaves nothing behind but rounding.

    Args:
        resid: Residual stream.
        unit: Direction of length 1 for each row (a single vector broadcasts).
        add: Length added along the direction, in units of the residual stream.
        ablate: Fraction of the projection removed: 0 none, 1 all.
        keep_norm: Which rows are scaled back to their own length afterwards; None: no row.

    Returns:
        The steered residual stream, in the format of `resid`.
    """
    stream = resid.float()
    along = (stream * unit).sum(dim=-1)
    steered = stream + (add - ablate * along).unsqueeze(-1) * unit
    if keep_norm is not None:
        before, after = ((one * one).sum(dim=-1).sqrt() for one in (stream, steered))
        # A row that is left as it was, or comes to nothing, is multiplied by exactly 1.
        scale = torch.where(keep_norm & (after > 0), before / after, 1.0)
        steered = steered * scale.unsqueeze(-1)
    return steered.to(resid.dtype)


def block_steering(
    intervention: str, *, vector: Float[Tensor, " d_model"], coefficient: float, mean_projection: float = 0.0
) -> BlockSteering:
    """What an intervention does to the residual stream of a block; its hook below has the formula and the source.

    Args:
        intervention: `add`, `add_keep_norm`, `ablate`, `ablate_affine` or `clamp`.
        vector: Direction of any length.
        coefficient: c, a length in units of the residual stream, or a, the share of an ablation.
        mean_projection: m, the mean of r . u on the complying side, for `ablate_affine` alone.

    Raises:
        KeyError: When there is no such intervention.
        ValueError: When the vector is zero or not finite.
    """
    add, ablate = {
        "add": (coefficient, 0.0),
        "add_keep_norm": (coefficient, 0.0),
        "ablate": (0.0, coefficient),
        "ablate_affine": (coefficient * mean_projection, coefficient),
        "clamp": (coefficient, 1.0),
    }[intervention]
    return BlockSteering(unit_vector(vector), add, ablate, keep_norm=intervention == "add_keep_norm")


def unit_vector(vector: Float[Tensor, " d_model"]) -> Float[Tensor, " d_model"]:
    """Scale a vector to length 1, in float32 on the CPU.

    Raises:
        ValueError: When the vector is zero or not finite.
    """
    exact = vector.cpu().double()
    length = torch.linalg.vector_norm(exact)
    if not torch.isfinite(length) or length == 0:
        raise ValueError("a direction of length 0 (or not finite) can't steer")
    unit: Tensor = exact / length
    return unit.float()


def add_hook(vector: Float[Tensor, " d_model"], *, alpha: float) -> Hook:
    """Make a TransformerLens hook that adds `alpha * vector` at every position: r + c u.

    Here and below r is the residual stream, u = v / |v| for the vector v, and c = alpha |v|.
    Source: Turner et al., Activation Addition (arXiv 2308.10248), section 3.
    """
    return hook_of(block_steering("add", vector=vector, coefficient=alpha * _length(vector)))


def add_keep_norm_hook(vector: Float[Tensor, " d_model"], *, alpha: float) -> Hook:
    """Make a TransformerLens hook that adds `alpha * vector` and keeps the norm: (r + c u) |r| / |r + c u|.

    Source of the scaling: Liu et al., In-context Vectors (arXiv 2311.06668), who scale the shifted state back to the
    length that it had.
    """
    return hook_of(block_steering("add_keep_norm", vector=vector, coefficient=alpha * _length(vector)))


def ablate_hook(vector: Float[Tensor, " d_model"], *, alpha: float = 1.0) -> Hook:
    """Make a TransformerLens hook that removes the share `alpha` of the projection on `vector`: r - alpha (r . u) u.

    Source: Arditi et al., Refusal in Language Models Is Mediated by a Single Direction (arXiv 2406.11717), section 2.4.
    """
    return hook_of(block_steering("ablate", vector=vector, coefficient=alpha))


def ablate_affine_hook(vector: Float[Tensor, " d_model"], *, mean_projection: float, alpha: float = 1.0) -> Hook:
    """Make a TransformerLens hook that moves the projection to m: r - alpha (r . u - m) u, m = `mean_projection`.

    Source: Marshall et al., Refusal in LLMs is an Affine Function (arXiv 2411.09003): affine concept editing without
    its added multiple of the direction. m is the mean of r . u where the model complies, in their case on harmless
    prompts.
    """
    changed = block_steering("ablate_affine", vector=vector, coefficient=alpha, mean_projection=mean_projection)
    return hook_of(changed)


def clamp_hook(vector: Float[Tensor, " d_model"], *, alpha: float) -> Hook:
    """Make a TransformerLens hook that sets the projection to `alpha * |vector|`: r + (c - r . u) u.

    Source: Marshall et al. (arXiv 2411.09003). Their affine concept editing of strength s is the clamp to
    c = m + s |v|, with m as in `ablate_affine_hook` and v the difference of means.
    """
    return hook_of(block_steering("clamp", vector=vector, coefficient=alpha * _length(vector)))


def hook_of(changed: BlockSteering) -> Hook:
    """Make a TransformerLens hook that steers every position alike."""

    def hook(resid: Tensor, hook: Any) -> Tensor:
        rows, device = resid.shape[:-1], resid.device
        return steer(
            resid,
            unit=changed.unit.to(device),
            add=torch.full(rows, changed.add, device=device),
            ablate=torch.full(rows, changed.ablate, device=device),
            keep_norm=torch.ones(rows, dtype=torch.bool, device=device) if changed.keep_norm else None,
        )

    return hook


def _length(vector: Float[Tensor, " d_model"]) -> float:
    return float(torch.linalg.vector_norm(vector.cpu().double()))


def hook_places(hook_point: str) -> tuple[str, ...]:
    """The TransformerLens hook points of a block at which it is steered, in the order in which they fire.

    `resid_both` steers what a block reads and what it writes; what the MLP reads of the attention's output is between
    the two (Arditi et al. ablate there as well).
    """
    return ("resid_pre", "resid_post") if hook_point == "resid_both" else (hook_point,)


def steered_span(positions: Positions, *, user_end: int, prompt_length: int) -> tuple[int, int | None]:
    """First token index that is steered in a row, and the index after the last one (None: no end).

    The first token after the user's text is at index `user_end`, the first generated one at `prompt_length`.
    """
    spans: dict[Positions, tuple[int, int | None]] = {
        "all": (0, None),
        "prompt": (0, prompt_length),
        "last_prompt_token": (prompt_length - 1, prompt_length),
        "after_prompt": (user_end, None),
        "generated": (prompt_length, None),
        "first_generated_token": (prompt_length, prompt_length + 1),
    }
    return spans[positions]
