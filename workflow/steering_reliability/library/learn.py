"""Build a direction in memory from prompts, with the code of the workflow's stages."""

from collections.abc import Sequence
from typing import Literal

from steering_reliability.config.direction import DirectionConfig
from steering_reliability.directions.activations import read_residuals, texts_to_compare
from steering_reliability.directions.build_direction import build_direction as make_direction
from steering_reliability.directions.files import Activations, StoredDirection
from steering_reliability.directions.user_direction import read_user_direction
from steering_reliability.errors import InputError
from steering_reliability.library.arguments import as_prompts, block_index, checked_template
from steering_reliability.model.loading import LoadedModel
from steering_reliability.prompts.schema import Prompt
from steering_reliability.prompts.subset import choose_direction_set

_DEFAULT = DirectionConfig()


def build_direction(
    harm_train: Sequence[str | Prompt],
    *,
    model: LoadedModel,
    layer: int,
    benign: Sequence[str | Prompt] = (),
    settings: DirectionConfig = _DEFAULT,
    control: Literal["random", "shuffled"] | None = None,
    seed: int = 0,
    system_prompt: str | None = None,
    chat_template: Literal["auto", "none"] = "auto",
    prompt_template: str | None = None,
) -> StoredDirection:
    """Learn the direction of one layer, as the workflow does, and keep it in memory.

    Args:
        harm_train: Harmful prompts.
        model: The model that reads them, unsteered.
        layer: Block index; negatives count from the end.
        benign: Harmless prompts, for `difference_in_means` and for methods with `contrast: harmful_benign`.
        settings: The `direction` section of a config: method (the first of several), contrast, prefixes, hook point,
            token position, `file`, `normalize`, `build_fraction`.
        control: Make a control of the same length: a `random` direction, or what the method learns of `shuffled`
            sides.
        seed: Of the control, and of the halves that the statistics compare.
        system_prompt: System turn; None leaves it to the template.
        chat_template: `auto` or `none`.
        prompt_template: Text around `{prompt}`, for where there is no chat template; None leaves the prompt bare.

    Returns:
        Vector [d_model] in float32, its length, the mean length of the residual stream at the tokens read (both in
        units of the residual stream), and the statistics that the workflow writes beside its `.pt`.

    Raises:
        InputError: When the method needs other inputs, the layer is not there, a text is too long, there are two
            templates, or the direction is zero.
    """
    index = block_index(layer, n_layers=model.n_layers)
    method = settings.main_method
    texts = settings.texts_of(method)
    prompts = {"harm_train": _builders(harm_train, where="harm_train", fraction=settings.build_fraction)}
    if method in ("outcome_conditioned", "random"):
        fix = "use another method; a random direction is a control"
        raise InputError(f"method {method} runs in the workflow only", where="argument settings", fix=fix)
    if texts == "difference_in_means":
        prompts["benign"] = _builders(benign, where="benign", fraction=settings.build_fraction)
    # Where two places are steered, the one after the block is read.
    hook_point = "resid_post" if settings.hook_point == "resid_both" else settings.hook_point
    *sides, paired = texts_to_compare(
        texts,
        prompts=prompts,
        refusal_prefix=settings.refusal_prefix,
        compliance_prefix=settings.compliance_prefix,
    )
    positive, negative = (
        read_residuals(
            texts,
            model=model,
            hook_point=hook_point,
            position=settings.position,
            system_prompt=system_prompt,
            chat_template=chat_template,
            prompt_template=checked_template(prompt_template),
        )[:, index : index + 1]
        for texts in sides
    )
    user_vector = None
    if settings.file is not None:
        file = settings.file.replace("{layer}", str(index))
        user_vector = read_user_direction(file, layer=index, hook_point=hook_point, d_model=model.d_model)
    return make_direction(
        Activations(positive, negative, paired),
        layer=index,
        method=control or method,
        estimator=method,
        normalize=settings.normalize,
        seed=seed,
        where="argument settings",
        user_vector=user_vector,
    )


def _builders(given: Sequence[str | Prompt], *, where: str, fraction: float) -> list[Prompt]:
    prompts = as_prompts(given, where=where)
    chosen = choose_direction_set(prompts, fraction=fraction)
    return [prompt for prompt in prompts if prompt.id in chosen]
