"""The rows that the engine writes, and what it returns for each."""

import math
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import Any

from jaxtyping import Float
from torch import Tensor

from steering_reliability.directions.files import StoredDirection
from steering_reliability.generation.requests import CompletionRequest, SteeringRequest
from steering_reliability.generation.sampling import uniforms
from steering_reliability.interventions.steer import steered_span, unit_vector
from steering_reliability.model.loading import LoadedModel, opening_tokens, render_prompt


@dataclass(frozen=True)
class Steering:
    """How one row is steered.

    Attributes:
        layer: Block index.
        unit: Direction of length 1.
        add: Length added along it, in units of the residual stream.
        ablate: Fraction of the projection removed.
        span: First steered token index, and the index after the last (None: no end).
    """

    layer: int
    unit: Float[Tensor, " d_model"]
    add: float
    ablate: float
    span: tuple[int, int | None]

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
        return self.steering is None or (self.steering.add == 0 and self.steering.ablate == 0)


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


def rows_of(request: CompletionRequest, *, model: LoadedModel, direction: StoredDirection | None) -> list[Row]:
    """The rows of a request, in the order of its prompts and samples; the first sample of a prompt scores the openings.

    `direction` is that of `request.steering`, and None for the baseline.
    """
    templates: dict[str, Any] = {"chat_template": request.chat_template, "prompt_template": request.prompt_template}
    steered = None if direction is None else _steering(request.steering, direction)
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


def _steering(request: SteeringRequest | None, direction: StoredDirection) -> Steering | None:
    """How every row of a request is steered, but for the span, which depends on the prompt."""
    if request is None:
        return None
    coefficient = direction.coefficient(request.alpha, intervention=request.intervention, unit=request.alpha_unit)
    add, ablate = (0.0, coefficient) if request.intervention == "ablate" else (coefficient, 0.0)
    return Steering(request.layer, unit_vector(direction.vector), add, ablate, span=(0, None))
