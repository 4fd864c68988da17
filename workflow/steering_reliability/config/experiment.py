"""The grid of conditions and the scan that may choose it: the sections `experiment` and `scan`."""

from typing import Annotated, Any

from pydantic import (
    Field,
    Tag,
    field_validator,
    model_validator,
)

from steering_reliability.config.fields import (
    AUTO,
    SCANNED,
    Alpha,
    AlphaUnit,
    Auto,
    Block,
    Blocks,
    Intervention,
    Positions,
    RunFolder,
    Section,
    Seed,
    by_type,
)


class BorrowedDirection(Section):
    """Blocks that are all steered along the direction of one."""

    at: Annotated[Blocks, Field(description="A block, a range such as `10-18`, a list of blocks, or `all`.")]
    source: Annotated[Block, Field(alias="from", description="The block whose direction they use.")]


Layer = Annotated[
    Annotated[Blocks, Tag("(blocks)")] | Annotated[BorrowedDirection, Tag("(borrowed)")],
    by_type(other="(blocks)", mapping="(borrowed)"),
]


Strengths = Annotated[
    Annotated[Auto, Tag("(auto)")] | Annotated[list[Alpha], Tag("(list)")], by_type(other="(list)", text="(auto)")
]


class ExperimentConfig(Section):
    """The grid of conditions."""

    layers: Annotated[
        Annotated[Auto, Tag("(auto)")] | Annotated[list[Layer], Field(min_length=1), Tag("(list)")],
        by_type(other="(list)", text="(auto)"),
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
            if intervention == "clamp" and 0 in self.alphas_of(intervention):
                raise ValueError("experiment.alphas: 0 is the unsteered run, and a clamp to 0 an ablation. Use ablate")
            if not written or len(set(written)) < len(written):
                raise ValueError(f"experiment.alphas: must hold distinct strengths for {intervention}, got {written}")
        return self

    def alphas_of(self, intervention: Intervention) -> list[float]:
        """The strengths swept for an intervention, in the order given; none where the scan has not chosen them yet."""
        alphas = self.alphas[intervention] if isinstance(self.alphas, dict) else self.alphas
        return [] if isinstance(alphas, str) else alphas


class ScanConfig(Section):
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
