"""The engine and what people use instead, each as a function that writes the work and counts its tokens."""

import json
import multiprocessing
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import torch
from steering_reliability.directions.files import StoredDirection, write_direction
from steering_reliability.generation.engine import Engine
from steering_reliability.generation.requests import CompletionRequest, SteeringRequest
from steering_reliability.generation.rows import Row, Steering
from steering_reliability.interventions.steer import BlockSteering, add_hook, steered_span
from steering_reliability.model.loading import (
    LoadedModel,
    choose_device,
    choose_dtype,
    load_model,
    load_tokenizer,
    render_prompt,
)
from steering_reliability.process.system import cores
from steering_reliability.worker.client import request_completions, stop_workers
from steering_reliability.worker.pool import choose_workers
from steering_reliability.worker.write_shard import worker_identity

STRENGTH = 5.0
SHAPE = ("num_hidden_layers", "hidden_size")


@dataclass(frozen=True)
class Work:
    """What every contender writes."""

    folder: str
    prompts: list[str]
    n_conditions: int
    new_tokens: int
    device: str
    dtype: str

    def first(self, n: int) -> "Work":
        """The same with the first n prompts only, for those who are slow."""
        return replace(self, prompts=self.prompts[:n])

    def layer(self, n_layers: int, condition: int) -> int:
        """Layers around the middle of the model, one per condition."""
        return n_layers // 2 + condition % 3

    def direction(self, d_model: int, device: torch.device) -> torch.Tensor:
        """A unit vector."""
        vector = torch.randn(d_model, generator=torch.Generator().manual_seed(0))
        return (vector / vector.norm()).to(device)


def timed(write: Callable[[], int]) -> Callable[[], float]:
    """Tokens a second of something that writes and counts."""

    def run() -> float:
        start = time.perf_counter()
        tokens = write()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return tokens / (time.perf_counter() - start)

    return run


def engine(work: Work, *, scored: bool) -> Callable[[], float]:
    """Our workers, asked as a run asks them: five shards in flight, all conditions in one batch.

    Args:
        work: Prompts and conditions.
        scored: Whether the unsteered model reads every completion as well, as in a run; else strength 0, which writes
            through the same hooks and is not scored.
    """
    numbers, lives = {"device": work.device, "dtype": work.dtype, "hook_point": "resid_post"}, count()
    os.environ["STEERING_OWNER"] = str(os.getpid())
    n_layers, d_model = (json.loads((Path(work.folder) / "config.json").read_text())[key] for key in SHAPE)
    unit = StoredDirection(work.direction(d_model, torch.device("cpu")), 1.0, 1.0, {})

    def request(prompts: list[str], condition: int, *, direction: Path) -> CompletionRequest:
        layer = work.layer(n_layers, condition)
        return CompletionRequest(
            prompts=[[prompt, prompt] for prompt in prompts],
            samples=1,
            seed=0,
            max_new_tokens=work.new_tokens,
            temperature=0.0,
            top_p=1.0,
            positions="after_prompt",
            steering=SteeringRequest("add", str(layer), STRENGTH * scored, (layer,), "unit", [str(direction)]),
        )

    def run() -> float:
        # A life of its own each time: the prompts are read anew, as in a new run; loading does not count.
        worker = worker_identity(
            Path(work.folder) / "config.json",
            numbers,
            resources={"rows": 240, "worker_mb": 3072, "workers": 0},
            code=f"bench, scored: {scored}, {next(lives)}",
        )
        shards = [work.prompts[start : start + 43] for start in range(0, len(work.prompts), 43)]
        with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
            direction = Path(scratch) / "unit.pt"
            write_direction(direction, unit)
            write = partial(request, direction=direction)
            ask = partial(request_completions, worker=worker, log=Path(scratch) / "worker.log")
            asked = [write(prompts, condition) for condition in range(work.n_conditions) for prompts in shards]
            ask(write(["Hello.", "Good morning."], 0))
            try:
                with ThreadPoolExecutor(5) as clients:
                    return timed(lambda: sum(row["n_tokens"] for rows in clients.map(ask, asked) for row in rows))()
            finally:
                stop_workers(os.getpid())

    return run


def _endless_model(work: Work) -> LoadedModel:
    # Nothing may end early, so that everybody writes the same number of tokens.
    return replace(load_model(work.folder, device=work.device, dtype=work.dtype), end_tokens=frozenset())


def bridge_generate(work: Work, *, batch: int) -> Callable[[], float]:
    """TransformerLens: one condition at a time, hook at every position, as the plan describes."""
    from transformer_lens.model_bridge import TransformerBridge

    device, _ = choose_device(work.device)
    bridge = TransformerBridge.boot_transformers(
        work.folder, device=str(device), dtype=choose_dtype(work.dtype, device=device)
    )
    tokenizer = load_tokenizer(work.folder)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    tokenizer.padding_side = "left"
    unit = work.direction(bridge.cfg.d_model, device)

    hooks = [(f"blocks.{work.layer(len(bridge.blocks), 0)}.hook_resid_post", add_hook(unit, alpha=STRENGTH))]

    def write() -> int:
        tokens = 0
        for start in range(0, len(work.prompts), batch):
            ids = _padded(tokenizer, work.prompts[start : start + batch]).input_ids.to(device)
            with torch.inference_mode(), bridge.hooks(fwd_hooks=hooks):
                written = bridge.generate(
                    ids,
                    max_new_tokens=work.new_tokens,
                    stop_at_eos=False,
                    do_sample=False,
                    verbose=False,
                    return_type="tokens",
                )
            tokens += (written.shape[1] - ids.shape[1]) * len(written)
        return tokens

    return timed(write)


