"""The residual stream of a decoder layer, in both forms in which layers hand it on; other forms are refused."""

import pytest
import torch
from steering_reliability.errors import InputError
from steering_reliability.vllm_engine.layers import (
    find_decoder_layers,
    halves,
    hidden_argument,
    read_stream,
    write_stream,
)
from torch import nn


class Layer(nn.Module):
    def forward(self, positions, hidden_states, residual=None):
        return hidden_states, residual


class Odd(nn.Module):
    def forward(self, x):
        return x


def model_of(*lists: list[nn.Module]) -> nn.Module:
    model = nn.Module()
    for at, layers in enumerate(lists):
        setattr(model, f"list_{at}", nn.ModuleList(layers))
    return model


def test_the_layers_are_the_list_of_their_number_that_takes_hidden_states():
    layers = [Layer(), Layer()]
    assert find_decoder_layers(model_of([Odd(), Odd()], [Layer()], layers), n_layers=2) == layers


@pytest.mark.parametrize(("lists", "named"), [([[Odd(), Odd()]], "Odd"), ([[Layer()]], "Module")])
def test_a_model_without_them_is_refused_by_its_class(lists, named):
    with pytest.raises(InputError, match=f"decoder layer {named} is not of the usual form"):
        find_decoder_layers(model_of(*lists), n_layers=2)


def test_the_hidden_states_are_found_wherever_they_are_given():
    given = torch.ones(2, 3)
    assert hidden_argument(Layer(), [None, given], {}) is given
    assert hidden_argument(Layer(), [None], {"hidden_states": given}) is given


def test_a_layer_that_returns_three_things_is_refused():
    one = torch.ones(1, 1)
    assert halves(one, layer="Layer") == (one, None)
    assert halves((one, one), layer="Layer") == (one, one)
    with pytest.raises(InputError, match=r"Layer .* returns 3 values"):
        halves((one, one, one), layer="Layer")


@pytest.mark.parametrize("has_residual", [True, False])
def test_what_is_written_is_what_the_next_layer_adds_up_and_other_tokens_keep_theirs(has_residual):
    hidden = torch.arange(6.0, dtype=torch.bfloat16).view(3, 2)
    residual = torch.full((3, 2), 0.5, dtype=torch.bfloat16) if has_residual else None
    rows = torch.tensor([2, 0])
    before = read_stream(hidden, residual, torch.arange(3))
    write_stream(hidden, residual, rows, torch.tensor([[7.0, 8.0], [9.0, 10.0]]))
    after = read_stream(hidden, residual, torch.arange(3))
    assert after.tolist() == [[9.0, 10.0], before[1].tolist(), [7.0, 8.0]]
