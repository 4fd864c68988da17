"""The command `steering-reliability`: subcommands that are thin over the package and over Snakemake."""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from steering_reliability.errors import InputError
from steering_reliability.run_plan import RunPlan

app = typer.Typer(no_args_is_help=True, add_completion=True, help=__doc__, pretty_exceptions_enable=False)

ConfigFile = Annotated[
    Path, typer.Option("--config", "-c", help="YAML config; without a model section it is laid over config.yaml")
]
AsJson = Annotated[bool, typer.Option("--json", help="plain data for a script")]
DEFAULT_CONFIG = Path("config.yaml")


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"steering-reliability {metadata.version('steering-reliability')}")
        raise typer.Exit


@app.callback()
def program(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say the version and stop.")
    ] = False,
) -> None:
    """Steering reliability: how reliably does one linear direction control refusal, and at what cost?"""


@contextmanager
def told() -> Iterator[None]:
    """Turn what the user got wrong into one message and exit code 1."""
    try:
        yield
    except InputError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


def _planned(config: Path) -> RunPlan:
    from steering_reliability.experiments.command import places_of, read_config  # noqa: PLC0415 - keeps --help quick
    from steering_reliability.run_plan import plan_run  # noqa: PLC0415

    raw = read_config(config)
    with places_of(config).named():
        return plan_run(raw)


def _print(found: Any, *, as_json: bool, lines: Callable[[Any], Any]) -> None:
    typer.echo(json.dumps(found, indent=2, ensure_ascii=False) if as_json else "\n".join(lines(found)))


@app.command()
def doctor(
    config: ConfigFile = DEFAULT_CONFIG,
    seconds: Annotated[float, typer.Option(help="how long to watch the model write; 0 guesses")] = 10.0,
    as_json: AsJson = False,
) -> None:
    """Check machine, model, prompts and config, and say what the run will cost before it starts."""
    from steering_reliability.commands.doctor import as_lines, examine, make_base  # noqa: PLC0415

    with told():
        plan = _planned(config)
        if seconds > 0 and not Path(plan.base_file).is_file():
            typer.echo("the model is not there yet: making it, as the run would", err=True)
            make_base(plan, config=config)
        _print(examine(plan, seconds=seconds), as_json=as_json, lines=as_lines)


