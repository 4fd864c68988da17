"""Which prompts are alike, by template or by text: an interval counts them as one."""

from collections.abc import Sequence

from steering_reliability.prompts.near_copies import near_copies
from steering_reliability.prompts.schema import Prompt


def cluster_prompts(prompts: Sequence[Prompt], *, field: str = "template") -> dict[str, str]:
    """Return the cluster of every prompt of a split.

    Prompts with the same value of `meta.{field}` are one cluster, and so are near copies; what both join is one. A
    prompt that is like no other is a cluster of its own.

    Args:
        prompts: The run's prompts of one split.
        field: Key of meta that names the cluster; prompts without it are joined by their text alone.

    Returns:
        Prompt id to the id of the first prompt of its cluster.
    """
    parent = list(range(len(prompts)))

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    first_of: dict[str, int] = {}
    pairs = list(near_copies([prompt.prompt for prompt in prompts]))
    for place, prompt in enumerate(prompts):
        label = meta_value(prompt, field)
        if label is not None:
            pairs.append((first_of.setdefault(label, place), place))
    for one, other in pairs:
        first, second = sorted((root(one), root(other)))
        parent[second] = first
    return {prompt.id: prompts[root(place)].id for place, prompt in enumerate(prompts)}


def meta_value(prompt: Prompt, field: str) -> str | None:
    """Return a key of a prompt's meta as text, None where it has none."""
    value = {"family": prompt.family, "style": prompt.style, **prompt.extra}.get(field)
    return None if value is None or isinstance(value, (dict, list)) else str(value)
