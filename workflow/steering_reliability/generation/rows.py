"""The rows that the engine writes, and what it returns for each."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from steering_reliability.directions.files import StoredDirection
from steering_reliability.errors import InputError
from steering_reliability.generation.requests import CompletionRequest, SteeringRequest
from steering_reliability.generation.sampling import uniforms
from steering_reliability.interventions.steer import BlockSteering, block_steering, steered_span
from steering_reliability.model.loading import LoadedModel, beyond_context, opening_tokens, render_prompt


@dataclass(frozen=True)
class Steering:
    """How one row is steered.

    Attributes:
        blocks: What is done at each steered block, by its index.
        span: First steered token index, and the index after the last (None: no end).
    """

    blocks: Mapping[int, BlockSteering]
    span: tuple[int, int | None]

    @property
    def first(self) -> int:
        """Index of the first steered block: what comes before it is what the unsteered model computes."""
        return min(self.blocks)

    @property
    def is_inert(self) -> bool:
        """Whether nothing is changed at any block."""
        return all(one.add == 0 and one.ablate == 0 for one in self.blocks.values())

    def steers(self, position: int) -> bool:
        """Whether the token at an index is steered."""
        first, end = self.span
        return first <= position and (end is None or position < end)


@dataclass(frozen=True, eq=False)
class Row:
    """One completion to write; two rows are equal only if they are the same object.

    Attributes:
        key: The prompt's id, or anything else that messages and callers know the row by.
        tokens: Prompt tokens.
        uniforms: One number in [0, 1) per step; picks the token when temperature is above 0.
        max_new_tokens: Most tokens to write.
        temperature: 0 is greedy.
        top_p: Nucleus.
        steering: None writes the baseline.
        openings: Token sequences whose log-probability after the prompt is measured, none empty.
        is_scored: Whether the log-probability under the unsteered model is measured.
        stop_strings: Texts that end the completion as the end token does.
    """

    key: Hashable
    tokens: tuple[int, ...]
    uniforms: tuple[float, ...]
    max_new_tokens: int
    temperature: float
    top_p: float
    steering: Steering | None = None
    openings: tuple[tuple[int, ...], ...] = ()
    is_scored: bool = True
    stop_strings: tuple[str, ...] = ()

    @property
    def longest(self) -> int:
        """Most tokens that the row, or one of its openings, can come to."""
        return len(self.tokens) + max(self.max_new_tokens, *map(len, self.openings), 0)

    @property
    def branches(self) -> int:
        """Number of openings that need a slot of their own: the first token of each is read with the row."""
        return sum(len(opening) > 1 for opening in self.openings)

    @property
    def is_unsteered(self) -> bool:
        """Whether the row is the baseline, or steered with strength 0."""
        return self.steering is None or self.steering.is_inert


@dataclass
class Completion:
    """A finished row.

    Attributes:
        row: The row.
        tokens: Tokens written, without the end token; those of a stop string among them.
        finish_reason: `eos` (the end token, or a stop string) or `length`.
        mean_logprob: Mean log-probability of the tokens written (end token included), nats, untempered.
        mean_entropy: Mean entropy of the next-token distributions, nats, untempered.
        first_token_kl: KL(steered || unsteered) of the first next-token distribution, nats.
        base_logprob: Mean log-probability of the same tokens under the unsteered model, nats; NaN if not scored.
        openings: Log-probability of each token of each opening, nats.
    """

    row: Row
    tokens: list[int] = field(default_factory=list)
    finish_reason: str = "length"
    mean_logprob: float = math.nan
    mean_entropy: float = math.nan
    first_token_kl: float = math.nan
    base_logprob: float = math.nan
    openings: list[list[float]] = field(default_factory=list)

    @property
    def opening_logprobs(self) -> list[float]:
        """Log-probability of each opening after the prompt, under the row's steering, nats."""
        return [math.fsum(logprobs) for logprobs in self.openings]

    @property
    def is_whole(self) -> bool:
        """Whether every token of every opening has been scored."""
        return all(len(found) == len(tokens) for found, tokens in zip(self.openings, self.row.openings, strict=True))


