"""What a reader needs to place a run and to cite it: version, commit, model, processor."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from steering_reliability import __version__

Fact = tuple[str, str, str]
"""Name, value, and the address that the value links to, or an empty text."""

TITLE: Final = "Steering reliability: a workflow that measures how well linear directions control refusal"

_HUB_ID: Final = re.compile(r"[\w.-]+/[\w.-]+")


def run_facts(provenance: Mapping[str, Any]) -> Iterator[Fact]:
    """Return what is known of a run; what provenance.json does not hold is left out."""
    yield "workflow", f"steering-reliability {__version__}", ""
    if commit := provenance.get("commit"):
        yield "git commit", str(commit)[:12], ""
    if model := (provenance.get("model") or {}).get("name"):
        yield "model", f"{model}{_weights(provenance)}", model_address(provenance)
    machine = provenance.get("machine") or {}
    processor = machine.get("gpu") or machine.get("processor")
    if processor:
        parts = [processor, machine.get("cpu_capability"), machine.get("system")]
        yield "processor", ", ".join(str(part) for part in parts if part), ""


def model_address(provenance: Mapping[str, Any]) -> str:
    """Return the page of a model that came from the hub; empty for any other."""
    asked = (provenance.get("config") or {}).get("model") or {}
    name = str(asked.get("name", ""))
    is_hub = asked.get("source") == "hub" and _HUB_ID.fullmatch(name) is not None
    return f"https://huggingface.co/{name}" if is_hub else ""


def citation(provenance: Mapping[str, Any], *, title: str) -> str:
    """Return the sentence that cites this run."""
    commit = provenance.get("commit")
    at = f", commit {str(commit)[:12]}" if commit else ""
    return f"{TITLE}. Version {__version__}{at}. Run on {title}."


def _weights(provenance: Mapping[str, Any]) -> str:
    weights = (provenance["model"].get("card") or {}).get("weights")
    return f" ({weights})" if weights else ""
