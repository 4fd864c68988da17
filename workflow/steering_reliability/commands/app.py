"""Run studies, show their results and export them."""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer
from typer.core import TyperGroup

from steering_reliability.commands.study import Study, folder_of, study_of
from steering_reliability.config.files import RULE, WORKFLOW
from steering_reliability.errors import InputError
from steering_reliability.process.system import check_system

if TYPE_CHECKING:
    from steering_reliability.run.plan import RunPlan


class Commands(TyperGroup):
    """Subcommands of which an InputError is printed as one message, with exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        """Run the subcommand."""
        try:
            check_system()
            return super().invoke(ctx)
        except InputError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from None


app = typer.Typer(cls=Commands, no_args_is_help=True, help=__doc__, pretty_exceptions_enable=False)

Run = Annotated[
    Path | None, typer.Argument(metavar="[RUN]", help="folder of a run, such as results/smollm2, or a config file")
]
Configs = Annotated[
    list[Path], typer.Option("--config", "-c", metavar="FILE", help=f"Config file; may be given several times. {RULE}.")
]
NO_CONFIGS: Final[list[Path]] = []
Quick = Annotated[
    bool, typer.Option("--quick", help="few prompts, short completions, no controls: an answer in minutes")
]
Prompts = Annotated[
    Path | None, typer.Option("--prompts", metavar="FOLDER", help="harm_train.jsonl, harm_test.jsonl, benign.jsonl")
]
Settings = Annotated[
    list[str], typer.Option("--set", metavar="KEY=VALUE", help="a config key, such as generation.max_new_tokens=20")
]
NO_SETTINGS: Final[list[str]] = []
Cores = Annotated[str, typer.Option(help="cores for Snakemake")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="list the jobs without running them")]
Profile = Annotated[str | None, typer.Option(help="Snakemake profile: a folder, or a name such as slurm")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"steering-reliability {metadata.version('steering-reliability')}")
        raise typer.Exit


@app.callback()
def program(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Steering reliability: how reliably does one linear direction control refusal, and at what cost?"""


def _planned(study: Study) -> "RunPlan":
    from steering_reliability.config.places import places_of  # noqa: PLC0415 - keeps --help quick
    from steering_reliability.run.plan import plan_run  # noqa: PLC0415

    with places_of(study.files).named():
        return plan_run(study.config)


def _print(found: Any, *, as_json: bool, lines: Callable[[Any], Any]) -> None:
    typer.echo(json.dumps(found, indent=2, ensure_ascii=False) if as_json else "\n".join(lines(found)))


@app.command()
def doctor(
    run: Run = None,
    config: Configs = NO_CONFIGS,
    seconds: Annotated[
        float,
        typer.Option(help="time limit in seconds for loading the model and measuring its speed; 0 skips it", min=0),
    ] = 20.0,
    as_json: AsJson = False,
) -> None:
    """Check config, prompts, model and machine, and estimate the time, memory and disk of a run."""
    study = study_of(run, config)
    # At once: on a busy machine what follows can take its time.
    typer.echo(f"study     {study.named}", err=as_json)
    from steering_reliability.commands.doctor import examine, lines_of  # noqa: PLC0415

    found: dict[str, Any] = {}
    for part, facts in examine(_planned(study), files=study.files_for_snakemake, seconds=seconds):
        found[part] = facts
        for line in lines_of(part, found):
            if not as_json or part == "preparing":
                typer.echo(line, err=as_json)
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))


@app.command()
def plan(
    run: Run = None,
    config: Configs = NO_CONFIGS,
    effect: Annotated[
        float | None, typer.Option(help="change of refusal on harm_test, in points", min=0.5, max=100)
    ] = None,
    gap: Annotated[
        float | None,
        typer.Option(help="by how many points the change on harm_train is larger", min=0.5, max=100),
    ] = None,
    cost: Annotated[float | None, typer.Option(help="loss of helpful answers, in points", min=0.5, max=100)] = None,
    builders: Annotated[int, typer.Option(help="harm_train prompts that build the direction", min=1)] = 10,
    seconds: Annotated[
        float, typer.Option(help="time limit in seconds for measuring the model's speed; 0 skips it", min=0)
    ] = 20.0,
    as_json: AsJson = False,
) -> None:
    """Say which changes a design can show; with --effect, --gap or --cost find the cheapest design that shows them."""
    study = study_of(run, config)
    typer.echo(f"study     {study.named}", err=as_json)
    from steering_reliability.commands import plan as design  # noqa: PLC0415

    wishes = {"effect": effect, "gap": gap, "cost": cost}
    sizes: dict[Any, float] = {name: size / 100 for name, size in wishes.items() if size is not None}
    if sizes:
        found = design.wished_facts(_planned(study), wishes=sizes, builders=builders, seconds=seconds)
        _print(found, as_json=as_json, lines=design.wished_lines)
    else:
        _print(design.design_facts(_planned(study), seconds=seconds), as_json=as_json, lines=design.design_lines)


