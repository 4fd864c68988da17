"""A run, worked out from its config: its files, its conditions and where each lies."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, cast

from pydantic import TypeAdapter

from steering_reliability.config.experiment import Layer
from steering_reliability.config.fields import AUTO, SCANNED
from steering_reliability.config.files import SNAKEMAKE
from steering_reliability.config.reading import ConfigError, Problem, load_config
from steering_reliability.config.schema import Config, ModelConfig
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
from steering_reliability.prompts.parting import SCANNED_SPLITS, Parted, part_prompts
from steering_reliability.prompts.reading import read_prompts
from steering_reliability.prompts.schema import SPLITS, Prompt, to_jsonl
from steering_reliability.prompts.sets import how_to_make
from steering_reliability.prompts.subset import spread_subset
from steering_reliability.run import grid
from steering_reliability.run.grid import ClaimPoint, Condition, Direction
from steering_reliability.run.layers import SteeredLayer, blocks_outside, parse_layer, resolve_layers
from steering_reliability.run.left_open import has_all, pinned, stand_in
from steering_reliability.run.settings import Settings
from steering_reliability.scan.chosen import Chosen, read_chosen

EVIDENCE: Final = (
    *("claims", "tests", "gap_tests", "layer_differences", "selection", "steerability", "prompt_steerability"),
    *("equal_kl", "methods", "by_group", "corrected"),
)
FIGURES: Final = (
    *("tradeoff", "gap_vs_alpha", "effect_gap_forest", "dose_response", "equal_kl_curve", "methods", "steerability"),
    *("heatmap_refusal_harm_test", "heatmap_helpful_benign"),
)


@dataclass(frozen=True)
class RunPlan:
    """A run, planned: no model is loaded, no file is written.

    `base` is the folder that `model` is tuned from, the same one where nothing is tuned; `conditions` are those known
    from the config, none while the scan has not chosen `layers` or strengths; directions and seeds begin with the main
    one. `tokenizer` is the fingerprint of what decides text
    in a user's own model folder, empty for a prepared one; `own_prompts` is that of `plan_run`.
    """

    config: Config
    model: str
    base: str
    n_layers: int
    layers: list[SteeredLayer]
    directions: dict[str, Direction]
    conditions: list[Condition]
    seeds: list[int]
    settings: Settings
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

    @property
    def title(self) -> str:
        """The model's name, as figures and pages carry it."""
        name = self.config.model.name.rsplit("/", 1)[-1]
        return f"{name}, taught to refuse" if self.tunes_model else name

    # ---- prompts

    def prompt_file(self, split: str) -> str:
        """The prompt file of a split: the configured one, or the workflow's own."""
        return self.own_prompts.get(split, self.config.data.path(split))

    def prompts_digest(self, split: str) -> str:
        """Digest of the prompts of a split that the run uses, as they will be written."""
        return hashlib.sha256(self._used_prompts(split)).hexdigest()[:16]

    def prompts_are_current(self, split: str) -> bool:
        """Whether the prepared prompts of a split are those that its prompt file holds now, or are not there."""
        prepared = Path(f"{self.folder}/prompts/{split}.jsonl")
        return not prepared.is_file() or prepared.read_bytes() == self._used_prompts(split)

    def scan_digest(self, split: str) -> str:
        """Digest of the prompts of a split that the scan reads, as they will be written."""
        return hashlib.sha256(to_jsonl(self.scan_prompts(split))).hexdigest()[:16]

    def study_prompts(self, split: str) -> list[Prompt]:
        """The prompts of a split that the study may use: all that are not held back for the scan."""
        return self._parted(split).study

    def used_prompts(self, split: str) -> list[Prompt]:
        """The prompts of a split that the study uses."""
        return spread_subset(self.study_prompts(split), limit=self.config.data.max_prompts_per_split)

    def scan_prompts(self, split: str) -> list[Prompt]:
        """The prompts of a split that the scan reads."""
        return self._parted(split).scan

    def _used_prompts(self, split: str) -> bytes:
        return to_jsonl(self.used_prompts(split))

    def _parted(self, split: str) -> Parted:
        prompts = read_prompts(Path(self.prompt_file(split)), split=split)
        return part_prompts(prompts, limit=self.config.scan.max_prompts_per_split, **self.parting(split))

    def parting(self, split: str) -> dict[str, Any]:
        """How a split is shared between scan and study, as `part_prompts` takes it; empty where it is not."""
        if not self.scans or split not in SCANNED_SPLITS:
            return {}
        share, seed, field = self.config.scan_share, self.config.scan.seed, self.config.data.cluster_field
        return {"share": share, "seed": seed, "cluster_field": field}

    # ---- the model

    @property
    def makes_base(self) -> bool:
        """Whether `prepare_model` makes the base folder; a user's own folder is used in its place."""
        return is_prepared(self.config.model)

    @property
    def tunes_model(self) -> bool:
        """Whether the model is taught to refuse first."""
        return self.config.refusal_tuning is not None

    @property
    def model_file(self) -> str:
        """The last file of the model's folder to be written."""
        return f"{self.model}/config.json"

    @property
    def model_parts(self) -> list[str]:
        """The rest of the model's folder, as far as it is known before the model is there."""
        return [f"{self.model}/{name}" for name in known_parts(self.config.model)]

    @property
    def model_card(self) -> list[str]:
        """The card of a model's folder that is made here; it has the hash of each of the folder's files."""
        return [path for path in self.model_parts if path.endswith(f"/{CARD}")]

    @property
    def base_file(self) -> str:
        """The same as `model_file` for the base model."""
        return f"{self.base}/config.json"

    @property
    def base_parts(self) -> list[str]:
        """The same as `model_parts` for the base model."""
        return [f"{self.base}/{name}" for name in known_parts(self.config.model)]

    @property
    def made_model_files(self) -> list[str]:
        """Files of the model's folders that the workflow makes; a user's own folder is not recorded."""
        base = [self.base_file, *self.base_parts] if self.makes_base else []
        return base + ([self.model_file, *self.model_parts] if self.tunes_model else [])

    def base_fingerprint(self) -> str:
        """Fingerprint of a GGUF file; of one that is gone what the folder's card says of it."""
        if self.config.model.source == "hub":
            return ""
        try:
            return file_fingerprint(locate_gguf(self.config.model).path)
        except InputError:
            # A folder that is not made yet has no card: then the rule's own job says what is missing.
            return str(read_card(self.base).get("file", ""))

    def model_notes(self) -> list[str]:
        """Warnings about model folders that other code has made."""
        notes = (
            [other_code_note(self.base, code=preparing_code(), rule="prepare_model", snakemake=SNAKEMAKE)]
            if self.makes_base
            else []
        )
        if self.tunes_model:
            notes.append(other_code_note(self.model, code=tuning_code(), rule="tune_refusal", snakemake=SNAKEMAKE))
        return [note for note in notes if note]

    # ---- directions

    @property
    def measured(self) -> list[str]:
        """Names of the files of activations that the run's directions are made of."""
        return sorted({direction.activations for name, direction in self.directions.items() if self._is_used(name)})

    def _is_used(self, direction: str) -> bool:
        found, methods = self.directions[direction], self.config.direction.methods
        return direction in methods or found.name != found.texts

    def activation_inputs(self, direction: str) -> list[str]:
        """Files that a direction's activations need beside the model and the harm_train prompts."""
        texts = self.directions[direction].texts
        if texts == "difference_in_means":
            return [f"{self.folder}/prompts/benign.jsonl"]
        return [self.baseline(self.seeds[0])["harm_train"]] if texts == "outcome_conditioned" else []

    def unused_code(self, direction: str) -> list[str]:
        """Modules that measuring a direction's activations imports and does not run."""
        return [] if self.directions[direction].texts == "outcome_conditioned" else ["directions/outcomes.py"]

    def user_direction(self, direction: str, layer: int | str) -> list[str]:
        """The user's file for a direction at a block, where the run studies one: for it and for its controls."""
        file = self.config.direction.file
        is_main = direction == grid.main_direction(self.config) or grid.is_control(self.config, direction)
        return [file.replace("{layer}", str(layer))] if file and is_main else []

    def steered_layer(self, name: str) -> SteeredLayer:
        """What a layer's name means in this model."""
        return parse_layer(name, n_layers=self.n_layers)

    def sources(self, direction: str, layer: str) -> list[str]:
        """The `.pt` of each block whose direction a condition uses."""
        return [self.direction_file(direction, block) for block in self.steered_layer(layer).distinct_sources]

    def direction_file(self, direction: str, layer: int | str) -> str:
        """The `.pt` of a direction."""
        return f"{self.folder}/directions/{direction}/layer_{layer}.pt"

    def direction_files(self, conditions: Sequence[Condition] | None = None) -> list[str]:
        """Every `.pt` that conditions use (those known from the config by default), and those of each method."""
        used = {(c.direction, c.layer) for c in (self.conditions if conditions is None else conditions)}
        used |= {(method, layer.name) for method in self.config.direction.methods for layer in self.layers}
        return sorted({path for pair in used for path in self.sources(*pair)})

    def statistics_files(self, conditions: Sequence[Condition]) -> list[str]:
        """The `.json` beside each of `direction_files`."""
        return [path.removesuffix("pt") + "json" for path in self.direction_files(conditions)]

    def compared_directions(self, conditions: Sequence[Condition]) -> dict[str, list[int]]:
        """Directions that are compared with the main one, and the layers at which they exist."""
        main = grid.main_direction(self.config)
        found: dict[str, set[int]] = {}
        for one in conditions:
            if one.direction != main:
                found.setdefault(one.direction, set()).update(self.steered_layer(one.layer).sources)
        return {name: sorted(blocks) for name, blocks in sorted(found.items())}

    # ---- the scan

    @property
    def scans(self) -> bool:
        """Whether all layers are scanned, on prompts of their own."""
        return self.config.scan_share > 0

    @property
    def is_open(self) -> bool:
        """Whether layers or strengths are still left to the scan."""
        return self.config.experiment.is_open

    @property
    def chosen_file(self) -> str:
        """What the scan has chosen."""
        return f"{self.folder}/scan/chosen.yaml"

    def choice(self) -> dict[str, Any]:
        """What is left to the scan, and what is not, as `choose` takes it.

        Of a run that names all of it, what the scan would choose: so a choice that is pasted stays as it was.
        """
        experiment = self.config.experiment
        is_free = experiment.layers == AUTO or not experiment.is_open
        layers = None if is_free else [layer.blocks[0] for layer in self.layers]
        free = experiment.open_alphas if experiment.is_open else SCANNED
        alphas = {name: None if name in free else experiment.alphas_of(name) for name in experiment.interventions}
        return {"layers": layers, "alphas": alphas, "target_kl": experiment.target_kl}

    def reservation(self) -> dict[str, Any]:
        """The keys of the section `scan` that decide which prompts are held back."""
        scan = self.config.scan
        return {
            "share": self.config.scan_share,
            "max_prompts_per_split": scan.max_prompts_per_split,
            "seed": scan.seed,
        }

    def own_directions(self) -> dict[int, str]:
        """The user's file of each block that has one."""
        main = grid.main_direction(self.config)
        files = {block: self.user_direction(main, block) for block in range(self.n_layers)}
        return {block: paths[0] for block, paths in files.items() if paths and Path(paths[0]).is_file()}

    def with_chosen(self, chosen: Chosen) -> "RunPlan":
        """The run at the layers and strengths that the scan has chosen."""
        return _with_grid(replace(self, config=pinned(self.config, chosen)))

    def chosen(self) -> Chosen | None:
        """What the scan has chosen of what this run leaves open; None where it has not, or for another config."""
        found = read_chosen(self.chosen_file) if self.is_open else None
        return found if found is not None and has_all(self.config, found) else None

    def as_expected(self) -> "RunPlan":
        """The run at the layers and strengths that the scan has chosen; before that, at as many as it will choose."""
        if not self.is_open:
            return self
        return self.with_chosen(self.chosen() or stand_in(self.config, n_layers=self.n_layers))

    def scan_files(self) -> list[str]:
        """What the scan leaves: its table, what it chooses, and its figure; nothing where there is none."""
        if not self.scans:
            return []
        names = [f"scan/{split}.jsonl" for split in SCANNED_SPLITS]
        names += ["scan/scan.csv", "figures/scan.png", "figures/scan.svg", "figures/scan.pdf"]
        return [self.chosen_file, *(f"{self.folder}/{name}" for name in names)]

    # ---- completions

    @property
    def follows_claims(self) -> bool:
        """Whether some checks run at the points of the claims, which are known after the study's completions."""
        return grid.follows_claims(self.config)

    @property
    def claim_points_file(self) -> str:
        """The table of the points at which claims are made."""
        return f"{self.folder}/tables/claim_points.csv"

    def conditions_at(self, points: Sequence[ClaimPoint]) -> list[Condition]:
        """Every condition of the run, once the points of the claims are known."""
        places = {purpose: cast("grid.Point", tuple(place)) for purpose, *place in points}
        recommended = places.pop("recommended", None)
        at_claims = grid.conditions_at_claims(self.config, recommended=recommended, others=list(places.values()))
        known = {c.cell for c in self.conditions}
        return self.conditions + [c for c in at_claims if c.cell not in known]

    def limit(self, seed: str | int, direction: str | None = None) -> int | None:
        """Prompts per split of a shard: the other seed, and controls at the points of claims, write a subset."""
        checks = self.config.sanity_checks
        is_control = direction is not None and grid.is_control(self.config, direction)
        is_subset = int(seed) != self.config.generation.seed or (is_control and checks.controls_at == "claims")
        return checks.rerun_subset_n if is_subset else None

    def shards(self, condition: Condition) -> dict[str, str]:
        """Paths of a condition's shards by split."""
        return {split: f"{self.folder}/{condition.shard(split)}" for split in condition.splits}

    def shard_files(self, conditions: Sequence[Condition]) -> list[str]:
        """Paths of the shards of conditions."""
        return [path for condition in conditions for path in self.shards(condition).values()]

    def baseline(self, seed: int) -> dict[str, str]:
        """Paths of the baseline's shards by split; another seed has those that its conditions have."""
        found = {split for c in self.conditions if c.seed == seed for split in c.splits}
        splits = SPLITS if seed == self.config.generation.seed else found or {"harm_test"}
        return {split: f"{self.folder}/{grid.baseline_shard(split, seed=seed)}" for split in SPLITS if split in splits}

    @property
    def baseline_files(self) -> list[str]:
        """Paths of the baseline's shards for all seeds."""
        return [path for seed in self.seeds for path in self.baseline(seed).values()]

    def computing_logs(self, conditions: Sequence[Condition]) -> list[str]:
        """Logs of the jobs in which the model computes: activations and completions."""
        shards = sorted({*self.baseline_files, *self.shard_files(conditions)})
        names = [f"activations/{direction}" for direction in self.measured]
        names += ["scan/scan_layers"] if self.scans else []
        names += [path.removeprefix(f"{self.folder}/").removesuffix(".jsonl") for path in shards]
        return [f"{self.folder}/logs/{name}.log" for name in names]

    def conditions_table(self, conditions: Sequence[Condition]) -> list[dict[str, Any]]:
        """Conditions as `aggregate` takes them: role, cell, shards and statistics.

        They are sorted, so that the order of layers and alphas in the config does not matter.
        """
        rows = [
            {
                "role": condition.role,
                "direction": condition.direction,
                "intervention": condition.intervention,
                "layer": condition.layer,
                "alpha": condition.alpha,
                "seed": condition.seed,
                "shards": self.shards(condition),
                "statistics": [
                    path.removesuffix("pt") + "json" for path in self.sources(condition.direction, condition.layer)
                ],
            }
            for condition in conditions
        ]
        return sorted(rows, key=lambda row: list(row["shards"].values()))


