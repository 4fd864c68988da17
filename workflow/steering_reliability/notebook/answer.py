"""A prompt of the reader's own in a cell: answered unsteered and steered."""

from functools import lru_cache
from pathlib import Path

from steering_reliability.commands.try_prompts import Steering, as_lines, steering_of


def try_prompt(
    run: str | Path,
    prompt: str,
    *,
    layer: int | str | None = None,
    alpha: float | None = None,
    intervention: str | None = None,
) -> None:
    """Print a prompt's answers side by side, each with its label and first-token KL.

    The model stays loaded for the next prompt at the same point.

    Args:
        run: The run's folder.
        prompt: The user's text.
        layer: Steered layers, such as 14, "10-18" or "all"; None is as at the recommended point.
        alpha: Strength, in the run's unit; None is as at the recommended point.
        intervention: For example `ablate`; None is the recommended one.

    Raises:
        InputError: When the run has no such direction or point, or the prompt is too long.
    """
    steering = _loaded(Path(run), None if layer is None else str(layer), alpha, intervention)
    print("\n".join(as_lines(steering.answer(prompt), width=110)))


@lru_cache(maxsize=1)
def _loaded(run: Path, layer: str | None, alpha: float | None, intervention: str | None) -> Steering:
    return steering_of(run, [], intervention=intervention, layer=layer, alpha=alpha)
