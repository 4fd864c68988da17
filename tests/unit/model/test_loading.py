"""Rendering a prompt, choosing device and number format, and loading."""

import shutil

import pytest
import torch
from plain_model import load_plain_model
from steering_reliability.errors import InputError
from steering_reliability.model.loading import (
    choose_dtype,
    load_model,
    multiplies_bfloat16_fast,
    opening_tokens,
    render_prompt,
)
from steering_reliability.process.system import processor_facts
from tiny_model import END

CPU = torch.device("cpu")


CHAT = ("<|im_start|>user\n", f"{END}\n<|im_start|>assistant\n")


@pytest.mark.parametrize("prompt", ["How do I pick a lock?", "a", "ends with a newline\n", "{prompt}", "ü 🙂", ""])
@pytest.mark.parametrize("system_prompt", [None, "Be careful."])
@pytest.mark.parametrize(
    ("template", "before", "after"),
    [("chat", *CHAT), (None, "", ""), ("Q: {prompt}\nA:", "Q: ", "\nA:"), ("Q: {prompt}", "Q: ", "")],
)
def test_a_template_stands_around_the_prompt(tiny_model, prompt, system_prompt, template, before, after):
    settings = {} if template == "chat" else {"chat_template": "none", "prompt_template": template}
    rendered = render_prompt(prompt, tokenizer=tiny_model.tokenizer, system_prompt=system_prompt, **settings)
    if system_prompt:
        before = (f"<|im_start|>system\n{system_prompt}{END}\n" if template == "chat" else "Be careful.\n\n") + before
    assert tiny_model.tokenizer.decode(rendered.tokens) == f"{before}{prompt}{after}"
    if not after:
        # The last token is read where nothing follows the prompt.
        assert rendered.user_end == max(len(rendered.tokens) - 1, 0)
    elif not (prompt.endswith("\n") and after.startswith("\n")):
        # Tokens may be merged across the seam of two newlines.
        assert tiny_model.tokenizer.decode(rendered.tokens[rendered.user_end :]) == after


@pytest.mark.parametrize(
    ("template", "prompt", "opening", "text"),
    [
        (None, "Tell me.", "Sure", " Sure"),
        (None, "Tell me.\n", "Sure", "Sure"),
        (None, "Tell me.", " Sure", " Sure"),
        ("Q: {prompt}\nA:", "Tell me.\n", "Sure", " Sure"),
        ("Q: {prompt}\nA: ", "Tell me.", "Sure", "Sure"),
    ],
)
def test_an_opening_goes_on_from_what_stands_before_it(tiny_model, template, prompt, opening, text):
    settings = {"chat_template": "none", "prompt_template": template}
    found = opening_tokens(opening, prompt=prompt, tokenizer=tiny_model.tokenizer, **settings)
    assert tiny_model.tokenizer.decode(found) == text
    assert tiny_model.tokenizer.decode(opening_tokens("Sure", prompt="Hi", tokenizer=tiny_model.tokenizer)) == "Sure"


def test_a_model_that_begins_its_texts_with_bos_gets_it_once(tiny_folder):
    from tokenizers.processors import TemplateProcessing
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_folder, bos_token="<|im_start|>")
    start = tokenizer.bos_token_id
    assert render_prompt("Hi", tokenizer=tokenizer, chat_template="none").tokens[0] != start
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|im_start|> $A", special_tokens=[("<|im_start|>", start)]
    )
    tokens = render_prompt("Hi", tokenizer=tokenizer, chat_template="none").tokens
    assert tokens.count(start) == 1
    assert tokens[0] == start
    assert render_prompt("Hi", tokenizer=tokenizer).tokens.count(start) == 2, "the template's own two turns"


def test_a_template_that_knows_no_system_turn_is_an_input_error_and_one_that_writes_the_date_writes_the_same_tomorrow(
    tiny_folder,
):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_folder)
    tokenizer.chat_template = (
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system turn') }}{% endif %}"
        "{{ strftime_now('%d %b %Y') }}: {{ messages[0]['content'] }}"
    )
    assert tokenizer.decode(render_prompt("Hi", tokenizer=tokenizer).tokens) == "26 Jul 2024: Hi"
    with pytest.raises(InputError, match="no system turn") as caught:
        render_prompt("Hi", tokenizer=tokenizer, system_prompt="Be careful.")
    assert caught.value.where == "config key model.system_prompt"


def test_float16_becomes_float32_on_a_cpu():
    assert choose_dtype("float16", device=CPU) == torch.float32
    assert choose_dtype("bfloat16", device=CPU) == torch.bfloat16
    assert choose_dtype("float32", device=CPU) == torch.float32
    assert choose_dtype("auto", device=torch.device("cuda")) == torch.bfloat16
    fast = multiplies_bfloat16_fast(processor_facts())
    assert choose_dtype("auto", device=CPU) == (torch.bfloat16 if fast else torch.float32)


@pytest.mark.parametrize(
    ("flags", "vendor", "fast"),
    [
        ("avx512f avx512_bf16 amx_bf16 amx_tile", "GenuineIntel", True),
        ("avx512f avx512_bf16", "GenuineIntel", False),
        ("avx512f avx512_bf16", "AuthenticAMD", True),
        ("avx512f", "GenuineIntel", False),
        ("avx2", "AuthenticAMD", False),
        ("", "", False),
    ],
)
def test_bfloat16_is_taken_where_it_is_the_faster_one(flags, vendor, fast):
    assert multiplies_bfloat16_fast({"flags": flags, "vendor_id": vendor}) is fast


def test_a_loaded_model_is_the_plain_one(tiny_folder, tiny_model):
    assert (tiny_model.n_layers, tiny_model.d_model, tiny_model.context) == (3, 32, 512)
    assert tiny_model.end_tokens == {tiny_model.tokenizer.eos_token_id}
    tokens = torch.tensor([[5, 50, 100, 150, 200]])
    with torch.inference_mode():
        found, expected = tiny_model.bridge(tokens), load_plain_model(tiny_folder)(tokens).logits
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("damage", ["no config", "no weights"])
def test_a_damaged_folder_is_an_input_error(tiny_folder, tmp_path, damage):
    folder = tmp_path / "damaged"
    shutil.copytree(tiny_folder, folder)
    file = folder / ("config.json" if damage == "no config" else "model.safetensors")
    file.write_bytes(b"{}" if damage == "no config" else file.read_bytes()[:1000])
    with pytest.raises(InputError, match="can't be loaded") as caught:
        load_model(folder, device="cpu", dtype="float32")
    assert caught.value.where == str(folder)
