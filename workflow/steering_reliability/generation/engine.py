"""The engine: completions of many conditions in one batch, each with the bytes it would have alone."""

import math
import warnings
from collections import deque
from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from steering_reliability.errors import InputError
from steering_reliability.generation.batch import Batch
from steering_reliability.generation.beginning import measure_beginnings
from steering_reliability.generation.block_reader import BLOCK, BlockReader, spans_a_block
from steering_reliability.generation.memory import PROMPTS_SHARE, ROWS_SHARE, is_out_of_memory
from steering_reliability.generation.prompt_store import PromptState, PromptStore
from steering_reliability.generation.rows import Completion, Row, check_rows
from steering_reliability.generation.scoring import base_logprobs
from steering_reliability.generation.slot import Slot
from steering_reliability.generation.slot_cache import GRID, GROUPED, attention, padded
from steering_reliability.generation.stop_strings import ends_with_stop
from steering_reliability.generation.token_statistics import choose_and_measure, logprobs_of
from steering_reliability.generation.transfer import to_device, to_host
from steering_reliability.model.loading import LoadedModel

# Rows scored in one pass: wide enough for the matrix products, small enough for the logits to fit.
SCORED_TOGETHER = 16


class Engine:
    """Write completions for rows that may come at any time.

    A step admits waiting rows, reads one token of every row in flight, takes the next tokens, and scores finished rows
    against the unsteered model. The first row of a prompt waits until the prompt was read unsteered; the rows start
    from that state.

    At most `max_rows` are written at once, fewer where `memory`, the bytes to use beside the model, does not allow it.
    """

    def __init__(self, model: LoadedModel, *, hook_point: str, max_rows: int, memory: int = 3 << 30) -> None:
        self.model, self.hook_point = model, hook_point
        self.batch = Batch(model, hook_point=hook_point, slots=max_rows, budget=int(memory * ROWS_SHARE))
        self.store = PromptStore(budget=int(memory * PROMPTS_SHARE))
        self.waiting: deque[Row] = deque()
        self.tokens_written = 0
        self._reading: set[tuple[int, ...]] = set()
        self._reader: BlockReader | None = None
        self._branching: list[tuple[int, int]] = []
        self._unscored: list[Slot] = []
        self._scored_together = SCORED_TOGETHER
        self._done: list[Completion] = []

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.waiting or self.batch.live or self._unscored or self._done)

    def generate(self, rows: Sequence[Row]) -> list[Completion]:
        """Write completions for rows and return them in the same order."""
        self.submit(rows)
        done: dict[Row, Completion] = {}
        while not self.idle:
            done.update((completion.row, completion) for completion in self.step())
        return [done[row] for row in rows]

    def submit(self, rows: Iterable[Row]) -> None:
        """Queue rows.

        Raises:
            InputError: When a prompt and its completion can't fit the model's context, or a layer is not there.
        """
        rows = list(rows)
        check_rows(rows, context=self.model.context, n_layers=self.model.n_layers)
        self.waiting.extend(rows)

    def step(self) -> list[Completion]:
        """Read one token of every row in flight, and return the rows that are complete.

        Where memory can't be had, the batch is halved and its rows begin anew: same bytes, later.

        Raises:
            InputError: When there is no memory for the narrowest batch.
        """
        try:
            with attention(self.model.bridge.original_model, GROUPED):
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
        self._read_long_prompt()
        self._admit()
        if self.batch.live:
            indices, logits = self.batch.forward()
            ended = self._take(indices, logits) if indices else []
            for index, opening in self._branching:
                self.batch.branch(index, opening=opening)
            self._branching.clear()
            for index in sorted(ended, reverse=True):
                slot = self.batch.live[index]
                if slot.row is None:
                    self._store_prompt(index, slot)
                elif slot.opening is None:
                    self._finish(slot)
                self.batch.remove(index)
        self._score(everything=not self.batch.live)

    def _read_long_prompt(self) -> None:
        """Read the next blocks of a long prompt; its last tokens are read in the batch."""
        reader = self._reader
        if reader is None:
            return
        reader.step()
        if reader.is_done and self.batch.has_room(len(reader.tokens)):
            self._reader = None
            self._read_in_batch(reader.tokens, reader.stored(), length=reader.position)

    def _admit(self) -> None:
        if self.waiting and not self.batch.live:
            self.batch.make_room(max(row.longest for row in self.waiting))
        for _ in range(len(self.waiting)):
            row = self.waiting[0]
            prompt = self.store.get(row.tokens)
            branches = row.branches if prompt else 0
            if not self.batch.has_room(row.longest if prompt else len(row.tokens), branches=branches):
                return
            self.waiting.popleft()
            if prompt is not None:
                self._start_row(row, prompt)
                continue
            self.waiting.append(row)
            # Prompts share their template: the first is read alone, so that the others can take its beginning over.
            first_is_read = bool(self._reading) and self.store.longest_shared(())[0] is None
            waits_for_reader = self._reader is not None and len(row.tokens) > BLOCK
            if row.tokens not in self._reading and not first_is_read and not waits_for_reader:
                self._start_prompt(row.tokens)

    def _start_row(self, row: Row, prompt: PromptState) -> None:
        last = len(row.tokens) - 1
        start = min(row.steering.span[0], last) if row.steering else last
        completion = Completion(row, openings=[[] for _ in row.openings])
        slot = Slot(tokens=list(row.tokens), position=start, row=row, prompt=prompt, completion=completion)
        self.batch.admit(slot, stored=prompt.stored, length=start, reserve=row.longest)

    def _start_prompt(self, tokens: tuple[int, ...]) -> None:
        known, shared = self.store.longest_shared(tokens)
        # The last token is always read, since its logits are wanted.
        shared = min(shared, len(tokens) - 1)
        self._reading.add(tokens)
        if spans_a_block(tokens, known=shared):
            self._reader = BlockReader(self.model, tokens=tokens, known=known, shared=shared)
        else:
            self._read_in_batch(tokens, known.stored if known else [], length=shared)

    def _read_in_batch(self, tokens: tuple[int, ...], stored: list[tuple[Tensor, Tensor]], *, length: int) -> None:
        slot = Slot(tokens=list(tokens), position=length)
        self.batch.admit(slot, stored=stored, length=length, reserve=len(tokens))

    def _store_prompt(self, index: int, slot: Slot) -> None:
        tokens = tuple(slot.tokens)
        self._reading.discard(tokens)
        self.store.put(PromptState(tokens, self.batch.cache.read(index, length=len(tokens)), slot.prompt_logprobs))

    def _take(self, indices: list[int], logits: Float[Tensor, "m vocabulary"]) -> list[int]:
        """Draw the next token of rows, and score that of openings; return the indices of slots that end."""
        openings = [at for at, index in enumerate(indices) if self.batch.live[index].opening is not None]
        if not openings:
            return self._draw(indices, logits)
        drawn = sorted(set(range(len(indices))) - set(openings))
        ended = self._score_openings([indices[at] for at in openings], logits[padded(openings)])
        return ended + (self._draw([indices[at] for at in drawn], logits[padded(drawn)]) if drawn else [])

    def _draw(self, indices: list[int], logits: Float[Tensor, "m vocabulary"]) -> list[int]:
        slots = [self.batch.live[index] for index in indices]
        found = choose_and_measure(
            logits,
            uniform=[_uniform(slot) for slot in slots],
            temperature=[slot.row.temperature if slot.row else 0.0 for slot in slots],
            top_p=[slot.row.top_p if slot.row else 1.0 for slot in slots],
        )
        ended, beginning = [], []
        for at, (index, slot) in enumerate(zip(indices, slots, strict=True)):
            if slot.row is None:
                slot.prompt_logprobs = torch.log_softmax(logits[at].float(), dim=-1)
                ended.append(index)
                continue
            if not slot.logprobs:
                beginning.append((at, slot))
                self._branching += [(index, at) for at, one in enumerate(slot.row.openings) if len(one) > 1]
            if self._append(slot, found.tokens[at], found.logprobs[at], found.entropies[at]):
                ended.append(index)
        measure_beginnings([slot for _, slot in beginning], logits=logits, at=[at for at, _ in beginning])
        return ended

    def _append(self, slot: Slot, token: int, logprob: float, entropy: float) -> bool:
        """Add a token to a row; return whether it ends the completion."""
        completion = slot.completion
        assert completion is not None
        row = completion.row
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

    def _score_openings(self, indices: list[int], logits: Float[Tensor, "m vocabulary"]) -> list[int]:
        slots = [self.batch.live[index] for index in indices]
        # Each position has moved on to the token whose probability is wanted.
        wanted = [slot.tokens[slot.position] for slot in slots]
        targets = to_device(wanted, dtype=torch.long, device=logits.device)
        for slot, logprob in zip(slots, to_host(logprobs_of(logits, targets=targets)), strict=True):
            assert slot.completion is not None and slot.opening is not None
            slot.completion.openings[slot.opening].append(logprob)
        return [index for index, slot in zip(indices, slots, strict=True) if slot.position == len(slot.tokens) - 1]

    def _finish(self, slot: Slot) -> None:
        completion = slot.completion
        assert completion is not None
        completion.mean_logprob = math.fsum(slot.logprobs) / len(slot.logprobs)
        completion.mean_entropy = math.fsum(slot.entropies) / len(slot.entropies)
        if completion.row.is_unsteered:
            completion.base_logprob = completion.mean_logprob
        elif completion.row.is_scored:
            self._unscored.append(slot)
            return
        self._done.append(completion)

    def _score(self, *, everything: bool) -> None:
        """Score finished rows against the unsteered model, in groups with the same first steered block."""
        groups: dict[tuple[int, int], list[Slot]] = {}
        for slot in self._unscored:
            assert slot.row is not None and slot.row.steering is not None
            groups.setdefault((slot.row.steering.first, slot.row.max_new_tokens), []).append(slot)
        for group in groups.values():
            while len(group) >= self._scored_together or (group and everything):
                together, group[:] = group[: self._scored_together], group[self._scored_together :]
                scores = base_logprobs(together, model=self.model, hook_point=self.hook_point)
                for slot, score in zip(together, scores, strict=True):
                    assert slot.completion is not None
                    slot.completion.base_logprob = score
                    self._done.append(slot.completion)
                    self._unscored.remove(slot)

    def _halve(self, reason: str) -> None:
        slots = self.batch.slots // 2 // GRID * GRID
        if slots == 0:
            what = f"there is not enough memory to write {GRID} completions at once ({reason})"
            fix = "free memory, or choose a smaller model, dtype: bfloat16, or shorter prompts"
            raise InputError(what, where="the worker", fix=fix)
        warnings.warn(f"out of memory with {self.batch.slots} rows ({reason}): going on with {slots}", stacklevel=2)
        # An opening can outlive its row's completion: then the whole row is done again.
        rows = dict.fromkeys(slot.row for slot in self.batch.live if slot.row)
        self.waiting.extendleft(reversed(rows))
        self._done = [completion for completion in self._done if completion.row not in rows]
        self._unscored = [slot for slot in self._unscored if slot.row not in rows]
        self._reading.clear()
        self._reader = None
        self._branching.clear()
        budgets = self.batch.budget // 2, self.store.budget // 2
        self.batch = Batch(self.model, hook_point=self.hook_point, slots=slots, budget=budgets[0])
        self.store = PromptStore(budget=budgets[1])
        self._scored_together = max(GRID, self._scored_together // 2)
        if self.model.device.type != "cpu":
            getattr(torch, self.model.device.type).empty_cache()


def _uniform(slot: Slot) -> float:
    return slot.row.uniforms[len(slot.logprobs)] if slot.row and slot.row.temperature > 0 else 0.0
