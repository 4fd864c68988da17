"""What is done to a request of vLLM beside reading and writing tokens; travels with its sampling parameters."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

KEY: Final = "steering_reliability"
"""Where a task lies in `SamplingParams.extra_args`."""


@dataclass(frozen=True)
class Draw:
    """How the tokens of a row are chosen, and what its first distribution is asked.

    Attributes:
        uniforms: One number in [0, 1) per step.
        temperature: 0 is greedy.
        top_p: Nucleus.
        prompt: Name of the task that read the same prompt unsteered.
        openings: First token of each opening, whose log-probability is wanted.
    """

    uniforms: tuple[float, ...]
    temperature: float
    top_p: float
    prompt: str
    openings: tuple[int, ...] = ()


@dataclass(frozen=True)
class Score:
    """Tokens whose log-probability is wanted: `targets[i]` is the one that follows position `first + i`."""

    first: int
    targets: tuple[int, ...]


@dataclass(frozen=True)
class Task:
    """What is done to one request; at most one of draw, score, read and `is_prompt`.

    Attributes:
        name: By which its numbers are asked for.
        steering: Key of what is done to the residual stream; None: nothing.
        span: First steered token index, and the index after the last (None: no end).
        salts: From which token on the request's keys and values are no other request's, and what tells them apart.
        draw: For a row that is written.
        score: For tokens that are given.
        read: First token index whose residual stream is read, and the index after the last; their mean is kept.
        is_prompt: Whether the distribution after the prompt is kept, to compare rows with.
    """

    name: str
    steering: str | None = None
    span: tuple[int, int | None] = (0, None)
    salts: tuple[tuple[int, str], ...] = ()
    draw: Draw | None = None
    score: Score | None = None
    read: tuple[int, int] | None = None
    is_prompt: bool = False


def task_of(sampling_params: Any) -> Task | None:
    """The task of a request; None where it is none of ours."""
    found: Task | None = ((sampling_params and sampling_params.extra_args) or {}).get(KEY)
    return found


@dataclass(frozen=True)
class Part:
    """Tokens of one request in a step: `rows` in the batch, the first of which has the token index `position`."""

    task: Task
    rows: range
    position: int

    def between(self, first: int, end: int | None) -> range:
        """The rows of the tokens from one index up to another."""
        start = max(first - self.position, 0)
        stop = len(self.rows) if end is None else min(end - self.position, len(self.rows))
        return self.rows[start : max(start, stop)]


def parts_of(tasks: Sequence[Task | None], *, computed: Sequence[int], scheduled: Sequence[int]) -> list[Part]:
    """Where each request's tokens lie in a step.

    Requests stand one behind the other, in the order given; `computed` counts each one's tokens of former steps,
    `scheduled` those of this step.
    """
    ends = np.cumsum(scheduled).tolist()
    return [
        Part(task, range(end - n, end), position)
        for task, position, n, end in zip(tasks, map(int, computed), map(int, scheduled), ends, strict=True)
        if task is not None
    ]
