"""How a direction is learned: the section `direction`, and the prefix pairs of the checks."""

from typing import Annotated, Any

from pydantic import (
    Field,
    Tag,
    field_validator,
    model_validator,
)

from steering_reliability.config.fields import (
    ESTIMATORS,
    Contrast,
    HookPoint,
    Method,
    Place,
    Prefix,
    Section,
    TokenPosition,
    by_type,
)


def default_position(method: str) -> TokenPosition:
    """The token position a method reads when the config names none."""
    return "prefix_mean" if method == "contrastive_prefix" else "last_prompt_token"


class DirectionConfig(Section):
    """How the steering direction is learned."""

    method: Annotated[
        Annotated[Method, Tag("(method)")] | Annotated[list[Method], Field(min_length=1), Tag("(list)")],
        by_type(other="(method)", sequence="(list)"),
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


class PrefixPair(Section):
    """Another wording of the two prefixes."""

    refusal_prefix: Annotated[Prefix, Field(description="Opening of a refusal.")]
    compliance_prefix: Annotated[Prefix, Field(description="Opening of an answer.")]
