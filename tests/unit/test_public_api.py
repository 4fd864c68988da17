"""The public interface is a list that only changes on purpose, and costs nothing until it is used."""

import dataclasses
import inspect
import re
from pathlib import Path

import steering_reliability as sr

PACKAGE = Path(__file__).parents[2] / "workflow" / "steering_reliability"
# A change here is a change for everyone who uses the package: say so in the README.
FROZEN = """
DirectionConfig: method, contrast, refusal_prefix, compliance_prefix, hook_point, token_position, file, normalize, \
build_fraction
GeneratedText: id, prompt, sample, completion, n_tokens, finish_reason, mean_logprob, mean_entropy, first_token_kl, \
base_logprob
GenerationConfig: max_new_tokens, temperature, top_p, seed, batch_size, memory_gib, workers, num_samples_per_prompt, \
stop_strings, engine, vllm
InputError(what, *, where, fix)
LoadedModel: bridge, tokenizer, device, dtype, end_tokens, context, block_returns_tuple
StoredDirection: vector, vector_norm, resid_norm, statistics
TextScore: refusal_label, refusal_score, is_refusal, matched_phrases, helpfulness_score, is_helpful, is_degenerate
build_direction(harm_train, *, model, layer, benign=(), settings=<default>, control=None, seed=0, system_prompt=None, \
chat_template='auto', prompt_template=None)
generate(prompts, *, model, direction=None, alpha=0.0, intervention='add', layer=None, alpha_unit='resid_norm', \
positions='after_prompt', hook_point='resid_post', sampling=<default>, system_prompt=None, chat_template='auto', \
prompt_template=None)
load_direction(path, *, layer=None, d_model=None)
load_model(folder, *, device='auto', dtype='auto')
load_results(run, *, columns=None)
score_text(completion, *, n_tokens, base_logprob=nan, baseline_base_logprob=nan, full_length=40)
steered(bridge, *, direction, alpha, intervention='add', layer=None, alpha_unit='resid_norm', hook_point='resid_post')
""".strip()


def described(name: str) -> str:
    """A name with what a caller may write after it."""
    found = getattr(sr, name)
    if dataclasses.is_dataclass(found):
        return f"{name}: {', '.join(field.name for field in dataclasses.fields(found))}"
    if hasattr(found, "model_fields"):
        return f"{name}: {', '.join(found.model_fields)}"
    parts, starred = [], False
    for argument in inspect.signature(found).parameters.values():
        if argument.kind is argument.KEYWORD_ONLY and not starred:
            parts, starred = [*parts, "*"], True
        value = argument.default
        shown = "<default>" if isinstance(value, sr.DirectionConfig | sr.GenerationConfig) else repr(value)
        parts.append(argument.name if value is argument.empty else f"{argument.name}={shown}")
    return f"{name}({', '.join(parts)})"


def test_the_public_names_are_these_and_no_others():
    assert "\n".join(described(name) for name in sorted(sr.__all__)) == FROZEN


def test_every_public_name_is_documented_and_listed():
    assert set(sr.__all__) <= set(dir(sr))
    assert all((getattr(sr, name).__doc__ or "").strip() for name in sr.__all__)


def test_type_checkers_and_the_interpreter_find_a_name_in_the_same_module():
    text = (PACKAGE / "__init__.py").read_text(encoding="utf-8")
    typed = {
        name.strip(): module
        for module, names in re.findall(
            r"^    from steering_reliability\.([\w.]+) import (.+)$", text, flags=re.MULTILINE
        )
        for name in names.split(",")
    }
    assert typed == sr._HOMES
    assert set(typed) == set(sr.__all__)
