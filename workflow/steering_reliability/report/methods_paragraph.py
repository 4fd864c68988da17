"""The methods of a run in one paragraph, filled from its config and provenance."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from steering_reliability import __version__
from steering_reliability.figures.panels import study_points
from steering_reliability.report.references import WORKFLOW, intervention_key, keys_in_use, method_key
from steering_reliability.results.schema import SPLITS, layers_in_order, steered_points
from steering_reliability.text.layers import layer_words
from steering_reliability.text.numbers import listed

_LEARNED: Final = {
    "contrastive_prefix": "the mean difference of the residual stream after the opening of a refusal and of an answer",
    "difference_in_means": "the mean difference of the residual stream between harmful and benign prompts",
    "outcome_conditioned": "the mean difference of the residual stream between prompts that the model refuses and "
    "prompts that it answers",
    "pca": "the first principal component of the differences of the residual stream",
    "logistic": "the weights of a logistic regression on the residual stream",
    "lda": "the mean difference of the residual stream times the inverse covariance within the sides",
    "random": "a random vector",
}
_DONE: Final = {
    "add": "added to the residual stream",
    "add_keep_norm": "added to the residual stream with its norm kept",
    "ablate": "projected out of the residual stream",
    "ablate_affine": "projected out of the residual stream down to its mean on the complying side",
    "clamp": "clamped in the residual stream",
}
_UNITS: Final = {
    "unit": "the vector's own length",
    "resid_norm": "the residual stream's mean norm without outlier dimensions",
    "difference": "the length of the measured difference",
}


@dataclass(frozen=True)
class Methods:
    """What a run did: its config and provenance, and the settings that its summary has."""

    provenance: Mapping[str, Any]
    summary: pd.DataFrame

    @property
    def config(self) -> Mapping[str, Any]:
        """The config that the run recorded."""
        return dict(self.provenance["config"])

    @property
    def names(self) -> Sequence[str]:
        """The methods by which directions were learned, none for a vector of the user's own."""
        direction = self.config["direction"]
        method = direction["method"]
        return [] if direction["file"] else [method] if isinstance(method, str) else list(method)

    @property
    def interventions(self) -> Sequence[str]:
        """The interventions of the study."""
        return list(dict.fromkeys(steered_points(self.summary)["intervention"]))

    @property
    def keys(self) -> Sequence[str]:
        """The keys of the papers in use."""
        has_steerability = bool(self.config["propensity"]["enabled"])
        return [*keys_in_use(methods=self.names, interventions=self.interventions, has_steerability=has_steerability)]


def methods_paragraph(methods: Methods) -> str:
    """Return the paragraph, with citations as `[@key]`, which pandoc reads."""
    return " ".join(
        [
            *_model(methods),
            *_direction(methods),
            *_settings(methods),
            *_completions(methods),
            *_statistics(methods),
            *_controls(methods),
            *_software(methods),
        ]
    )


def _cite(*keys: str) -> str:
    found = [f"@{key}" for key in keys if key]
    return f" [{'; '.join(found)}]" if found else ""


def _model(methods: Methods) -> Iterator[str]:
    model, config = methods.provenance.get("model") or {}, methods.config["model"]
    weights = (model.get("card") or {}).get("weights")
    blocks = f"{model['n_layers']} blocks" if "n_layers" in model else ""
    known = ", ".join(filter(None, [weights, blocks]))
    yield f"We steered {config['name']}{f' ({known})' if known else ''}."
    if methods.config["refusal_tuning"]:
        yield "It was fine-tuned to refuse before the study."


def _direction(methods: Methods) -> Iterator[str]:
    direction = methods.config["direction"]
    if direction["file"]:
        yield "The direction is a vector of our own, read from a file."
        return
    main, *others = methods.names
    share = direction["build_fraction"]
    rest = "the rest was held out" if share < 1 else "none was held out"
    learned = f"{_LEARNED[main]}{_cite(method_key(main))}"
    yield (
        f"The direction of each layer is {learned}, learned at {direction['hook_point']} from "
        f"{100 * share:g}% of harm_train; {rest}."
    )
    if others:
        yield f"It is compared with {listed(others)}{_cite(*map(method_key, others))} at equal first-token KL."


