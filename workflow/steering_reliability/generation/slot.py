"""A row in flight."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from steering_reliability.generation.prompt_store import PromptState
from steering_reliability.generation.rows import Completion, Row
from steering_reliability.interventions.steer import BlockSteering


@dataclass(eq=False)
class Slot:
    """A row in flight, or a prompt that is being read.

    Attributes:
        tokens: All tokens known so far: the prompt, then what was written.
        position: Index of the token that the next forward pass reads.
        row: None while a prompt is read for the store.
        prompt: Unsteered state of the row's prompt.
        completion: What was written so far.
        kept_at: Place in the batch's residual store of a row that will be scored; None of others.
        residuals: Of a row that has ended, the residual stream at the first steered block, before steering, one per
            generated token that was read.
        logprobs: Log-probability of each token written.
        entropies: Entropy of each next-token distribution.
        prompt_logprobs: Where a prompt was read, the log-probabilities of the token after it.
        opening: Number of the opening that this slot reads beside its row's own; None for the row itself.
    """

    tokens: list[int]
    position: int
    row: Row | None = None
    prompt: PromptState | None = None
    completion: Completion | None = None
    kept_at: int | None = None
    residuals: Tensor = field(default_factory=lambda: torch.zeros(0))
    logprobs: list[float] = field(default_factory=list)
    entropies: list[float] = field(default_factory=list)
    prompt_logprobs: Tensor = field(default_factory=lambda: torch.zeros(0))
    opening: int | None = None

    @property
    def needs_logits(self) -> bool:
        """Whether the next token is wanted: to be drawn, or to be scored as an opening's."""
        return self.opening is not None or self.position == len(self.tokens) - 1

    @property
    def branches_ahead(self) -> int:
        """Slots that the openings of this row will need once its prompt is read."""
        if self.row is None or self.opening is not None or self.logprobs:
            return 0
        return self.row.branches

    @property
    def is_written(self) -> bool:
        """Whether the token that is read next was written by the model."""
        return self.row is not None and self.opening is None and self.position >= self.prompt_length

    @property
    def prompt_length(self) -> int:
        """Tokens of the prompt."""
        return len(self.row.tokens if self.row else self.tokens)

    @property
    def first_block(self) -> int:
        """Index of the first block at which the row is steered."""
        assert self.row is not None and self.row.steering is not None
        return self.row.steering.first

    @property
    def is_kept_now(self) -> bool:
        """Whether the residual stream of the token that is read next will be scored."""
        return self.kept_at is not None and self.is_written

    @property
    def steering_now(self) -> Mapping[int, BlockSteering] | None:
        """What is done at the token that is read next; None for nothing."""
        steering = self.row.steering if self.row else None
        return steering.blocks if steering and steering.steers(self.position) else None
