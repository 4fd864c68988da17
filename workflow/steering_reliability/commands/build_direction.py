"""Make the main direction of one layer: `python -m steering_reliability.directions.build_direction`."""

import argparse

from steering_reliability.commands.plan_command import Request, add_shared_flags, run
from steering_reliability.run.grid import main_direction
from steering_reliability.run.layers import resolve_layer
from steering_reliability.run.plan import RunPlan


def request(plan: RunPlan, *, layer: int) -> Request:
    """The main direction's `.pt` and statistics at a block (negatives count from the end), swept or not.

    Raises:
        InputError: When the model has no such layer.
    """
    path = plan.direction_file(main_direction(plan.config), resolve_layer(layer, n_layers=plan.n_layers).name)
    return Request([path], [path, f"{path.removesuffix('pt')}json"])


def main() -> int:
    """Parse the flags, let Snakemake make the direction, and return the exit code."""
    parser = argparse.ArgumentParser(prog="build_direction", description="Make the steering direction of one layer.")
    parser.add_argument("--layer", type=int, required=True, help="block, counted from 0; negatives count from the end")
    arguments = add_shared_flags(parser).parse_args()
    return run(arguments, request=lambda plan: request(plan, layer=arguments.layer))
