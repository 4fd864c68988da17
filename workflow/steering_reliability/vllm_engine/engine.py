"""The engine: rows of many conditions in vLLM's dynamic batch, with the numbers that `generation.engine` gives."""

import hashlib
import math
from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from jaxtyping import Float
from torch import Tensor

from steering_reliability.generation.rows import Completion, Row, Steering, check_rows
from steering_reliability.generation.stop_strings import ends_with_stop
from steering_reliability.interventions.steer import BlockSteering
from steering_reliability.vllm_engine.measured import Measured
from steering_reliability.vllm_engine.served_model import ServedModel
from steering_reliability.vllm_engine.starting import parameters
from steering_reliability.vllm_engine.tasks import Draw, Score, Task

# Bytes that the distributions after the prompts may take, those of rows in flight not counted.
PROMPTS_BUDGET: Final = 512 << 20


@dataclass(eq=False)
class Flight:
    """A row in flight.

    Attributes:
        completion: What is known of it so far.
        written: All tokens written, the end token included.
        waits_for: Names of its requests that are not finished.
        scores: For each request of an opening its number; for that of the unsteered score None.
        uses: Keys of the prompt and the steering that must be known while it is in flight.
        base_first: Log-probability of the first token under the unsteered model, nats.
    """

    completion: Completion
    written: list[int] = field(default_factory=list)
    waits_for: set[str] = field(default_factory=set)
    scores: dict[str, int | None] = field(default_factory=dict)
    uses: list[str] = field(default_factory=list)
    base_first: float = math.nan

    @property
    def row(self) -> Row:
        """What is to be written."""
        return self.completion.row


