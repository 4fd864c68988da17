"""Learn linear steering directions in small language models and measure how reliably they control refusal.

The names in `__all__` are the public interface; everything else may change between versions. They are loaded when they
are first used: the Snakefile imports this package, and must not wait for torch.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Read when torch is loaded: what a Mac's GPU lacks is done by the CPU, and torch names the operation once.
os.environ.setdefault("PYTORCH_ENABLE_MPS_FALLBACK", "1")

if TYPE_CHECKING:
    from steering_reliability.config.direction import DirectionConfig
    from steering_reliability.config.schema import GenerationConfig
    from steering_reliability.directions.files import StoredDirection
    from steering_reliability.errors import InputError
    from steering_reliability.library.generate import GeneratedText, generate
    from steering_reliability.library.learn import build_direction
    from steering_reliability.library.read import load_direction, load_model, load_results
    from steering_reliability.library.score import TextScore, score_text
    from steering_reliability.library.steered import steered
    from steering_reliability.model.loading import LoadedModel

_HOMES = {
    "DirectionConfig": "config.direction",
    "GeneratedText": "library.generate",
    "GenerationConfig": "config.schema",
    "InputError": "errors",
    "LoadedModel": "model.loading",
    "StoredDirection": "directions.files",
    "TextScore": "library.score",
    "build_direction": "library.learn",
    "generate": "library.generate",
    "load_direction": "library.read",
    "load_model": "library.read",
    "load_results": "library.read",
    "score_text": "library.score",
    "steered": "library.steered",
}

__all__ = [
    "DirectionConfig", "GeneratedText", "GenerationConfig", "InputError", "LoadedModel", "StoredDirection", "TextScore",
    "build_direction", "generate", "load_direction", "load_model", "load_results", "score_text", "steered",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
