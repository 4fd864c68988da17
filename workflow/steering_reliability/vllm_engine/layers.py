"""A model's decoder layers as vLLM calls them, and the residual stream between them."""

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from steering_reliability.errors import InputError


def find_decoder_layers(model: nn.Module, *, n_layers: int) -> list[nn.Module]:
    """The blocks of a model, in their order.

    Raises:
        InputError: When there is no list of as many layers that each take `hidden_states`; names what was found.
    """
    lists = [module for module in model.modules() if isinstance(module, nn.ModuleList) and len(module) == n_layers]
    found = [layers for layers in lists if all(map(_takes_hidden_states, layers))]
    if len(found) != 1:
        names = dict.fromkeys(type(layer).__name__ for layers in lists for layer in layers)
        raise unusual(", ".join(names) or type(model).__name__, why=f"found {len(found)} lists of {n_layers} layers")
    return list(found[0])


def unusual(layer: str, *, why: str) -> InputError:
    """The error for a model whose residual stream is not where it usually is."""
    return InputError(
        f"vLLM's decoder layer {layer} is not of the usual form, which hands hidden_states, or hidden_states and a "
        f"residual that is added to them, to the next layer ({why})",
        where="config key model.name, with generation.engine: vllm",
        fix="use generation.engine: bridge, or another model",
    )


def _takes_hidden_states(layer: nn.Module) -> bool:
    return "hidden_states" in inspect.signature(layer.forward).parameters


def hidden_argument(layer: nn.Module, arguments: Sequence[Any], named: dict[str, Any]) -> Tensor:
    """The hidden states that a layer is called with."""
    if "hidden_states" in named:
        return named["hidden_states"]  # type: ignore[no-any-return]
    return arguments[list(inspect.signature(layer.forward).parameters).index("hidden_states")]  # type: ignore[no-any-return]


def halves(output: Tensor | tuple[Tensor, ...], *, layer: str) -> tuple[Tensor, Tensor | None]:
    """Hidden states and residual, whose sum is the stream; the residual is None where a layer adds by itself.

    Raises:
        InputError: When a layer returns something else.
    """
    if isinstance(output, Tensor):
        return output, None
    if len(output) == 2 and isinstance(output[0], Tensor) and isinstance(output[1], Tensor | None):
        return output[0], output[1]
    raise unusual(layer, why=f"it returns {len(output)} values")


def read_stream(hidden: Tensor, residual: Tensor | None, rows: Tensor) -> Float[Tensor, "rows d_model"]:
    """The residual stream of some tokens, float32."""
    stream = hidden[rows].float()
    return stream if residual is None else stream + residual[rows].float()


def write_stream(hidden: Tensor, residual: Tensor | None, rows: Tensor, stream: Tensor) -> None:
    """Let the next layer find another residual stream at some tokens."""
    hidden[rows] = stream.to(hidden.dtype)
    if residual is not None:
        residual[rows] = torch.zeros((), dtype=residual.dtype, device=residual.device)
