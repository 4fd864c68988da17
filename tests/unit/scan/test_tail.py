"""The layout of a prompt's end and its openings, by hand."""

import torch
from steering_reliability.scan.tail import PROMPT, batch_tails, make_tail

OPENINGS = ((21, 22, 23), (31,), (41, 42))


def test_a_tail_by_hand():
    tail = make_tail((10, 11, 12, 13), openings=OPENINGS, span=(2, None), split="benign")
    assert (tail.split, tail.before) == ("benign", (10, 11))
    # The last token of an opening is predicted and never read.
    assert tail.tokens == (12, 13, 21, 22, 41)
    assert tail.positions == (2, 3, 4, 5, 4)
    assert tail.owners == (PROMPT, PROMPT, 0, 0, 2)
    assert tail.steered == (True,) * 5
    assert tail.wanted == (1, 2, 3, 4)
    # The first token of each comes after the prompt, the others after the opening's own tokens.
    assert tail.targets == (((0, 21), (1, 22), (2, 23)), ((0, 31),), ((0, 41), (3, 42)))


def test_what_is_steered_and_read_anew_depends_on_the_span():
    def of(span):
        tail = make_tail((10, 11, 12, 13), openings=OPENINGS[:1], span=span)
        return tail.before, tail.steered

    assert of((0, None)) == ((), (True,) * 6)
    assert of((0, 4)) == ((), (True, True, True, True, False, False))
    assert of((3, 4)) == ((10, 11, 12), (True, False, False))
    # The last token is read anew even if steering begins after it, since the next one depends on nothing else.
    assert of((4, None)) == ((10, 11, 12), (False, True, True))
    assert of((4, 5)) == ((10, 11, 12), (False, True, False))


def test_a_batch_lets_no_opening_see_another_and_fills_up_behind():
    long = make_tail((10, 11, 12), openings=OPENINGS, span=(1, None))
    short = make_tail((10,), openings=((21, 22), (31,), (41, 42)), span=(0, None))
    batch = batch_tails([long, short], copies=2, device=torch.device("cpu"))
    assert batch.tokens.tolist() == [[11, 12, 21, 22, 41]] * 2 + [[10, 21, 41, 0, 0]] * 2
    assert batch.slots.tolist() == [[1, 2, 3, 4, 5]] * 2 + [[0, 1, 2, 3, 4]] * 2
    assert batch.positions.tolist() == [[1, 2, 3, 4, 3]] * 2 + [[0, 1, 1, 0, 0]] * 2
    assert batch.steered.tolist() == [[True] * 5] * 2 + [[True, True, True, False, False]] * 2
    # Rows of 5 places; the short prompt's end stands in for the place that it lacks.
    assert batch.n_wanted == 4
    assert batch.wanted.tolist() == [1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 10, 15, 16, 17, 15]
    assert batch.unseen[0].nonzero().tolist() == [
        [0, 2],
        [0, 3],
        [0, 4],
        [1, 2],
        [1, 3],
        [1, 4],
        [2, 4],
        [3, 4],
        [4, 2],
        [4, 3],
    ]
    causal = torch.zeros(4, 1, 5, 8)
    hidden = (batch.mask(causal) < 0).squeeze(1)
    # The last token, of the third opening, does not see the first one at slots 3 and 4.
    assert hidden[0, 4].nonzero().flatten().tolist() == [3, 4]
    assert hidden[2, 2].nonzero().flatten().tolist() == [1]
