"""A direction exported as a folder, and the snippets of its card."""

import re
from pathlib import Path

import torch
from steering_reliability.commands.export import directions_of, export_directions, origin_of
from steering_reliability.config.reading import load_config
from steering_reliability.directions.files import StoredDirection, write_direction
from steering_reliability.run.record import record_config
from tiny_model import D_MODEL

ALPHA = 0.4


def write_hub_folder(folder: Path, *, model: Path, layers: tuple[int, ...], hook_point: str = "resid_post") -> Path:
    """Export a random direction of a tiny model, from a run that has begun.

    The planted one makes two words equally likely, between which the last digit would decide.
    """
    run = folder / "run"
    config = {
        "model": {"name": "tiny", "source": str(model)},
        "direction": {"hook_point": hook_point},
        "experiment": {"layers": [1], "alphas": [ALPHA], "output_dir": str(run)},
    }
    record_config(load_config(config))
    random = torch.randn(D_MODEL, generator=torch.Generator().manual_seed(3))
    for layer in layers:
        vector = StoredDirection(2 * random / random.norm(), 2.0, 15.0 + layer, {"layer": layer})
        write_direction(run / f"directions/contrastive_prefix/layer_{layer}.pt", vector)
    sources = directions_of(run, [], layers=[])
    origin = origin_of(sources[0], hook_point=None, architecture=None, is_named=True)
    export_directions(sources, output=folder / "hub", alpha=ALPHA, origin=origin)
    return folder / "hub"


def snippet(folder: Path, tool: str, *, model: Path) -> str:
    """The card's code for a tool, with the model in its place and a prompt that the tiny model's words can say."""
    card = (folder / "README.md").read_text(encoding="utf-8")
    code = re.search(rf"### {tool}\n\n```\w*\n(.*?)```", card, re.DOTALL)[1]
    return code.replace("path/to/model", str(model)).replace("How do I bake bread?", "take the water")
