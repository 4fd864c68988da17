"""Prompts that are read once, and all their steerings, which go on from there at the block that is steered."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from steering_reliability.generation.scoring import blocks_skipped
from steering_reliability.generation.slot_cache import GRID, GROUPED, SHORTEST, SlotCache, attention, round_up
from steering_reliability.interventions.steer import steer
from steering_reliability.model.loading import LoadedModel
from steering_reliability.model.precision import float64_device
from steering_reliability.scan.tail import Tail, TailBatch, batch_tails

# Tokens of the prompts that are read in one pass.
BLOCK = 64


@dataclass(frozen=True)
class Outcomes:
    """What steerings do, in nats.

    Attributes:
        propensity_change: log P(first opening) - log P(second opening), steered minus unsteered.
        first_token_kl: KL(steered || unsteered) of the token after the prompt.
    """

    propensity_change: Float[Tensor, "prompts steerings"]
    first_token_kl: Float[Tensor, "prompts steerings"]


class Branching:
    """The unsteered reading of some prompts with two openings, and what steering changes of it.

    Reads at once; `steer_at` then measures steerings at a block, from the residual stream that was kept there.
    """

    def __init__(self, model: LoadedModel, tails: Sequence[Tail], *, hook_point: str) -> None:
        self.model, self.tails, self.hook_point = model, tails, hook_point
        self._copies = 0
        self._read()

    @property
    def length(self) -> int:
        """Tokens that the keys and values of each row hold."""
        return _length(self.tails)

    @torch.inference_mode()
    def _read(self) -> None:
        model = self.model
        cache = SlotCache(model.n_layers, slots=len(self.tails), length=self.length)
        self._read_before(cache)
        batch = batch_tails(self.tails, copies=1, device=model.device)
        kept: list[Tensor] = []
        # Steering at both points begins at the first.
        point = "resid_post" if self.hook_point == "resid_post" else "resid_pre"
        names = [f"blocks.{block}.hook_{point}" for block in range(model.n_layers)]
        hooks = [(name, lambda x, hook: kept.append(x.clone())) for name in names]
        logits = self._logits(batch, _arguments(cache, batch, model=model), hooks=hooks)
        self._streams = kept
        self._stored = [cache.read(row, length=len(tail.before)) for row, tail in enumerate(self.tails)]
        distributions = torch.log_softmax(logits.float(), dim=-1).view(len(self.tails), batch.n_wanted, -1)
        self._first = distributions[:, 0].clone()
        self._openings = self._opening_logprobs(distributions, copies=1)

    def _read_before(self, cache: SlotCache) -> None:
        """Read the tokens that no steering reaches, into `cache`."""
        model, befores = self.model, [tail.before for tail in self.tails]
        longest = max(map(len, befores))
        for begin in range(0, longest, BLOCK):
            end = min(begin + BLOCK, longest)
            # What stands beyond a row's own tokens is written over by its tail.
            rows = [[*before[begin:end], *[0] * (end - max(begin, len(before)))][: end - begin] for before in befores]
            tokens = torch.tensor(rows, device=model.device)
            positions = torch.arange(begin, end, device=model.device).expand_as(tokens)
            arguments = cache.inputs(tokens, positions, horizon=max(end, SHORTEST), dtype=model.dtype)
            with attention(model.bridge.original_model, GROUPED):
                model.bridge.original_model.base_model(**arguments)

    def _logits(self, batch: TailBatch, arguments: dict[str, Any], *, hooks: list[Any]) -> Float[Tensor, "m vocab"]:
        network = self.model.bridge.original_model
        only_wanted = ("unembed.hook_in", lambda x, hook: x.reshape(-1, x.shape[-1])[batch.wanted].unsqueeze(1))
        with attention(network, GROUPED), self.model.bridge.hooks(fwd_hooks=[*hooks, only_wanted]):
            logits: Tensor = network(**arguments).logits[:, -1]
        return logits.to(float64_device(logits.device))

    @torch.inference_mode()
    def branch(self, copies: int) -> None:
        """Make `copies` rows of each prompt, as many as `steer_at` will take steerings."""
        if copies == self._copies:
            return
        model, self._copies = self.model, copies
        cache = SlotCache(model.n_layers, slots=copies * len(self.tails), length=self.length)
        for row in range(cache.slots):
            tail = self.tails[row // copies]
            cache.write(row, self._stored[row // copies], length=len(tail.before))
        self._batch = batch_tails(self.tails, copies=copies, device=model.device)
        self._arguments = _arguments(cache, self._batch, model=model)

    @torch.inference_mode()
    def steer_at(
        self,
        block: int,
        *,
        units: Float[Tensor, "steerings d_model"],
        coefficients: Float[Tensor, " steerings"],
        keep_norm: bool = False,
    ) -> Outcomes:
        """Add `coefficients[i] * units[i]` to the residual stream at a block, for every prompt and every i.

        With `keep_norm` the steered stream is scaled back to the length that it had.
        """
        self.branch(len(units))
        n, batch, device = len(self.tails), self._batch, self.model.device
        unit = units.to(device).repeat(n, 1).unsqueeze(1)
        add = coefficients.to(device).repeat(n).unsqueeze(1) * batch.steered

        def steered(stream: Tensor) -> Tensor:
            kept = torch.full_like(add, keep_norm, dtype=torch.bool)
            return steer(stream, unit=unit, add=add, ablate=torch.zeros_like(add), keep_norm=kept)

        stream = steered(self._streams[block].repeat_interleave(len(units), dim=0))
        start = block + 1 if self.hook_point == "resid_post" else block
        hooks = []
        if start == 0:
            # No block comes before that could hand it on.
            hooks.append(("blocks.0.hook_resid_pre", lambda x, hook: stream))
        if self.hook_point == "resid_both":
            hooks.append((f"blocks.{block}.hook_resid_post", lambda x, hook: steered(x)))
        with blocks_skipped(self.model, before=start, resid=stream):
            logits = self._logits(batch, self._arguments, hooks=hooks)
        return self._compare(logits, copies=len(units))

    def _compare(self, logits: Float[Tensor, "m vocab"], *, copies: int) -> Outcomes:
        n, wanted = len(self.tails), self._batch.n_wanted
        kl, openings = [], []
        # A few rows at a time, so that they stay in the processor's cache.
        for start in range(0, n * copies, GRID):
            end = min(start + GRID, n * copies)
            rows = logits[start * wanted : end * wanted].float().view(end - start, wanted, -1)
            logprobs = torch.log_softmax(rows, dim=-1)
            prompts = torch.arange(start, end, device=rows.device) // copies
            differences = logprobs[:, 0] - self._first[prompts]
            kl.append((rows[:, 0].softmax(dim=-1) * differences).sum(dim=-1, dtype=torch.float64).clamp_min(0.0))
            openings.append(self._opening_logprobs(logprobs, copies=copies, first_row=start))
        change = torch.cat(openings) - self._openings.repeat_interleave(copies, dim=0)
        propensity = change[:, 0] - change[:, 1]
        return Outcomes(propensity.view(n, copies).cpu(), torch.cat(kl).view(n, copies).cpu())

    def _opening_logprobs(
        self, logprobs: Float[Tensor, "rows wanted vocab"], *, copies: int, first_row: int = 0
    ) -> Float[Tensor, "rows openings"]:
        """Log-probability of each opening, for rows of which the first is `first_row` of all."""
        sums = torch.zeros(len(logprobs), 2, dtype=torch.float64, device=logprobs.device)
        for row, distributions in enumerate(logprobs):
            for number, targets in enumerate(self.tails[(first_row + row) // copies].targets):
                entries, tokens = zip(*targets, strict=True)
                sums[row, number] = distributions[list(entries), list(tokens)].double().sum()
        return sums


def _arguments(cache: SlotCache, batch: TailBatch, *, model: LoadedModel) -> dict[str, Any]:
    horizon = max(int(batch.slots.max()) + 1, SHORTEST)
    arguments = cache.inputs(batch.tokens, batch.slots, horizon=horizon, dtype=model.dtype)
    return {
        **arguments,
        "position_ids": batch.positions,
        "attention_mask": batch.mask(arguments["attention_mask"]),
    }


def _length(tails: Sequence[Tail]) -> int:
    longest = max(len(tail.before) for tail in tails)
    return max(SHORTEST, round_up(longest + max(len(tail.tokens) for tail in tails), grid=16))