def hf_generate(work: Work, *, batch: int) -> Callable[[], float]:
    """Hugging Face `generate` with a forward hook, one condition at a time."""
    from transformers import AutoModelForCausalLM

    device, _ = choose_device(work.device)
    model = AutoModelForCausalLM.from_pretrained(work.folder, dtype=choose_dtype(work.dtype, device=device)).to(device)
    tokenizer = load_tokenizer(work.folder)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    tokenizer.padding_side = "left"
    unit = work.direction(model.config.hidden_size, device).to(model.dtype)
    layers = getattr(model.base_model, "layers", None) or model.base_model.h

    layer = layers[work.layer(len(layers), 0)]

    def write() -> int:
        tokens = 0
        handle = layer.register_forward_hook(lambda _, __, output: _plus(output, STRENGTH * unit))
        try:
            for start in range(0, len(work.prompts), batch):
                inputs = _padded(tokenizer, work.prompts[start : start + batch]).to(device)
                with torch.inference_mode():
                    written = model.generate(
                        input_ids=inputs.input_ids,
                        attention_mask=inputs.attention_mask,
                        min_new_tokens=work.new_tokens,
                        max_new_tokens=work.new_tokens,
                        do_sample=False,
                        pad_token_id=tokenizer.pad_token_id,
                    )
                tokens += (written.shape[1] - inputs.input_ids.shape[1]) * len(written)
        finally:
            handle.remove()
        return tokens

    return timed(write)


def pyvene(work: Work, *, batch: int, peers: str) -> Callable[[], float]:
    """pyvene in a venv of its own, which prints its tokens a second; loading does not count."""
    texts = [render_prompt(prompt, tokenizer=load_tokenizer(work.folder)).tokens for prompt in work.prompts]
    asked = {"folder": work.folder, "tokens": texts, "batch": batch, "new_tokens": work.new_tokens}
    device, _ = choose_device(work.device)
    dtype = str(choose_dtype(work.dtype, device=device)).removeprefix("torch.")
    asked |= {"device": str(device), "dtype": dtype, "strength": STRENGTH}

    def run() -> float:
        script = Path(__file__).with_name("bench_pyvene.py")
        done = subprocess.run([peers, str(script)], input=json.dumps(asked), capture_output=True, text=True, check=True)
        return float(done.stdout.splitlines()[-1])

    return run


def _plus(output: object, vector: torch.Tensor) -> object:
    if isinstance(output, tuple):
        return (output[0] + vector, *output[1:])
    return output + vector


def _padded(tokenizer: object, prompts: list[str]) -> object:
    texts = [tokenizer.decode(render_prompt(prompt, tokenizer=tokenizer).tokens) for prompt in prompts]
    return tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)


def linear_ceiling(model: object, *, width: int, seconds: float = 5.0) -> float:
    """Tokens a second of the model's linear layers alone, at the engine's width and number format."""
    network = model.bridge.original_model
    weights = [m.weight for m in network.modules() if isinstance(m, torch.nn.Linear)]
    inputs = {w.shape[1]: torch.randn(width, w.shape[1]).to(device=w.device, dtype=w.dtype) for w in weights}
    steps, start = 0, time.perf_counter()
    with torch.inference_mode():
        while time.perf_counter() - start < seconds:
            for weight in weights:
                torch.nn.functional.linear(inputs[weight.shape[1]], weight)
            steps += 1
    return steps * width / (time.perf_counter() - start)


def steady_decode(work: Work, *, width: int, seconds: float = 10.0) -> Callable[[], float]:
    """Tokens a second of the workers while their batches are full, prompts read and nothing finishing."""
    memory = 3 << 30
    workers = choose_workers(None, device=work.device, model=Path(work.folder), memory=memory)

    def run() -> float:
        spawn = multiprocessing.get_context("spawn")
        together = spawn.Barrier(workers)
        with spawn.Pool(workers, initializer=_share, initargs=(together,)) as pool:
            asked = [(work, width // workers, seconds, workers)] * workers
            return sum(pool.starmap(_decode_full_batch, asked, chunksize=1))

    return run


def _share(barrier: Any) -> None:
    global together  # noqa: PLW0603 - a barrier can only be inherited
    together = barrier


def _decode_full_batch(work: Work, width: int, seconds: float, workers: int) -> float:
    torch.set_num_threads(max(1, cores() // workers))
    model = _endless_model(work)
    unit = work.direction(model.d_model, model.device)
    rendered = [render_prompt(prompt, tokenizer=model.tokenizer) for prompt in work.prompts]
    full = Engine(model, hook_point="resid_post", max_rows=width)
    # As in a run, the rows of a condition share what is done to them.
    shared = {layer: {layer: BlockSteering(unit, STRENGTH)} for layer in range(model.n_layers)}
    for number in range(width):
        prompt = rendered[number % len(rendered)]
        span = steered_span("after_prompt", user_end=prompt.user_end, prompt_length=len(prompt.tokens))
        steering = Steering(shared[work.layer(model.n_layers, number)], span)
        full.submit([Row(number, prompt.tokens, (), 4 * work.new_tokens, 0.0, 1.0, steering)])
    while full.tokens_written < 2 * width:
        full.step()
    together.wait()
    before, start = full.tokens_written, time.perf_counter()
    while time.perf_counter() - start < seconds:
        full.step()
    return (full.tokens_written - before) / (time.perf_counter() - start)