def plan_run(raw: Mapping[str, Any], *, own_prompts: Mapping[str, str] | None = None) -> RunPlan:
    """Validate a config and plan its run.

    `own_prompts` has the workflow's own prompt file of splits whose path the config does not give.

    Raises:
        InputError: When the config, a prompt file's place, the model's place or a layer is wrong.
    """
    try:
        config = load_config(raw)
    except ConfigError as error:
        raise _with_layers(error, raw) from None
    base = model_folder(config.model)
    check_templates(config.model, folder=base)
    check_weights(config.model, folder=base)
    check_pinned_file(config.model, folder=base)
    directions = grid.directions(config)
    plan = RunPlan(
        config=config,
        model=tuned_folder(config.model, config.refusal_tuning),
        base=base,
        n_layers=count_layers(config.model, folder=base),
        layers=[],
        directions=directions,
        conditions=[],
        seeds=[],
        settings=Settings(config, directions, fingerprint(config.model, folder=base)),
        tokenizer=text_fingerprint(config.model, folder=base),
        own_prompts=dict(own_prompts or {}),
    )
    plan = _with_grid(plan)
    _check_files(plan)
    return plan


def _with_grid(plan: RunPlan) -> RunPlan:
    """The plan with the conditions of its config."""
    config = plan.config
    given = [] if isinstance(config.experiment.layers, str) else config.experiment.layers
    layers = resolve_layers(given, n_layers=plan.n_layers)
    names = [layer.name for layer in layers]
    return replace(
        plan,
        layers=layers,
        conditions=[] if config.experiment.is_open else grid.conditions(config, layers=names),
        seeds=grid.seeds(config, layers=names),
    )


