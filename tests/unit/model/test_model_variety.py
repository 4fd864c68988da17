"""Every architecture writes what plain Hugging Face writes, and is steered where the hook point says."""

import gc
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from plain_model import load_plain_model
from seeded_models import ARCHITECTURES, OF_THEIR_OWN, write_seeded_model
from some_rows import everything, make_row
from steering_reliability.directions.activations import Text, read_residuals
from steering_reliability.errors import InputError
from steering_reliability.generation.engine import Engine
from steering_reliability.model.loading import LoadedModel, load_model, longest_context, render_prompt
from transformers import AutoConfig

ROOT = Path(__file__).parents[3]
PROMPTS = ("Tell me.", "How to do that?", "then you first take the water and")
REAL = ("stories260K", "gpt2basic-chat")
BASE = {"chat_template": "none"}


@dataclass
class Pair:
    """A model as the engine has it, and as Hugging Face alone has it."""

    model: LoadedModel
    plain: Any

    @property
    def blocks(self) -> Any:
        """The plain model's blocks."""
        network = self.plain.base_model
        network = getattr(network, "decoder", network)
        return network.layers if hasattr(network, "layers") else network.h

    @torch.inference_mode()
    def write_plainly(self, tokens: tuple[int, ...], *, new_tokens: int) -> list[int]:
        """Greedy text of Hugging Face's own generate, without the end token."""
        ids = torch.tensor([tokens])
        written = self.plain.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=new_tokens, do_sample=False, pad_token_id=0
        )[0, len(tokens) :].tolist()
        return written[:-1] if written[-1] in self.model.end_tokens else written

    @torch.inference_mode()
    def push_plainly(self, tokens: tuple[int, ...], *, layer: int, hook_point: str, push: torch.Tensor) -> list[int]:
        """Greedy text with a vector added at every token of a block's input or output, recomputed for every token."""

        def after(*call: Any) -> Any:
            return (call[2][0] + push, *call[2][1:]) if isinstance(call[2], tuple) else call[2] + push

        block = self.blocks[layer]
        if hook_point == "resid_pre":
            handle = block.register_forward_pre_hook(lambda _, inputs: (inputs[0] + push, *inputs[1:]))
        else:
            handle = block.register_forward_hook(after)
        known = list(tokens)
        try:
            for _ in range(4):
                known.append(int(self.plain(torch.tensor([known]), use_cache=False).logits[0, -1].argmax()))
        finally:
            handle.remove()
        return known[len(tokens) :]


def load_pair(folder: Path) -> Pair:
    torch.set_num_threads(1)
    return Pair(load_model(folder, device="cpu", dtype="float32"), load_plain_model(folder))


def real_folder(name: str) -> Path:
    named = os.environ.get("STEERING_REAL_MODELS")
    folder = (Path(named) if named else ROOT.parent / "shared" / "real" / "models") / name
    if not (folder / "config.json").is_file():
        pytest.skip(
            f"{name} is not part of this repository: set STEERING_REAL_MODELS to a folder that holds it "
            f"(looked in {'STEERING_REAL_MODELS' if named else '../shared/real/models'})"
        )
    return folder


@pytest.fixture(scope="module", params=[*ARCHITECTURES, *REAL])
def pair(request, tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """One architecture after the other: a 12 x 768 one takes a gigabyte."""
    if request.param in REAL:
        yield load_pair(real_folder(request.param))
    else:
        folder = tmp_path_factory.mktemp("seeded")
        yield load_pair(write_seeded_model(folder, architecture=request.param, tokenizer_from=tiny_folder))
        for weights in folder.glob("*.safetensors"):
            weights.unlink()
    gc.collect()


def test_greedy_text_is_that_of_plain_hugging_face(pair: Pair) -> None:
    rows = [make_row(pair.model, prompt, new_tokens=6, **BASE) for prompt in PROMPTS]
    done = Engine(pair.model, hook_point="resid_post", max_rows=8).generate(rows)
    for completion in done:
        assert completion.tokens == pair.write_plainly(completion.row.tokens, new_tokens=6)
    assert len({tuple(completion.tokens) for completion in done}) == len(PROMPTS), "the prompts must matter"


@pytest.mark.parametrize("hook_point", ["resid_pre", "resid_post"])
def test_a_steered_row_is_what_a_plain_hook_on_the_block_gives(pair: Pair, hook_point: str) -> None:
    layer = pair.model.n_layers - 2
    found = read_residuals(
        [Text(PROMPTS[1])], model=pair.model, hook_point=hook_point, position="last_prompt_token", **BASE
    )
    size = 3.0 * float(found[0, layer].norm())
    steered = make_row(pair.model, PROMPTS[1], layer=layer, add=size, positions="all", new_tokens=4, **BASE)
    bare = make_row(pair.model, PROMPTS[1], new_tokens=4, **BASE)
    one, other = Engine(pair.model, hook_point=hook_point, max_rows=8).generate([steered, bare])
    push = size * steered.steering.blocks[layer].unit
    expected = pair.push_plainly(steered.tokens, layer=layer, hook_point=hook_point, push=push)
    assert one.tokens == expected[: len(one.tokens)]
    assert one.tokens != other.tokens
    assert one.first_token_kl > 0.01
    assert other.first_token_kl == 0.0


def test_the_residual_stream_is_that_of_plain_hugging_face(pair: Pair) -> None:
    texts = [Text(prompt) for prompt in PROMPTS]
    found = read_residuals(texts, model=pair.model, hook_point="resid_pre", position="last_prompt_token", **BASE)
    for text, row in zip(texts, found, strict=True):
        tokens = render_prompt(text.prompt, tokenizer=pair.model.tokenizer, **BASE).tokens
        with torch.inference_mode():
            states = pair.plain(torch.tensor([tokens]), output_hidden_states=True).hidden_states
        expected = torch.stack([state[0, -1] for state in states[: pair.model.n_layers]])
        torch.testing.assert_close(row, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))


