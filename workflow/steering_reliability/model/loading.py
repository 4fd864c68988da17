"""The only place that loads a model or a tokenizer, and that turns a prompt into tokens."""

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn

from steering_reliability.config.schema import two_templates
from steering_reliability.errors import InputError
from steering_reliability.model.batch_invariance import make_batch_invariant
from steering_reliability.model.card import check_files
from steering_reliability.process.machine import machine_facts
from steering_reliability.process.system import processor_facts

# A user's prompt can't contain this, so its place in the rendered template is the place of the prompt.
_PLACEHOLDER = "\u241fPROMPT\u241f"
# The place of the prompt in a configured prompt_template.
PROMPT = "{prompt}"
# The engine was tried on a stand-in only (docs/support.md), and TransformerLens 4.3 counts no version of torch as safe.
_UNRELIABLE = "TransformerLens warns of silently wrong results on a Mac's GPU"
# Some templates write the date into the system turn; a prompt that changes overnight could not be reproduced.
FIXED_DAY = "{% macro strftime_now(format) %}26 Jul 2024{% endmacro %}"


@dataclass(frozen=True)
class RenderedPrompt:
    """A prompt as the model sees it.

    Attributes:
        tokens: Token ids of the whole prompt, template included, BOS exactly once.
        user_end: Index of the first token after the user's text (the last token where no template follows).
    """

    tokens: tuple[int, ...]
    user_end: int


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to be hooked.

    Attributes:
        bridge: TransformerLens bridge; `blocks.{layer}.hook_resid_pre` and `hook_resid_post` fire.
        tokenizer: Its tokenizer, which adds no special token by itself.
        device: Where it runs.
        dtype: Its number format.
        end_tokens: Ids that end a completion.
        context: Most tokens that prompt and completion may have together.
        block_returns_tuple: Whether a block returns a tuple or the bare residual stream.
    """

    bridge: Any
    tokenizer: Any
    device: torch.device
    dtype: torch.dtype
    end_tokens: frozenset[int]
    context: int
    block_returns_tuple: bool

    @property
    def n_layers(self) -> int:
        """Number of transformer blocks."""
        return len(self.bridge.blocks)

    @property
    def d_model(self) -> int:
        """Width of the residual stream."""
        return int(self.bridge.cfg.d_model)

    @property
    def n_bytes(self) -> int:
        """Memory of the weights."""
        return sum(weight.numel() * weight.element_size() for weight in self.bridge.original_model.parameters())

    @property
    def facts(self) -> dict[str, Any]:
        """What computes, as far as it may show in the last digits of a number."""
        return {
            "device": self.device.type,
            "dtype": str(self.dtype).removeprefix("torch."),
            "torch": torch.__version__,
            "transformer_lens": metadata.version("transformer-lens"),
            **machine_facts(),
        }

    @property
    def token_bytes(self) -> int:
        """Memory of one token's keys and values over all layers, in bytes."""
        cfg = self.bridge.cfg
        heads = int(getattr(cfg, "n_key_value_heads", None) or cfg.n_heads)
        return 2 * self.n_layers * heads * int(cfg.d_head) * self.dtype.itemsize


def choose_device(wanted: str) -> tuple[torch.device, str | None]:
    """The device for a configured name, and a warning where that one is not available or not to be relied on."""
    has_cuda, has_mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if wanted == "cuda" and not has_cuda:
        return torch.device("cpu"), "model.device is cuda, but no GPU is visible: running on the CPU"
    if wanted == "mps":
        if not has_mps:
            return torch.device("cpu"), "model.device is mps, but torch does not offer it: running on the CPU"
        return torch.device("mps"), f"model.device is mps: {_UNRELIABLE}; compare a few completions with device: cpu"
    if wanted == "auto":
        if not has_cuda and has_mps:
            return torch.device("cpu"), f"model.device is auto: running on the CPU, since {_UNRELIABLE}; mps uses it"
        return torch.device("cuda" if has_cuda else "cpu"), None
    return torch.device(wanted), None


def choose_dtype(wanted: str, *, device: torch.device) -> torch.dtype:
    """The number format for a configured name; float16 becomes float32 on a CPU, which has no kernels for it."""
    if wanted == "auto":
        fast = device.type == "cuda" or (device.type == "cpu" and multiplies_bfloat16_fast(processor_facts()))
        return torch.bfloat16 if fast else torch.float32
    if wanted == "float16" and device.type == "cpu":
        return torch.float32
    return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[wanted]


def multiplies_bfloat16_fast(processor: Mapping[str, str]) -> bool:
    """Whether a CPU multiplies bfloat16 matrices faster than float32 ones.

    With avx512_bf16 and no AMX Intel's are slower in bfloat16 than in float32 (80 against 125 GFLOP/s a core were
    measured), AMD's two to four times as fast (70 to 79 against 20 to 34).
    """
    flags = processor.get("flags", "").split()
    return "amx_bf16" in flags or ("avx512_bf16" in flags and processor.get("vendor_id") == "AuthenticAMD")


