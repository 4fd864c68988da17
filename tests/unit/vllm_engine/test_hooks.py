"""Hooks on layers of two numbers, whose stream can be followed by hand."""

import pytest
import torch
from steering_reliability.interventions.steer import BlockSteering
from steering_reliability.vllm_engine.engine import places_of
from steering_reliability.vllm_engine.hooks import Hooks
from steering_reliability.vllm_engine.measured import Measurements
from steering_reliability.vllm_engine.tasks import Part, Score, Task
from torch import nn

X, Y = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])


class Layer(nn.Module):
    """Adds 1 to the stream, which it hands on in halves."""

    def forward(self, hidden_states, residual=None):
        stream = hidden_states if residual is None else hidden_states + residual
        return torch.ones_like(stream), stream.clone()


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([Layer(), Layer()])

    def forward(self, hidden_states):
        residual = None
        for layer in self.layers:
            hidden_states, residual = layer(hidden_states, residual)
        return hidden_states + residual

    def compute_logits(self, hidden):
        return torch.cat([hidden, torch.zeros(len(hidden), 1)], dim=-1)


@pytest.fixture
def hooks():
    model = Model()
    return Hooks(model, list(model.layers), measured=Measurements())


def test_tokens_are_steered_at_their_places_each_by_its_own_table(hooks):
    hooks.table = {"in": {0: [BlockSteering(X, add=10.0)]}, "out": {1: [BlockSteering(Y, add=5.0)], 2: []}}
    hooks.parts = [
        Part(Task("a", steering="in", span=(1, None)), range(2), 0),
        Part(Task("b", steering="out", span=(0, 8)), range(2, 3), 7),
        Part(Task("c"), range(3, 4), 0),
    ]
    found = hooks.model(torch.zeros(4, 2))
    assert found.tolist() == [[2, 2], [12, 2], [2, 7], [2, 2]]
    assert hooks.touched == {0, 1}
    # What is not ours, such as a warm-up, is left alone.
    assert hooks.model(torch.zeros(4, 2)).tolist() == [[2, 2]] * 4


def test_where_an_output_and_the_next_input_are_steered_both_are_done_in_order(hooks):
    double = [BlockSteering(X, add=4.0), BlockSteering(X, ablate=1.0)]
    hooks.table = {"both": {1: double}}
    hooks.parts = [Part(Task("a", steering="both"), range(1), 0)]
    assert hooks.model(torch.zeros(1, 2)).tolist() == [[1, 2]]


def test_the_stream_of_a_span_is_averaged_over_the_pieces_in_which_it_is_read(hooks):
    task = Task("a", read=(1, 3))
    for _ in range(2):
        # The second time the request has lost its place and is read anew.
        for position, rows in ((0, range(2)), (2, range(2))):
            hooks.parts = [Part(task, rows, position)]
            hooks.model(torch.full((2, 2), float(position)))
    # Token 1 begins at 0 and token 2 at 2; each place adds 1.
    assert hooks.measured["a"].stream.tolist() == [[1, 1], [2, 2], [3, 3]]


def test_given_tokens_are_scored_at_the_place_before_them(hooks):
    task = Task("a", score=Score(first=1, targets=(0, 2)))
    hooks.parts = [Part(task, range(2), 0)]
    hooks.model(torch.tensor([[0.0, 0.0], [1.0, -2.0]]))
    hooks.parts = [Part(task, range(2), 2)]
    hooks.model(torch.tensor([[-2.0, -2.0], [9.0, 9.0]]))
    expected = [torch.log_softmax(torch.tensor(row), dim=0)[at] for row, at in (([3.0, 0, 0], 0), ([0.0, 0, 0], 2))]
    found = hooks.measured["a"].logprobs
    assert [found[0], found[1]] == pytest.approx([float(one) for one in expected], abs=1e-6)
    assert len(found) == 2


@pytest.mark.parametrize(
    ("point", "expected"),
    [("resid_post", {2: 1, 3: 1}), ("resid_pre", {1: 1, 2: 1}), ("resid_both", {1: 1, 2: 2, 3: 1})],
)
def test_a_block_reads_one_place_and_writes_the_next(point, expected):
    from steering_reliability.generation.rows import Steering

    first, second = BlockSteering(X, add=1.0), BlockSteering(Y, add=1.0)
    found = places_of(Steering({2: second, 1: first}, (0, None)), hook_point=point)
    assert {place: len(doings) for place, doings in found.items()} == expected
    if point == "resid_both":
        assert found[2] == [first, second]
