"""A stand-in for a Mac's GPU: tensors that say `mps`, computed by the CPU, which refuse what that GPU refuses.

It has no float64, and mixes with tensors of the CPU only where they are single numbers or indices. What its kernels
compute, and which are missing, nobody can tell without a Mac.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_map_only

MPS = torch.device("mps")
CPU = torch.device("cpu")
# What torch makes of numbers and lists before it asks a tensor of another kind.
_ON_NUMBERS = (torch.Tensor.tolist, torch.Tensor.__getitem__, torch.Tensor.__setitem__)
COPIES: Counter[str] = Counter()
"""How often numbers went from the host to the device, or back."""
_INDEXING = ("aten::index", "aten::index_put_", "aten::_index_put_impl_")


class MacTensor(torch.Tensor):
    """A tensor of the CPU that says it is on `mps`."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> "MacTensor":
        if held.dtype in (torch.float64, torch.complex128):
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype: the MPS framework doesn't support it.")
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            # torch was not built for the other; nothing looks here but torch itself.
            device=torch.device("meta"),
        )
        made.held = held
        return made

    @property
    def device(self) -> torch.device:
        """Where it says that it is."""
        return MPS

    def __repr__(self) -> str:
        return f"MacTensor({self.held})"

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(function, args, kwargs or {})


class _Device(TorchFunctionMode):
    """Takes the calls that name the device: torch was not built for it."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function in _ON_NUMBERS and not any(isinstance(one, torch.Tensor) for one in tree_flatten(args[1:])[0]):
            if function is torch.Tensor.tolist and isinstance(args[0], MacTensor):
                COPIES["to the host"] += 1
            made = function(*tree_map_only(MacTensor, lambda one: one.held, args))
            return MacTensor(made) if function is torch.Tensor.__getitem__ and isinstance(args[0], MacTensor) else made
        if MPS not in [one for one in tree_flatten((args, kwargs))[0] if isinstance(one, torch.device)]:
            return function(*args, **kwargs)
        if any(isinstance(one, MacTensor) for one in tree_flatten((args, kwargs))[0]):
            # From the device to itself.
            args, kwargs = tree_map_only(MacTensor, lambda one: one.held, (args, kwargs))
        elif any(isinstance(one, torch.Tensor) for one in tree_flatten((args, kwargs))[0]):
            COPIES["to the device"] += 1
        args, kwargs = tree_map_only(torch.device, lambda _: CPU, (args, kwargs))
        made = function(*args, **kwargs)
        return made if isinstance(made, MacTensor) else MacTensor(made)


def _run(function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    leaves = tree_flatten((args, kwargs))[0]
    ours = [one for one in leaves if isinstance(one, MacTensor)]
    name = function._schema.name
    # Indices may lie on the CPU, and a copy may go from one to the other.
    mixed = (args[0], *args[2:]) if name in _INDEXING else () if name == "aten::copy_" else leaves
    kinds = {isinstance(one, MacTensor) for one in mixed if isinstance(one, torch.Tensor) and one.dim() > 0}
    if len(kinds) > 1 or (name in _INDEXING and not isinstance(args[0], MacTensor)):
        raise RuntimeError(f"Expected all tensors to be on the same device, but found mps and cpu in {name}")
    devices = [one for one in leaves if isinstance(one, torch.device)]
    to_mac = MPS in devices if devices else bool(ours)
    if name == "aten::copy_":
        to_mac = isinstance(args[0], MacTensor)
    elif name == "aten::_local_scalar_dense":
        to_mac = False
    if to_mac != bool(ours):
        COPIES["to the device" if to_mac else "to the host"] += 1
    args, kwargs = tree_map_only(torch.device, lambda _: CPU, (args, kwargs))
    args, kwargs = tree_map_only(MacTensor, lambda one: one.held, (args, kwargs))
    made = function(*args, **kwargs)
    if made is None or not to_mac:
        return made
    known = {id(one.held): one for one in ours}
    return tree_map_only(torch.Tensor, lambda one: known[id(one)] if id(one) in known else MacTensor(one), made)


@contextmanager
def mac_gpu() -> Iterator[None]:
    """Let the device `mps` exist for the length of a block."""
    with _Device():
        yield


def move(network: torch.nn.Module, *, dtype: torch.dtype) -> None:
    """Move a network's weights to the stand-in, in place; its layers multiply as they do on a GPU."""
    for module in network.modules():
        if type(module) is torch.nn.Linear:
            module.__dict__.pop("forward", None)
        for held in (module._parameters, module._buffers):
            for name, one in held.items():
                if one is not None:
                    held[name] = MacTensor(one.detach().to(dtype if one.is_floating_point() else one.dtype))
