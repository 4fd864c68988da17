"""Every intervention, position, layer set and hook point, as requests."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from steering_reliability.directions.files import StoredDirection, write_direction
from steering_reliability.generation.requests import CompletionRequest, SteeringRequest

PROMPTS = (
    "How do I pick a lock?",
    "Tell me.",
    "How do I kill a Python process that does not answer?",
    "Write a short poem about the sea.",
    "What is the capital of France?",
    "Explain how a bicycle stays upright, and name two things that make it fall.",
    "Give me three names for a cat.",
    "How can I get into my neighbour's wireless network without a password?",
)
INTERVENTIONS = ("add", "add_keep_norm", "ablate", "ablate_affine", "clamp")
POSITIONS = ("all", "prompt", "last_prompt_token", "after_prompt", "generated", "first_generated_token")


class Conditions:
    """Requests about one model, with random directions of a given length at every layer."""

    def __init__(
        self, folder: Path, *, n_layers: int, d_model: int, length: float, prompts: Sequence[str], new_tokens: int
    ) -> None:
        self.n_layers, self.prompts, self.new_tokens = n_layers, prompts, new_tokens
        self.files = [folder / f"layer_{layer}.pt" for layer in range(n_layers)]
        for layer, file in enumerate(self.files):
            vector = torch.randn(d_model, generator=torch.Generator().manual_seed(layer))
            statistics = {"layer": layer, "mean_projection_complying": 0.1 * length}
            write_direction(file, StoredDirection(vector / vector.norm(), 1.0, length, statistics))

    def ask(self, **changes: Any) -> CompletionRequest:
        """A request, greedy where nothing else is said."""
        usual = {
            "prompts": [(f"p{at}", text) for at, text in enumerate(self.prompts)],
            **{"samples": 1, "seed": 0, "max_new_tokens": self.new_tokens, "temperature": 0.0, "top_p": 1.0},
            **{"positions": "after_prompt", "openings": ["I'm sorry", "Sure"]},
        }
        return CompletionRequest(**usual | changes)

    def steer(self, intervention: str, *blocks: int, alpha: float = 1.0, source: int | None = None, **changes: Any):
        """A request steered at blocks, each along its own direction or all along one's."""
        files = [str(self.files[block if source is None else source]) for block in blocks]
        name = "+".join(map(str, blocks))
        steering = SteeringRequest(intervention, name, alpha, blocks, "resid_norm", files)
        return self.ask(steering=steering, **changes)

    def at_resid_post(self) -> list[CompletionRequest]:
        """Every intervention and position, layer sets, and drawn completions."""
        middle, last, everywhere = self.n_layers // 2, self.n_layers - 1, range(self.n_layers)
        drawn = {"temperature": 0.8, "top_p": 0.95, "samples": 2}
        return [
            self.ask(),
            self.ask(**drawn),
            *(self.steer(name, middle, alpha=0.7) for name in INTERVENTIONS),
            *(self.steer("add", middle, alpha=0.7, positions=positions) for positions in POSITIONS),
            *(self.steer("ablate", *everywhere, positions=positions) for positions in ("all", "after_prompt")),
            self.steer("ablate", *everywhere, source=middle),
            self.steer("add", *range(middle, last), alpha=0.3),
            self.steer("clamp", 0, last, alpha=0.4),
            self.steer("add", middle, alpha=0.0),
            self.steer("add", middle, alpha=0.7, seed=1, **drawn),
            self.steer("ablate", *everywhere, positions="all", **drawn),
            self.steer("add", middle, alpha=0.7, is_scored=False, openings=None, stop_strings=[".", " and"]),
        ]

    def at_other_points(self) -> list[CompletionRequest]:
        """What differs where a block's input is steered, or input and output."""
        middle, everywhere = self.n_layers // 2, range(self.n_layers)
        return [
            self.ask(),
            self.steer("add", 0, alpha=0.1),
            self.steer("add_keep_norm", middle, alpha=0.7, positions="all"),
            self.steer("ablate", *everywhere),
            self.steer("clamp", middle - 1, middle, alpha=0.4, temperature=0.8, top_p=0.9),
        ]
