"""What the unsteered model makes of each prompt, computed once and shared by all conditions."""

from collections import OrderedDict
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class PromptState:
    """The unsteered reading of a prompt.

    Attributes:
        tokens: Prompt tokens.
        stored: Keys and values of the prompt, one pair per layer, each [kv_heads, tokens, d].
        logprobs: Log-probabilities of the next token, float32.
    """

    tokens: tuple[int, ...]
    stored: list[tuple[Tensor, Tensor]]
    logprobs: Float[Tensor, " vocabulary"]

    @property
    def n_bytes(self) -> int:
        """Memory held."""
        tensors = [self.logprobs, *(tensor for pair in self.stored for tensor in pair)]
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


class PromptStore:
    """Prompt states by tokens; the least recently used ones go when the budget (bytes) is spent."""

    def __init__(self, *, budget: int) -> None:
        self.budget = budget
        self._states: OrderedDict[tuple[int, ...], PromptState] = OrderedDict()
        self._held = 0

    def get(self, tokens: tuple[int, ...]) -> PromptState | None:
        """The state of a prompt, if it is kept."""
        state = self._states.get(tokens)
        if state is not None:
            self._states.move_to_end(tokens)
        return state

    def put(self, state: PromptState) -> None:
        """Keep a state, and let the oldest go if need be."""
        self._states[state.tokens] = state
        self._held += state.n_bytes
        while self._held > self.budget and len(self._states) > 1:
            self._held -= self._states.popitem(last=False)[1].n_bytes

    def longest_shared(self, tokens: tuple[int, ...]) -> tuple[PromptState | None, int]:
        """A kept state that begins like this prompt, and for how many tokens (a common template, a system prompt)."""
        newest = next(reversed(self._states.values()), None)
        if newest is None:
            return None, 0
        shared = 0
        for ours, theirs in zip(tokens, newest.tokens, strict=False):
            if ours != theirs:
                break
            shared += 1
        return newest, shared
