"""The activations stage: the texts that a method compares, and their residual streams at the chosen tokens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from steering_reliability.config.fields import TokenPosition
from steering_reliability.directions.files import Activations, write_activations
from steering_reliability.directions.outcomes import read_outcomes
from steering_reliability.errors import InputError
from steering_reliability.model.loading import LoadedModel, load_model, opening_tokens, render_prompt
from steering_reliability.process.ledger import record_making
from steering_reliability.process.system import cores
from steering_reliability.prompts.reading import read_prompts
from steering_reliability.prompts.schema import Prompt
from steering_reliability.prompts.subset import choose_direction_set

BATCH = 16
TEMPLATES = ("system_prompt", "chat_template", "prompt_template")
# Fewest texts of a kind for `outcome_conditioned`.
FEWEST = 8


@dataclass(frozen=True)
class Text:
    """A prompt, and what the assistant is made to begin with (may be empty)."""

    prompt: str
    appended: str = ""


def measure_activations(
    output: str | Path, *, folder: str | Path, harm_train: str | Path, extra: Sequence[str], settings: Mapping[str, Any]
) -> None:
    """Read the residual streams that a method compares, and write them; what read them goes to the job's log.

    `extra` holds for difference_in_means the benign prompts, for outcome_conditioned the baseline shard of harm_train;
    `settings` holds `method`, the prefixes, `build_fraction`, `hook_point`, `position`, `device`, `dtype`,
    `system_prompt`, `chat_template`, and `prompt_template` where there is one.

    Raises:
        InputError: When prompts, outcomes or model can't be used.
    """
    refusing, complying, paired = read_texts(harm_train, extra=extra, settings=settings)
    torch.set_num_threads(cores())
    model = load_model(folder, device=settings["device"], dtype=settings["dtype"])
    reading = {name: settings[name] for name in ("hook_point", "position", *TEMPLATES) if name in settings}
    positive, negative = (read_residuals(texts, model=model, **reading) for texts in (refusing, complying))
    record_making(model.facts)
    write_activations(output, Activations(positive, negative, paired))


def read_texts(
    harm_train: str | Path, *, extra: Sequence[str], settings: Mapping[str, Any]
) -> tuple[list[Text], list[Text], bool]:
    """The refusal side, the compliance side, and whether they are paired by prompt, from the files of a run.

    The arguments are those of `measure_activations`.

    Raises:
        InputError: When prompts or outcomes can't be used.
    """
    method = settings["method"]
    fraction = settings["build_fraction"]
    prompts = {"harm_train": _builders(harm_train, split="harm_train", fraction=fraction)}
    if method == "difference_in_means":
        prompts["benign"] = _builders(extra[0], split="benign", fraction=fraction)
    outcomes: list[dict[str, Any]] = []
    if method == "outcome_conditioned":
        builders = {prompt.id for prompt in prompts["harm_train"]}
        outcomes = [row for row in read_outcomes(extra[0]) if row["id"] in builders]
    return texts_to_compare(
        method,
        prompts=prompts,
        refusal_prefix=settings["refusal_prefix"],
        compliance_prefix=settings["compliance_prefix"],
        outcomes=outcomes,
        where=extra[0] if extra else "",
    )


def _builders(path: str | Path, *, split: str, fraction: float) -> list[Prompt]:
    prompts = read_prompts(Path(path), split=split)
    chosen = choose_direction_set(prompts, fraction=fraction)
    return [prompt for prompt in prompts if prompt.id in chosen]


def texts_to_compare(
    method: str,
    *,
    prompts: Mapping[str, Sequence[Prompt]],
    refusal_prefix: str,
    compliance_prefix: str,
    outcomes: Sequence[Mapping[str, Any]] = (),
    where: Path | str = "baseline completions",
) -> tuple[list[Text], list[Text], bool]:
    """The refusal side, the compliance side, and whether they are paired by prompt.

    The prefixes are for contrastive_prefix. Outcomes are baseline rows of harm_train with `prompt`, `completion` and
    `outcome` (`refusal`, `helpful` or other); `where` names their file.

    Raises:
        InputError: When outcome_conditioned has fewer than 8 texts of a kind.
    """
    harmful = prompts["harm_train"]
    if method == "contrastive_prefix":
        refusing = [Text(prompt.prompt, refusal_prefix) for prompt in harmful]
        return refusing, [Text(prompt.prompt, compliance_prefix) for prompt in harmful], True
    if method == "difference_in_means":
        return [Text(prompt.prompt) for prompt in harmful], [Text(prompt.prompt) for prompt in prompts["benign"]], False
    by_outcome: dict[str, list[Text]] = {"refusal": [], "helpful": []}
    for row in outcomes:
        if row["outcome"] in by_outcome:
            by_outcome[row["outcome"]].append(Text(row["prompt"], row["completion"]))
    refused, helped = by_outcome["refusal"], by_outcome["helpful"]
    if min(len(refused), len(helped)) < FEWEST:
        raise InputError(
            f"outcome_conditioned needs {FEWEST} refused and {FEWEST} helpful baseline completions, and of "
            f"{len(outcomes)} there are {len(refused)} refused and {len(helped)} helpful",
            where=str(where),
            fix="use method contrastive_prefix, more prompts or samples, or a model that refuses more often",
        )
    return refused, helped, False


def read_residuals(
    texts: Sequence[Text],
    *,
    model: LoadedModel,
    hook_point: str,
    position: TokenPosition,
    system_prompt: str | None = None,
    chat_template: str = "auto",
    prompt_template: str | None = None,
) -> Float[Tensor, "n layers d_model"]:
    """Run the unsteered model over texts and keep the residual stream at the read tokens.

    The position is `last_prompt_token`, `first_prefix_token`, `last_prefix_token` or `prefix_mean` (the mean over the
    appended tokens); the templates are those of `render_prompt`.

    Returns:
        float32 on the CPU, rows in the order of `texts`.

    Raises:
        InputError: When an appended text is empty although its tokens are to be read, or a text is too long.
    """
    templates = {"system_prompt": system_prompt, "chat_template": chat_template, "prompt_template": prompt_template}
    tokenized = [
        locate_tokens(text, tokenizer=model.tokenizer, context=model.context, position=position, **templates)
        for text in texts
    ]
    rows = []
    # Texts of like length share a batch; the order of the result is the caller's.
    order = sorted(range(len(texts)), key=lambda index: len(tokenized[index][0]))
    for start in range(0, len(order), BATCH):
        batch = order[start : start + BATCH]
        rows.append(_read_batch([tokenized[index] for index in batch], model=model, hook_point=hook_point))
    stacked = torch.cat(rows)
    result = torch.empty_like(stacked)
    result[torch.tensor(order)] = stacked
    return result


def locate_tokens(
    text: Text,
    *,
    tokenizer: Any,
    context: int,
    position: TokenPosition,
    system_prompt: str | None = None,
    **templates: Any,
) -> tuple[list[int], int, int]:
    """The tokens of a text, the index of the first one that is read, and the index after the last.

    `context` is the most tokens that the model reads; position and templates are those of `read_residuals`.

    Raises:
        InputError: When an appended text is empty although its tokens are to be read, or a text is too long.
    """
    prompt = render_prompt(text.prompt, tokenizer=tokenizer, system_prompt=system_prompt, **templates)
    appended = (
        opening_tokens(text.appended, prompt=text.prompt, tokenizer=tokenizer, **templates) if text.appended else ()
    )
    tokens = [*prompt.tokens, *appended]
    length = len(prompt.tokens)
    if position != "last_prompt_token" and not appended:
        raise InputError(
            f"token_position {position} reads the text after the prompt, but that text is empty",
            where=f"prompt {text.prompt[:60]!r}",
            fix="set direction.token_position to last_prompt_token",
        )
    if len(tokens) > context:
        what = f"a prompt with its prefix has {len(tokens)} tokens, more than the model's context of {context}"
        raise InputError(what, where=f"prompt {text.prompt[:60]!r}", fix="shorten the prompt")
    spans = {
        "last_prompt_token": (length - 1, length),
        "first_prefix_token": (length, length + 1),
        "last_prefix_token": (len(tokens) - 1, len(tokens)),
        "prefix_mean": (length, len(tokens)),
    }
    return tokens, *spans[position]


@torch.inference_mode()
def _read_batch(
    batch: Sequence[tuple[list[int], int, int]], *, model: LoadedModel, hook_point: str
) -> Float[Tensor, "b layers d_model"]:
    longest = max(len(tokens) for tokens, _, _ in batch)
    ids = torch.zeros(len(batch), longest, dtype=torch.long)
    mask = torch.zeros(len(batch), longest, dtype=torch.long)
    read = torch.zeros(len(batch), longest, 1)
    for row, (tokens, first, end) in enumerate(batch):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        mask[row, : len(tokens)] = 1
        read[row, first:end] = 1 / (end - first)
    read = read.to(model.device)
    kept: list[Tensor] = []

    def keep(resid: Tensor, hook: Any) -> None:
        kept.append((resid.float() * read).sum(dim=1).cpu())

    bridge = model.bridge
    place = "resid_post" if hook_point == "resid_both" else hook_point
    with bridge.hooks(fwd_hooks=[(f"blocks.{layer}.hook_{place}", keep) for layer in range(model.n_layers)]):
        bridge.original_model.base_model(
            input_ids=ids.to(model.device), attention_mask=mask.to(model.device), use_cache=False
        )
    return torch.stack(kept, dim=1)
