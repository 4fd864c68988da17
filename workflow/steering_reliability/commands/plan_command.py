"""Ask Snakemake for targets of a run from a plain command, and say what was made."""

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from steering_reliability.config.files import RULE, read_config, study_folder
from steering_reliability.config.places import places_of
from steering_reliability.errors import InputError
from steering_reliability.run.plan import RunPlan, plan_run
from steering_reliability.run.snakemake_call import snakemake_command


@dataclass(frozen=True)
class Request:
    """What a command wants of a run: targets to make, and paths to name at the end (relative to the study's folder)."""

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
    command = snakemake_command(configs=arguments.config, cores=arguments.cores, profile=arguments.profile)
    command += ["--dry-run"] if arguments.dry_run else []
    folder = study_folder()
    code = subprocess.run([*command, "--", *requested.targets], cwd=folder, check=False).returncode
    if code == 0 and not arguments.dry_run:
        print("\nmade:")
        for path in requested.made:
            print(f"  {path}{'' if (folder / path).exists() else '  (not there)'}")
    return code
