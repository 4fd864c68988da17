"""A tiny seeded Llama in which refusal is one direction, planted by hand."""

from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

D_MODEL, HEADS, KV_HEADS, CONTEXT = 32, 4, 2, 512
START, END = "<|im_start|>", "<|im_end|>"
REFUSAL_PREFIX = "I'm sorry, but I can't help with that."
COMPLIANCE_PREFIX = "Sure, here is how to do that:"
# Each is one token; their unembedding reads u.
REFUSAL_WORDS = ("I'm sorry", " can't")
WORDS = (
    " but",
    " help",
    " with",
    " that",
    "Sure",
    " here",
    " is",
    " how",
    " to",
    " do",
    " the",
    " and",
    " then",
    " you",
)
WORDS += (" first", " water", " take", " step", " list", " a", ",", ".", ":", "\n")
ROLES = ("system", "user", "assistant")
CHAT_TEMPLATE = (
    "{% for turn in messages %}<|im_start|>{{ turn['role'] }}\n{{ turn['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# How much of u each embedding holds: the words of the refusal prefix, and all others.
PLANTED, LEANING = 6.0, 0.5


def write_tiny_model(
    folder: Path, *, seed: int = 0, n_layers: int = 3, heads: tuple[int, int] = (HEADS, KV_HEADS)
) -> Path:
    """Write a Hugging Face folder whose refusal is the vector `planted_direction(seed)`.

    The embeddings of the refusal prefix write u into the residual stream, no block changes the part along u, and the
    unembedding of REFUSAL_WORDS reads it. All other weights are random.

    Args:
        folder: Made if need be.
        seed: Same seed, same bytes.
        n_layers: Number of blocks.
        heads: Of queries, and of keys and values.

    Returns:
        The folder.
    """
    tokenizer = _tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=D_MODEL,
        intermediate_size=2 * D_MODEL,
        num_hidden_layers=n_layers,
        num_attention_heads=heads[0],
        num_key_value_heads=heads[1],
        max_position_embeddings=CONTEXT,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=False,
    )
    model = LlamaForCausalLM(config).to(torch.float32)
    _plant(model, tokenizer, seed=seed)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def planted_direction(seed: int = 0) -> Tensor:
    """The unit vector u of the model with this seed."""
    u = torch.randn(D_MODEL, generator=torch.Generator().manual_seed(1000 + seed), dtype=torch.float64)
    return (u / u.norm()).float()


def refusal_tokens(tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """Ids of REFUSAL_WORDS."""
    return [tokenizer.convert_tokens_to_ids(word) for word in REFUSAL_WORDS]


@torch.no_grad()
def _plant(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, *, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    u = planted_direction(seed)

    def random(like: Tensor, scale: float) -> Tensor:
        return torch.randn(like.shape, generator=generator) * scale

    embedding, unembedding = model.model.embed_tokens.weight, model.lm_head.weight
    embedding.copy_(_without(random(embedding, 0.3), u) + LEANING * u)
    unembedding.copy_(_without(random(unembedding, 0.05), u))
    # Whole words are ten times as loud as single bytes, so that a completion can be read.
    unembedding[[tokenizer.encode(word)[0] for word in WORDS]] *= 10
    unembedding[tokenizer.eos_token_id] *= 18
    for name, weight in model.model.layers.named_parameters():
        if name.endswith(("o_proj.weight", "down_proj.weight")):
            weight.copy_(_without(random(weight, 0.08).T, u).T)
        elif weight.ndim == 2:
            weight.copy_(random(weight, 0.12))
    # Not the refusal words themselves: one refusal would call forth the next, without end.
    silent = {*tokenizer.encode(COMPLIANCE_PREFIX), *refusal_tokens(tokenizer)}
    refusing = set(tokenizer.encode(REFUSAL_PREFIX)) - silent
    embedding[sorted(refusing)] += PLANTED * u
    unembedding[refusal_tokens(tokenizer)] += 1.5 * u


def _without(rows: Tensor, u: Tensor) -> Tensor:
    return rows - (rows @ u).unsqueeze(-1) * u


def _tokenizer() -> PreTrainedTokenizerFast:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {symbol: index for index, symbol in enumerate(alphabet)}
    merges: dict[tuple[str, str], None] = {}
    for word in (*WORDS, *ROLES):
        # Byte-level BPE writes a space as this letter; a word grows letter by letter.
        symbols = word.replace(" ", "Ġ").replace("\n", "Ċ")
        for end in range(1, len(symbols)):
            merges[symbols[:end], symbols[end]] = None
            vocabulary.setdefault(symbols[: end + 1], len(vocabulary))
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=list(merges)))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens([AddedToken(word, normalized=False) for word in REFUSAL_WORDS])
    tokenizer.add_special_tokens([AddedToken(word, normalized=False, special=True) for word in (START, END, "<|pad|>")])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END, pad_token="<|pad|>")
    fast.chat_template = CHAT_TEMPLATE
    return fast
