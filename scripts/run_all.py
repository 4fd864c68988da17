"""Run everything, from prompts to report: python scripts/run_all.py --config C."""

import argparse
import sys

from steering_reliability.commands.plan_command import add_shared_flags, everything, run


def main() -> int:
    """Run the command."""
    description = "Run a study from its prompts to its report; a run that was interrupted goes on where it stopped."
    parser = argparse.ArgumentParser(prog="run_all", description=description)
    return run(add_shared_flags(parser).parse_args(), request=everything)


if __name__ == "__main__":
    sys.exit(main())
