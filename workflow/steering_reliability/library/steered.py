"""Steer a bridge for the length of a `with` block."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from steering_reliability.config.fields import AlphaUnit, HookPoint, Intervention
from steering_reliability.directions.files import StoredDirection
from steering_reliability.generation.rows import steering_along
from steering_reliability.interventions.steer import hook_of, hook_places
from steering_reliability.library.arguments import Layers, check_names_and_bounds, steered_blocks


@contextmanager
def steered(
    bridge: Any,
    *,
    direction: StoredDirection | Sequence[StoredDirection],
    alpha: float,
    intervention: Intervention = "add",
    layer: Layers | None = None,
    alpha_unit: AlphaUnit = "resid_norm",
    hook_point: HookPoint = "resid_post",
) -> Iterator[Any]:
    """Steer every position of whatever a TransformerLens bridge computes inside the `with` block.

    For a residual stream r, a direction u of length 1, a length c and a share a (both from `alpha`):

    - `add`: r + c u (Turner et al., arXiv 2308.10248)
    - `add_keep_norm`: the same, scaled back to |r| (Liu et al., arXiv 2311.06668)
    - `ablate`: r - a (r . u) u (Arditi et al., arXiv 2406.11717)
    - `ablate_affine`: r - a (r . u - m) u, m the mean of r . u where the model complies (Marshall et al.,
      arXiv 2411.09003)
    - `clamp`: r + (c - r . u) u

    The prompt is steered too (`positions: all` of the config); `generate` can spare it.

    Args:
        bridge: A TransformerBridge, for example `load_model(...).bridge`.
        direction: Vector [d_model] with its lengths, or a list with one for each block.
        alpha: Strength; for the two ablations the share that is removed.
        intervention: One of the above.
        layer: Block index (negatives count from the end), a range such as `"10-18"`, a list of indices, or `"all"`;
            None takes the directions' own. One direction then steers every block.
        alpha_unit: For all but the ablations: `resid_norm` counts in mean lengths of the residual stream where the
            direction was read, `unit` in lengths of the vector. (A run with `normalize: false` counts in
            `direction.statistics["norm_before_normalizing"]`: multiply by it.)
        hook_point: `resid_pre` or `resid_post`, where the direction was read, or `resid_both` for the two.

    Yields:
        The bridge; the hooks are gone when the block ends, however it ends.

    Raises:
        InputError: When layer, width, alpha or a name can't be used, or a direction lacks m.
    """
    check_names_and_bounds(alpha=alpha, intervention=intervention, alpha_unit=alpha_unit, hook_point=hook_point)
    blocks = steered_blocks(direction, layer=layer, n_layers=len(bridge.blocks), d_model=int(bridge.cfg.d_model))
    hooks = [
        (
            f"blocks.{block}.hook_{place}",
            hook_of(steering_along(one, intervention=intervention, alpha=alpha, alpha_unit=alpha_unit)),
        )
        for block, one in blocks.items()
        for place in hook_places(hook_point)
    ]
    with bridge.hooks(fwd_hooks=hooks):
        yield bridge