def test_a_row_does_not_depend_on_its_company(pair: Pair) -> None:
    kinds = [{}, {"layer": 0, "add": 2.0}, {"layer": pair.model.n_layers - 1, "ablate": 1.0, "temperature": 0.8}]
    rows = [
        make_row(pair.model, prompt, key=(prompt, at), new_tokens=4, **kind, **BASE)
        for prompt in PROMPTS[:2]
        for at, kind in enumerate(kinds)
    ]
    engine = Engine(pair.model, hook_point="resid_post", max_rows=16)
    together = {completion.row.key: everything(completion) for completion in engine.generate(rows)}
    for row in rows[1::5]:
        (alone,) = Engine(pair.model, hook_point="resid_post", max_rows=8).generate([row])
        assert everything(alone) == together[row.key]


@pytest.mark.parametrize("architecture", ["llama", "small gpt2"])
def test_any_of_several_end_tokens_ends_a_text(architecture: str, tiny_folder: Path, tmp_path: Path) -> None:
    endless = load_pair(write_seeded_model(tmp_path / "one", architecture=architecture, tokenizer_from=tiny_folder))
    assert endless.model.tokenizer.pad_token_id is None
    rows = [make_row(endless.model, prompt, new_tokens=8, **BASE) for prompt in PROMPTS]
    texts = [done.tokens for done in Engine(endless.model, hook_point="resid_post", max_rows=8).generate(rows)]
    ends = [texts[0][2], texts[1][3]]
    folder = write_seeded_model(
        tmp_path / "two", architecture=architecture, tokenizer_from=tiny_folder, end_tokens=[399, *ends]
    )
    ending = load_pair(folder)
    assert {399, *ends} <= ending.model.end_tokens
    for row, text in zip(rows, texts, strict=True):
        (done,) = Engine(ending.model, hook_point="resid_post", max_rows=8).generate([row])
        end = min((text.index(token) for token in ends if token in text), default=None)
        assert (done.tokens, done.finish_reason) == (text[:end], "length" if end is None else "eos")
        assert done.tokens == ending.write_plainly(row.tokens, new_tokens=8)


@pytest.mark.parametrize("architecture", OF_THEIR_OWN)
def test_a_model_with_attention_of_its_own_is_refused(architecture: str, tiny_folder: Path, tmp_path: Path) -> None:
    folder = write_seeded_model(tmp_path, architecture=architecture, tokenizer_from=tiny_folder)
    with pytest.raises(InputError, match=f"type {architecture} have their own attention code") as caught:
        load_model(folder, device="cpu", dtype="float32")
    assert "docs/models.md" in caught.value.fix


def test_a_text_that_outgrows_the_attention_window_is_refused(tiny_folder: Path, tmp_path: Path) -> None:
    def narrow(config: Any) -> None:
        config.sliding_window = 40

    pair = load_pair(write_seeded_model(tmp_path, architecture="mistral", tokenizer_from=tiny_folder, change=narrow))
    assert pair.model.context == 40
    fits = make_row(pair.model, "Tell me.", **BASE)
    (done,) = Engine(pair.model, hook_point="resid_post", max_rows=8).generate([fits])
    assert done.tokens == pair.write_plainly(fits.tokens, new_tokens=10)
    long = make_row(pair.model, "Tell me.", key="benign_7", new_tokens=40, **BASE)
    with pytest.raises(InputError, match="context of 40 tokens: benign_7"):
        Engine(pair.model, hook_point="resid_post", max_rows=8).submit([long])


@pytest.mark.parametrize(
    ("model_type", "settings", "context"),
    [
        ("llama", {"max_position_embeddings": 192}, 192),
        ("gpt2", {"n_positions": 192}, 192),
        ("bloom", {}, 1_000_000),
        ("mistral", {"max_position_embeddings": 192, "sliding_window": None}, 192),
        ("mistral", {"max_position_embeddings": 192, "sliding_window": 64}, 64),
        ("qwen2", {"max_position_embeddings": 192, "sliding_window": 64, "use_sliding_window": False}, 192),
        ("gemma3_text", {"max_position_embeddings": 192, "sliding_window": 64}, 64),
        ("llama", {"max_position_embeddings": 192, "rope_parameters": {"rope_type": "dynamic", "factor": 2.0}}, 192),
    ],
)
def test_the_context_is_what_full_attention_reads(model_type: str, settings: dict, context: int) -> None:
    assert longest_context(AutoConfig.for_model(model_type, **settings)) == context


def test_rescaled_positions_are_used_up_to_where_they_are_the_trained_ones() -> None:
    config = AutoConfig.for_model("llama", max_position_embeddings=192)
    config.rope_parameters = {"rope_type": "longrope", "original_max_position_embeddings": 96}
    assert longest_context(config) == 96
