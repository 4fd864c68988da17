"""Everything the rules need to know about a run, worked out once from its config."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from steering_reliability.config.reading import ConfigError, Problem, load_config
from steering_reliability.config.schema import Config, ModelConfig, default_position
from steering_reliability.errors import InputError
from steering_reliability.model.card import CARD, other_code_note, preparing_code, read_card, tuning_code
from steering_reliability.model.source import (
    check_pinned_file,
    check_templates,
    check_weights,
    count_layers,
    file_fingerprint,
    fingerprint,
    is_prepared,
    known_parts,
    locate_gguf,
    model_folder,
    text_fingerprint,
    tuned_folder,
)
from steering_reliability.prompts.reading import read_prompts
from steering_reliability.prompts.schema import SPLITS, to_jsonl
from steering_reliability.prompts.subset import spread_subset
from steering_reliability.run import grid
from steering_reliability.run.grid import Condition, Direction
from steering_reliability.run.resources import activations_mb, count_prompts, shard_mb, shard_minutes, weights_mb

EVIDENCE = (
    "claims",
    "tests",
    "gap_tests",
    "layer_differences",
    "selection",
    "steerability",
    "prompt_steerability",
    "equal_kl",
    "by_group",
    "corrected",
)
FIGURES = (
    "tradeoff",
    "gap_vs_alpha",
    "effect_gap_forest",
    "dose_response",
    "equal_kl_curve",
    "steerability",
    "heatmap_refusal_harm_test",
    "heatmap_helpful_benign",
)


@dataclass(frozen=True)
class RunPlan:
    """A run, planned: no model is loaded, no file is written.

    Attributes:
        config: The typed config.
        model: Hugging Face folder of the model.
        base: The folder that `model` is tuned from; the same one where nothing is tuned.
        layers: Swept block indices.
        directions: By name, the main one first.
        conditions: Every condition that needs completions.
        seeds: Seeds that need a baseline, the main one first.
        weights: Fingerprint of a user's own model folder; empty for a prepared one.
        tokenizer: The same of what decides text in it beside the weights.
        own_prompts: Split to the workflow's own file, for splits whose path the config does not give.
    """

    config: Config
    model: str
    base: str
    layers: list[int]
    directions: dict[str, Direction]
    conditions: list[Condition]
    seeds: list[int]
    weights: str = ""
    tokenizer: str = ""
    own_prompts: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """The run's folder."""
        return self.config.experiment.output_dir.rstrip("/")

    @property
    def report_folder(self) -> str:
        """Folder of examples.md and index.html."""
        return self.config.report_dir.rstrip("/")

    def prompt_file(self, split: str) -> str:
        """The prompt file of a split: the configured one, or the workflow's own."""
        return self.own_prompts.get(split, self.config.data.path(split))

    @property
    def model_file(self) -> str:
        """The file that says that the model's folder is complete."""
        return f"{self.model}/config.json"

    @property
    def model_parts(self) -> list[str]:
        """The rest of the model's folder, as far as it is known before the model is there."""
        return [f"{self.model}/{name}" for name in known_parts(self.config.model)]

    def prompts_digest(self, split: str) -> str:
        """What tells the prepared prompts of a split from others: the digest of the file that will be written."""
        return hashlib.sha256(self._used_prompts(split)).hexdigest()[:16]

    def prompts_are_current(self, split: str) -> bool:
        """Whether the prepared prompts of a split are what its prompt file holds now, or are not there."""
        prepared = Path(f"{self.folder}/prompts/{split}.jsonl")
        return not prepared.is_file() or prepared.read_bytes() == self._used_prompts(split)

    def _used_prompts(self, split: str) -> bytes:
        limit = self.config.data.max_prompts_per_split
        prompts = spread_subset(read_prompts(Path(self.prompt_file(split)), split=split), limit=limit)
        return to_jsonl(prompts)

    @property
    def model_card(self) -> list[str]:
        """The card of a model's folder that is made here: with the hashes of its files it differs wherever they do."""
        return [path for path in self.model_parts if path.endswith(f"/{CARD}")]

    def limit(self, seed: str | int, direction: str | None = None) -> int | None:
        """Prompts per split of a shard: the other seed, and controls where the claims are made, write a subset."""
        checks = self.config.sanity_checks
        is_control = direction is not None and grid.is_control(self.config, direction)
        is_subset = int(seed) != self.config.generation.seed or (is_control and checks.controls_at == "claims")
        return checks.rerun_subset_n if is_subset else None

    def reference(self, direction: str) -> str:
        """The direction whose activations a direction is made of: itself, or the one it is a control for."""
        return self.directions[direction].reference or direction

    @property
    def measured(self) -> list[str]:
        """The directions that have activations of their own."""
        return sorted({self.reference(direction) for direction in self.directions})

    def own_direction(self, direction: str, *, layer: int | str) -> list[str]:
        """The user's file for a direction at a layer, where the run studies one: for it and for its controls."""
        own = self.config.direction.file
        is_main = self.reference(direction) == grid.main_direction(self.config)
        return [own.replace("{layer}", str(layer))] if own and is_main else []

    def direction_file(self, direction: str, layer: int | str) -> str:
        """The `.pt` of a direction."""
        return f"{self.folder}/directions/{direction}/layer_{layer}.pt"

    @property
    def follows_claims(self) -> bool:
        """Whether some checks run where the claims are made, and are not known before the study's completions are."""
        return grid.follows_claims(self.config)

    @property
    def claim_points_file(self) -> str:
        """The table of the points where the claims are made."""
        return f"{self.folder}/tables/claim_points.csv"

    def conditions_at(self, points: Sequence[tuple[str, str, int, float]]) -> list[Condition]:
        """Every condition of the run, once the points of the claims are known.

        Args:
            points: From `points_of_file`.
        """
        places = {purpose: cast("grid.Point", tuple(place)) for purpose, *place in points}
        recommended = places.pop("recommended", None)
        at_claims = grid.conditions_at_claims(self.config, recommended=recommended, others=list(places.values()))
        known = {(c.direction, c.intervention, c.layer, c.alpha, c.seed) for c in self.conditions}
        return self.conditions + [
            c for c in at_claims if (c.direction, c.intervention, c.layer, c.alpha, c.seed) not in known
        ]

    def direction_files(self, conditions: Sequence[Condition] | None = None) -> list[str]:
        """Every `.pt` that conditions use (those known from the config by default), and the main one at every layer."""
        used = {(c.direction, c.layer) for c in (self.conditions if conditions is None else conditions)}
        used |= {(grid.main_direction(self.config), layer) for layer in self.layers}
        return [self.direction_file(*pair) for pair in sorted(used)]

    def shards(self, condition: Condition) -> dict[str, str]:
        """Paths of a condition's shards by split."""
        return {split: f"{self.folder}/{condition.shard(split)}" for split in condition.splits}

    def baseline(self, seed: int) -> dict[str, str]:
        """Paths of the baseline's shards by split; another seed has those that its conditions have."""
        own = {split for c in self.conditions if c.seed == seed for split in c.splits}
        splits = SPLITS if seed == self.config.generation.seed else own or {"harm_test"}
        return {split: f"{self.folder}/{grid.baseline_shard(split, seed=seed)}" for split in SPLITS if split in splits}

    def read_settings(self, direction: str) -> dict[str, Any]:
        """What the activations of a direction depend on, beside the prompts and the model."""
        chosen, model = self.directions[direction], self.config.model
        configured = self.config.direction.token_position
        return {
            "method": chosen.method,
            "refusal_prefix": chosen.refusal_prefix if chosen.method == "contrastive_prefix" else "",
            "compliance_prefix": chosen.compliance_prefix if chosen.method == "contrastive_prefix" else "",
            "hook_point": self.config.direction.hook_point,
            "position": configured
            if configured and chosen.method == self.config.direction.method
            else default_position(chosen.method),
            "system_prompt": model.system_prompt,
            "chat_template": model.chat_template,
            **self._prompt_template(),
            "device": model.device,
            "dtype": model.dtype,
            "build_fraction": self.config.direction.build_fraction,
            **self._weights(),
        }

    def length_settings(self) -> dict[str, Any]:
        """What decides how many tokens a prompt has, and how many come after it: all of it decides its text as well."""
        return {
            "max_new_tokens": self.config.generation.max_new_tokens,
            "openings": self._openings() or [],
            "templates": self.config.model.templates(),
        }

    def _weights(self) -> dict[str, str]:
        return {"weights": self.weights} if self.weights else {}

    def _prompt_template(self) -> dict[str, str]:
        template = self.config.model.prompt_template
        return {} if template is None else {"prompt_template": template}

    @property
    def base_file(self) -> str:
        """The file that says that the base model's folder is complete."""
        return f"{self.base}/config.json"

    @property
    def base_parts(self) -> list[str]:
        """The rest of the base model's folder, as far as it is known before the model is there."""
        return [f"{self.base}/{name}" for name in known_parts(self.config.model)]

    @property
    def makes_base(self) -> bool:
        """Whether `prepare_model` makes the base folder; a user's own folder is used where it lies."""
        return is_prepared(self.config.model)

    @property
    def tunes_model(self) -> bool:
        """Whether the model is taught to refuse first."""
        return self.config.refusal_tuning is not None

    @property
    def made_model_files(self) -> list[str]:
        """Files of the model's folders that the workflow makes; a user's own folder is not ours to record."""
        base = [self.base_file, *self.base_parts] if self.makes_base else []
        return base + ([self.model_file, *self.model_parts] if self.tunes_model else [])

    def base_settings(self) -> dict[str, Any]:
        """What the base model's folder depends on beside a GGUF file's content; not on its name or an expected hash."""
        model = self.config.model
        if model.source == "hub":
            return {"name": model.name, "source": "hub", "revision": model.revision}
        return {"name": Path(model.source).stem, "source": model.source}

    def base_fingerprint(self) -> str:
        """What tells one GGUF file from another; of one that is gone what the folder's card says of it."""
        model = self.config.model
        if model.source == "hub":
            return ""
        try:
            return file_fingerprint(locate_gguf(model).path)
        except InputError:
            # A folder that is not made yet has no card: then the rule's own job says what is missing.
            return str(read_card(self.base).get("file", ""))

    def model_notes(self) -> list[str]:
        """What a user should know of the model's folders before they are used."""
        notes = [other_code_note(self.base, code=preparing_code(), rule="prepare_model")] if self.makes_base else []
        if self.tunes_model:
            notes.append(other_code_note(self.model, code=tuning_code(), rule="tune_refusal"))
        return [note for note in notes if note]

    def tuning_settings(self) -> dict[str, Any]:
        """What a tuned model's folder depends on beside its base."""
        tuning = self.config.refusal_tuning
        if tuning is None:
            return {}
        return {"tuning": tuning.model_dump(), "templates": self.config.model.templates(), **self._weights()}

    def number_settings(self) -> dict[str, Any]:
        """Where and in which number format the model runs; both show in the last digits."""
        return {
            "device": self.config.model.device,
            "dtype": self.config.model.dtype,
            "hook_point": self.config.direction.hook_point,
            **self._weights(),
        }

    def shard_mb(self, *, in_flight: int, attempt: int) -> int:
        """Memory that a shard asks a cluster for."""
        memory = self.config.generation.memory_gib
        return shard_mb(weights=weights_mb(self.model), memory_gib=memory, in_flight=in_flight, attempt=attempt)

    def shard_minutes(self, split: str, *, attempt: int) -> int:
        """Time that a shard asks a cluster for."""
        generation = self.config.generation
        prompts = count_prompts(Path(self.prompt_file(split)), limit=self.config.data.max_prompts_per_split)
        return shard_minutes(
            rows=prompts * generation.num_samples_per_prompt,
            new_tokens=generation.max_new_tokens,
            weights=weights_mb(self.model),
            device=self.config.model.device,
            attempt=attempt,
        )

    def activations_mb(self, *, attempt: int) -> int:
        """Memory that reading the residual stream asks a cluster for."""
        return activations_mb(weights=weights_mb(self.model), attempt=attempt)

    def unused_code(self, direction: str) -> list[str]:
        """Modules that reading a direction's activations imports and does not run."""
        return [] if self.directions[direction].method == "outcome_conditioned" else ["directions/outcomes.py"]

    def extra_inputs(self, direction: str) -> list[str]:
        """What a direction's activations need beside the harm_train prompts."""
        method = self.directions[direction].method
        if method == "difference_in_means":
            return [f"{self.folder}/prompts/benign.jsonl"]
        return [self.baseline(self.seeds[0])["harm_train"]] if method == "outcome_conditioned" else []

    def built_from(self) -> dict[str, float]:
        """Split to the share of its prompts that the main direction is made of."""
        method = self.directions[self.reference(grid.main_direction(self.config))].method
        splits = ("harm_train", "benign") if method == "difference_in_means" else ("harm_train",)
        return dict.fromkeys(splits, self.config.direction.build_fraction)

    def compared_directions(self, conditions: Sequence[Condition]) -> dict[str, list[int]]:
        """Directions that are compared with the main one, and the layers at which they exist."""
        main = grid.main_direction(self.config)
        pairs = sorted({(c.direction, c.layer) for c in conditions if c.direction != main})
        return {name: [layer for other, layer in pairs if other == name] for name, _ in pairs}

    @property
    def evidence(self) -> tuple[str, ...]:
        """Names of the tables of evidence."""
        return EVIDENCE

    @property
    def figures(self) -> tuple[str, ...]:
        """Names of the figures."""
        return FIGURES

    @property
    def title(self) -> str:
        """The model's name, as figures and pages carry it."""
        name = self.config.model.name.rsplit("/", 1)[-1]
        return f"{name}, taught to refuse" if self.tunes_model else name

    def write_settings(self, *, direction: str | None = None, intervention: str = "add") -> dict[str, Any]:
        """What the text of a shard depends on, beside the prompts, the model and the direction; None: the baseline."""
        steered = direction is not None
        generation, model = self.config.generation, self.config.model
        settings = {
            "max_new_tokens": generation.max_new_tokens,
            "temperature": generation.temperature,
            "top_p": generation.top_p,
            "samples": generation.num_samples_per_prompt,
            "system_prompt": model.system_prompt,
            "chat_template": model.chat_template,
            **self._prompt_template(),
            **({"stop_strings": generation.stop_strings} if generation.stop_strings else {}),
            "openings": self._openings(),
            "positions": self.config.experiment.positions if steered else "generated",
        }
        if direction is None:
            return settings
        # What a control needs is judged by its text alone.
        controls = self.config.sanity_checks.controls_at == "claims" and grid.is_control(self.config, direction)
        unscored = {"is_scored": False} if controls else {}
        # An ablation's alpha is a share, which has no unit.
        unit = {"alpha_unit": self.alpha_unit} if intervention == "add" else {}
        return settings | unit | unscored

    @property
    def alpha_unit(self) -> str:
        """What an alpha of `add` counts in, as `StoredDirection.coefficient` takes it."""
        configured = self.config.experiment.alpha_unit
        return configured if self.config.direction.normalize or configured != "unit" else "own_length"

    def _openings(self) -> list[str] | None:
        asked = self.config.propensity
        return [asked.refusal_opening, asked.compliance_opening] if asked.enabled else None

    def computing_logs(self, conditions: Sequence[Condition]) -> list[str]:
        """Logs of the jobs in which the model computes for the run: activations and completions."""
        shards = [path for seed in self.seeds for path in self.baseline(seed).values()]
        shards += [path for condition in conditions for path in self.shards(condition).values()]
        names = [f"activations/{direction}" for direction in self.measured]
        names += [path.removeprefix(f"{self.folder}/").removesuffix(".jsonl") for path in sorted(set(shards))]
        return [f"{self.folder}/logs/{name}.log" for name in names]

    def conditions_table(self, conditions: Sequence[Condition]) -> list[dict[str, Any]]:
        """Conditions as `aggregate` takes them: role, cell, shards and statistics."""
        return [
            {
                "role": condition.role,
                "direction": condition.direction,
                "intervention": condition.intervention,
                "layer": condition.layer,
                "alpha": condition.alpha,
                "seed": condition.seed,
                "shards": self.shards(condition),
                "statistics": self.direction_file(condition.direction, condition.layer).removesuffix("pt") + "json",
            }
            for condition in conditions
        ]


