"""Run the whole grid and its tables: python -m steering_reliability.experiments.run_sweep --config C."""

import argparse
import sys

from steering_reliability.commands.plan_command import Request, add_shared_flags, run
from steering_reliability.run.plan import RunPlan


def request(plan: RunPlan) -> Request:
    """Every condition's completions, results.parquet and the tables."""
    tables = [f"{plan.folder}/tables/{name}.csv" for name in ("summary", "pareto", "sanity_checks", "claims")]
    return Request(["results"], [f"{plan.folder}/results.parquet", *tables])


def main() -> int:
    """Run the command."""
    description = "Write the completions of every condition, score them and make the tables."
    parser = argparse.ArgumentParser(prog="run_sweep", description=description)
    return run(add_shared_flags(parser).parse_args(), request=request)


if __name__ == "__main__":
    sys.exit(main())
