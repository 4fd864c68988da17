"""A new study in the working folder: its config.yaml, with what was chosen and why, and its prompts."""

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import yaml

from steering_reliability.commands.config_text import config_text
from steering_reliability.commands.named_model import NamedModel, is_model_of
from steering_reliability.config.fields import AUTO
from steering_reliability.config.files import WORKFLOW, merge_over, read_yaml
from steering_reliability.config.reading import load_config
from steering_reliability.config.schema import Config
from steering_reliability.errors import InputError
from steering_reliability.evidence.design_power import power_of_plan, shown_words
from steering_reliability.files import write_text
from steering_reliability.prompts.check import check_prompts
from steering_reliability.prompts.schema import SPLITS
from steering_reliability.run.plan import RunPlan, plan_run

CONFIG: Final = Path("config.yaml")
PROMPTS: Final = Path("prompts")

USUAL: Final = {"device": "auto", "dtype": "auto", "chat_template": "auto"}

QUICK: Final[dict[str, dict[str, Any]]] = {
    "data": {"max_prompts_per_split": 24},
    "generation": {"max_new_tokens": 24},
    "experiment": {"target_kl": [1.0]},
    "scan": {"max_prompts_per_split": 3, "strengths": [0.3, 0.8]},
    "sanity_checks": {"enabled": False},
}
"""What `--quick` sets: few prompts and short completions, one strength at three layers, and no controls."""


@dataclass(frozen=True)
class Wishes:
    """What a user wants of a new study beside the model.

    `prompts` is a folder with a file for each split, None the project's own; `settings` are `section.key=value`.
    """

    quick: bool = False
    prompts: Path | None = None
    settings: Sequence[str] = ()

    @property
    def are_any(self) -> bool:
        """Whether anything but the model was named."""
        return self.quick or self.prompts is not None or bool(self.settings)


@dataclass(frozen=True)
class NewStudy:
    """A study that is checked and not written yet.

    `other` is its config with or without `--quick`; `copies` are prompt files to copy, from and to.
    """

    config: dict[str, Any]
    other: dict[str, Any]
    text: str
    copies: list[tuple[Path, Path]]

    def write(self) -> Iterator[str]:
        """Write what is not there; a line for each file.

        Raises:
            InputError: When the folder can't be written.
        """
        try:
            for source, target in self.copies:
                target.parent.mkdir(exist_ok=True)
                shutil.copyfile(source, target)
            write_text(CONFIG, self.text)
        except OSError as error:
            what = f"the study can't be written: {error.strerror}"
            raise InputError(
                what, where=str(Path.cwd()), fix="go to a folder of your own, with room on its disk"
            ) from None
        if self.copies:
            yield f"{PROMPTS}/: the project's prompts, to use or to replace"
        yield f"{CONFIG}: every key with its meaning, and why it was chosen"


def is_quick(config: Mapping[str, Any]) -> bool:
    """Whether a config has all that `--quick` sets."""
    return merge_over(config, QUICK) == config


def existing_config(section: Mapping[str, Any], wishes: Wishes) -> dict[str, Any] | None:
    """The config.yaml of the working folder, with which a study goes on; None where there is none.

    `section` is that of the model.

    Raises:
        InputError: When the file is about another model, or has other settings than those that are wished.
    """
    if not CONFIG.exists():
        return None
    there, where = read_yaml(CONFIG), str(CONFIG.resolve())
    if not is_model_of(there, section=section):
        other = there["model"].get("name") if isinstance(there.get("model"), Mapping) else "no model"
        what = f"there is a config.yaml already, of {other}"
        raise InputError(what, where=where, fix="use an empty folder, or move the file away")
    wanted = dict(there)
    for part in _parts(section, wishes):
        wanted = merge_over(wanted, part)
    changed = _differences(load_config(there, where=where), load_config(wanted, where="--set"))
    if wishes.are_any and changed:
        what = f"there is a config.yaml already, with other settings: {', '.join(changed)}"
        raise InputError(what, where=where, fix="edit the file, or use an empty folder")
    return there


def new_study(model: NamedModel, wishes: Wishes) -> NewStudy:
    """Choose the config of a study, and check it with its prompts; nothing is written.

    Raises:
        InputError: When a setting, the model or the prompts can't be used.
    """
    config = _config_of(model, wishes)
    copies = _copies(wishes)
    parsed = load_config(config, where="--set" if wishes.settings else "config")
    sources = {split: str(target) for split, target in _split_files(wishes).items()}
    sources |= {target.stem: str(source) for source, target in copies}
    # Of the files that are to be copied; no rule sees this plan.
    plan = plan_run(merge_over(config, {"data": {f"{split}_path": path for split, path in sources.items()}}))
    check_prompts(sources, limit=parsed.data.max_prompts_per_split, cluster_field=parsed.data.cluster_field)
    why = {f"model.{key}": reason for key, reason in model.why.items()} | _reasons(plan, wishes)
    head = (
        f"A study of {parsed.model.name}, written by `steering-reliability`. Edit it, then `steering-reliability run`, "
        "or `snakemake`: what did not change is not computed again."
    )
    other = _config_of(model, replace(wishes, quick=not wishes.quick))
    return NewStudy(config, other, config_text(config, head=head, why=why), copies)


