"""What is measured of a request inside vLLM's worker process, and how it travels to the engine."""

from dataclasses import dataclass, field

from torch import Tensor


@dataclass
class Measured:
    """What is known of one task.

    Attributes:
        logprobs: Log-probability of the token of each step, nats; of a scored task that of each target.
        entropies: Entropy of the next-token distribution of each step, nats.
        first_token_kl: KL(steered || unsteered) of the first next-token distribution, nats.
        base_first: Log-probability of the first token under the unsteered model, nats.
        openings: Log-probability of each opening's first token, nats.
        stream: Mean residual stream of the tokens that were to be read, one row per place.
    """

    logprobs: dict[int, float] = field(default_factory=dict)
    entropies: dict[int, float] = field(default_factory=dict)
    first_token_kl: float = 0.0
    base_first: float = 0.0
    openings: tuple[float, ...] = ()
    stream: Tensor | None = None


class Measurements(dict[str, Measured]):
    """What is known of every task in flight, by its name."""

    def __missing__(self, name: str) -> Measured:
        found = self[name] = Measured()
        return found