class VllmEngine:
    """Write completions for rows that may come at any time, as `generation.engine.Engine` does.

    A row waits until its prompt was read unsteered. It is then one request of vLLM, with one more for each opening of
    several tokens, and, when it is written, one that reads it under the unsteered model.
    """

    def __init__(self, engine: Any, model: ServedModel, *, hook_point: str, max_rows: int) -> None:
        self.model, self.hook_point, self.max_rows = model, hook_point, max_rows
        self.waiting: deque[Row] = deque()
        self._engine = engine
        self._flights: dict[str, Flight] = {}
        self._rows_in_flight = 0
        self._prompts: OrderedDict[tuple[int, ...], str] = OrderedDict()
        self._being_read: dict[str, tuple[int, ...]] = {}
        self._wanted: set[tuple[int, ...]] = set()
        self._uses: dict[str, int] = {}
        self._steerings: dict[int, tuple[Steering, str]] = {}
        self._readings: dict[str, Tensor | None] = {}
        self._done: list[Completion] = []
        self._number = 0

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.waiting or self._flights or self._being_read or self._done)

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
        """Let vLLM read one batch, and return the rows that are complete."""
        self._admit()
        self._advance()
        done, self._done = self._done, []
        return done

    def read(self, texts: Sequence[tuple[Sequence[int], int, int]]) -> Float[Tensor, "n places d_model"]:
        """The mean residual stream over some tokens of each text, unsteered; rows in flight go on meanwhile.

        `texts` have their tokens, the index of the first one that is read, and that after the last. Place 0 is what the
        first block reads, place i + 1 what block i writes.
        """
        names = []
        for tokens, first, end in texts:
            name = self._name("read")
            # What is read must be computed: nothing from there on is taken from the prefix cache.
            self._add(list(tokens[:end]), Task(name, salts=((first, name),), read=(first, end)))
            self._readings[name] = None
            names.append(name)
        while any(self._readings[name] is None for name in names):
            self._advance()
        return torch.stack([stream for name in names if (stream := self._readings.pop(name)) is not None])

    def _admit(self) -> None:
        for _ in range(len(self.waiting)):
            if self._rows_in_flight >= self.max_rows:
                return
            row = self.waiting.popleft()
            prompt = self._prompts.get(row.tokens)
            if prompt is not None:
                self._prompts.move_to_end(row.tokens)
                self._start(row, prompt)
                continue
            self.waiting.append(row)
            if row.tokens not in self._wanted and len(self._wanted) < self.max_rows:
                name = self._name("prompt")
                self._being_read[name] = row.tokens
                self._wanted.add(row.tokens)
                self._add(list(row.tokens), Task(name, is_prompt=True))

    def _start(self, row: Row, prompt: str) -> None:
        name = self._name("row")
        flight = Flight(Completion(row, openings=[[] for _ in row.openings]))
        self._rows_in_flight += 1
        steered = self._steered(row)
        flight.uses = [prompt, *filter(None, [steered.get("steering")])]
        for key in flight.uses:
            self._uses[key] = self._uses.get(key, 0) + 1
        draw = Draw(row.uniforms, row.temperature, row.top_p, prompt, tuple(opening[0] for opening in row.openings))
        task = Task(name, draw=draw, **steered)
        self._expect(name, flight)
        stops = self.model.end_tokens
        self._add(list(row.tokens), task, max_tokens=row.max_new_tokens, stops=stops, streams=bool(row.stop_strings))
        for number, opening in enumerate(row.openings):
            if len(opening) > 1:
                self._score(flight, [*row.tokens, *opening], after=len(row.tokens), opening=number, **steered)

    def _steered(self, row: Row) -> dict[str, Any]:
        """The fields of a task that reads a row's tokens as the row does."""
        if row.is_unsteered or row.steering is None:
            return {}
        key = self._key_of(row.steering)
        first, end = row.steering.span
        return {"steering": key, "span": row.steering.span, "salts": ((first, f"{key} {first} to {end}"),)}

    def _score(self, flight: Flight, tokens: Sequence[int], *, after: int, opening: int | None, **steered: Any) -> None:
        """Ask for the log-probabilities of all tokens but the first after index `after`."""
        name = self._name("score")
        salts = (*steered.pop("salts", ()), (after, name))
        task = Task(name, salts=salts, score=Score(after, tuple(tokens[after + 1 :])), **steered)
        flight.scores[name] = opening
        self._expect(name, flight)
        self._add(list(tokens[:-1]), task)

    def _advance(self) -> None:
        finished: list[str] = []
        for output in self._engine.step():
            name = output.request_id
            flight = self._flights.get(name)
            if flight is not None and name not in flight.scores:
                flight.written += output.outputs[0].token_ids
                if not output.finished and self._has_stopped(flight):
                    self._engine.abort_request([name])
                    finished.append(name)
            if output.finished:
                finished.append(name)
        if finished:
            measured = self._engine.collective_rpc("steering_take", args=(finished,))[0]
            for name in finished:
                self._finish(name, measured.get(name))
            self._drop()

    def _has_stopped(self, flight: Flight) -> bool:
        stops = flight.row.stop_strings
        return ends_with_stop(flight.written, stops=stops, tokenizer=self.model.tokenizer)

    def _finish(self, name: str, measured: Measured | None) -> None:
        if name in self._being_read:
            tokens = self._being_read.pop(name)
            self._wanted.remove(tokens)
            self._prompts[tokens] = name
            return
        assert measured is not None
        if name in self._readings:
            self._readings[name] = measured.stream
            return
        flight = self._flights.pop(name)
        flight.waits_for.discard(name)
        if name not in flight.scores:
            self._take(flight, measured)
        elif (opening := flight.scores[name]) is not None:
            flight.completion.openings[opening] += _in_order(measured.logprobs)
        else:
            later = _in_order(measured.logprobs)
            flight.completion.base_logprob = (flight.base_first + math.fsum(later)) / len(flight.written)
        if not flight.waits_for:
            self._land(flight)

    def _take(self, flight: Flight, measured: Measured) -> None:
        """Take over what was written and measured, and ask what the unsteered model makes of it."""
        completion, row, n = flight.completion, flight.row, len(flight.written)
        ends = flight.written[-1] in self.model.end_tokens
        completion.tokens = flight.written[:-1] if ends else list(flight.written)
        completion.finish_reason = "eos" if ends or self._has_stopped(flight) else "length"
        completion.mean_logprob = math.fsum(_in_order(measured.logprobs)[:n]) / n
        completion.mean_entropy = math.fsum(_in_order(measured.entropies)[:n]) / n
        completion.first_token_kl = 0.0 if row.steering is None else measured.first_token_kl
        for found, first in zip(completion.openings, measured.openings, strict=True):
            found.insert(0, first)
        if row.is_unsteered:
            completion.base_logprob = completion.mean_logprob
        elif row.is_scored:
            flight.base_first = measured.base_first
            if n == 1:
                completion.base_logprob = measured.base_first
            else:
                self._score(flight, [*row.tokens, *flight.written], after=len(row.tokens), opening=None)

    def _land(self, flight: Flight) -> None:
        self._rows_in_flight -= 1
        for key in flight.uses:
            self._uses[key] -= 1
        self._done.append(flight.completion)

    def _key_of(self, steering: Steering) -> str:
        """The key under which the workers know what a row's steering does; they are told where it is new."""
        known = self._steerings.get(id(steering.blocks))
        if known is not None:
            return known[1]
        places = places_of(steering, hook_point=self.hook_point)
        key = digest_of(places)
        if key not in {one for _, one in self._steerings.values()}:
            self._engine.collective_rpc("steering_put", args=({key: places},))
        self._steerings[id(steering.blocks)] = (steering, key)
        return key

    def _drop(self) -> None:
        """Let the workers forget steerings that no row uses, and the prompts that were used longest ago."""
        unused = {key for key, n in self._uses.items() if n == 0}
        steerings = {key for _, key in self._steerings.values() if key in unused}
        most = PROMPTS_BUDGET // (4 * self._engine.model_config.get_vocab_size())
        surplus = len(self._prompts) - max(1, most)
        prompts: list[str] = []
        if surplus > 0:
            oldest = [tokens for tokens, name in self._prompts.items() if not self._uses.get(name)][:surplus]
            prompts = [self._prompts.pop(tokens) for tokens in oldest]
        if steerings or prompts:
            self._engine.collective_rpc("steering_drop", args=(sorted(steerings), prompts))
        self._steerings = {of: known for of, known in self._steerings.items() if known[1] not in steerings}
        for key in (*steerings, *prompts):
            self._uses.pop(key, None)

    def _expect(self, name: str, flight: Flight) -> None:
        self._flights[name] = flight
        flight.waits_for.add(name)

    def _add(self, tokens: list[int], task: Task, **settings: Any) -> None:
        self._engine.add_request(task.name, {"prompt_token_ids": tokens}, parameters(task, **settings))

    def _name(self, kind: str) -> str:
        self._number += 1
        return f"{kind}-{self._number}"


def _in_order(values: dict[int, float]) -> list[float]:
    return [values[at] for at in sorted(values)]


def places_of(steering: Steering, *, hook_point: str) -> dict[int, list[BlockSteering]]:
    """What is done at each place of the residual stream, in order: block i reads place i and writes place i + 1."""
    places: dict[int, list[BlockSteering]] = {}
    for block in sorted(steering.blocks):
        if hook_point != "resid_post":
            places.setdefault(block, []).append(steering.blocks[block])
        if hook_point != "resid_pre":
            places.setdefault(block + 1, []).append(steering.blocks[block])
    return places


def digest_of(places: dict[int, list[BlockSteering]]) -> str:
    """A name for what a steering does: alike for alike ones, so that they share what was read under them."""
    total = hashlib.blake2b(digest_size=16)
    for place, doings in places.items():
        for one in doings:
            total.update(f"{place} {one.add!r} {one.ablate!r} {one.keep_norm} ".encode() + one.unit.numpy().tobytes())
    return total.hexdigest()
