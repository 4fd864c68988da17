"""The engine: completions of many conditions in one batch, each with the bytes it would have alone."""

import math
import warnings
from collections import deque
from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from steering_reliability.errors import InputError
from steering_reliability.generation.batch import Batch, Slot
from steering_reliability.generation.block_reader import BLOCK, BlockReader, spans_a_block
from steering_reliability.generation.memory import PROMPTS_SHARE, ROWS_SHARE, is_out_of_memory
from steering_reliability.generation.prompt_store import PromptState, PromptStore
from steering_reliability.generation.rows import Completion, Row
from steering_reliability.generation.scoring import base_logprobs
from steering_reliability.generation.slot_cache import GRID, padded
from steering_reliability.generation.stop_strings import ends_with_stop
from steering_reliability.generation.token_statistics import logprobs_of, read_out
from steering_reliability.model.loading import LoadedModel, beyond_context

# Rows scored in one pass: wide enough for the matrix products, small enough for the logits to fit.
SCORED_TOGETHER = 16


class Engine:
    """Write completions for rows that may come at any time.

    Args:
        model: The bridged model.
        hook_point: `resid_pre` or `resid_post`.
        max_rows: Most rows written at once; fewer where memory does not allow it.
        memory: Bytes to use beside the model.
        store_budget: Bytes of prompt states to keep; None takes a share of the memory.
    """

    def __init__(
        self,
        model: LoadedModel,
        *,
        hook_point: str,
        max_rows: int,
        memory: int = 3 << 30,
        store_budget: int | None = None,
    ) -> None:
        self.model, self.hook_point = model, hook_point
        self.batch = Batch(model, hook_point=hook_point, slots=max_rows, budget=int(memory * ROWS_SHARE))
        self.store = PromptStore(budget=int(memory * PROMPTS_SHARE) if store_budget is None else store_budget)
        self.waiting: deque[Row] = deque()
        self._reading: set[tuple[int, ...]] = set()
        self._reader: BlockReader | None = None
        self._unscored: list[Slot] = []
        self._scored_together = SCORED_TOGETHER
        self._done: list[Completion] = []
        self._branching: list[tuple[int, int]] = []
        self.tokens_written = 0

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.waiting or self.batch.live or self._unscored or self._done)

    def submit(self, rows: Iterable[Row]) -> None:
        """Queue rows.

        Raises:
            InputError: When a prompt and its completion can't fit the model's context, or a layer is not there.
        """
        rows = list(rows)
        long = [row for row in rows if _longest(row) > self.model.context]
        if long:
            named = {_prompt_name(row): len(row.tokens) for row in long}
            raise beyond_context(
                named, context=self.model.context, room=max(_longest(row) - len(row.tokens) for row in long)
            )
        absent = {row.steering.layer for row in rows if row.steering} - set(range(self.model.n_layers))
        if absent:
            raise InputError(
                f"the model has {self.model.n_layers} blocks and no layer {', '.join(map(str, sorted(absent)))}",
                where="config key experiment.layers",
                fix=f"use 0 to {self.model.n_layers - 1}",
            )
        self.waiting.extend(rows)

    def generate(self, rows: Sequence[Row]) -> list[Completion]:
        """Write completions for rows and return them in the same order."""
        self.submit(rows)
        done: dict[int, Completion] = {}
        while not self.idle:
            done.update((id(completion.row), completion) for completion in self.step())
        return [done[id(row)] for row in rows]

    def step(self) -> list[Completion]:
        """Read one token of every row in flight, and return the rows that are complete.

        Where memory can't be had, the batch is halved and its rows begin anew: same bytes, later.

        Raises:
            InputError: When there is no memory for the narrowest batch.
        """
        try:
            self._step()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            reason = str(error).splitlines()[0]
        else:
            done = [completion for completion in self._done if completion.is_whole]
            self._done = [completion for completion in self._done if not completion.is_whole]
            return done
        # Out here the error is gone, and with it the frames that hold the step's tensors.
        self._halve(reason)
        return []

    @torch.inference_mode()
    def _step(self) -> None:
        self._read_on()
        self._admit()
        if self.batch.live:
            asking, logits = self.batch.forward()
            ended = self._take(asking, logits) if asking else []
            for index, opening in self._branching:
                self.batch.branch(index, opening=opening)
            self._branching.clear()
            for index in sorted(ended, reverse=True):
                slot = self.batch.live[index]
                if slot.row is None:
                    self._keep_prompt(index, slot)
                elif slot.opening is None:
                    self._finish(slot)
                self.batch.remove(index)
        self._score(everything=not self.batch.live)

    def _halve(self, reason: str) -> None:
        slots = self.batch.slots // 2 // GRID * GRID
        if slots == 0:
            raise InputError(
                f"there is not enough memory to write {GRID} completions at once ({reason})",
                where="the worker",
                fix="free memory, or choose a smaller model, dtype: bfloat16, or shorter prompts",
            )
        warnings.warn(f"out of memory with {self.batch.slots} rows ({reason}): going on with {slots}", stacklevel=2)
        # An opening can outlive its row's completion: then the whole row is done again.
        rows = {id(slot.row): slot.row for slot in self.batch.live if slot.row}
        self.waiting.extendleft(reversed(rows.values()))
        self._done = [completion for completion in self._done if id(completion.row) not in rows]
        self._unscored = [slot for slot in self._unscored if id(slot.row) not in rows]
        self._reading.clear()
        self._reader = None
        self._branching.clear()
        budgets = self.batch.budget // 2, self.store.budget // 2
        self.batch = Batch(self.model, hook_point=self.hook_point, slots=slots, budget=budgets[0])
        self.store = PromptStore(budget=budgets[1])
        self._scored_together = max(GRID, self._scored_together // 2)
        if self.model.device.type == "cuda":
            torch.cuda.empty_cache()

    def _admit(self) -> None:
        if self.waiting and not self.batch.live:
            self.batch.make_room(max(map(_longest, self.waiting)))
        for _ in range(len(self.waiting)):
            row = self.waiting[0]
            prompt = self.store.get(row.tokens)
            branches = row.branches if prompt else 0
            if not self.batch.has_room(_longest(row) if prompt else len(row.tokens), branches=branches):
                return
            self.waiting.popleft()
            if prompt is not None:
                self._start_row(row, prompt)
                continue
            self.waiting.append(row)
            waits_for_reader = self._reader is not None and len(row.tokens) > BLOCK
            if row.tokens not in self._reading and not self._first_prompt_pending() and not waits_for_reader:
                self._start_prompt(row.tokens)

    def _first_prompt_pending(self) -> bool:
        # Prompts share their template: the first is read alone, so that the others can take its beginning over.
        return bool(self._reading) and self.store.longest_shared(())[0] is None

    def _start_prompt(self, tokens: tuple[int, ...]) -> None:
        known, shared = self.store.longest_shared(tokens)
        # The last token is always read, since its logits are wanted.
        shared = min(shared, len(tokens) - 1)
        self._reading.add(tokens)
        if spans_a_block(tokens, known=shared):
            self._reader = BlockReader(self.model, tokens=tokens, known=known, shared=shared)
        else:
            self._read_with_rows(tokens, known.stored if known else [], length=shared)

    def _read_on(self) -> None:
        """Read the long prompt, if there is one, and let its end be read with the rows in flight."""
        reader = self._reader
        if reader is None:
            return
        reader.step()
        if reader.is_done and self.batch.has_room(len(reader.tokens)):
            self._reader = None
            self._read_with_rows(reader.tokens, reader.stored(), length=reader.position)

    def _read_with_rows(self, tokens: tuple[int, ...], stored: list[tuple[Tensor, Tensor]], *, length: int) -> None:
        slot = Slot(tokens=list(tokens), position=length)
        self.batch.admit(slot, stored=stored, length=length, reserve=len(tokens))

    def _start_row(self, row: Row, prompt: PromptState) -> None:
        last = len(row.tokens) - 1
        start = min(row.steering.span[0], last) if row.steering else last
        completion = Completion(row, openings=[[] for _ in row.openings])
        slot = Slot(tokens=list(row.tokens), position=start, row=row, prompt=prompt, completion=completion)
        self.batch.admit(slot, stored=prompt.stored, length=start, reserve=_longest(row))

    def _keep_prompt(self, index: int, slot: Slot) -> None:
        tokens = tuple(slot.tokens)
        self._reading.discard(tokens)
        self.store.put(PromptState(tokens, self.batch.cache.read(index, length=len(tokens)), slot.prompt_logprobs))

    def _take(self, asking: list[int], logits: Float[Tensor, "m vocabulary"]) -> list[int]:
        """Take what the rows that ask are told; return the indices of rows that end."""
        openings = [at for at, index in enumerate(asking) if self.batch.live[index].opening is not None]
        if not openings:
            return self._draw(asking, logits)
        drawn = sorted(set(range(len(asking))) - set(openings))
        ended = self._note([asking[at] for at in openings], logits[padded(openings)])
        return ended + (self._draw([asking[at] for at in drawn], logits[padded(drawn)]) if drawn else [])

    def _draw(self, asking: list[int], logits: Float[Tensor, "m vocabulary"]) -> list[int]:
        """Choose the next token of each row; return the indices of rows that end."""
        slots = [self.batch.live[index] for index in asking]
        found = read_out(
            logits,
            uniform=_column([_uniform(slot) for slot in slots], like=logits),
            temperature=_column([slot.row.temperature if slot.row else 0.0 for slot in slots], like=logits),
            top_p=_column([slot.row.top_p if slot.row else 1.0 for slot in slots], like=logits),
        )
        ended = []
        for at, (index, slot) in enumerate(zip(asking, slots, strict=True)):
            if slot.row is None:
                slot.prompt_logprobs = torch.log_softmax(logits[at].float(), dim=-1)
                ended.append(index)
                continue
            if not slot.logprobs and (slot.row.steering is not None or slot.row.openings):
                self._first(index, slot, torch.log_softmax(logits[at].float(), dim=-1))
            if self._append(slot, found.tokens[at], found.logprobs[at], found.entropies[at]):
                ended.append(index)
        return ended

    def _first(self, index: int, slot: Slot, logprobs: Float[Tensor, " vocabulary"]) -> None:
        """Keep the distribution after the prompt, which also says how likely each opening's first token is."""
        row, completion = slot.row, slot.completion
        assert row is not None and completion is not None
        if row.steering is not None:
            slot.first_logprobs = logprobs
        for number, opening in enumerate(row.openings):
            completion.openings[number].append(float(logprobs[opening[0]]))
            if len(opening) > 1:
                self._branching.append((index, number))

    def _note(self, asking: list[int], logits: Float[Tensor, "m vocabulary"]) -> list[int]:
        """Note how likely the next token of each opening is; return the indices of slots that end."""
        slots = [self.batch.live[index] for index in asking]
        # Each position has moved on to the token whose probability is wanted.
        targets = torch.tensor([slot.tokens[slot.position] for slot in slots], device=logits.device)
        for slot, logprob in zip(slots, logprobs_of(logits, targets=targets).tolist(), strict=True):
            assert slot.completion is not None and slot.opening is not None
            slot.completion.openings[slot.opening].append(logprob)
        return [index for index, slot in zip(asking, slots, strict=True) if slot.position == len(slot.tokens) - 1]

    def _append(self, slot: Slot, token: int, logprob: float, entropy: float) -> bool:
        row, completion, prompt = slot.row, slot.completion, slot.prompt
        assert row is not None and completion is not None and prompt is not None
        if not slot.logprobs:
            steered = slot.first_logprobs
            completion.first_token_kl = 0.0 if steered is None else _divergence(steered, prompt.logprobs)
            slot.first_logprobs = None
        slot.logprobs.append(logprob)
        slot.entropies.append(entropy)
        slot.tokens.append(token)
        self.tokens_written += 1
        if token in self.model.end_tokens:
            completion.finish_reason = "eos"
            return True
        completion.tokens.append(token)
        if ends_with_stop(completion.tokens, stops=row.stop_strings, tokenizer=self.model.tokenizer):
            completion.finish_reason = "eos"
            return True
        return len(completion.tokens) == row.max_new_tokens

    def _finish(self, slot: Slot) -> None:
        completion = slot.completion
        assert completion is not None
        completion.mean_logprob = math.fsum(slot.logprobs) / len(slot.logprobs)
        completion.mean_entropy = math.fsum(slot.entropies) / len(slot.entropies)
        if completion.row.steering is None or _is_inert(completion.row):
            completion.base_logprob = completion.mean_logprob
            self._done.append(completion)
        elif not completion.row.is_scored:
            self._done.append(completion)
        else:
            self._unscored.append(slot)

    def _score(self, *, everything: bool) -> None:
        """Score finished rows against the unsteered model, in groups steered at one layer."""
        groups: dict[tuple[int, int], list[Slot]] = {}
        for slot in self._unscored:
            assert slot.row is not None and slot.row.steering is not None
            groups.setdefault((slot.row.steering.layer, slot.row.max_new_tokens), []).append(slot)
        for group in groups.values():
            while len(group) >= self._scored_together or (group and everything):
                together, group[:] = group[: self._scored_together], group[self._scored_together :]
                scores = base_logprobs(together, model=self.model, hook_point=self.hook_point)
                for slot, score in zip(together, scores, strict=True):
                    assert slot.completion is not None
                    slot.completion.base_logprob = score
                    self._done.append(slot.completion)
                    self._unscored.remove(slot)


def _column(values: list[float], *, like: Tensor) -> Float[Tensor, " n"]:
    return torch.tensor(values, dtype=torch.float64, device=like.device)


def _longest(row: Row) -> int:
    return len(row.tokens) + max(row.max_new_tokens, *map(len, row.openings), 0)


def _prompt_name(row: Row) -> str:
    # A worker's key is (job, number of the row, prompt id).
    return str(row.key[-1] if isinstance(row.key, tuple) else row.key)


def _uniform(slot: Slot) -> float:
    return slot.row.uniforms[len(slot.logprobs)] if slot.row and slot.row.temperature > 0 else 0.0


def _is_inert(row: Row) -> bool:
    return row.steering is not None and row.steering.add == 0 and row.steering.ablate == 0


def _divergence(steered: Float[Tensor, " v"], unsteered: Float[Tensor, " v"]) -> float:
    """KL(steered || unsteered) in nats; rounding can't make it negative."""
    terms = steered.double().softmax(dim=-1) * (steered.double() - unsteered.double())
    # Added up by numpy: torch splits a long sum between threads, so that its last bits depend on their number.
    return max(0.0, float(terms.cpu().numpy().sum()))