def _check_files(plan: RunPlan) -> None:
    absent = [split for split in SPLITS if not Path(plan.prompt_file(split)).is_file()]
    if absent:
        what = f"there is no prompt file {', '.join(map(plan.prompt_file, absent))}"
        making = how_to_make([plan.prompt_file(split) for split in absent])
        fix = making or "correct the path, or copy those of the project with `steering-reliability init`"
        raise InputError(what, where=f"config key {', '.join(f'data.{split}_path' for split in absent)}", fix=fix)
    main = grid.main_direction(plan.config)
    files = [path for layer in plan.layers for block in layer.sources for path in plan.user_direction(main, block)]
    missing = sorted({path for path in files if not Path(path).is_file()})
    if plan.config.direction.file and plan.scans and not plan.own_directions():
        missing = [str(plan.config.direction.file)]
    if missing:
        fix = "correct the path; {layer} in it stands for the block"
        raise InputError(f"there is no direction {', '.join(missing)}", where="config key direction.file", fix=fix)


def _with_layers(error: ConfigError, raw: Mapping[str, Any]) -> ConfigError:
    """A config's errors, and what is wrong with its layers, so that a user sees all of them at once."""
    try:
        model = ModelConfig.model_validate(raw["model"])
        layers = TypeAdapter(list[Layer]).validate_python(raw["experiment"]["layers"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return error
    try:
        n_layers = count_layers(model, folder=model_folder(model))
    except InputError:
        line = f"can't be checked, because {model.name} is not on this machine; layers count from 0"
    else:
        outside = blocks_outside(layers, n_layers=n_layers)
        if not outside:
            return error
        line = f"the model has {n_layers} blocks and no layer {', '.join(map(str, outside))}; use 0 to {n_layers - 1}"
    layers_problem = Problem(("experiment", "layers"), f"experiment.layers: {line}")
    return ConfigError([*error.problems, layers_problem], where=error.where)
