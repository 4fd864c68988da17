"""The words that a config may use, and the types of its values."""

import re
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
)

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


def by_type(*, other: str, text: str = "", sequence: str = "", mapping: str = "") -> Discriminator:
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
    by_type(other="(block)", text="(text)", sequence="(list)"),
]


def _fits_a_file_system(path: str) -> str:
    if any(len(name.encode()) > 255 for name in path.split("/")) or len(path.encode()) > 4000:
        raise ValueError("is longer than a file system allows")
    return path


Place = Annotated[str, AfterValidator(_fits_a_file_system)]
RunFolder = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f{}*?\\]+$")]


class Section(BaseModel):
    """A closed section of the config."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, serialize_by_alias=True)
