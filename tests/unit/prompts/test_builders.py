"""Which prompts build the direction."""

from collections import Counter

import pytest
from steering_reliability.prompts.builders import choose_builders
from steering_reliability.prompts.schema import Prompt

PROMPTS = [
    Prompt(id=f"harm_train_{at:03d}", prompt=f"Do thing {at}", family=f"f{at % 3}", style=f"s{at % 4}")
    for at in range(48)
]


@pytest.mark.parametrize(("fraction", "n"), [(1.0, 48), (0.5, 24), (0.25, 12), (0.1, 4), (0.001, 1)])
def test_a_share_of_the_prompts_builds(fraction, n):
    assert len(choose_builders(PROMPTS, fraction=fraction)) == n


def test_the_choice_is_spread_over_families_and_styles():
    chosen = choose_builders(PROMPTS, fraction=0.5)
    cells = Counter((prompt.family, prompt.style) for prompt in PROMPTS if prompt.id in chosen)
    # Four prompts in each of the twelve cells.
    assert set(cells.values()) == {2}
    assert len(cells) == 12


def test_the_order_of_the_file_does_not_matter():
    assert choose_builders(PROMPTS[::-1], fraction=0.3) == choose_builders(PROMPTS, fraction=0.3)
