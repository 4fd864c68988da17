"""A long prompt, read many tokens at a time, to the keys and values that it has when they are read one by one."""

import torch
from torch import Tensor

from steering_reliability.generation.prompt_store import PromptState
from steering_reliability.generation.slot_cache import BY_TOKEN, SHORTEST, SlotCache, attention
from steering_reliability.model.loading import LoadedModel

# Matrix products of so many rows are near their best. Shorter pieces are read with the rows in flight, which cost less.
BLOCK = 64
# Between two steps of the rows in flight: about a second of a small model.
BLOCKS_AT_ONCE = 16


class BlockReader:
    """The unsteered reading of one prompt, block by block, from a known state that shares its first tokens, if any."""

    def __init__(self, model: LoadedModel, *, tokens: tuple[int, ...], known: PromptState | None, shared: int) -> None:
        self.model, self.tokens, self.position = model, tokens, shared
        self._cache = SlotCache(model.n_layers, slots=1, length=len(tokens), span=SHORTEST)
        if known is not None and shared:
            self._cache.write(0, known.stored, length=shared)

    @property
    def is_done(self) -> bool:
        """Whether less than a block is left, of what comes before the last token."""
        return not spans_a_block(self.tokens, known=self.position)

    @torch.inference_mode()
    def step(self) -> None:
        """Read the next few blocks."""
        model = self.model
        network = model.bridge.original_model
        for _ in range(BLOCKS_AT_ONCE):
            if self.is_done:
                return
            end = self.position + BLOCK
            positions = torch.arange(self.position, end, device=model.device).unsqueeze(0)
            tokens = torch.tensor([self.tokens[self.position : end]], device=model.device)
            arguments = self._cache.inputs(tokens, positions, horizon=max(end, SHORTEST), dtype=model.dtype)
            with attention(network, BY_TOKEN):
                network.base_model(**arguments)
            self.position = end

    def stored(self) -> list[tuple[Tensor, Tensor]]:
        """Keys and values of what has been read, one pair per layer."""
        return self._cache.read(0, length=self.position)


def spans_a_block(tokens: tuple[int, ...], *, known: int) -> bool:
    """Whether a block fits between what is known of a prompt and its last token, whose logits are wanted."""
    return len(tokens) - 1 - known >= BLOCK
