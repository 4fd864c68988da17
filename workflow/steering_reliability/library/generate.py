"""Write completions for a few prompts with the engine of the workflow, in this process."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from steering_reliability.config.fields import AlphaUnit, HookPoint, Intervention, Positions
from steering_reliability.config.schema import GenerationConfig
from steering_reliability.directions.files import StoredDirection
from steering_reliability.errors import InputError
from steering_reliability.generation.engine import Engine
from steering_reliability.generation.memory import memory_budget
from steering_reliability.generation.requests import CompletionRequest, SteeringRequest
from steering_reliability.generation.rows import Completion, rows_of
from steering_reliability.generation.stop_strings import kept_text
from steering_reliability.library.arguments import (
    Layers,
    as_prompts,
    check_names_and_bounds,
    checked_template,
    steered_blocks,
)
from steering_reliability.model.loading import LoadedModel
from steering_reliability.prompts.schema import Prompt

_DEFAULT = GenerationConfig()


@dataclass(frozen=True)
class GeneratedText:
    """One completion; the names are those of a row of the workflow's shards.

    Attributes:
        id: The prompt's id; its text where it has none.
        prompt: The user's text.
        sample: Number of the completion of this prompt, from 0.
        completion: What the model wrote, without special tokens.
        n_tokens: Tokens written, without the end token.
        finish_reason: `eos`: the model ended its turn; `length`: it was cut.
        mean_logprob: Mean log-probability of the tokens under the steered model (nats).
        mean_entropy: Mean entropy of the steered next-token distribution (nats).
        first_token_kl: KL(steered || unsteered) of the first token (nats).
        base_logprob: Mean log-probability of the tokens under the unsteered model (nats).
    """

    id: str
    prompt: str
    sample: int
    completion: str
    n_tokens: int
    finish_reason: str
    mean_logprob: float
    mean_entropy: float
    first_token_kl: float
    base_logprob: float


def generate(
    prompts: Sequence[str | Prompt],
    *,
    model: LoadedModel,
    direction: StoredDirection | Sequence[StoredDirection] | None = None,
    alpha: float = 0.0,
    intervention: Intervention = "add",
    layer: Layers | None = None,
    alpha_unit: AlphaUnit = "resid_norm",
    positions: Positions = "after_prompt",
    hook_point: HookPoint = "resid_post",
    sampling: GenerationConfig = _DEFAULT,
    system_prompt: str | None = None,
    chat_template: Literal["auto", "none"] = "auto",
    prompt_template: str | None = None,
) -> list[GeneratedText]:
    """Write completions, steered or not; the same text as the workflow's shard of the same prompts and settings.

    Args:
        prompts: Texts, or prompts with an id. The id picks the random numbers, so that a prompt is answered alike
            whatever stands beside it.
        model: The model that writes.
        direction: Vector [d_model], or a list with one for each block; None writes the baseline.
        alpha: Strength, as in `steered`.
        intervention: `add`, `add_keep_norm`, `ablate`, `ablate_affine` or `clamp`; `steered` has the formulas.
        layer: Block index (negatives count from the end), a range such as `"10-18"`, a list of indices, or `"all"`;
            None takes the directions' own. One direction then steers every block.
        alpha_unit: `resid_norm` or `unit`, as in `steered`.
        positions: Which tokens are steered; the names are those of `experiment.positions` in the config.
        hook_point: `resid_pre` or `resid_post`, where the direction was read, or `resid_both` for the two.
        sampling: The `generation` section of a config: max_new_tokens, temperature (0, the default, is greedy), top_p,
            seed, num_samples_per_prompt, batch_size, memory_gib; not workers, since one engine writes here.
        system_prompt: System turn; None leaves it to the template.
        chat_template: `auto` or `none`.
        prompt_template: Text around `{prompt}`, for where there is no chat template; None leaves the prompt bare.

    Returns:
        The completions, in the order of the prompts and then of their samples.

    Raises:
        InputError: When a prompt is too long for the model, there are two templates, or layer, width, alpha or a name
            can't be used.
    """
    given = as_prompts(prompts, where="prompts")
    check_names_and_bounds(
        alpha=alpha, intervention=intervention, alpha_unit=alpha_unit, positions=positions, hook_point=hook_point
    )
    if direction is None and alpha != 0:
        raise InputError(f"alpha is {alpha:g}, but no direction was given", where="argument direction", fix="give one")
    steering, directions = None, None
    if direction is not None:
        blocks = steered_blocks(direction, layer=layer, n_layers=model.n_layers, d_model=model.d_model)
        steering = SteeringRequest(intervention, "+".join(map(str, blocks)), alpha, tuple(blocks), alpha_unit)
        directions = list(blocks.values())
    request = CompletionRequest(
        prompts=[(prompt.id, prompt.prompt) for prompt in given],
        samples=sampling.num_samples_per_prompt,
        positions=positions,
        system_prompt=system_prompt,
        chat_template=chat_template,
        prompt_template=checked_template(prompt_template),
        steering=steering,
        **sampling.model_dump(include={"seed", "max_new_tokens", "temperature", "top_p", "stop_strings"}),
    )
    rows = rows_of(request, model=model, direction=directions)
    memory = memory_budget(int(sampling.memory_gib * (1 << 30)), device=model.device)
    engine = Engine(model, hook_point=hook_point, max_rows=min(sampling.batch_size, len(rows)), memory=memory)
    done = engine.generate(rows)
    return [
        _described(one, given[at // request.samples], sample=at % request.samples, model=model)
        for at, one in enumerate(done)
    ]


def _described(done: Completion, prompt: Prompt, *, sample: int, model: LoadedModel) -> GeneratedText:
    text, n_tokens = kept_text(done.tokens, stops=done.row.stop_strings, tokenizer=model.tokenizer)
    measured = ("finish_reason", "mean_logprob", "mean_entropy", "first_token_kl", "base_logprob")
    values = {name: getattr(done, name) for name in measured}
    return GeneratedText(prompt.id, prompt.prompt, sample=sample, completion=text, n_tokens=n_tokens, **values)
