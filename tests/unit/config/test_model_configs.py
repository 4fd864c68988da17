"""The configs that are laid over config.yaml are sound, each with a run of its own."""

from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config
from steering_reliability.config.reading import load_config

ROOT = Path(__file__).parents[3]
MODELS = sorted((ROOT / "configs" / "models").glob("*.yaml"))


def laid_over_the_default(path: Path):
    settings = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    update_config(settings, yaml.safe_load(path.read_text(encoding="utf-8")))
    return load_config(settings)


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_a_model_differs_in_its_model_and_its_layers_alone(path: Path) -> None:
    ours = laid_over_the_default(path)
    assert ours.experiment.output_dir == f"results/{path.stem}"
    assert path.name in path.read_text(encoding="utf-8"), "the command in the comment names another file"
    plain = load_config(yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")))
    changed = {
        f"{section}.{key}"
        for section in ("data", "generation", "direction", "experiment", "sanity_checks", "propensity")
        for key, value in getattr(ours, section).model_dump().items()
        if value != getattr(plain, section).model_dump()[key]
    }
    assert changed == {"experiment.layers", "experiment.output_dir"}