def load_model(folder: str | Path, *, device: str, dtype: str) -> LoadedModel:
    """Boot a Hugging Face folder as a TransformerLens bridge.

    `device` is `auto`, `cpu`, `cuda` or `mps`; `dtype` is `auto`, `float32`, `bfloat16` or `float16`.

    Raises:
        InputError: When the folder is not a model that TransformerLens can boot, or its files have changed.
    """
    from transformer_lens.model_bridge import TransformerBridge  # noqa: PLC0415 - costs seconds

    check_files(folder, weights=True)
    chosen, _ = choose_device(device)
    number_format = choose_dtype(dtype, device=chosen)
    try:
        bridge = TransformerBridge.boot_transformers(str(folder), device=str(chosen), dtype=number_format)
    except (OSError, ValueError, KeyError, SafetensorError, pickle.UnpicklingError) as error:
        what = f"the model can't be loaded: {str(error).splitlines()[0]}"
        fix = "delete the folder and run again, or point model.source at a Hugging Face folder with safetensors"
        raise InputError(what, where=str(folder), fix=fix) from error
    config = bridge.original_model.config
    if not getattr(bridge.original_model, "_supports_attention_backend", False):
        raise InputError(
            f"models of the type {config.model_type} have their own attention code, which the engine does not support",
            where=str(folder),
            fix="choose a model of another type: docs/models.md lists those that were tried",
        )
    for block in bridge.blocks:
        _restore_originals(block.original_component)
    _drop_zero_bias(bridge.original_model.get_output_embeddings())
    bridge.eval().requires_grad_(False)
    if chosen.type == "cpu":
        # Weights that are mapped from their file lie in small pages, which slow every matrix product down.
        for parameter in bridge.original_model.parameters():
            parameter.data = parameter.data.clone()
        make_batch_invariant(bridge.original_model)
    tokenizer = load_tokenizer(folder)
    return LoadedModel(
        bridge=bridge,
        tokenizer=tokenizer,
        device=chosen,
        dtype=number_format,
        end_tokens=frozenset(_end_tokens(bridge, tokenizer)),
        context=longest_context(config),
        block_returns_tuple=_block_returns_tuple(bridge, chosen),
    )


def _block_returns_tuple(bridge: Any, device: torch.device) -> bool:
    seen: list[bool] = []
    handle = bridge.blocks[0].register_forward_hook(lambda *call: seen.append(isinstance(call[2], tuple)))
    try:
        with torch.inference_mode():
            bridge.original_model(torch.zeros(1, 1, dtype=torch.long, device=device))
    finally:
        handle.remove()
    return seen[0]


def _restore_originals(module: nn.Module) -> None:
    # The bridge computes attention in eager steps so that inner hook points fire. The study needs only the block's
    # own, so the Hugging Face modules go back inside the blocks: same logits, much faster.
    from transformer_lens.model_bridge.generalized_components.base import GeneralizedComponent  # noqa: PLC0415

    for name, child in list(module.named_children()):
        original = child.original_component if isinstance(child, GeneralizedComponent) else None
        if original is not None:
            setattr(module, name, original)
        _restore_originals(original if original is not None else child)


def _drop_zero_bias(unembedding: nn.Module) -> None:
    # The bridge gives every unembedding a bias, of zeros where the model has none; adding them costs a pass over the
    # logits at every step.
    layer = getattr(unembedding, "original_component", unembedding)
    bias = getattr(layer, "bias", None)
    if bias is not None and not bool(bias.any()):
        layer.bias = None


def _end_tokens(bridge: Any, tokenizer: Any) -> set[int]:
    ids: set[int] = set()
    for holder in (bridge.original_model.config, bridge.original_model.generation_config, tokenizer):
        value = getattr(holder, "eos_token_id", None)
        ids.update([value] if isinstance(value, int) else value or [])
    return ids


def read_context(folder: str | Path) -> int:
    """Most tokens that the model in a Hugging Face folder reads; loads no weights."""
    from transformers import AutoConfig  # noqa: PLC0415 - costs seconds

    return longest_context(AutoConfig.from_pretrained(str(folder)))


def longest_context(config: Any) -> int:
    """Most tokens that a model reads with its plain, full attention.

    Returns:
        The trained context; less where attention slides over a window, or where positions are rescaled by the length
        of what else is in the batch, since up to there neither shows.
    """
    limits = [getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None) or 1_000_000]
    window, layers = getattr(config, "sliding_window", None), getattr(config, "layer_types", None)
    if window and ("sliding_attention" in layers if layers else getattr(config, "use_sliding_window", True)):
        limits.append(window)
    rope = getattr(config, "rope_parameters", None) or {}
    if rope.get("rope_type") in ("dynamic", "longrope"):
        limits.append(rope.get("original_max_position_embeddings") or limits[0])
    return int(min(limits))


