"""Ask Snakemake for targets of a run from a plain command, and say what was made."""

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from steering_reliability.config.files import ROOT, RULE, read_config
from steering_reliability.config.places import places_of
from steering_reliability.errors import InputError
from steering_reliability.run.plan import RunPlan, plan_run


@dataclass(frozen=True)
class Request:
    """What a command wants of a run: targets to make, and paths to name at the end (relative to the repository)."""

    targets: Sequence[str]
    made: Sequence[str]


def everything(plan: RunPlan) -> Request:
    """Everything that a run leaves."""
    results, report = plan.folder, plan.report_folder
    made = [f"{results}/results.parquet", f"{results}/tables/summary.csv", f"{results}/figures"]
    return Request(["all"], [*made, f"{report}/examples.md", f"{report}/index.html"])


def add_shared_flags(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add the flags that every command has."""
    parser.add_argument(
        "--config", "-c", required=True, type=Path, nargs="+", action="extend", metavar="FILE", help=f"{RULE}."
    )
    parser.add_argument("--cores", default="all", help="cores for Snakemake (default: all)")
    parser.add_argument("--dry-run", action="store_true", help="list the jobs without running them")
    parser.add_argument("--profile", help="Snakemake profile, for example of a cluster")
    return parser


def run(arguments: argparse.Namespace, *, request: Callable[[RunPlan], Request]) -> int:
    """Plan the run of a config, let Snakemake make what is requested, and print the paths.

    Returns:
        Snakemake's exit code; 1 with one message where the config can't be used.
    """
    try:
        config = read_config(*arguments.config)
        with places_of(arguments.config).named():
            requested = request(plan_run(config))
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    command = [sys.executable, "-m", "snakemake", "--cores", arguments.cores]
    command += ["--configfile", *(str(path.resolve()) for path in arguments.config)]
    command += ["--dry-run"] if arguments.dry_run else []
    command += ["--profile", arguments.profile] if arguments.profile else []
    code = subprocess.run([*command, "--", *requested.targets], cwd=ROOT, check=False).returncode
    if code == 0 and not arguments.dry_run:
        print("\nmade:")
        for path in requested.made:
            print(f"  {path}{'' if (ROOT / path).exists() else '  (not there)'}")
    return code
