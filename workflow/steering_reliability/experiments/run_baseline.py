"""Write the completions without intervention: python -m steering_reliability.experiments.run_baseline --config C."""

import argparse
import sys

from steering_reliability.commands.plan_command import Request, add_shared_flags, run
from steering_reliability.run.plan import RunPlan


def request(plan: RunPlan) -> Request:
    """The baseline's shards of the study's own seed and of the checks'."""
    return Request(["baseline"], [path for seed in plan.seeds for path in plan.baseline(seed).values()])


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="run_baseline", description="Write the completions without intervention.")
    return run(add_shared_flags(parser).parse_args(), request=request)


if __name__ == "__main__":
    sys.exit(main())
