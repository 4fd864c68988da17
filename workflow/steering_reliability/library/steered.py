"""Steer a bridge for the length of a `with` block."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from steering_reliability.config.schema import AlphaUnit, HookPoint, Intervention
from steering_reliability.directions.files import StoredDirection
from steering_reliability.interventions.steer import ablate_hook, add_hook, unit_vector
from steering_reliability.library.arguments import check_names_and_bounds, resolve_layer


@contextmanager
def steered(
    bridge: Any,
    *,
    direction: StoredDirection,
    alpha: float,
    intervention: Intervention = "add",
    layer: int | None = None,
    alpha_unit: AlphaUnit = "resid_norm",
    hook_point: HookPoint = "resid_post",
) -> Iterator[Any]:
    """Steer every position of whatever a TransformerLens bridge computes inside the `with` block.

    `add` is resid + alpha v (Turner et al., arXiv 2308.10248), `ablate` is resid - alpha proj_v(resid) (Arditi et al.,
    arXiv 2406.11717). The prompt is steered too (`positions: all` of the config); `generate` can spare it.

    Args:
        bridge: A TransformerBridge, for example `load_model(...).bridge`.
        direction: Vector [d_model] with its lengths.
        alpha: Strength; for `ablate` the share of the projection that is removed.
        intervention: `add` or `ablate`.
        layer: Block index, negatives count from the end; None takes the direction's own.
        alpha_unit: For `add`: `resid_norm` counts in mean lengths of the residual stream where the direction was read,
            `unit` in lengths of the vector. (A run with `normalize: false` counts in
            `direction.statistics["norm_before_normalizing"]`: multiply by it.)
        hook_point: `resid_pre` or `resid_post`, where the direction was read.

    Yields:
        The bridge; the hook is gone when the block ends, however it ends.

    Raises:
        InputError: When layer, width, alpha or a name can't be used.
    """
    index = resolve_layer(direction, layer=layer, n_layers=len(bridge.blocks), d_model=int(bridge.cfg.d_model))
    check_names_and_bounds(alpha=alpha, intervention=intervention, alpha_unit=alpha_unit, hook_point=hook_point)
    coefficient = direction.coefficient(alpha, intervention=intervention, unit=alpha_unit)
    make_hook = add_hook if intervention == "add" else ablate_hook
    hook = make_hook(unit_vector(direction.vector), alpha=coefficient)
    with bridge.hooks(fwd_hooks=[(f"blocks.{index}.hook_{hook_point}", hook)]):
        yield bridge