def plan_run(
    raw: Mapping[str, Any], *, models_dir: str = "results/models", own_prompts: Mapping[str, str] | None = None
) -> RunPlan:
    """Validate a config and plan its run.

    Args:
        raw: The parsed config.
        models_dir: Where models are prepared.
        own_prompts: Split to the workflow's own prompt file, for splits whose path the config does not give.

    Raises:
        InputError: When the config, a prompt file's place, the model's place or a layer is wrong.
    """
    try:
        config = load_config(raw)
    except ConfigError as error:
        raise _with_layers(error, raw, models_dir=models_dir) from None
    own_prompts = dict(own_prompts or {})
    files = {split: own_prompts.get(split, config.data.path(split)) for split in SPLITS}
    absent = [split for split, path in files.items() if not Path(path).is_file()]
    if absent:
        raise InputError(
            f"there is no prompt file {', '.join(files[split] for split in absent)}",
            where=f"config key {', '.join(f'data.{split}_path' for split in absent)}",
            fix="correct the path, or make prompts with scripts/make_prompts.py",
        )
    base = model_folder(config.model, models_dir=models_dir)
    check_templates(config.model, folder=base)
    check_weights(config.model, folder=base)
    check_pinned_file(config.model, folder=base)
    layers = grid.resolve_layers(config, n_layers=count_layers(config.model, folder=base))
    plan = RunPlan(
        config=config,
        model=tuned_folder(config.model, config.refusal_tuning, models_dir=models_dir),
        base=base,
        layers=layers,
        directions=grid.directions(config),
        conditions=grid.conditions(config, layers=layers),
        seeds=grid.seeds(config, layers=layers),
        weights=fingerprint(config.model, folder=base),
        tokenizer=text_fingerprint(config.model, folder=base),
        own_prompts=own_prompts,
    )
    missing = [path for layer in layers for path in plan.own_direction(grid.main_direction(config), layer=layer)]
    missing = sorted({path for path in missing if not Path(path).is_file()})
    if missing:
        raise InputError(
            f"there is no direction {', '.join(missing)}",
            where="config key direction.file",
            fix="correct the path; {layer} in it stands for the block",
        )
    return plan


def _with_layers(error: ConfigError, raw: Mapping[str, Any], *, models_dir: str) -> ConfigError:
    """A config's errors, and beside them what is wrong with its layers: a user should not learn of them one by one."""
    try:
        model, layers = ModelConfig.model_validate(raw["model"]), [int(layer) for layer in raw["experiment"]["layers"]]
    except (KeyError, TypeError, ValueError, OverflowError):
        return error
    try:
        n_layers = count_layers(model, folder=model_folder(model, models_dir=models_dir))
    except InputError:
        # The plan's own slip: it asks pythia-160m, which has 12 blocks, for layer 12.
        line = f"can't be checked, since {model.name} is not at hand; of 12 blocks the last one is layer 11, not 12"
    else:
        outside = grid.layers_outside(layers, n_layers=n_layers)
        if not outside:
            return error
        line = f"the model has {n_layers} blocks and no layer {', '.join(map(str, outside))}; use 0 to {n_layers - 1}"
    layers_problem = Problem(("experiment", "layers"), f"experiment.layers: {line}")
    return ConfigError([*error.problems, layers_problem], where=error.where)