@app.command()
def status(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Say how much of a run is there, stage by stage, and how long each took."""
    from steering_reliability.commands.status import as_lines, status_of  # noqa: PLC0415

    with told():
        _print(status_of(_planned(config)), as_json=as_json, lines=as_lines)


@app.command()
def summary(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Say what a finished run found, in ten lines, and where to look."""
    from steering_reliability.commands.summary import summary_lines  # noqa: PLC0415

    with told():
        for line in list(summary_lines(_planned(config))):
            typer.echo(line)


@app.command()
def verify(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Check every file of a finished run against the SHA-256 that was recorded when it finished."""
    from steering_reliability.commands.verify import as_lines, verify  # noqa: PLC0415

    with told():
        found = verify(Path(_planned(config).folder), root=Path())
        _print(found, as_json=as_json, lines=as_lines)
        if found["files"]:
            raise typer.Exit(1)


@app.command()
def reproduce(
    run_dir: Annotated[Path, typer.Argument(help="folder of a finished run: provenance.json and SHA256SUMS will do")],
    into: Annotated[
        Path | None, typer.Option(help="where the run is made again; default reproduced/ and the run's name")
    ] = None,
    cores: Annotated[str, typer.Option(help="cores for Snakemake")] = "all",
    as_json: AsJson = False,
) -> None:
    """Make a finished run again beside it, and compare every byte; 1 where one differs that nothing explains."""
    from steering_reliability.commands import reproduce as again  # noqa: PLC0415

    with told():
        record = again.read_record(run_dir)
        place = into or Path("reproduced") / run_dir.resolve().name
        again.set_up(record, place=place)
        for line in again.forecast(record):
            typer.echo(line, err=True)
        code = again.run(place=place, cores=cores)
        if code != 0:
            raise typer.Exit(code)
        found = again.compare(record, place=place)
        _print(found, as_json=as_json, lines=again.as_lines)
        if found["unexplained"]:
            raise typer.Exit(1)


@app.command()
def run(
    config: ConfigFile = DEFAULT_CONFIG,
    cores: Annotated[str, typer.Option(help="cores for Snakemake")] = "all",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be done, and do nothing")] = False,
    profile: Annotated[str | None, typer.Option(help="Snakemake profile, for example of a cluster")] = None,
) -> NoReturn:
    """Run a study from its prompts to its report; one that was interrupted goes on where it stopped."""
    from steering_reliability.experiments.command import everything  # noqa: PLC0415
    from steering_reliability.experiments.command import run as run_request  # noqa: PLC0415

    asked = argparse.Namespace(config=config, cores=cores, dry_run=dry_run, profile=profile)
    sys.exit(run_request(asked, request=everything))


_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


@app.command(context_settings=_PASSED_ON, add_help_option=False)
def prompts(context: typer.Context) -> NoReturn:
    """Make the three prompt sets from templates, or take in a file of your own (scripts/make_prompts.py)."""
    _script("make_prompts", context)


@app.command(context_settings=_PASSED_ON, add_help_option=False)
def compare(context: typer.Context) -> NoReturn:
    """Put every finished run below a folder on one scale (scripts/compare_runs.py)."""
    _script("compare_runs", context)


def _script(name: str, context: typer.Context) -> NoReturn:
    from steering_reliability.experiments.command import ROOT  # noqa: PLC0415

    sys.exit(
        subprocess.run([sys.executable, str(ROOT / "scripts" / f"{name}.py"), *context.args], check=False).returncode
    )


@app.command()
def show(
    run_dir: Annotated[Path, typer.Argument(help="folder of a finished run, for example results/smollm2")],
    split: Annotated[str, typer.Option(help="harm_train, harm_test or benign")] = "benign",
    n: Annotated[int, typer.Option(help="how many prompts", min=1)] = 5,
    intervention: Annotated[str | None, typer.Option(help="add or ablate; else as at the recommended point")] = None,
    layer: Annotated[int | None, typer.Option(help="steered block")] = None,
    alpha: Annotated[float | None, typer.Option(help="strength")] = None,
    as_json: AsJson = False,
) -> None:
    """Read completions of one condition, unsteered beside steered."""
    from steering_reliability.commands.show import as_lines, completions_of  # noqa: PLC0415

    with told():
        found = completions_of(run_dir, split=split, n=n, intervention=intervention, layer=layer, alpha=alpha)
        _print(found, as_json=as_json, lines=as_lines)


export = typer.Typer(no_args_is_help=True, help="Write directions or results for other programs.")
app.add_typer(export, name="export")


@export.command("direction")
def export_direction(
    source: Annotated[Path, typer.Argument(help="a .pt below directions/")],
    output: Annotated[Path, typer.Argument(help=".safetensors, or .gguf for llama.cpp and repeng")],
    alpha: Annotated[float, typer.Option(help="strength of a control vector at scale 1, of the residual norm")] = 1.0,
    hook_point: Annotated[str, typer.Option(help="resid_post or resid_pre, as in the run's config")] = "resid_post",
    model: Annotated[str, typer.Option(help="architecture that a control vector is for")] = "llama",
) -> None:
    """Write a direction as safetensors or as a GGUF control vector."""
    from steering_reliability.commands.export import export_direction as write  # noqa: PLC0415

    with told():
        write(source, output=output, alpha=alpha, hook_point=hook_point, model=model)
        typer.echo(str(output))


@export.command("results")
def export_results(
    run_dir: Annotated[Path, typer.Argument(help="folder of a finished run")],
    output: Annotated[Path, typer.Argument(help=".csv, .jsonl, or a folder for a Hugging Face dataset")],
) -> None:
    """Write the scored completions of a run."""
    from steering_reliability.commands.export import export_results as write  # noqa: PLC0415

    with told():
        write(run_dir, output=output)
        typer.echo(str(output))
