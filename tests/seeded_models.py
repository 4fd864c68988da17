"""Models of many architectures with seeded random weights, as Hugging Face folders."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoTokenizer

# Weights large enough that attention is far from even: a wrong mask or scale then shows in the next token.
STRONG = 0.4
SMALL = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "max_position_embeddings": 192,
    "initializer_range": STRONG,
    "vocab_size": 400,
}
GROUPED = SMALL | {"num_key_value_heads": 2, "head_dim": 16}

# Name -> class and what its config is called with.
ARCHITECTURES: dict[str, tuple[str, str, dict[str, Any]]] = {
    # EleutherAI/pythia-160m, two of its blocks: parallel residual, a quarter of each head rotated.
    "pythia-160m": (
        "GPTNeoXForCausalLM",
        "GPTNeoXConfig",
        {
            **{"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 2, "num_attention_heads": 12},
            **{"vocab_size": 50304, "max_position_embeddings": 2048, "rotary_pct": 0.25, "use_parallel_residual": True},
            **{"initializer_range": 0.08, "tie_word_embeddings": False},
        },
    ),
    # openai-community/gpt2, two of its blocks: learned positions, tied embeddings.
    "gpt2": (
        "GPT2LMHeadModel",
        "GPT2Config",
        {
            **{"n_embd": 768, "n_layer": 2, "n_head": 12, "vocab_size": 50257, "n_positions": 1024},
            "initializer_range": 0.08,
        },
    ),
    "small gpt2": (
        "GPT2LMHeadModel",
        "GPT2Config",
        {"n_embd": 64, "n_layer": 3, "n_head": 4, "vocab_size": 400, "n_positions": 192, "initializer_range": STRONG},
    ),
    "small neox": ("GPTNeoXForCausalLM", "GPTNeoXConfig", SMALL | {"rotary_pct": 0.25}),
    "sequential neox": ("GPTNeoXForCausalLM", "GPTNeoXConfig", SMALL | {"use_parallel_residual": False}),
    "llama": ("LlamaForCausalLM", "LlamaConfig", GROUPED),
    "llama3": (
        "LlamaForCausalLM",
        "LlamaConfig",
        GROUPED
        | {
            "rope_parameters": {
                **{"rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0},
                **{"high_freq_factor": 4.0, "original_max_position_embeddings": 64},
            }
        },
    ),
    "qwen2": (
        "Qwen2ForCausalLM",
        "Qwen2Config",
        SMALL | {"num_key_value_heads": 2, "vocab_size": 151_936, "tie_word_embeddings": True},
    ),
    "qwen3": ("Qwen3ForCausalLM", "Qwen3Config", GROUPED),
    "gemma": ("GemmaForCausalLM", "GemmaConfig", GROUPED | {"num_key_value_heads": 1}),
    # Scores of attention are bounded; every second layer slides over a window.
    "gemma2": (
        "Gemma2ForCausalLM",
        "Gemma2Config",
        GROUPED | {"attn_logit_softcapping": 2.0, "final_logit_softcapping": 5.0, "sliding_window": 160},
    ),
    "gemma3": ("Gemma3ForCausalLM", "Gemma3TextConfig", GROUPED | {"sliding_window": 160}),
    "mistral": ("MistralForCausalLM", "MistralConfig", GROUPED | {"sliding_window": 160}),
    "phi": ("PhiForCausalLM", "PhiConfig", SMALL),
    "phi3": ("Phi3ForCausalLM", "Phi3Config", SMALL | {"num_key_value_heads": 2, "pad_token_id": 0}),
    "opt": (
        "OPTForCausalLM",
        "OPTConfig",
        {
            **{"hidden_size": 64, "ffn_dim": 128, "num_hidden_layers": 3, "num_attention_heads": 4},
            **{"max_position_embeddings": 192, "word_embed_proj_dim": 64, "vocab_size": 400, "init_std": STRONG},
        },
    ),
    "gptj": (
        "GPTJForCausalLM",
        "GPTJConfig",
        {
            **{"n_embd": 64, "n_layer": 3, "n_head": 4, "rotary_dim": 8, "n_positions": 192, "vocab_size": 400},
            "initializer_range": STRONG,
        },
    ),
    "olmo": ("OlmoForCausalLM", "OlmoConfig", SMALL | {"num_key_value_heads": 2}),
    "olmo2": ("Olmo2ForCausalLM", "Olmo2Config", SMALL | {"num_key_value_heads": 2}),
}
# Attention that does not go through Hugging Face's exchangeable functions.
OF_THEIR_OWN: dict[str, tuple[str, str, dict[str, Any]]] = {
    "gpt_neo": (
        "GPTNeoForCausalLM",
        "GPTNeoConfig",
        {
            **{"hidden_size": 64, "num_layers": 2, "num_heads": 4, "vocab_size": 400, "window_size": 16},
            **{"attention_types": [[["global", "local"], 1]], "max_position_embeddings": 192},
        },
    ),
    "bloom": ("BloomForCausalLM", "BloomConfig", {"hidden_size": 64, "n_layer": 2, "n_head": 4, "vocab_size": 400}),
    "falcon": (
        "FalconForCausalLM",
        "FalconConfig",
        {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 400},
    ),
}


def write_seeded_model(
    folder: Path,
    *,
    architecture: str,
    tokenizer_from: Path,
    seed: int = 0,
    end_tokens: int | list[int] = 399,
    change: Callable[[Any], None] | None = None,
) -> Path:
    """Write a base model: no chat template, no pad token.

    Args:
        folder: Made if need be.
        architecture: A name in ARCHITECTURES or OF_THEIR_OWN.
        tokenizer_from: Folder whose tokenizer it takes; its ids must fit the vocabulary.
        seed: Same seed, same weights.
        end_tokens: What ends a text.
        change: Is handed the config before the model is made.

    Returns:
        The folder.
    """
    model_class, config_class, settings = (ARCHITECTURES | OF_THEIR_OWN)[architecture]
    # Some configs have a pad or an end token of their own, beyond these vocabularies.
    tokens = {"bos_token_id": None, "pad_token_id": None, "eos_token_id": end_tokens}
    config = getattr(transformers, config_class)(**tokens | settings)
    if change:
        change(config)
    torch.manual_seed(seed)
    model = getattr(transformers, model_class)(config).float()
    model.generation_config.eos_token_id = end_tokens
    model.save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_from)
    tokenizer.chat_template, tokenizer.pad_token = None, None
    tokenizer.save_pretrained(folder)
    return folder
