"""What a caller asks the engine for; imports no torch, so that a shard's job starts in a moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from steering_reliability.config.fields import Positions


@dataclass(frozen=True)
class SteeringRequest:
    """One intervention at one block or several.

    Attributes:
        intervention: Its name in the config.
        layer: Name of the blocks, as the condition has it.
        alpha: Strength as in the config.
        blocks: Indices of the steered blocks, or `all`.
        alpha_unit: What alpha counts in, as `StoredDirection.coefficient` takes it.
        direction_files: Absolute path of a direction's `.pt` for each block, or one for all of them; None where the
            caller holds the directions.
    """

    intervention: str
    layer: str
    alpha: float
    blocks: Sequence[int] | Literal["all"]
    alpha_unit: str = "resid_norm"
    direction_files: Sequence[str] | None = None


@dataclass(frozen=True)
class CompletionRequest:
    """Completions of some prompts under the same settings.

    Attributes:
        prompts: Pairs of id and text; the id picks the random numbers.
        samples: Completions per prompt.
        seed: Of the sampling.
        max_new_tokens: Most tokens of a completion.
        temperature: 0 is greedy.
        top_p: Nucleus.
        positions: Which tokens are steered.
        system_prompt: System turn; None leaves it to the template.
        chat_template: `auto` or `none`.
        prompt_template: Text around `{prompt}`, for where there is no chat template.
        openings: A refusal's and a compliance's, whose log-probability after the prompt is measured.
        stop_strings: Texts that end a completion as the end token does.
        is_scored: Whether the log-probability under the unsteered model is measured.
        steering: None writes the baseline.
    """

    prompts: Sequence[Sequence[str]]
    samples: int
    seed: int
    max_new_tokens: int
    temperature: float
    top_p: float
    positions: "Positions"
    system_prompt: str | None = None
    chat_template: str = "auto"
    prompt_template: str | None = None
    openings: Sequence[str] | None = None
    stop_strings: Sequence[str] = ()
    is_scored: bool = True
    steering: SteeringRequest | None = None
