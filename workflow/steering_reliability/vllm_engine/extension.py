"""The extension of vLLM's worker: installs the hooks, and answers the engine's calls."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from steering_reliability.errors import InputError
from steering_reliability.vllm_engine.choosing import ChooseAndMeasure
from steering_reliability.vllm_engine.hooks import Hooks, Table
from steering_reliability.vllm_engine.layers import find_decoder_layers
from steering_reliability.vllm_engine.measured import Measured
from steering_reliability.vllm_engine.tasks import parts_of, task_of


class SteeringExtension:
    """Methods that vLLM adds to its worker class, for `collective_rpc`."""

    model_runner: Any

    def steering_start(self) -> dict[str, Any]:
        """Install the hooks; what is wrong with the model, in words, or how large it is."""
        runner = self.model_runner
        model, config = runner.get_model(), runner.vllm_config.model_config
        self._chooser = next(one for one in runner.input_batch.logitsprocs.all if isinstance(one, ChooseAndMeasure))
        try:
            layers = find_decoder_layers(model, n_layers=config.hf_text_config.num_hidden_layers)
        except InputError as error:
            return {"refused": [error.what, error.where, error.fix]}
        self._hooks = Hooks(model, layers, measured=self._chooser.measured)
        prepare = runner._prepare_inputs

        def prepare_inputs(scheduler_output: Any, num_scheduled_tokens: Any) -> Any:
            prepared = prepare(scheduler_output, num_scheduled_tokens)
            batch = runner.input_batch
            self._hooks.parts = parts_of(
                [task_of(runner.requests[name].sampling_params) for name in batch.req_ids],
                computed=batch.num_computed_tokens_cpu[: batch.num_reqs],
                scheduled=num_scheduled_tokens,
            )
            return prepared

        runner._prepare_inputs = prepare_inputs
        return {"layer": type(layers[0]).__name__, "n_layers": len(layers), "d_model": config.get_hidden_size()}

    def steering_put(self, table: Table) -> None:
        """Add steerings."""
        device = self.model_runner.device
        for name, places in table.items():
            self._hooks.table[name] = {
                place: [replace(one, unit=one.unit.to(device)) for one in doings] for place, doings in places.items()
            }

    def steering_drop(self, steerings: Sequence[str], prompts: Sequence[str]) -> None:
        """Forget steerings and prompts."""
        for name in steerings:
            del self._hooks.table[name]
        for name in prompts:
            del self._chooser.prompts[name]

    def steering_take(self, names: Sequence[str]) -> dict[str, Measured]:
        """Hand over what was measured of tasks."""
        taken = {name: self._chooser.measured.pop(name) for name in names if name in self._chooser.measured}
        for found in taken.values():
            found.stream = None if found.stream is None else found.stream.cpu()
        return taken

    def steering_touched(self) -> int:
        """How many places of the stream were written since the last call."""
        touched = len(self._hooks.touched)
        self._hooks.touched.clear()
        return touched
