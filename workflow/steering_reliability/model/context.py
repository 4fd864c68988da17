"""How many tokens a model reads, and what to say of prompts that need more."""

from collections.abc import Mapping
from typing import Any

from steering_reliability.errors import InputError


def longest_context(config: Any) -> int:
    """Most tokens that a model reads with its plain, full attention.

    Args:
        config: Its Hugging Face config.

    Returns:
        The trained context; less where attention slides over a window, or where positions are rescaled by the length
        of what else is in the batch, since up to there neither shows.
    """
    limits = [getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None) or 1_000_000]
    window, layers = getattr(config, "sliding_window", None), getattr(config, "layer_types", None)
    if window and ("sliding_attention" in layers if layers else getattr(config, "use_sliding_window", True)):
        limits.append(window)
    rope = getattr(config, "rope_parameters", None) or {}
    if rope.get("rope_type") in ("dynamic", "longrope"):
        limits.append(rope.get("original_max_position_embeddings") or limits[0])
    return int(min(limits))


def beyond_context(lengths: Mapping[str, int], *, context: int, room: int) -> InputError:
    """What to say when prompts don't fit: which, how long they are, and the ways out.

    Args:
        lengths: Tokens of each prompt that is too long, by its id.
        context: Most tokens that the model reads.
        room: Tokens that must fit after a prompt.
    """
    names = ", ".join(f"{name} ({n} tokens)" for name, n in list(lengths.items())[:5])
    more = f" and {len(lengths) - 5} more" if len(lengths) > 5 else ""
    return InputError(
        f"{len(lengths)} prompts with {room} tokens after them don't fit the model's context of {context} tokens: "
        f"{names}{more}",
        where="config key generation.max_new_tokens, and the prompt files",
        fix="shorten these prompts, lower max_new_tokens, or choose a model with a longer context",
    )