@app.command()
def status(run: Run = None, config: Configs = NO_CONFIGS, as_json: AsJson = False) -> None:
    """List how many files of each stage of a run exist, and how long the stage took."""
    from steering_reliability.commands.status import as_lines, status_of  # noqa: PLC0415

    _print(status_of(_planned(study_of(run, config))), as_json=as_json, lines=as_lines)


@app.command()
def summary(run: Run = None, config: Configs = NO_CONFIGS) -> None:
    """Print the main results of a finished run and the path of its report."""
    from steering_reliability.commands.summary import summary_lines  # noqa: PLC0415

    for line in list(summary_lines(_planned(study_of(run, config)))):
        typer.echo(line)


@app.command()
def writeup(run: Run = None, config: Configs = NO_CONFIGS) -> None:
    """Write what a paper needs of a finished run: methods, tables, figures, a checklist and references."""
    from steering_reliability.commands.writeup import writeup_lines  # noqa: PLC0415

    for line in writeup_lines(_planned(study_of(run, config))):
        typer.echo(line)


@app.command()
def verify(run: Run = None, config: Configs = NO_CONFIGS, as_json: AsJson = False) -> None:
    """Compare every file of a finished run with its recorded SHA-256; exit code 1 if one differs."""
    from steering_reliability.commands.verify import as_lines, verify  # noqa: PLC0415

    found = verify(folder_of(run, config))
    _print(found, as_json=as_json, lines=as_lines)
    if found["files"]:
        raise typer.Exit(1)


@app.command()
def reproduce(
    run: Run = None,
    config: Configs = NO_CONFIGS,
    into: Annotated[Path | None, typer.Option(help="folder of the new run; default: reproduced/NAME")] = None,
    cores: Annotated[str, typer.Option(help="cores for Snakemake")] = "all",
    as_json: AsJson = False,
) -> None:
    """Repeat a finished run in a new folder and compare every file; exit code 1 if a difference is unexplained.

    Only provenance.json and SHA256SUMS of the finished run are needed.
    """
    from steering_reliability.commands import reproduce as again  # noqa: PLC0415

    run_dir = folder_of(run, config)
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


@app.command("run")
def run_study(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL | RUN]",
            help="a model (hub id, folder, .gguf file, package:file.gguf), for which config.yaml and prompts are "
            "written here; or the folder of a run, or a config file",
        ),
    ] = None,
    config: Configs = NO_CONFIGS,
    quick: Quick = False,
    prompts: Prompts = None,
    settings: Settings = NO_SETTINGS,
    cores: Cores = "all",
    dry_run: DryRun = False,
    profile: Profile = None,
) -> NoReturn:
    """Run a study from its prompts to its report; an interrupted run resumes."""
    from steering_reliability.commands.named_model import names_model  # noqa: PLC0415
    from steering_reliability.commands.new_study import Wishes  # noqa: PLC0415
    from steering_reliability.commands.plan_command import everything  # noqa: PLC0415
    from steering_reliability.commands.plan_command import run as run_request  # noqa: PLC0415

    wishes = Wishes(quick, prompts, settings)
    if run is not None and not config and names_model(run):
        sys.exit(_study_of_model(run, wishes, cores=cores, dry_run=dry_run, profile=profile))
    if wishes.are_any:
        fix = "name a model, or put the settings into the config file"
        raise InputError("a new study needs a model", where="--quick, --prompts or --set", fix=fix)
    files = study_of(None if run is None else Path(run), config).files_for_snakemake()
    arguments = argparse.Namespace(config=files, cores=cores, dry_run=dry_run, profile=profile)
    sys.exit(run_request(arguments, request=everything))


@app.command()
def demo(
    quick: Quick = False,
    prompts: Prompts = None,
    settings: Settings = NO_SETTINGS,
    cores: Cores = "all",
    dry_run: DryRun = False,
    profile: Profile = None,
) -> NoReturn:
    """Run the default study in this folder, on the embedded model; needs no network once its wheel is installed."""
    from steering_reliability.commands.new_study import Wishes  # noqa: PLC0415

    wishes = Wishes(quick, prompts, settings)
    sys.exit(_study_of_model(None, wishes, cores=cores, dry_run=dry_run, profile=profile))


def _study_of_model(model: str | None, wishes: Any, *, cores: str, dry_run: bool, profile: str | None) -> int:
    from steering_reliability.commands import begin  # noqa: PLC0415

    begun = begin.begin_study(model, wishes, say=typer.echo)
    if not dry_run:
        for line in begin.forecast(begun):
            typer.echo(line)
    code = begin.carry_out(cores=cores, dry_run=dry_run, profile=profile)
    if code == 0 and not dry_run:
        for line in begin.finding(begun):
            typer.echo(line)
    return code


