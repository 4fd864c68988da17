"""A model that vLLM holds: what rows, messages and logs ask of `LoadedModel`, without a bridge."""

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from steering_reliability.model.loading import LoadedModel
from steering_reliability.process.machine import machine_facts


@dataclass(frozen=True)
class ServedModel(LoadedModel):
    """A model in vLLM's worker processes.

    Attributes:
        blocks: Number of transformer blocks.
        width: Width of the residual stream.
        served: How vLLM runs it, as far as it may show in the last digits of a number.
    """

    blocks: int
    width: int
    served: dict[str, Any]

    @property
    def n_layers(self) -> int:
        """Number of transformer blocks."""
        return self.blocks

    @property
    def d_model(self) -> int:
        """Width of the residual stream."""
        return self.width

    @property
    def facts(self) -> dict[str, Any]:
        """What computes, as far as it may show in the last digits of a number."""
        return {
            "device": self.device.type,
            "dtype": str(self.dtype).removeprefix("torch."),
            "torch": torch.__version__,
            "transformers": metadata.version("transformers"),
            **self.served,
            **machine_facts(),
        }


def end_tokens_of(folder: str | Path, *, config: Any, tokenizer: Any) -> frozenset[int]:
    """Ids that end a completion: those of the model's config, its generation config and its tokenizer."""
    from transformers import GenerationConfig  # noqa: PLC0415 - costs seconds

    holders = [config, tokenizer]
    if (Path(folder) / "generation_config.json").is_file():
        holders.append(GenerationConfig.from_pretrained(str(folder)))
    ids: set[int] = set()
    for holder in holders:
        value = getattr(holder, "eos_token_id", None)
        ids.update([value] if isinstance(value, int) else value or [])
    return frozenset(ids)