def rows_of(
    request: CompletionRequest, *, model: LoadedModel, direction: StoredDirection | Sequence[StoredDirection] | None
) -> list[Row]:
    """The rows of a request, in the order of its prompts and samples; the first sample of a prompt scores the openings.

    `direction` is one for each block of `request.steering`, or one for all of them; None for the baseline.

    Raises:
        InputError: When the number of directions is another, or one lacks a statistic that the intervention needs.
    """
    templates: dict[str, Any] = {"chat_template": request.chat_template, "prompt_template": request.prompt_template}
    steered = None
    if request.steering is not None and direction is not None:
        given = [direction] if isinstance(direction, StoredDirection) else direction
        steered = Steering(_steered_blocks(request.steering, given, n_layers=model.n_layers), span=(0, None))
    rows: list[Row] = []
    for prompt_id, text in request.prompts:
        prompt = render_prompt(text, tokenizer=model.tokenizer, system_prompt=request.system_prompt, **templates)
        span = steered_span(request.positions, user_end=prompt.user_end, prompt_length=len(prompt.tokens))
        steering = None if steered is None else replace(steered, span=span)
        openings = tuple(
            opening_tokens(opening, prompt=text, tokenizer=model.tokenizer, **templates)
            for opening in request.openings or ()
        )
        for sample in range(request.samples):
            row = Row(
                key=prompt_id,
                tokens=prompt.tokens,
                uniforms=uniforms(request.seed, prompt_id=prompt_id, sample=sample, n=request.max_new_tokens),
                max_new_tokens=request.max_new_tokens,
                temperature=request.temperature,
                top_p=request.top_p,
                steering=steering,
                openings=openings if sample == 0 else (),
                is_scored=request.is_scored,
                stop_strings=tuple(request.stop_strings),
            )
            rows.append(row)
    return rows


def check_rows(rows: Sequence[Row], *, context: int, n_layers: int) -> None:
    """Let rows pass that a model can write.

    Raises:
        InputError: When a prompt and its completion can't fit the model's context, or a layer is not there.
    """
    long = [row for row in rows if row.longest > context]
    if long:
        lengths = {str(row.key): len(row.tokens) for row in long}
        raise beyond_context(lengths, context=context, room=max(row.longest - len(row.tokens) for row in long))
    absent = {block for row in rows if row.steering for block in row.steering.blocks} - set(range(n_layers))
    if absent:
        what = f"the model has {n_layers} blocks and no layer {', '.join(map(str, sorted(absent)))}"
        raise InputError(what, where="config key experiment.layers", fix=f"use 0 to {n_layers - 1}")


def _steered_blocks(
    request: SteeringRequest, directions: Sequence[StoredDirection], *, n_layers: int
) -> dict[int, BlockSteering]:
    blocks = range(n_layers) if request.blocks == "all" else request.blocks
    if len(directions) not in (1, len(blocks)) or not blocks:
        what = f"there are {len(directions)} directions for {len(blocks)} blocks"
        raise InputError(what, where=f"layer {request.layer}", fix="give one direction, or one for each block")
    made = [
        steering_along(one, intervention=request.intervention, alpha=request.alpha, alpha_unit=request.alpha_unit)
        for one in directions
    ]
    return dict(zip(blocks, made * len(blocks) if len(made) == 1 else made, strict=True))


def steering_along(direction: StoredDirection, *, intervention: str, alpha: float, alpha_unit: str) -> BlockSteering:
    """What an intervention does at a block along a stored direction.

    Raises:
        InputError: When `ablate_affine` is asked for and the direction does not say what it moves projections to.
    """
    mean = direction.statistics.get("mean_projection_complying")
    if intervention == "ablate_affine" and mean is None:
        raise InputError(
            "the direction lacks mean_projection_complying, which ablate_affine moves projections to",
            where="statistics of the direction",
            fix="build the direction again, or use ablate",
        )
    coefficient = direction.coefficient(alpha, intervention=intervention, unit=alpha_unit)
    return block_steering(
        intervention, vector=direction.vector, coefficient=coefficient, mean_projection=float(mean or 0.0)
    )
