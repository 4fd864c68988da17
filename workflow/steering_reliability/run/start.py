"""What a process of Snakemake does when it has read a config, and when the run begins."""

import atexit
import os
import sys
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from snakemake.common.configfile import load_configfile

from steering_reliability.config.files import default_file, is_complete, merge_configs, read_yaml
from steering_reliability.config.places import ConfigPlaces
from steering_reliability.model.source import check_storage
from steering_reliability.process.run_lock import hold_run, release_run
from steering_reliability.process.snakemake_locks import record_run, release_stale_locks
from steering_reliability.prompts.check import check_prompts
from steering_reliability.prompts.schema import SPLITS
from steering_reliability.run.plan import RunPlan, plan_run
from steering_reliability.run.record import record_config
from steering_reliability.vllm_engine.installed import need_vllm
from steering_reliability.worker.client import claim_owner, stop_workers

SNAKEMAKE_FOLDER = Path(".snakemake")


class GivenConfig:
    """The config files and values that Snakemake was called with, or the config of the workflow that imports this one.

    `of_module` is a module's config, which is left as it is; None where this is the main workflow. `own_file` finds a
    file of this workflow by its name.

    Raises:
        InputError: When config.yaml is needed and can't be read.
    """

    def __init__(self, workflow: Any, *, of_module: Mapping[str, Any] | None, own_file: Callable[[str], str]) -> None:
        self._workflow = workflow
        self._files: list[str] = []
        self._overrides: dict[str, Any] = {}
        self.own_prompts: dict[str, str] = {}
        self.default: str | None = None
        """The config.yaml that lies below the others, which Snakemake must send along where nodes share no disk."""
        if of_module is None:
            self._default = str(default_file())
            self._files = list(workflow.config_settings.configfiles)
            self._overrides = dict(workflow.config_settings.config)
            self._parts = [*map(load_configfile, self._files), self._overrides]
            if not any(map(is_complete, self._parts)):
                # Snakemake's own message names neither the line nor the fault.
                read_yaml(Path(self._default))
                self.default = self._default
                self._files.insert(0, self._default)
        else:
            self._default = own_file("config.yaml")
            self._parts = [deepcopy(dict(of_module))]
            named = of_module.get("data") or {}
            unnamed = [split for split in SPLITS if f"{split}_path" not in named]
            self.own_prompts = {split: own_file(f"prompts/{split}.jsonl") for split in unnamed}

    def plan(self) -> RunPlan:
        """Plan the run; in the main process prompts are checked and warnings go to stderr.

        They are checked here and not in a job, since Snakemake does not look for changes behind a job that must run.

        Raises:
            InputError: When the config, a prompt file or the model can't be used; names file and line of the key.
        """
        config = merge_configs(self._parts, default=lambda: load_configfile(self._default))
        usage = {one.name for one in self._workflow.storage_settings.shared_fs_usage}
        with ConfigPlaces(self._files, overrides=self._overrides).named():
            plan = plan_run(config, own_prompts=self.own_prompts)
            check_storage(plan.config.model, shares_files="INPUT_OUTPUT" in usage)
            if self._workflow.is_main_process:
                if plan.config.generation.is_served and not self._has_conda():
                    need_vllm()
                data, files = plan.config.data, {split: plan.prompt_file(split) for split in SPLITS}
                notes = check_prompts(files, limit=data.max_prompts_per_split, cluster_field=data.cluster_field)
                for note in [*(f"{note}." for note in notes.near_copies), *plan.model_notes()]:
                    print(f"Warning: {note}", file=sys.stderr)
        return plan

    def _has_conda(self) -> bool:
        """Whether jobs bring environments of their own, the one with vLLM among them."""
        return any(one.name == "CONDA" for one in self._workflow.deployment_settings.deployment_method)


def start_process(*, is_main: bool) -> None:
    """Own the workers that this process starts, and release the locks of a run that was killed.

    A worker lives as long as the process that reads the Snakefile for the whole run, or, on a cluster, for a job.

    `is_main`: this is the main process of the main workflow. An importer's locks are its own.
    """
    owner = claim_owner()
    if owner == os.getpid():
        # Not `onsuccess` and `onerror`: Snakemake calls those of the importing workflow only.
        atexit.register(stop_workers, owner)
    if is_main:
        release_stale_locks(SNAKEMAKE_FOLDER)


def start_run(plan: RunPlan) -> None:
    """Hold the run's folder until this process ends, and keep its config.

    Raises:
        InputError: When another process holds it.
    """
    hold_run(Path(plan.folder))
    atexit.register(release_run, Path(plan.folder))
    record_run(SNAKEMAKE_FOLDER)
    record_config(plan.config)
