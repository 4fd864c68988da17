"""What the engine is asked for, and what it gives back."""

import math
from collections.abc import Hashable
from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor


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


@dataclass(frozen=True)
class Row:
    """One completion to write.

    Attributes:
        key: Anything that lets the caller recognise the row.
        tokens: Prompt tokens.
        uniforms: One number in [0, 1) per step; picks the token when temperature is above 0.
        max_new_tokens: Most tokens to write.
        temperature: 0 is greedy.
        top_p: Nucleus.
        steering: None writes the baseline.
        openings: Token sequences whose log-probability after the prompt is wanted beside the completion, none empty.
        is_scored: Whether the completion is wanted with its log-probability under the unsteered model.
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
    def branches(self) -> int:
        """Openings that must be read; the first token of each needs no reading."""
        return sum(len(opening) > 1 for opening in self.openings)


@dataclass
class Completion:
    """A finished row.

    Attributes:
        row: What was asked for.
        tokens: Tokens written, without the end token; those of a stop string among them.
        finish_reason: `eos` (the end token, or a stop string) or `length`.
        mean_logprob: Mean log-probability of the tokens written (end token included), nats, untempered.
        mean_entropy: Mean entropy of the next-token distributions, nats, untempered.
        first_token_kl: KL(steered || unsteered) of the first next-token distribution, nats.
        base_logprob: Mean log-probability of the same tokens under the unsteered model, nats; NaN if not asked.
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
        return all(len(found) == len(asked) for found, asked in zip(self.openings, self.row.openings, strict=True))
