"""The two interventions, `add` and `ablate`, on rows of a batch and as TransformerLens hooks, and where they apply."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from steering_reliability.config.schema import Positions

Hook = Callable[[Tensor, Any], Tensor]


def steer(
    resid: Float[Tensor, "*rows d_model"],
    *,
    unit: Float[Tensor, "*rows d_model"],
    add: Float[Tensor, "*rows"],
    ablate: Float[Tensor, "*rows"],
) -> Float[Tensor, "*rows d_model"]:
    """Steer every row by its own coefficients: `resid + (add - ablate * (resid . unit)) * unit`.

    A row with both coefficients 0 keeps its values. The arithmetic is float32 whatever the residual's format, so that
    an ablation leaves nothing behind but rounding.

    Args:
        resid: Residual stream.
        unit: Direction of length 1 for each row (a single vector broadcasts).
        add: Length added along the direction, in units of the residual stream.
        ablate: Fraction of the projection removed: 0 none, 1 all.

    Returns:
        The steered residual stream, in the format of `resid`.
    """
    stream = resid.float()
    along = (stream * unit).sum(dim=-1)
    return (stream + (add - ablate * along).unsqueeze(-1) * unit).to(resid.dtype)


def unit_vector(vector: Float[Tensor, " d_model"]) -> Float[Tensor, " d_model"]:
    """Scale a vector to length 1, in float32.

    Raises:
        ValueError: When the vector is zero or not finite.
    """
    length = torch.linalg.vector_norm(vector.double())
    if not torch.isfinite(length) or length == 0:
        raise ValueError("a direction of length 0 (or not finite) can't steer")
    unit: Tensor = vector.double() / length
    return unit.float()


def add_hook(vector: Float[Tensor, " d_model"], *, alpha: float) -> Hook:
    """Make a TransformerLens hook that adds `alpha * vector` at every position.

    Source: Turner et al., Activation Addition (arXiv 2308.10248), section 3.
    """
    length = float(torch.linalg.vector_norm(vector.double()))
    return _everywhere(vector, add=alpha * length, ablate=0.0)


def ablate_hook(vector: Float[Tensor, " d_model"], *, alpha: float = 1.0) -> Hook:
    """Make a TransformerLens hook that removes the share `alpha` of the projection on `vector` at every position.

    Source: Arditi et al., Refusal in Language Models Is Mediated by a Single Direction (arXiv 2406.11717), section 2.4.
    """
    return _everywhere(vector, add=0.0, ablate=alpha)


def _everywhere(vector: Float[Tensor, " d_model"], *, add: float, ablate: float) -> Hook:
    unit = unit_vector(vector)

    def hook(resid: Tensor, hook: Any) -> Tensor:
        rows = resid.shape[:-1]
        return steer(
            resid,
            unit=unit.to(resid.device),
            add=torch.full(rows, add, device=resid.device),
            ablate=torch.full(rows, ablate, device=resid.device),
        )

    return hook


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
