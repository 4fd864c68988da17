"""Run everything, from prompts to report: python scripts/run_all.py --config C."""

import argparse
import sys

from steering_reliability.experiments.command import Request, add_shared_flags, run
from steering_reliability.run_plan import RunPlan


def request(plan: RunPlan) -> Request:
    """Everything that a run leaves."""
    results, report = plan.folder, plan.report_folder
    made = [f"{results}/results.parquet", f"{results}/tables/summary.csv", f"{results}/figures"]
    return Request(["all"], [*made, f"{report}/examples.md", f"{report}/index.html"])


def main() -> int:
    """Run the command."""
    description = "Run a study from its prompts to its report; a run that was interrupted goes on where it stopped."
    parser = argparse.ArgumentParser(prog="run_all", description=description)
    return run(add_shared_flags(parser).parse_args(), request=request)


if __name__ == "__main__":
    sys.exit(main())