@app.command()
def init(
    model: Annotated[str | None, typer.Argument(metavar="[MODEL]", help="as of run; default: the embedded one")] = None,
    quick: Quick = False,
    prompts: Prompts = None,
    settings: Settings = NO_SETTINGS,
) -> None:
    """Write config.yaml and prompts into this folder, to edit before the study runs."""
    from steering_reliability.commands.begin import begin_study  # noqa: PLC0415
    from steering_reliability.commands.new_study import Wishes  # noqa: PLC0415

    begin_study(model, Wishes(quick, prompts, settings), say=typer.echo)
    typer.echo('next: steering-reliability run, or snakemake --cores all -s "$(steering-reliability snakefile)"')


@app.command()
def snakefile() -> None:
    """Print the path of the workflow's Snakefile."""
    from steering_reliability.run.snakemake_call import SNAKEFILE  # noqa: PLC0415

    typer.echo(str(SNAKEFILE))


_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


@app.command(context_settings=_PASSED_ON, add_help_option=False)
def prompts(context: typer.Context) -> NoReturn:
    """Write the three prompt sets from templates, or import a public set or your own (scripts/make_prompts.py)."""
    _script("make_prompts", context)


@app.command(context_settings=_PASSED_ON, add_help_option=False)
def compare(context: typer.Context) -> NoReturn:
    """Compare all finished runs below a folder (scripts/compare_runs.py)."""
    _script("compare_runs", context)


def _script(name: str, context: typer.Context) -> NoReturn:
    sys.exit(
        subprocess.run(
            [sys.executable, str(WORKFLOW / "scripts" / f"{name}.py"), *context.args], check=False
        ).returncode
    )


@app.command()
def show(
    run: Run = None,
    config: Configs = NO_CONFIGS,
    split: Annotated[str, typer.Option(help="harm_train, harm_test or benign")] = "benign",
    n: Annotated[int, typer.Option(help="number of prompts", min=1)] = 5,
    intervention: Annotated[str | None, typer.Option(help="for example ablate; default: the recommended one")] = None,
    layer: Annotated[str | None, typer.Option(help="steered layers: 14, 10-18, 10+14 or all")] = None,
    alpha: Annotated[float | None, typer.Option(help="strength")] = None,
    as_json: AsJson = False,
) -> None:
    """Print completions of one condition, unsteered and steered."""
    from steering_reliability.commands.show import as_lines, completions_of  # noqa: PLC0415

    found = completions_of(
        folder_of(run, config), split=split, n=n, intervention=intervention, layer=layer, alpha=alpha
    )
    _print(found, as_json=as_json, lines=as_lines)


export = typer.Typer(no_args_is_help=True, help="Export directions or results for other programs.")
app.add_typer(export, name="export")


@export.command("direction")
def export_direction(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="[RUN | FILE.pt ...] OUTPUT",
            help="a run or config file, or .pt files from its directions/ (one per layer); then the output: "
            ".safetensors, or .gguf for llama.cpp and repeng",
        ),
    ],
    config: Configs = NO_CONFIGS,
    layer: Annotated[list[int] | None, typer.Option(help="may be given several times; default: all")] = None,
    alpha: Annotated[float, typer.Option(help="strength at scale 1 of a .gguf, in units of the residual norm")] = 1.0,
    hook_point: Annotated[str | None, typer.Option(help="resid_post or resid_pre; default: that of the run")] = None,
    model: Annotated[str | None, typer.Option(help="architecture for a .gguf; default: that of the run")] = None,
) -> None:
    """Export directions as safetensors or as a GGUF control vector."""
    from steering_reliability.commands.export import directions_of, export_directions, origin_of  # noqa: PLC0415

    *sources, output = paths
    if config or not sources or sources[0].suffix != ".pt":
        sources = directions_of(_only(sources), config, layers=layer or [])
    is_named = output.suffix == ".gguf"
    origin = origin_of(sources[0], hook_point=hook_point, architecture=model, is_named=is_named)
    export_directions(sources, output=output, alpha=alpha, origin=origin)
    typer.echo(str(output))


@export.command("results")
def export_results(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="[RUN] OUTPUT",
            help="a run or config file; then the output: .csv, .jsonl, or a folder for a Hugging Face dataset",
        ),
    ],
    config: Configs = NO_CONFIGS,
) -> None:
    """Export the scored completions of a run."""
    from steering_reliability.commands.export import export_results as write  # noqa: PLC0415

    *sources, output = paths
    write(folder_of(_only(sources), config), output=output)
    typer.echo(str(output))


def _only(sources: list[Path]) -> Path | None:
    if len(sources) > 1:
        raise InputError("there is more than one run", where=str(sources[1]), fix="give one run, then the output")
    return sources[0] if sources else None
