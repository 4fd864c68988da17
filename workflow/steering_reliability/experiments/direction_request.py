"""The direction of one layer, whether the grid sweeps that layer or not."""

from steering_reliability.conditions import main_direction, resolve_layers
from steering_reliability.experiments.command import Request
from steering_reliability.model_source import count_layers
from steering_reliability.run_plan import RunPlan


def request(plan: RunPlan, *, layer: int) -> Request:
    """The main direction's `.pt` and statistics at a layer.

    Args:
        plan: The planned run.
        layer: Block index; negatives count from the end.

    Raises:
        InputError: When the model has no such layer.
    """
    experiment = plan.config.experiment.model_copy(update={"layers": [layer]})
    config = plan.config.model_copy(update={"experiment": experiment})
    (index,) = resolve_layers(config, n_layers=count_layers(config.model, folder=plan.base))
    path = plan.direction_file(main_direction(plan.config), index)
    return Request([path], [path, f"{path.removesuffix('pt')}json"])
