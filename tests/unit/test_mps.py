"""A Mac's GPU, as far as can be told without one: no float64 reaches it, and nothing mixes with the CPU's tensors."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from fake_mps import MPS, mac_gpu, move
from some_rows import PROMPTS, everything, make_row
from steering_reliability.directions.activations import Text, read_residuals
from steering_reliability.directions.files import StoredDirection
from steering_reliability.generation.engine import Engine
from steering_reliability.interventions.steer import add_keep_norm_hook, unit_vector
from steering_reliability.library.steered import steered
from steering_reliability.model.loading import choose_device, choose_dtype, load_model
from steering_reliability.scan.branching import Branching
from steering_reliability.scan.tail import make_tail
from tiny_model import planted_direction

OPENINGS = ((5, 7, 9), (4,))


@pytest.fixture(scope="module")
def load_on_mac(tiny_folder):
    """Return a function that loads the tiny model on the stand-in, in a number format."""

    def load(dtype: torch.dtype):
        model = load_model(tiny_folder, device="cpu", dtype="float32")
        move(model.bridge, dtype=dtype)
        return replace(model, device=MPS, dtype=dtype)

    return load


@pytest.fixture(scope="module")
def on_mac(load_on_mac):
    return load_on_mac(torch.float32)


def many_rows(model, texts=("Tell me.", "Say it.")):
    """Rows of every kind: drawn and greedy, steered in every way, with openings."""
    ways = [
        {},
        {"temperature": 0.9, "top_p": 0.8},
        {"layer": [0, 2], "add": 1.0, "keep_norm": True, "temperature": 1.0},
        {"layer": 1, "ablate": 1.0, "positions": "all"},
    ]
    return [
        make_row(model, text, key=(text, at), new_tokens=4, chat_template="none", openings=OPENINGS, **way)
        for text in texts
        for at, way in enumerate(ways)
    ]


def test_the_stand_in_refuses_what_a_macs_gpu_refuses():
    with mac_gpu():
        on_gpu = torch.ones(3, device=MPS)
        for wrong in (
            on_gpu.double,
            lambda: on_gpu.sum(dtype=torch.float64),
            lambda: torch.zeros(2, dtype=torch.float64, device=MPS),
        ):
            with pytest.raises(TypeError, match="float64"):
                wrong()
        with pytest.raises(RuntimeError, match="same device"):
            on_gpu + torch.ones(3)
        with pytest.raises(RuntimeError, match="same device"):
            torch.ones(3)[on_gpu.long()]
        assert (on_gpu + 1).device == MPS
        assert on_gpu.cpu().device == torch.device("cpu")


@pytest.mark.parametrize("hook_point", ["resid_post", "resid_both"])
def test_the_engine_writes_what_it_writes_on_the_cpu(tiny_model, on_mac, hook_point):
    # The longer one is read in blocks.
    texts = ("Tell me.", "word " * 14)
    expected = Engine(tiny_model, hook_point=hook_point, max_rows=16).generate(many_rows(tiny_model, texts))
    with mac_gpu():
        found = Engine(on_mac, hook_point=hook_point, max_rows=16).generate(many_rows(on_mac, texts))
    for one, other in zip(found, expected, strict=True):
        assert one.tokens == other.tokens
        for name in ("mean_logprob", "mean_entropy", "first_token_kl", "base_logprob"):
            assert getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-5)
        assert one.opening_logprobs == pytest.approx(other.opening_logprobs, abs=1e-4)


def test_it_writes_in_float16_too(tiny_model, load_on_mac):
    half = load_on_mac(torch.float16)
    expected = Engine(tiny_model, hook_point="resid_post", max_rows=16).generate(many_rows(tiny_model))
    with mac_gpu():
        found = Engine(half, hook_point="resid_post", max_rows=16).generate(many_rows(half))
        assert half.bridge.original_model.lm_head.weight.dtype == torch.float16
    for one, other in zip(found, expected, strict=True):
        assert one.first_token_kl == pytest.approx(other.first_token_kl, abs=0.02)
        assert one.opening_logprobs == pytest.approx(other.opening_logprobs, abs=0.1)


def test_a_batch_that_finds_no_memory_is_halved(tiny_model, on_mac, monkeypatch):
    emptied = []
    monkeypatch.setattr(torch.mps, "empty_cache", lambda: emptied.append(True))
    expected = Engine(tiny_model, hook_point="resid_post", max_rows=16).generate(many_rows(tiny_model))
    with mac_gpu():
        engine = Engine(on_mac, hook_point="resid_post", max_rows=16)
    forward, calls = engine.batch.forward, iter(range(10))

    def starved():
        if next(calls) == 3:
            raise RuntimeError("MPS backend out of memory (MPS allocated: 8.97 GB, max allowed: 9.07 GB).")
        return forward()

    monkeypatch.setattr(engine.batch, "forward", starved)
    with mac_gpu(), pytest.warns(UserWarning, match="out of memory with 16 rows"):
        found = engine.generate(many_rows(on_mac))
    assert emptied == [True]
    assert [one.tokens for one in found] == [one.tokens for one in expected]
    assert everything(expected[0])


def test_activations_are_read(tiny_model, on_mac):
    texts = [Text(prompt, "I'm sorry") for prompt in PROMPTS]
    settings = {"hook_point": "resid_post", "position": "prefix_mean"}
    expected = read_residuals(texts, model=tiny_model, **settings)
    with mac_gpu():
        found = read_residuals(texts, model=on_mac, **settings)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("hook_point", ["resid_pre", "resid_both"])
def test_layers_are_scanned(tiny_model, on_mac, hook_point):
    rows = [make_row(tiny_model, prompt, layer=1) for prompt in PROMPTS]
    tails = [make_tail(row.tokens, openings=OPENINGS, span=row.steering.span) for row in rows]
    asked = {"units": torch.eye(32)[:2], "coefficients": torch.tensor([1.0, 3.0]), "keep_norm": True}
    expected = Branching(tiny_model, tails, hook_point=hook_point).steer_at(0, **asked)
    with mac_gpu():
        found = Branching(on_mac, tails, hook_point=hook_point).steer_at(0, **asked)
    torch.testing.assert_close(found.propensity_change, expected.propensity_change, rtol=0, atol=1e-4)
    torch.testing.assert_close(found.first_token_kl, expected.first_token_kl, rtol=0, atol=1e-4)


def test_a_bridge_is_steered(tiny_model, on_mac):
    direction = StoredDirection(planted_direction(), 1.0, 2.5, {"layer": 1})
    tokens = torch.arange(20, 30).unsqueeze(0)
    with torch.inference_mode(), steered(tiny_model.bridge, direction=direction, alpha=1.0):
        expected = tiny_model.bridge.original_model(tokens).logits
    with mac_gpu(), torch.inference_mode(), steered(on_mac.bridge, direction=direction, alpha=1.0):
        found = on_mac.bridge.original_model(tokens.to(MPS)).logits.cpu()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_a_direction_may_lie_on_the_gpu():
    vector = torch.arange(4.0)
    with mac_gpu(), torch.inference_mode():
        torch.testing.assert_close(unit_vector(vector.to(MPS)), unit_vector(vector))
        stream = torch.ones(1, 2, 4)
        expected = add_keep_norm_hook(vector, alpha=0.5)(stream, None)
        found = add_keep_norm_hook(vector.to(MPS), alpha=0.5)(stream.to(MPS), None)
        torch.testing.assert_close(found.cpu(), expected)


@pytest.mark.parametrize(
    ("wanted", "is_there", "chosen", "said"),
    [
        ("mps", True, "mps", "silently wrong results"),
        ("mps", False, "cpu", "does not offer it"),
        # Nobody gets it unasked.
        ("auto", True, "cpu", "running on the CPU"),
        ("auto", False, "cpu", None),
        ("cpu", True, "cpu", None),
    ],
)
def test_the_gpu_of_a_mac_is_used_where_it_is_asked_for(monkeypatch, wanted, is_there, chosen, said):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: is_there)
    device, warning = choose_device(wanted)
    assert device == torch.device(chosen)
    assert warning is None if said is None else said in warning


def test_the_message_of_a_mac_says_what_transformer_lens_does(monkeypatch):
    from transformer_lens.utilities import devices

    monkeypatch.setattr(devices, "_mps_warned", False)
    monkeypatch.delenv("TRANSFORMERLENS_ALLOW_MPS", raising=False)
    with pytest.warns(UserWarning, match="silently incorrect results"):
        devices.warn_if_mps("mps")


def test_its_number_format():
    assert choose_dtype("auto", device=MPS) == torch.float32
    assert choose_dtype("float16", device=MPS) == torch.float16


@pytest.mark.parametrize(("before", "after"), [(None, "1"), ("0", "0")])
def test_what_it_lacks_is_done_by_the_cpu_unless_the_user_says_no(before, after):
    variables = {name: value for name, value in os.environ.items() if name != "PYTORCH_ENABLE_MPS_FALLBACK"}
    if before is not None:
        variables["PYTORCH_ENABLE_MPS_FALLBACK"] = before
    code = "import steering_reliability, os; print(os.environ['PYTORCH_ENABLE_MPS_FALLBACK'])"
    assert subprocess.check_output([sys.executable, "-c", code], env=variables, text=True).strip() == after
