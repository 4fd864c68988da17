"""Make the main direction of one layer: `python -m steering_reliability.directions.build_direction`."""

import argparse

from steering_reliability.commands.plan_command import Request, add_shared_flags, run
from steering_reliability.model.source import count_layers
from steering_reliability.run.grid import main_direction, resolve_layers
from steering_reliability.run.plan import RunPlan


def request(plan: RunPlan, *, layer: int) -> Request:
    """The main direction's `.pt` and statistics at a block (negatives count from the end), swept or not.

    Raises:
        InputError: When the model has no such layer.
    """
    experiment = plan.config.experiment.model_copy(update={"layers": [layer]})
    config = plan.config.model_copy(update={"experiment": experiment})
    (index,) = resolve_layers(config, n_layers=count_layers(config.model, folder=plan.base))
    path = plan.direction_file(main_direction(plan.config), index)
    return Request([path], [path, f"{path.removesuffix('pt')}json"])


def main() -> int:
    """Parse the flags, let Snakemake make the direction, and return the exit code."""
    parser = argparse.ArgumentParser(prog="build_direction", description="Make the steering direction of one layer.")
    parser.add_argument("--layer", type=int, required=True, help="block, counted from 0; negatives count from the end")
    arguments = add_shared_flags(parser).parse_args()
    return run(arguments, request=lambda plan: request(plan, layer=arguments.layer))
