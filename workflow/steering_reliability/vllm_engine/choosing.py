"""The logits processor: chooses each row's token by this package's sampling contract, and measures its distribution."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from vllm.v1.sample.logits_processor import LogitsProcessor
from vllm.v1.sample.logits_processor.builtin import process_dict_updates

from steering_reliability.generation.slot_cache import padded
from steering_reliability.generation.token_statistics import choose_and_measure
from steering_reliability.generation.transfer import to_device
from steering_reliability.vllm_engine.measured import Measured, Measurements
from steering_reliability.vllm_engine.tasks import Draw, Task, task_of


class ChooseAndMeasure(LogitsProcessor):  # type: ignore[misc]
    """Set the logit of the chosen token to infinity, so that vLLM's greedy sampler takes it.

    It also runs on unfinished pieces of a prompt, and again where a request had to be read anew: numbers are kept by
    the count of tokens written so far, and the last one counts.
    """

    def __init__(self, vllm_config: Any, device: torch.device, is_pin_memory: bool) -> None:
        self.rows: dict[int, tuple[Task, list[int]]] = {}
        self.measured = Measurements()
        self.prompts: dict[str, Float[Tensor, " vocabulary"]] = {}

    def is_argmax_invariant(self) -> bool:
        """It chooses the maximum."""
        return False

    def update_state(self, batch_update: Any) -> None:
        """Follow the requests through the batch."""
        process_dict_updates(self.rows, batch_update, _row)

    def apply(self, logits: Float[Tensor, "n vocabulary"]) -> Float[Tensor, "n vocabulary"]:
        """Choose and measure."""
        for index, (task, _) in self.rows.items():
            if task.is_prompt:
                self.prompts[task.name] = torch.log_softmax(logits[index].float(), dim=-1)
        drawn = [(index, task, task.draw, len(out)) for index, (task, out) in self.rows.items() if task.draw]
        if not drawn:
            return logits
        indices = [index for index, *_ in drawn]
        rows = logits[to_device(padded(indices), dtype=torch.long, device=logits.device)]
        chosen = choose_and_measure(
            rows,
            uniform=[_uniform(draw, step) for *_, draw, step in drawn],
            temperature=[draw.temperature for *_, draw, _ in drawn],
            top_p=[draw.top_p for *_, draw, _ in drawn],
        )
        for at, (_, task, draw, step) in enumerate(drawn):
            found = self.measured[task.name]
            found.logprobs[step], found.entropies[step] = chosen.logprobs[at], chosen.entropies[at]
            if step == 0:
                self._compare(found, draw, rows[at], chosen.tokens[at])
        places = (to_device(numbers, dtype=torch.long, device=logits.device) for numbers in (indices, chosen.tokens))
        logits[tuple(places)] = torch.inf
        return logits

    def _compare(self, found: Measured, draw: Draw, logits: Float[Tensor, " vocabulary"], token: int) -> None:
        """Measure the distribution after the prompt: beside the unsteered one, and at each opening's first token."""
        ours, theirs = torch.log_softmax(logits.float(), dim=-1), self.prompts[draw.prompt]
        terms = ours.double().softmax(dim=-1) * (ours.double() - theirs.double())
        found.first_token_kl = max(0.0, float(terms.sum()))
        found.base_first = float(theirs[token])
        found.openings = tuple(float(ours[opening]) for opening in draw.openings)


def _row(params: Any, prompt: list[int] | None, out: list[int]) -> tuple[Task, list[int]] | None:
    task = task_of(params)
    return (task, out) if task and (task.draw or task.is_prompt) else None


def _uniform(draw: Draw, step: int) -> float:
    # One step more than was asked for may be drawn, and is thrown away.
    return draw.uniforms[min(step, len(draw.uniforms) - 1)] if draw.temperature > 0 else 0.0
