"""Prompts answered by hand: unsteered and steered side by side, with label and first-token KL."""

import shutil
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO, get_args

from steering_reliability.commands.export import directions_of
from steering_reliability.commands.show import point_of
from steering_reliability.commands.study import folder_of, study_of
from steering_reliability.config.fields import Intervention
from steering_reliability.config.reading import load_config
from steering_reliability.config.schema import Config
from steering_reliability.directions.files import StoredDirection, read_direction
from steering_reliability.errors import InputError
from steering_reliability.library.generate import GeneratedText, generate
from steering_reliability.library.read import load_model
from steering_reliability.metrics.scorer import Scorer, load_scorer
from steering_reliability.model.source import tuned_folder
from steering_reliability.results.schema import read_results
from steering_reliability.results.scoring import length_for_full_mark, score_row
from steering_reliability.run.settings import Settings
from steering_reliability.text.escaping import visible
from steering_reliability.text.layer_names import layer_set
from steering_reliability.text.layers import point_words

if TYPE_CHECKING:
    from steering_reliability.model.loading import LoadedModel

PROMPT: Final = "prompt> "
_BETWEEN: Final = " | "


@dataclass(frozen=True)
class Steering:
    """A run's model, loaded, and the point at which it is steered.

    `point` has intervention, layer and alpha; `directions` has one for each of `blocks`, or one for all of them.
    """

    config: Config
    point: dict[str, Any]
    model: "LoadedModel"
    blocks: str | list[int]
    directions: list[StoredDirection]
    scorer: Scorer | None

    def answer(self, prompt: str) -> dict[str, Any]:
        """The prompt's answers `unsteered` and `steered`, with the settings of the run.

        Text counts as degenerate here if it repeats itself; how likely it is has no measure outside a split.

        Raises:
            InputError: When the prompt is too long, or the strength can't be used.
        """
        config, intervention = self.config, self.point["intervention"]
        settings: dict[str, Any] = {
            "model": self.model,
            "sampling": config.generation.model_copy(update={"num_samples_per_prompt": 1}),
            **config.model.templates(),
        }
        steering: dict[str, Any] = {
            "direction": self.directions,
            "layer": self.blocks,
            "alpha": self.point["alpha"],
            "intervention": intervention,
            "alpha_unit": Settings(config, {}).alpha_unit,
            "positions": config.experiment.positions,
            "hook_point": config.direction.hook_point,
        }
        (unsteered,), (steered,) = generate([prompt], **settings), generate([prompt], **settings, **steering)
        return {
            "prompt": prompt,
            "point": self.point,
            "unsteered": self._scored(unsteered),
            "steered": self._scored(steered),
        }

    def _scored(self, text: GeneratedText) -> dict[str, Any]:
        row = {"prompt": text.prompt, "completion": text.completion, "n_tokens": text.n_tokens}
        length = length_for_full_mark(self.config.generation.max_new_tokens)
        unknown = float("nan")
        scores = score_row(
            row | {"base_logprob": unknown}, baseline_base_logprob=unknown, full_length=length, scorer=self.scorer
        )
        kept = ("refusal_label", "is_degenerate")
        return {**row, **{name: scores[name] for name in kept}, "first_token_kl": text.first_token_kl}


def steering_of(
    run: Path | None, configs: list[Path], *, intervention: str | None, layer: str | None, alpha: float | None
) -> Steering:
    """Load a run's model and directions; what is not given of the point is as at the recommended one.

    Raises:
        InputError: When there is no such direction or model, or the point is left open by a run without results.
    """
    config = load_config(study_of(run, configs).config)
    point = _point(config, folder_of(run, configs), intervention=intervention, layer=layer, alpha=alpha)
    try:
        named = layer_set(point["layer"])
    except ValueError:
        raise InputError(f"{point['layer']!r} names no layers", where="--layer", fix="write 14, 10-18 or all") from None
    wanted = named.blocks if named.source is None else (named.source,)
    directions = [read_direction(path) for path in directions_of(run, configs, layers=wanted)]
    scorer = load_scorer(config.metrics.scorer) if config.metrics.scorer else None
    folder = tuned_folder(config.model, config.refusal_tuning)
    _say_no_progress()
    model = load_model(folder, device=config.model.device, dtype=config.model.dtype)
    return Steering(config, point, model, "all" if named.is_all else sorted(named.blocks), directions, scorer)


def _say_no_progress() -> None:
    from transformers.utils.logging import disable_progress_bar  # noqa: PLC0415 - costs seconds

    disable_progress_bar()


def _point(
    config: Config, run: Path, *, intervention: str | None, layer: str | None, alpha: float | None
) -> dict[str, Any]:
    if intervention is not None and intervention not in get_args(Intervention):
        fix = f"use one of {', '.join(get_args(Intervention))}"
        raise InputError(f"there is no intervention {intervention!r}", where="--intervention", fix=fix)
    if layer is not None and alpha is not None:
        return {"intervention": intervention or config.experiment.interventions[0], "layer": layer, "alpha": alpha}
    results = read_results(run / "results.parquet")
    point = point_of(results, intervention=intervention, layer=layer, alpha=alpha, run=run)
    return {name: point[name] for name in ("intervention", "layer", "alpha")}


def prompts_of(stream: TextIO) -> Iterator[str]:
    """The prompts that a person types, up to an empty line, or those of a file or pipe, one per line."""
    if not stream.isatty():
        yield from (line.strip() for line in stream if line.strip())
        return
    while line := _typed():
        yield line


def _typed() -> str:
    try:
        return input(PROMPT).strip()
    except (EOFError, KeyboardInterrupt):
        return ""


def answers(steering: Steering, *, stream: TextIO) -> Iterator[dict[str, Any]]:
    """Answer every prompt; what is wrong with one that a person typed is said, and the next one is asked for."""
    for prompt in prompts_of(stream):
        try:
            yield steering.answer(prompt)
        except InputError as error:
            if not stream.isatty():
                raise
            print(error, file=sys.stderr)


def as_lines(answer: dict[str, Any], *, width: int | None = None) -> Iterator[str]:
    """An answer in two columns as wide as the terminal; control characters are written out."""
    columns = width or shutil.get_terminal_size((100, 24)).columns
    wide = max(20, (columns - len(_BETWEEN)) // 2)
    left, right = (
        [title, *_wrapped(one["completion"], wide), *textwrap.wrap(_label(one), wide)]
        for title, one in (("unsteered", answer["unsteered"]), (point_words(answer["point"]), answer["steered"]))
    )
    for one, other in zip_longest(left, right, fillvalue=""):
        yield f"{one:<{wide}}{_BETWEEN}{other}".rstrip()


def _wrapped(text: str, wide: int) -> list[str]:
    return ["", *(part for line in visible(text).split("\n") for part in textwrap.wrap(line, wide) or [""]), ""]


def _label(one: dict[str, Any]) -> str:
    degenerate = ", repeats itself" if one["is_degenerate"] else ""
    return f"[{one['refusal_label']}{degenerate}; first-token KL {one['first_token_kl']:.3g} nats]"
