"""Which tokens of a row are steered."""

from steering_reliability.config.schema import Positions


def steered_span(positions: Positions, *, user_end: int, prompt_length: int) -> tuple[int, int | None]:
    """Half-open span of token indices that are steered in a row.

    Args:
        positions: The configured name.
        user_end: Index of the first token after the user's text.
        prompt_length: Number of prompt tokens; generated tokens follow at this index.

    Returns:
        First steered index, and the index after the last one (None: no end).
    """
    spans: dict[Positions, tuple[int, int | None]] = {
        "all": (0, None),
        "prompt": (0, prompt_length),
        "last_prompt_token": (prompt_length - 1, prompt_length),
        "after_prompt": (user_end, None),
        "generated": (prompt_length, None),
        "first_generated_token": (prompt_length, prompt_length + 1),
    }
    return spans[positions]
