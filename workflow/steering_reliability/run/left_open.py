"""What a config leaves to the scan, and the config once that is chosen."""

from typing import Any

from steering_reliability.config.fields import AUTO
from steering_reliability.config.schema import Config
from steering_reliability.scan.chosen import Chosen


def has_all(config: Config, chosen: Chosen) -> bool:
    """Whether a choice, which may be of another config, has all that this one leaves open."""
    experiment = config.experiment
    has_layers = experiment.layers != AUTO or bool(chosen.layers)
    return has_layers and set(experiment.open_alphas) <= set(chosen.alphas or {})


def pinned(config: Config, chosen: Chosen) -> Config:
    """The config with the layers and strengths that the scan has chosen, and with the scan's prompts held back."""
    experiment, found = config.experiment, chosen.alphas or {}
    alphas = {
        name: list(found[name]) if name in experiment.open_alphas else experiment.alphas_of(name)
        for name in experiment.interventions
    }
    layers: Any = list(chosen.layers or ()) if experiment.layers == AUTO else experiment.layers
    update = {
        "experiment": experiment.model_copy(update={"layers": layers, "alphas": alphas}),
        "scan": config.scan.model_copy(update={"share": config.scan_share}),
    }
    return config.model_copy(update=update)


def stand_in(config: Config, *, n_layers: int) -> Chosen:
    """As many layers and strengths as the scan will choose, for estimates."""
    layers = tuple(range(0, n_layers, max(2, n_layers // 3)))[:3]
    strengths = tuple(round(0.1 * (1 + at), 1) for at in range(len(config.experiment.target_kl)))
    return Chosen(layers, dict.fromkeys(config.experiment.open_alphas, strengths))