def _settings(methods: Methods) -> Iterator[str]:
    steered, experiment = steered_points(methods.summary), methods.config["experiment"]
    unit = _UNITS[experiment["alpha_unit"]]
    for kind in methods.interventions:
        rows = steered[steered["intervention"] == kind]
        layers = listed([layer_words(str(layer)) for layer in layers_in_order(rows["layer"])])
        alphas = listed(sorted(rows["alpha"].unique()))
        is_share = kind in ("ablate", "ablate_affine")
        strengths = f"shares {alphas}" if is_share else f"strengths {alphas} (in units of {unit})"
        yield f"It was {_DONE[kind]}{_cite(intervention_key(kind))} at {layers}, with {strengths}."
    chosen = methods.provenance.get("chosen_by_scan") or {}
    what = listed([name for name, part in (("layers", "layers"), ("strengths", "alphas")) if chosen.get(part)] or [""])
    if what:
        scan = "a scan of refusal propensity and first-token KL on prompts that the study does not use"
        yield f"The {what} were chosen by {scan}."


def _completions(methods: Methods) -> Iterator[str]:
    generation = methods.config["generation"]
    samples = generation["num_samples_per_prompt"]
    baseline = study_points(methods.summary)
    counts = {split: int(baseline[f"refusal_{split}_n"].max()) // samples for split in SPLITS}
    used = listed([f"{n} prompts of {split}" for split, n in counts.items() if n])
    each = "one completion" if samples == 1 else f"{samples} completions"
    how = "greedily" if generation["temperature"] == 0 else (
        f"at temperature {generation['temperature']:g} and top-p {generation['top_p']:g}"
    )  # fmt: skip
    yield (
        f"For {used}, {each} of at most {generation['max_new_tokens']} tokens was generated {how} (seed "
        f"{generation['seed']}), unsteered and at every setting."
    )
    scorer = "a scorer of our own" if methods.config["metrics"]["scorer"] else "phrase rules"
    yield f"Refusal and helpfulness were scored by {scorer}; refusals in degenerate text do not count."


def _statistics(methods: Methods) -> Iterator[str]:
    yield (
        "Intervals are 95% Newcombe intervals of paired differences at the effective number of templates"
        f"{_cite('newcombe1998', 'korn1998')}, gaps of effects by MOVER{_cite('zou2008')}; p-values are of sign-flip "
        f"tests over templates, corrected by Holm's method{_cite('holm1979')} over the claims at the recommended "
        "setting and over the whole grid, each with half of the level of .05."
    )
    if methods.config["propensity"]["enabled"]:
        yield f"Steerability is the slope of each prompt's refusal propensity over strength{_cite('tan2024')}."


def _controls(methods: Methods) -> Iterator[str]:
    checks = methods.config["sanity_checks"]
    if not checks["enabled"]:
        yield "No control direction was run."
        return
    random, shuffled = len(checks["random_seeds"]), len(checks["shuffled_seeds"])
    kinds = [(random, "random direction"), (shuffled, "direction of shuffled labels")]
    words = [f"{n} {name if n == 1 else name.replace('direction', 'directions', 1)}" for n, name in kinds if n]
    if words:
        yield f"Controls are {listed(words)} of the same length."
    else:
        yield "No control direction was run."


def _software(methods: Methods) -> Iterator[str]:
    versions = methods.provenance.get("versions") or {}
    names = [f"{name} {versions[name]}" for name in ("torch", "transformer-lens") if name in versions]
    commit = methods.provenance.get("commit")
    at = f", commit {str(commit)[:12]}" if commit else ""
    using = f" with {listed(names)}" if names else ""
    yield (
        f"All steps were run by the Snakemake workflow steering-reliability {__version__}{at}"
        f"{_cite(WORKFLOW, 'molder2021')}{using}."
    )
