"""The scan's measurement: every layer and strength, and random directions beside the run's own."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from jaxtyping import Float
from torch import Tensor

from steering_reliability.directions.build_direction import build_direction
from steering_reliability.directions.files import StoredDirection, read_activations
from steering_reliability.directions.user_direction import read_user_direction
from steering_reliability.errors import InputError
from steering_reliability.interventions.steer import steered_span, unit_vector
from steering_reliability.model.loading import LoadedModel, beyond_context, load_model, opening_tokens, render_prompt
from steering_reliability.process.ledger import record_making
from steering_reliability.process.system import cores
from steering_reliability.prompts.reading import read_prompts
from steering_reliability.scan.branching import Branching
from steering_reliability.scan.table import MAIN, ScanRow, write_scan
from steering_reliability.scan.tail import Tail, make_tail

# Prompts of a split on which random directions are measured: the prompts agree on what a direction does.
RANDOM_PROMPTS: Final = 8
# Seeds of the random directions begin here, so that no control of the study is one of them.
RANDOM_SEEDS: Final = 1_000_000
# Tokens in one pass: matrix products of so many rows are near their best.
TOKENS: Final = 512
# Bytes for keys and values in one pass, beside the model.
MEMORY: Final = 1 << 30


@dataclass(frozen=True)
class Steerings:
    """What is tried at a layer: each direction at each strength, direction by direction.

    Attributes:
        names: Direction of each steering.
        alphas: Strength of each.
        coefficients: Length added by each.
        units: Direction of each, of length 1.
    """

    names: tuple[str, ...]
    alphas: tuple[float, ...]
    coefficients: Float[Tensor, " n"]
    units: Float[Tensor, "n d_model"]


def measure_scan(
    output: str | Path,
    *,
    folder: str | Path,
    activations: str | Path,
    prompts: Mapping[str, str | Path],
    settings: Mapping[str, Any],
    own: Mapping[int, str] | None = None,
) -> None:
    """Measure every layer of a model and write scan.csv; what computed it goes to the job's log.

    Args:
        output: Path of scan.csv.
        folder: The model's.
        activations: Those that the run's main direction is made of, at all layers.
        prompts: The reserved prompts: a file for `harm_train`, one for `benign`.
        settings: `method` and `direction_seed` of the main direction, `interventions` (`add`, `add_keep_norm`),
            `strengths`, `random_directions`, `seed`, `alpha_unit`, `positions`, `openings` (a refusal's and a
            compliance's), `hook_point`, `device`, `dtype`, `system_prompt`, `chat_template`, and `prompt_template`
            where there is one.
        own: The user's file for each layer that has one; the layers without are left out.

    Raises:
        InputError: When prompts, model or activations can't be used, or no layer has a direction.
    """
    torch.set_num_threads(cores())
    model = load_model(folder, device=settings["device"], dtype=settings["dtype"])
    tails = {split: tails_of(path, split=split, model=model, settings=settings) for split, path in prompts.items()}
    directions = directions_of(activations, n_layers=model.n_layers, settings=settings, own=own or {})
    rows = [
        row
        for number, intervention in enumerate(settings["interventions"])
        for row in scan_rows(
            tails,
            model=model,
            # The random directions tell how large an effect may be by chance; once is enough.
            directions=directions if number == 0 else {layer: found[:1] for layer, found in directions.items()},
            intervention=intervention,
            strengths=settings["strengths"],
            alpha_unit=settings["alpha_unit"],
            hook_point=settings["hook_point"],
        )
    ]
    record_making(model.facts)
    write_scan(output, rows)


def random_seed(settings: Mapping[str, Any], layer: int, number: int) -> int:
    """Seed of a random direction; each layer has its own, since those nearby make the band together."""
    return RANDOM_SEEDS + int(settings["seed"]) + 1000 * layer + number


def directions_of(
    activations: str | Path, *, n_layers: int, settings: Mapping[str, Any], own: Mapping[int, str]
) -> dict[int, list[StoredDirection]]:
    """The main direction and the random ones of every layer at which the main one exists.

    Raises:
        InputError: When it exists at no layer.
    """
    found: dict[int, list[StoredDirection]] = {}
    for layer in range(n_layers):
        if own and layer not in own:
            continue
        here = read_activations(activations, layer=layer)
        wanted = [(settings["method"], settings["direction_seed"])]
        wanted += [("random", random_seed(settings, layer, at)) for at in range(settings["random_directions"])]
        width = here.positive.shape[-1]
        try:
            user = own.get(layer) and read_user_direction(
                own[layer], layer=layer, hook_point=settings["hook_point"], d_model=width
            )
            found[layer] = [
                build_direction(
                    here,
                    layer=layer,
                    method=method,
                    normalize=True,
                    seed=seed,
                    where=str(activations),
                    # A random direction has the length of the method that it is compared with.
                    estimator=None if settings["method"] == "random" else settings["method"],
                    user_vector=user if isinstance(user, Tensor) else None,
                )
                for method, seed in wanted
            ]
        except InputError as error:
            print(f"the scan leaves layer {layer} out: {error.what}", flush=True)
            last = error
    if not found:
        raise last
    return found


def tails_of(path: str | Path, *, split: str, model: LoadedModel, settings: Mapping[str, Any]) -> list[Tail]:
    """The prompts of a file, laid out with the two openings.

    Raises:
        InputError: When one is too long for the model.
    """
    templates = {name: settings[name] for name in ("chat_template", "prompt_template") if name in settings}
    found, long = [], {}
    for prompt in read_prompts(Path(path), split=split):
        rendered = render_prompt(
            prompt.prompt, tokenizer=model.tokenizer, system_prompt=settings["system_prompt"], **templates
        )
        openings = [
            opening_tokens(opening, prompt=prompt.prompt, tokenizer=model.tokenizer, **templates)
            for opening in settings["openings"]
        ]
        n, room = len(rendered.tokens), max(map(len, openings))
        if n + room > model.context:
            long[prompt.id] = n
        span = steered_span(settings["positions"], user_end=rendered.user_end, prompt_length=n)
        found.append(make_tail(rendered.tokens, openings=openings, span=span, split=split))
    if long:
        raise beyond_context(long, context=model.context, room=room)
    return found


def scan_rows(
    tails: Mapping[str, Sequence[Tail]],
    *,
    model: LoadedModel,
    directions: Mapping[int, Sequence[StoredDirection]],
    intervention: str,
    strengths: Sequence[float],
    alpha_unit: str,
    hook_point: str,
) -> list[ScanRow]:
    """Measure an intervention at every layer.

    The random directions (all but the first) are measured at the stronger half of the strengths, on 8 prompts of each
    split; column n says so.
    """
    steerings = {
        layer: steerings_of(found, intervention=intervention, strengths=strengths, alpha_unit=alpha_unit)
        for layer, found in directions.items()
    }
    banded, others = _divide(tails)
    n_all = max(len(found.names) for found in steerings.values())
    groups = [(group, n_all) for group in _groups(banded, model=model, n_steerings=n_all)]
    groups += [(group, len(strengths)) for group in _groups(others, model=model, n_steerings=len(strengths))]
    values: dict[tuple[int, int, str], list[tuple[float, float]]] = {}
    for group, n_steerings in groups:
        for layer, number, split, pair in _measured(
            group, model=model, steerings=steerings, n=n_steerings, intervention=intervention, hook_point=hook_point
        ):
            values.setdefault((layer, number, split), []).append(pair)
    return [
        row_of(values[layer, number, split], found, number, intervention=intervention, layer=layer, split=split)
        for number in range(n_all)
        for layer, found in steerings.items()
        for split in tails
    ]


def steerings_of(
    directions: Sequence[StoredDirection], *, intervention: str, strengths: Sequence[float], alpha_unit: str
) -> Steerings:
    """What is tried along the main direction and the random ones (all but the first) of a layer."""
    names = [MAIN, *(f"random_{number}" for number in range(len(directions) - 1))]
    ladder = sorted(strengths)
    pairs = [
        (name, direction, alpha)
        for name, direction in zip(names, directions, strict=True)
        # A random direction disturbs less: at the weaker strengths there would be nothing to see.
        for alpha in (ladder if name == MAIN else ladder[len(ladder) // 2 :])
    ]
    coefficients = [
        direction.coefficient(alpha, intervention=intervention, unit=alpha_unit) for _, direction, alpha in pairs
    ]
    return Steerings(
        names=tuple(name for name, *_ in pairs),
        alphas=tuple(alpha for *_, alpha in pairs),
        coefficients=torch.tensor(coefficients, dtype=torch.float32),
        units=torch.stack([unit_vector(direction.vector) for _, direction, _ in pairs]),
    )


def banded_places(n: int) -> set[int]:
    """Which of a split's n prompts random directions are measured on too."""
    few = min(RANDOM_PROMPTS, n)
    return {at * n // few for at in range(few)}


def _divide(tails: Mapping[str, Sequence[Tail]]) -> tuple[list[Tail], list[Tail]]:
    """The prompts that random directions are measured on too, spread over each split's file, and the others."""
    banded, others = [], []
    for of_split in tails.values():
        chosen = banded_places(len(of_split))
        banded += [tail for at, tail in enumerate(of_split) if at in chosen]
        others += [tail for at, tail in enumerate(of_split) if at not in chosen]
    return banded, others


def _groups(tails: Sequence[Tail], *, model: LoadedModel, n_steerings: int) -> list[list[Tail]]:
    """Prompts that are read together, so that all their steerings are about one pass."""
    if not tails:
        return []
    size = _rows_at_once(tails, model=model) // n_steerings
    return [list(tails[part.start : part.stop]) for part in _parts(len(tails), at_once=size)]


def _parts(n: int, *, at_once: int) -> list[range]:
    """Numbers below n in parts of like size, of at most `at_once` (at least 1)."""
    parts = -(-n // max(1, at_once))
    return [range(part * n // parts, (part + 1) * n // parts) for part in range(parts)]


def _rows_at_once(tails: Sequence[Tail], *, model: LoadedModel) -> int:
    width = max(len(tail.tokens) for tail in tails)
    length = width + max(len(tail.before) for tail in tails)
    return max(1, min(TOKENS // width, MEMORY // (length * model.token_bytes)))


def _measured(
    group: Sequence[Tail],
    *,
    model: LoadedModel,
    steerings: Mapping[int, Steerings],
    n: int,
    intervention: str,
    hook_point: str,
) -> Iterator[tuple[int, int, str, tuple[float, float]]]:
    """Layer, number of the steering, split, and the two outcomes of each prompt, under the first n steerings."""
    reading = Branching(model, group, hook_point=hook_point)
    for numbers in _parts(n, at_once=_rows_at_once(group, model=model) // len(group)):
        for layer, found in steerings.items():
            outcomes = reading.steer_at(
                layer,
                units=found.units[numbers.start : numbers.stop],
                coefficients=found.coefficients[numbers.start : numbers.stop],
                keep_norm=intervention == "add_keep_norm",
            )
            changes, kls = outcomes.propensity_change.tolist(), outcomes.first_token_kl.tolist()
            for tail, change, kl in zip(group, changes, kls, strict=True):
                for number, pair in zip(numbers, zip(change, kl, strict=True), strict=True):
                    yield layer, number, tail.split, pair


def row_of(
    values: Sequence[tuple[float, float]],
    found: Steerings,
    number: int,
    *,
    intervention: str,
    layer: int,
    split: str,
) -> ScanRow:
    """The mean and spread of the two outcomes over prompts, under one steering of a layer."""
    changes, kls = zip(*values, strict=True)
    spread = [statistics.stdev(of) if len(of) > 1 else float("nan") for of in (changes, kls)]
    return ScanRow(
        intervention=intervention,
        direction=found.names[number],
        layer=layer,
        alpha=found.alphas[number],
        coefficient=float(found.coefficients[number]),
        split=split,
        n=len(values),
        propensity_change=statistics.fmean(changes),
        propensity_change_sd=spread[0],
        first_token_kl=statistics.fmean(kls),
        first_token_kl_sd=spread[1],
    )
