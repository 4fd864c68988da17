"""The scan where a worker holds the model: one request for each layer and steering, of one token and two openings."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from steering_reliability.directions.files import StoredDirection, write_direction
from steering_reliability.generation.requests import CompletionRequest, SteeringRequest
from steering_reliability.model.source import layers_of_config
from steering_reliability.process.ledger import record_making
from steering_reliability.prompts.reading import read_prompts
from steering_reliability.scan.measure import Steerings, banded_places, directions_of, row_of, steerings_of
from steering_reliability.scan.table import MAIN, ScanRow, write_scan
from steering_reliability.worker.client import request_completions
from steering_reliability.worker.protocol import WorkerIdentity

# Requests in flight: enough to fill a batch.
_AT_ONCE: Final = 16

Prompts = Sequence[tuple[str, str, str]]
"""Split, id and text of each."""
Answers = list[dict[str, Any]]


def ask_for_scan(
    output: str | Path,
    *,
    folder: str | Path,
    activations: str | Path,
    prompts: Mapping[str, str | Path],
    settings: Mapping[str, Any],
    worker: WorkerIdentity,
    worker_log: Path,
    own: Mapping[int, str] | None = None,
) -> None:
    """Have the run's worker measure every layer, and write scan.csv; what computed it goes to the job's log.

    The arguments are those of `measure_scan`, and the worker with its log.

    Raises:
        InputError: When prompts, model or activations can't be used, or no layer has a direction.
    """
    found = [
        (split, one.id, one.prompt) for split, path in prompts.items() for one in read_prompts(Path(path), split=split)
    ]
    n_layers = layers_of_config(Path(folder) / "config.json")
    directions = directions_of(activations, n_layers=n_layers, settings=settings, own=own or {})
    plain = CompletionRequest(
        prompts=[],
        samples=1,
        seed=0,
        max_new_tokens=1,
        temperature=0.0,
        top_p=1.0,
        positions=settings["positions"],
        openings=settings["openings"],
        is_scored=False,
        **{name: settings[name] for name in ("system_prompt", "chat_template", "prompt_template")},
    )

    def ask(of: Prompts, steering: SteeringRequest | None) -> Answers:
        request = replace(plain, prompts=[(name, text) for _, name, text in of], steering=steering)
        return request_completions(request, worker=worker, log=worker_log, record=facts.append)

    facts: list[Mapping[str, Any]] = []
    rows: list[ScanRow] = []
    with tempfile.TemporaryDirectory(dir=Path(output).parent, prefix=".directions-") as scratch:
        files = _write(directions, Path(scratch).resolve())
        for number, intervention in enumerate(settings["interventions"]):
            # The random directions tell how large an effect may be by chance; once is enough.
            tried = {
                layer: steerings_of(
                    of_layer if number == 0 else of_layer[:1],
                    intervention=intervention,
                    strengths=settings["strengths"],
                    alpha_unit=settings["alpha_unit"],
                )
                for layer, of_layer in directions.items()
            }
            rows += _measure(found, tried, files, intervention=intervention, unit=settings["alpha_unit"], ask=ask)
    record_making(facts[0])
    write_scan(output, rows)


def _write(directions: Mapping[int, Sequence[StoredDirection]], folder: Path) -> dict[tuple[int, str], str]:
    """A file for each direction of each layer, as a request names them."""
    files = {}
    for layer, of_layer in directions.items():
        for at, direction in enumerate(of_layer):
            name = MAIN if at == 0 else f"random_{at - 1}"
            file = folder / f"{layer}_{name}.pt"
            write_direction(file, direction)
            files[layer, name] = str(file)
    return files


def _measure(
    prompts: Prompts,
    tried: Mapping[int, Steerings],
    files: Mapping[tuple[int, str], str],
    *,
    intervention: str,
    unit: str,
    ask: Callable[[Prompts, SteeringRequest | None], Answers],
) -> list[ScanRow]:
    """The rows of one intervention, in the order of `scan_rows`."""
    splits = list(dict.fromkeys(split for split, *_ in prompts))
    of_split = {split: [one for one in prompts if one[0] == split] for split in splits}
    few = [of[at] for of in of_split.values() for at in sorted(banded_places(len(of)))]
    unsteered = {one[1]: answer for one, answer in zip(prompts, ask(prompts, None), strict=True)}
    cells = [
        (layer, at, name, alpha)
        for layer, found in tried.items()
        for at, (name, alpha) in enumerate(zip(found.names, found.alphas, strict=True))
    ]

    def values_of(cell: tuple[int, int, str, float]) -> dict[str, list[tuple[float, float]]]:
        layer, _, name, alpha = cell
        given = prompts if name == MAIN else few
        steering = SteeringRequest(intervention, str(layer), alpha, (layer,), unit, (files[layer, name],))
        values: dict[str, list[tuple[float, float]]] = {split: [] for split in splits}
        for (split, key, _), answer in zip(given, ask(given, steering), strict=True):
            change = answer["refusal_propensity"] - unsteered[key]["refusal_propensity"]
            values[split].append((change, answer["first_token_kl"]))
        return values

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        outcomes = dict(zip(((layer, at) for layer, at, *_ in cells), threads.map(values_of, cells), strict=True))
    return [
        row_of(outcomes[layer, at][split], found, at, intervention=intervention, layer=layer, split=split)
        for at in range(max(len(found.names) for found in tried.values()))
        for layer, found in tried.items()
        for split in splits
    ]
