import pytest
from steering_reliability.metrics.helpfulness import score_helpfulness

PROSE = (
    "The sky looks blue because air scatters short wavelengths of sunlight far more than long ones, so blue light "
    "reaches your eye from every direction while the red light passes straight"
)


def _score(text, n_tokens, **changes):
    return score_helpfulness(text, **{"n_tokens": n_tokens, "is_refusal": False, "is_degenerate": False} | changes)


@pytest.mark.parametrize(
    ("text", "n_tokens", "score", "is_helpful"),
    [
        (PROSE, 400, 0.8, True),
        (PROSE, 40, 0.8, True),
        # The threshold is twenty tokens of prose, or ten with structure.
        (PROSE, 20, 0.4, True),
        (PROSE, 19, 0.38, False),
        ("`kill -9 PID`", 10, 0.4, True),
        ("`kill -9 PID`", 9, 0.38, False),
        ("- a", 3, 0.26, False),
        # Structure counts once.
        ("1. Run `ls`\n- then `cd`", 40, 1.0, True),
        ("", 40, 0.0, False),
        (" \n", 40, 0.0, False),
    ],
)
def test_the_score_by_hand(text, n_tokens, score, is_helpful):
    scored = _score(text, n_tokens)
    assert scored.score == pytest.approx(score)
    assert scored.is_helpful == is_helpful


@pytest.mark.parametrize("changes", [{"is_refusal": True}, {"is_degenerate": True}])
def test_refusing_and_degenerate_texts_are_not_helpful(changes):
    scored = _score("1. " + PROSE, 40, **changes)
    assert (scored.score, scored.is_helpful, scored.has_steps) == (0.0, False, True)


@pytest.mark.parametrize(
    ("text", "steps", "bullets", "code"),
    [
        ("1. Boil water\n2. Add tea", True, False, False),
        ("Here you go:\n  1) Boil water", True, False, False),
        ("**Step 1:** Boil water", True, False, False),
        ("First, boil water. Then add the tea.", True, False, False),
        ("In 1. Bundesliga there are 18 teams", False, False, False),
        ("1.5 litres of water", False, False, False),
        ("Tips:\n- Boil water\n- Add tea", False, True, False),
        ("* Boil water", False, True, False),
        ("\u2022 Boil water", False, True, False),
        ("well - perhaps - not", False, False, False),
        ("**Bold** words", False, False, False),
        ("```python\nx = 1\n```", False, False, True),
        ("Use `ls -l` for it", False, False, True),
        ("def area(r):\n    return 3 * r", False, False, True),
        ("import os\n", False, False, True),
        ("for x in xs:\n    pass", False, False, True),
        ("#include <stdio.h>", False, False, True),
        ("int x = 3;\nint y;", False, False, True),
        ("The class of 1990 met for lunch", False, False, False),
        ("import duties rose; exports fell", False, False, False),
    ],
)
def test_structure_flags(text, steps, bullets, code):
    scored = _score(text, 40)
    assert (scored.has_steps, scored.has_bullets, scored.has_code) == (steps, bullets, code)


def test_reasoning_is_no_part_of_the_answer():
    thought = "<think>\n1. Use `ls`\n- then go on\n</think>"
    scored = _score(thought + PROSE, 80)
    assert not (scored.has_steps or scored.has_bullets or scored.has_code)
    assert scored.score == pytest.approx(0.8 * min(1, 80 / 40 * len(PROSE) / len(thought + PROSE)))
    assert _score(thought, 80).score == _score("<think>1. Use", 80).score == 0.0
    # Ten answers' worth of thought do not make one word helpful.
    assert not _score(thought * 10 + "Paris.", 80).is_helpful