def _config_of(model: NamedModel, wishes: Wishes) -> dict[str, Any]:
    config = read_yaml(WORKFLOW / "config.yaml")
    # In the order of the file, which has every key; null is the default of those that are no part of `USUAL`.
    config["model"] = {**dict.fromkeys(config["model"]), **USUAL, **model.section}
    for part in ({"experiment": _output_dir(model.section)}, *_parts(model.section, wishes)):
        config = merge_over(config, part)
    return config


def _parts(section: Mapping[str, Any], wishes: Wishes) -> Iterator[Mapping[str, Any]]:
    """What is wished, as configs that are merged from left to right."""
    if wishes.prompts is not None:
        yield {"data": {f"{split}_path": str(path) for split, path in _split_files(wishes).items()}}
    if wishes.quick:
        yield merge_over(QUICK, {"experiment": _output_dir(section, ending="-quick")})
    yield from map(_setting, wishes.settings)


def _output_dir(section: Mapping[str, Any], *, ending: str = "") -> dict[str, str]:
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", str(section["name"]).rsplit("/", 1)[-1]).strip(".-") or "model"
    return {"output_dir": f"results/{slug}{ending}"}


def _setting(given: str) -> dict[str, Any]:
    """A `section.key=value` as a config; the value is YAML."""
    name, equals, text = given.partition("=")
    keys = name.strip().split(".")
    if not equals or len(keys) < 2 or not all(keys):
        fix = "write section.key=value, for example generation.max_new_tokens=20"
        raise InputError(f"{given!r} is no setting", where="--set", fix=fix)
    try:
        part: Any = yaml.safe_load(text)
    except yaml.YAMLError:
        raise InputError(f"the value of {name} is not valid YAML: {text}", where="--set", fix="quote it") from None
    for key in reversed(keys):
        part = {key: part}
    return dict(part)


def _split_files(wishes: Wishes) -> dict[str, Path]:
    folder = PROMPTS if wishes.prompts is None else wishes.prompts
    return {split: folder / f"{split}.jsonl" for split in SPLITS}


def _copies(wishes: Wishes) -> list[tuple[Path, Path]]:
    """The project's prompt files, and where they go; none where the user has prompts."""
    files = _split_files(wishes)
    absent = [f"{split}.jsonl" for split, path in files.items() if not path.is_file()]
    if not absent:
        return []
    folder = next(iter(files.values())).parent
    if wishes.prompts is not None or folder.exists():
        fix = "put a file of each split there; `steering-reliability prompts --help` says how to make one"
        raise InputError(f"the folder of prompts lacks {', '.join(absent)}", where=str(folder), fix=fix)
    return [(WORKFLOW / "prompts" / path.name, path) for path in files.values()]


def _reasons(plan: RunPlan, wishes: Wishes) -> dict[str, str]:
    """Why keys beside the model's have their values."""
    shown = shown_words(power_of_plan(plan))
    reasons = {
        "model.dtype": f"here that is {_number_format(plan.config)}.",
        "data.max_prompts_per_split": f"with so many the claims show {shown} (80% power).",
    }
    if plan.is_open:
        what = "layers" if plan.config.experiment.layers == AUTO else "alphas"
        reasons[f"experiment.{what}"] = "a scan finds them on prompts that the study does not use."
    given = {name: "--quick" for name in _names(QUICK)} if wishes.quick else {}
    given |= {name: "--set" for part in map(_setting, wishes.settings) for name in _names(part)}
    for name, option in given.items():
        reasons[name] = f"{option}; {reasons[name]}" if name in reasons else f"{option}."
    return reasons


def _names(part: Mapping[str, Any]) -> list[str]:
    return [f"{section}.{key}" for section, keys in part.items() if isinstance(keys, Mapping) for key in keys]


def _number_format(config: Config) -> str:
    from steering_reliability.model.loading import choose_device, choose_dtype  # noqa: PLC0415 - costs seconds

    device, _ = choose_device(config.model.device)
    return f"{str(choose_dtype(config.model.dtype, device=device)).removeprefix('torch.')} on {device.type}"


def _differences(there: Config, wanted: Config) -> list[str]:
    found = []
    for section, keys in wanted.model_dump(mode="json").items():
        before = there.model_dump(mode="json")[section]
        if not isinstance(keys, dict) or not isinstance(before, dict):
            found += [section] if keys != before else []
            continue
        found += [f"{section}.{key}" for key, value in keys.items() if before[key] != value]
    return found
