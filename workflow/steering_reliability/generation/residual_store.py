"""The residual stream at the tokens that rows write, kept on the device until the rows are scored."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

NOWHERE = 0
"""The place whose content is never read."""


class ResidualStore:
    """A place for each row, with room for one residual stream per token that it writes; grows as rows need it."""

    def __init__(self, *, d_model: int, dtype: torch.dtype, device: torch.device) -> None:
        self._held = torch.zeros(NOWHERE + 1, 0, d_model, dtype=dtype, device=device)
        self._free: list[int] = []

    def take(self, tokens: int) -> int:
        """A place for a row that writes up to so many tokens."""
        places, length, d_model = self._held.shape
        if not self._free or tokens > length:
            more = 0 if self._free else max(16, places)
            self._free += range(places, places + more)
            grown = self._held.new_zeros(places + more, max(tokens, length), d_model)
            grown[:places, :length] = self._held
            self._held = grown
        return self._free.pop()

    def keep(self, resid: Float[Tensor, "n d_model"], *, places: Int[Tensor, " n"], tokens: Int[Tensor, " n"]) -> None:
        """Keep rows' streams, each at its place and token."""
        self._held[places, tokens] = resid

    def give_back(self, place: int, *, tokens: int) -> Float[Tensor, "tokens d_model"]:
        """What a row has kept of its first tokens; its place is free again."""
        self._free.append(place)
        return self._held[place, :tokens].clone()
