"""A study of a model that is named by one word, from its config to its finding."""

import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steering_reliability.commands.doctor import make_base, measure, work_of
from steering_reliability.commands.named_model import embedded_model, embedded_section, named_model, section_of
from steering_reliability.commands.new_study import CONFIG, Wishes, existing_config, is_quick, new_study
from steering_reliability.commands.study_table import limits_sentence, study_facts, table_lines
from steering_reliability.commands.summary import summary_lines
from steering_reliability.config.files import study_folder
from steering_reliability.config.places import ConfigPlaces
from steering_reliability.run.plan import RunPlan, plan_run
from steering_reliability.run.snakemake_call import snakemake_command, snakemake_environment


@dataclass(frozen=True)
class Begun:
    """A study whose config is written; `other` is the config with or without `--quick`, None where it went on."""

    config: dict[str, Any]
    other: Mapping[str, Any] | None

    @property
    def plan(self) -> RunPlan:
        """Its run, as it is now."""
        with ConfigPlaces([CONFIG]).named():
            return plan_run(self.config)


def begin_study(word: str | None, wishes: Wishes, *, say: Callable[[str], Any]) -> Begun:
    """Write the config and the prompts of a study of a model, or go on with those that are there.

    `word` names the model, None the embedded one.

    Raises:
        InputError: When something that was named can't be used; then nothing is written.
    """
    section = embedded_section() if word is None else section_of(word)
    there = existing_config(section, wishes)
    if there is not None:
        say(f"{CONFIG}: goes on as it is there; another study needs another folder")
        return Begun(there, None)
    study = new_study(embedded_model() if word is None else named_model(word), wishes)
    for line in study.write():
        say(line)
    return Begun(study.config, study.other)


def forecast(begun: Begun) -> Iterator[str]:
    """Make the model's folder, measure its speed, and say what the study costs and can show.

    Raises:
        InputError: When the model can't be made or loaded.
    """
    plan, quick = begun.plan, is_quick(begun.config)
    if work_of(plan)["completions_left"] == 0:
        yield f"{plan.folder}: every completion is there"
        return
    if plan.makes_base and not Path(plan.base_file).is_file():
        yield f"model: preparing {plan.config.model.name} in {plan.base}"
        make_base(plan, files=[CONFIG])
    # Loading included; a quick study has no time to be sure.
    probe = measure(plan, seconds=10.0 if quick else 20.0)
    studies = {"--quick" if quick else "this study": study_facts(plan, probe=probe)}
    if begun.other is not None:
        studies["without --quick" if quick else "--quick"] = study_facts(plan_run(begun.other), probe=probe)
    yield from table_lines(studies)
    if quick:
        yield limits_sentence(studies["--quick"]["power"])


def carry_out(*, cores: str, dry_run: bool, profile: str | None) -> int:
    """Let Snakemake make what is missing; returns its exit code."""
    command = snakemake_command(configs=[CONFIG], cores=cores, profile=profile)
    command += ["--dry-run"] if dry_run else ["--logger", "progress", "--show-failed-logs"]
    command += ["--", "all"]
    return subprocess.run(command, cwd=study_folder(), env=snakemake_environment(), check=False).returncode


def finding(begun: Begun) -> Iterator[str]:
    """What the study found, and where its page is."""
    if is_quick(begun.config):
        yield "Without --quick, in another folder, controls run too and smaller changes are seen."
    yield from summary_lines(begun.plan)
