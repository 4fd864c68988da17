"""The activations stage: from prompts and a model's folder to one file for all layers."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from steering_reliability.directions.activations import read_residuals
from steering_reliability.directions.files import Activations, write_activations
from steering_reliability.directions.outcomes import read_outcomes
from steering_reliability.directions.sources import texts_to_compare
from steering_reliability.model.loading import load_model
from steering_reliability.process.ledger import record_making
from steering_reliability.prompts.reading import read_prompts
from steering_reliability.prompts.schema import Prompt
from steering_reliability.prompts.subset import choose_direction_set


def measure_activations(
    output: str | Path,
    *,
    folder: str | Path,
    harm_train: str | Path,
    extra: Sequence[str],
    settings: Mapping[str, Any],
) -> None:
    """Read the residual streams that a method compares, and write them; what read them goes to the job's log.

    Args:
        output: safetensors file.
        folder: The model's Hugging Face folder.
        harm_train: Prepared prompts of harm_train.
        extra: For difference_in_means the benign prompts, for outcome_conditioned the baseline shard of harm_train.
        settings: `method`, the prefixes, `build_fraction`, `hook_point`, `position`, `system_prompt`,
            `chat_template`, `device`, `dtype`, and `prompt_template` where there is one.

    Raises:
        InputError: When prompts, outcomes or model can't be used.
    """
    method = settings["method"]
    fraction = settings["build_fraction"]
    prompts = {"harm_train": _builders(harm_train, split="harm_train", fraction=fraction)}
    if method == "difference_in_means":
        prompts["benign"] = _builders(extra[0], split="benign", fraction=fraction)
    refusing, complying, paired = texts_to_compare(
        method,
        prompts=prompts,
        refusal_prefix=settings["refusal_prefix"],
        compliance_prefix=settings["compliance_prefix"],
        outcomes=_outcomes(extra[0], prompts["harm_train"]) if method == "outcome_conditioned" else (),
        where=extra[0] if extra else "",
    )
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    model = load_model(folder, device=settings["device"], dtype=settings["dtype"])
    sides = [
        read_residuals(
            texts,
            model=model,
            hook_point=settings["hook_point"],
            position=settings["position"],
            system_prompt=settings["system_prompt"],
            chat_template=settings["chat_template"],
            prompt_template=settings.get("prompt_template"),
        )
        for texts in (refusing, complying)
    ]
    record_making(model.facts)
    write_activations(output, Activations(sides[0], sides[1], paired))


def _builders(path: str | Path, *, split: str, fraction: float) -> list[Prompt]:
    prompts = read_prompts(Path(path), split=split)
    chosen = choose_direction_set(prompts, fraction=fraction)
    return [prompt for prompt in prompts if prompt.id in chosen]


def _outcomes(shard: str, prompts: Sequence[Prompt]) -> list[dict[str, Any]]:
    ids = {prompt.id for prompt in prompts}
    return [row for row in read_outcomes(shard) if row["id"] in ids]
