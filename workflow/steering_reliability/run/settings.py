"""What the files of a rule depend on beside its inputs: the params by which Snakemake notices a changed config."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steering_reliability.config.fields import LENGTHS, SCANNED
from steering_reliability.config.schema import Config
from steering_reliability.prompts.schema import SPLITS
from steering_reliability.run.grid import Direction, is_control
from steering_reliability.vllm_engine.installed import staleness_version


@dataclass(frozen=True)
class Settings:
    """The settings of a run, rule by rule.

    `weights` is the fingerprint of a user's own model folder; empty for a prepared one.
    """

    config: Config
    directions: Mapping[str, Direction]
    weights: str = ""

    def base_model(self) -> dict[str, Any]:
        """Of the base model's folder, beside a GGUF file's content; its name and an expected hash change nothing."""
        model = self.config.model
        if model.source == "hub":
            return {"name": model.name, "source": "hub", "revision": model.revision}
        return {"name": Path(model.source).stem, "source": model.source}

    def tuning(self) -> dict[str, Any]:
        """Of a tuned model's folder, beside its base."""
        tuning = self.config.refusal_tuning
        if tuning is None:
            return {}
        return {"tuning": tuning.model_dump(), "templates": self.config.model.templates(), "weights": self.weights}

    def lengths(self) -> dict[str, Any]:
        """Of the tokens that a prompt and its completion have; all of it decides the completion too."""
        return {
            "max_new_tokens": self.config.generation.max_new_tokens,
            "openings": self._openings() or [],
            "templates": self.config.model.templates(),
        }

    def activations(self, direction: str) -> dict[str, Any]:
        """Of a direction's activations, beside the prompts and the model."""
        found, configured = self.directions[direction], self.config.direction
        has_prefix = found.texts == "contrastive_prefix"
        return {
            "method": found.texts,
            "refusal_prefix": found.refusal_prefix if has_prefix else "",
            "compliance_prefix": found.compliance_prefix if has_prefix else "",
            "position": configured.position_of(found.texts),
            "build_fraction": configured.build_fraction,
            **self.config.model.templates(),
            **self.numbers(),
        }

    def numbers(self) -> dict[str, Any]:
        """Where, by what and in which number format the model runs; all of it shows in the last digits."""
        return {
            "device": self.config.model.device,
            "dtype": self.config.model.dtype,
            "hook_point": self.config.direction.hook_point,
            "weights": self.weights,
            **self._served(),
        }

    def _served(self) -> dict[str, Any]:
        """What the numbers of vLLM depend on; nothing for the engine of this package."""
        if not self.config.generation.is_served:
            return {}
        vllm = self.config.generation.vllm
        return {
            "vllm": staleness_version(),
            "tensor_parallel_size": vllm.tensor_parallel_size,
            "enforce_eager": vllm.enforce_eager,
        }

    def completions(self, direction: str | None = None, *, intervention: str = "add") -> dict[str, Any]:
        """Of a shard's text, beside the prompts, the model and the direction.

        Without a direction it is the baseline.
        """
        generation = self.config.generation
        settings = {
            "max_new_tokens": generation.max_new_tokens,
            "temperature": generation.temperature,
            "top_p": generation.top_p,
            "samples": generation.num_samples_per_prompt,
            "stop_strings": generation.stop_strings,
            **self.config.model.templates(),
            "openings": self._openings(),
            "positions": "generated" if direction is None else self.config.experiment.positions,
        }
        if direction is None:
            return settings
        if intervention in LENGTHS:
            # The alpha of the others is a share, which has no unit.
            settings["alpha_unit"] = self.alpha_unit
        if self.config.sanity_checks.controls_at == "claims" and is_control(self.config, direction):
            # A control is compared by its text alone.
            settings["is_scored"] = False
        return settings

    def scan(self) -> dict[str, Any]:
        """Of the scan's measurements, beside the prompts, the model and the activations."""
        main = self.directions[self.config.direction.main_method]
        experiment, scan = self.config.experiment, self.config.scan
        listed = [name for name in experiment.interventions if name in SCANNED]
        return {
            "method": main.method,
            "direction_seed": main.seed,
            "interventions": listed or ["add"],
            "strengths": self.config.scan_strengths,
            "alpha_unit": self.alpha_unit,
            "random_directions": scan.random_directions,
            "seed": scan.seed,
            "openings": self._openings(),
            "positions": experiment.positions,
            **self.config.model.templates(),
            **self.numbers(),
        }

    def scoring(self) -> dict[str, Any]:
        """Of the scores of all completions, beside the shards and the prompts."""
        uses_benign = any(
            self.directions[name].texts == "difference_in_means" for name in self.config.direction.methods
        )
        splits = [split for split in SPLITS if split == "harm_train" or (split == "benign" and uses_benign)]
        return {
            "alpha_unit": self.alpha_unit,
            "max_new_tokens": self.config.generation.max_new_tokens,
            "built_from": dict.fromkeys(splits, self.config.direction.build_fraction),
            "cluster_field": self.config.data.cluster_field,
            "scorer": self.config.metrics.scorer,
        }

    @property
    def alpha_unit(self) -> str:
        """What an alpha of `add` counts in, as `StoredDirection.coefficient` takes it."""
        configured = self.config.experiment.alpha_unit
        return configured if self.config.direction.normalize or configured != "unit" else "difference"

    def _openings(self) -> list[str] | None:
        propensity = self.config.propensity
        return [propensity.refusal_opening, propensity.compliance_opening] if propensity.enabled else None