def beyond_context(lengths: Mapping[str, int], *, context: int, room: int) -> InputError:
    """The error for prompts that don't fit: which, how long they are, and the ways out.

    `lengths` has the tokens of each prompt that is too long, by its id; `room` tokens must fit after a prompt.
    """
    names = ", ".join(f"{name} ({n} tokens)" for name, n in list(lengths.items())[:5])
    more = f" and {len(lengths) - 5} more" if len(lengths) > 5 else ""
    return InputError(
        f"{len(lengths)} prompts with {room} tokens after them don't fit the model's context of {context} tokens: "
        f"{names}{more}",
        where="config key generation.max_new_tokens, and the prompt files",
        fix="shorten these prompts, lower max_new_tokens, or choose a model with a longer context",
    )


def load_tokenizer(folder: str | Path) -> Any:
    """Load the tokenizer of a Hugging Face folder.

    Raises:
        InputError: When a file of a folder that was made here has changed.
    """
    from transformers import AutoTokenizer  # noqa: PLC0415 - costs seconds

    check_files(folder, weights=False)
    return AutoTokenizer.from_pretrained(str(folder))


def render_prompt(
    prompt: str,
    *,
    tokenizer: Any,
    system_prompt: str | None = None,
    chat_template: str = "auto",
    prompt_template: str | None = None,
) -> RenderedPrompt:
    """Turn a prompt into the tokens that the model continues.

    With a chat template: one user turn (after an optional system turn), and the opening of the assistant's. Without:
    the prompt as it is or inside `prompt_template`, after BOS where the model has one and begins its texts with it.

    Args:
        prompt: The user's text.
        tokenizer: The model's tokenizer.
        system_prompt: System turn; None leaves it to the template.
        chat_template: `auto` or `none`.
        prompt_template: Text around `{prompt}`, for where there is no chat template; None leaves the prompt bare.

    Raises:
        InputError: When the template refuses the system turn, or there are two templates.
    """
    if is_bare(tokenizer, chat_template):
        before, _, after = (prompt_template or PROMPT).partition(PROMPT)
        before, bos = (f"{system_prompt}\n\n{before}" if system_prompt else before), _bos(tokenizer)
    elif prompt_template is not None:
        raise two_templates()
    else:
        (before, after), bos = _render_around(tokenizer, system_prompt), []
    tokens = [*bos, *tokenizer.encode(before + prompt + after, add_special_tokens=False)]
    suffix = tokenizer.encode(after, add_special_tokens=False)
    # A tokenizer may merge the end of the prompt with the suffix; then only what is surely template counts.
    same = 0
    while same < min(len(suffix), len(tokens)) and tokens[-1 - same] == suffix[-1 - same]:
        same += 1
    return RenderedPrompt(tuple(tokens), max(len(tokens) - max(same, 1), 0))


def is_bare(tokenizer: Any, chat_template: str) -> bool:
    """Whether prompts go to the model without a chat template."""
    return chat_template == "none" or not tokenizer.chat_template


def opening_tokens(
    opening: str, *, prompt: str, tokenizer: Any, chat_template: str = "auto", prompt_template: str | None = None
) -> tuple[int, ...]:
    """The tokens of an answer's opening, as the model would write them after a prompt.

    Without a chat template the opening goes on from the prompt, after a space; templates are those of `render_prompt`.
    """
    before = (prompt_template or PROMPT).replace(PROMPT, prompt)
    joined = not before or before[-1].isspace() or opening[:1].isspace()
    text = f" {opening}" if is_bare(tokenizer, chat_template) and not joined else opening
    return tuple(tokenizer.encode(text, add_special_tokens=False))


def _render_around(tokenizer: Any, system_prompt: str | None) -> tuple[str, str]:
    turns = [{"role": "system", "content": system_prompt}] if system_prompt else []
    turns.append({"role": "user", "content": _PLACEHOLDER})
    try:
        template = tokenizer.get_chat_template()
        if "strftime_now" in template:
            template = FIXED_DAY + template
        text = tokenizer.apply_chat_template(turns, chat_template=template, tokenize=False, add_generation_prompt=True)
    except Exception as error:
        what = f"the model's chat template refuses these turns: {error}"
        fix = "leave system_prompt out, or set chat_template: none"
        raise InputError(what, where="config key model.system_prompt", fix=fix) from error
    before, _, after = text.partition(_PLACEHOLDER)
    return before, after


def _bos(tokenizer: Any) -> list[int]:
    # Whether a model's texts begin with BOS is what its own tokenizer does with an empty string.
    bos = tokenizer.bos_token_id
    return [bos] if bos is not None and tokenizer.encode("a", add_special_tokens=True)[:1] == [bos] else []
