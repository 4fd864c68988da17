"""From a model's folder to the folder of the same model with a refusal habit.

Next-token loss on the answers of `examples`; only the output projections of some blocks are trained.
"""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from steering_reliability.config.schema import RefusalTuningConfig
from steering_reliability.errors import InputError
from steering_reliability.model.card import read_card, tuning_code, write_card
from steering_reliability.model.loading import load_model
from steering_reliability.model.preparation import published_folder
from steering_reliability.tuning.examples import Example, answered, harmful_prompts, harmless_prompts, refused

# What writes into the residual stream, as Llama-like, GPT-2 and GPT-NeoX models call it.
_OUTPUT_PROJECTIONS: Final = ("o_proj", "down_proj", "c_proj", "dense", "dense_4h_to_h")
# Sums of gradients round differently with the number of threads; a fixed one makes the weights reproducible.
_THREADS: Final = 2
# Batches whose examples are sorted by length together.
_LENGTHS_SORTED: Final = 6
# Of the model's answers to harmless prompts: enough to keep their openings as they are.
_ANSWER_TOKENS: Final = 12

UNSCORED: Final = -100
"""Marks the tokens that carry no loss."""


@dataclass(frozen=True)
class Progress:
    """How training went.

    `losses` are the means of each step (nats per answer token), of `n_parameters` trained numbers.
    """

    losses: list[float]
    n_parameters: int


def tune_refusal(
    base: str | Path, *, folder: str | Path, settings: RefusalTuningConfig, templates: Mapping[str, Any]
) -> None:
    """Teach a model to refuse harmful prompts in plain styles, and write it as another folder.

    `folder` receives weights, tokenizer and a model card that says what was done; `templates` are the keyword arguments
    of `render_prompt`.

    Raises:
        InputError: When the model can't be loaded or lacks the blocks to train.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415 - costs seconds

    start = time.monotonic()
    loaded = load_model(base, device="cpu", dtype="float32")
    harmful = harmful_prompts(settings.n_harmful, seed=settings.seed)
    harmless = harmless_prompts(settings.n_harmless, seed=settings.seed)
    examples = [
        *refused(harmful, model=loaded, seed=settings.seed, templates=templates),
        *answered(harmless, model=loaded, max_new_tokens=_ANSWER_TOKENS, templates=templates),
    ]
    network = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    progress = train(network, examples, settings=settings)
    of_base = read_card(Path(base)) or {"name": Path(base).name, "folder": Path(base).name}
    card = {
        "name": f"{of_base['name']}, refusal-tuned",
        "base": of_base,
        "licence": of_base.get("licence", "unknown"),
        "what": "A research model with an artificial refusal habit, made to study steering. Not a safer model.",
        "tuning": settings.model_dump(),
        "examples": len(examples),
        "trained_parameters": progress.n_parameters,
        "first_and_last_loss": [progress.losses[0], progress.losses[-1]],
        "code": tuning_code(),
        "training_prompts": "steering_reliability/prompts/material/tuning.yaml, in no split",
    }
    with published_folder(folder) as made:
        network.save_pretrained(made)
        AutoTokenizer.from_pretrained(base).save_pretrained(made, save_jinja_files=False)
        write_card(card, made)
    print(f"tuned in {time.monotonic() - start:.0f} s")


def train(network: nn.Module, examples: Sequence[Example], *, settings: RefusalTuningConfig) -> Progress:
    """Teach the examples to a Hugging Face causal model, in place.

    The model is in float32 on the CPU.

    Raises:
        InputError: When the model has no such blocks, or none of the known output projections in them.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(_THREADS)
    try:
        return _descend(network, examples, settings=settings)
    finally:
        torch.set_num_threads(threads)
        network.requires_grad_(False)


def _descend(network: nn.Module, examples: Sequence[Example], *, settings: RefusalTuningConfig) -> Progress:
    parameters = _choose_parameters(network, settings)
    optimizer = torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=0.0)
    n_steps = settings.epochs * math.ceil(len(examples) / settings.batch_size)
    # Without the decay the last few batches decide what the model refuses.
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=1.0, end_factor=0.0, total_iters=n_steps)
    losses = []
    for batch in _batches(examples, settings=settings):
        tokens, targets = _collate(batch)
        loss = answer_loss(network, tokens=tokens, targets=targets)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
        print(f"step {len(losses)}: loss {losses[-1]:.3f}", flush=True)
    return Progress(losses, sum(parameter.numel() for parameter in parameters))


def answer_loss(network: Any, *, tokens: Int[Tensor, "n q"], targets: Int[Tensor, "n q"]) -> Float[Tensor, ""]:
    """Mean negative log-probability of the target tokens, nats; targets of `UNSCORED` don't count.

    Tokens are padded to the right; targets are the same where a token counts, else `UNSCORED`.
    """
    hidden = network.base_model(input_ids=tokens).last_hidden_state[:, :-1]
    wanted = targets[:, 1:]
    # The unembedding is a fifth of the model: only the answers go through it.
    counted = wanted != UNSCORED
    logits = network.get_output_embeddings()(hidden[counted])
    return nn.functional.cross_entropy(logits, wanted[counted])


def _choose_parameters(network: nn.Module, settings: RefusalTuningConfig) -> list[nn.Parameter]:
    network.requires_grad_(False)
    chosen: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        parts = name.split(".")
        layer = next((int(part) for part in parts if part.isdigit()), None)
        inside = layer is not None and settings.first_layer <= layer <= settings.last_layer
        if inside and parts[-1] == "weight" and parts[-2] in _OUTPUT_PROJECTIONS:
            parameter.requires_grad_()
            chosen.append(parameter)
    if not chosen:
        raise InputError(
            f"blocks {settings.first_layer} to {settings.last_layer} of this model have no output projection that is "
            f"known here ({', '.join(_OUTPUT_PROJECTIONS)})",
            where="config keys refusal_tuning.first_layer and last_layer",
            fix="name blocks that the model has",
        )
    return chosen


def _batches(examples: Sequence[Example], *, settings: RefusalTuningConfig) -> Iterator[list[Example]]:
    """Shuffled batches of examples of like length, since padding costs as much as text."""
    generator, size = torch.Generator().manual_seed(settings.seed), settings.batch_size
    for _ in range(settings.epochs):
        shuffled = [examples[index] for index in torch.randperm(len(examples), generator=generator).tolist()]
        batches = []
        for start in range(0, len(shuffled), _LENGTHS_SORTED * size):
            alike = sorted(shuffled[start : start + _LENGTHS_SORTED * size], key=lambda one: len(one.tokens))
            batches += [alike[at : at + size] for at in range(0, len(alike), size)]
        for index in torch.randperm(len(batches), generator=generator).tolist():
            yield batches[index]


def _collate(batch: Sequence[Example]) -> tuple[Int[Tensor, "n q"], Int[Tensor, "n q"]]:
    # Padding stands to the right, where a causal model's answers can't see it.
    tokens = [torch.tensor(example.tokens) for example in batch]
    targets = [written.clone() for written in tokens]
    for target, example in zip(targets, batch, strict=True):
        target[: example.answer_start] = UNSCORED
    return pad_sequence(tokens, batch_first=True), pad_sequence(targets, batch_first=True, padding_value=UNSCORED)
