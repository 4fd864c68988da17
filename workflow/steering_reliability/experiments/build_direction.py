"""Make the main direction of one layer: `python -m steering_reliability.directions.build_direction`."""

import argparse

from steering_reliability.experiments.command import add_shared_flags, run
from steering_reliability.experiments.direction_request import request


def main() -> int:
    """Parse the flags, let Snakemake make the direction, and return the exit code."""
    parser = argparse.ArgumentParser(prog="build_direction", description="Make the steering direction of one layer.")
    parser.add_argument("--layer", type=int, required=True, help="block, counted from 0; negatives count from the end")
    arguments = add_shared_flags(parser).parse_args()
    return run(arguments, request=lambda plan: request(plan, layer=arguments.layer))
