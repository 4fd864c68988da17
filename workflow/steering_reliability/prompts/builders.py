"""Which prompts build the direction; the others are unseen by it, and the headline gap rests on them."""

import hashlib
import math
from collections.abc import Sequence

from steering_reliability.prompts.schema import Prompt


def choose_builders(prompts: Sequence[Prompt], *, fraction: float) -> set[str]:
    """Choose the prompts that build the direction, spread evenly over families and styles.

    Args:
        prompts: The run's prompts of a split, in any order.
        fraction: Share of them in (0, 1]; of n prompts floor(n * fraction) are chosen, at least one.

    Returns:
        Their ids; the same whatever the order.
    """
    ordered = sorted(prompts, key=lambda prompt: (prompt.family or "", prompt.style or "", _shuffled(prompt.id)))
    chosen = {
        prompt.id
        for at, prompt in enumerate(ordered)
        if math.floor((at + 1) * fraction + 1e-9) > math.floor(at * fraction + 1e-9)
    }
    return chosen or {prompt.id for prompt in ordered[:1]}


def _shuffled(prompt_id: str) -> str:
    return hashlib.sha256(prompt_id.encode()).hexdigest()
