import atexit
import os
import sys
from functools import partial
from pathlib import Path

from snakemake_interface_executor_plugins.settings import SharedFSUsage

from steering_reliability.process import code_digest as digest
from steering_reliability.run.claim_point_file import points_of_file
from steering_reliability.run.workload import stage_files, stage_sizes
from steering_reliability.prompts.schema import SPLITS
from steering_reliability.errors import InputError
from steering_reliability.worker.client import claim_owner, stop_workers
from steering_reliability.process.snakemake_locks import record_run, release_stale_locks
from steering_reliability.model.source import check_storage
from steering_reliability.prompts.check import check_prompts
from steering_reliability.run.recorded_config import record_config
from steering_reliability.process.run_lock import hold_run, release_run
from steering_reliability.run.plan import plan_run
from steering_reliability.process.termination import handle_in_thread

if workflow.is_main_process and not AS_MODULE:
    # After a `kill -9` a plain run goes on, with no `--unlock`. An importer's locks are its own.
    release_stale_locks(Path(".snakemake"))
try:
    RUN = plan_run(config, own_prompts=OWN_PROMPTS)
    check_storage(
        RUN.config.model,
        shares_files=SharedFSUsage.INPUT_OUTPUT
        in workflow.storage_settings.shared_fs_usage,
    )
    # Here and not in a job: a job that comes first would hide, while it is due, what else has changed behind it
    # (Snakemake looks no further than the first job that must run, and the edge to the rest would be `ancient`).
    if workflow.is_main_process:
        for note in check_prompts(
            {split: RUN.prompt_file(split) for split in SPLITS},
            limit=RUN.config.data.max_prompts_per_split,
            cluster_field=RUN.config.data.cluster_field,
        ).near_copies:
            print(f"Warning: {note}.", file=sys.stderr)
        for note in RUN.model_notes():
            print(f"Warning: {note}", file=sys.stderr)
except InputError as error:
    # Not a WorkflowError, which Snakemake prints with the line of this file around it.
    sys.exit(f"error: {PLACES.located(error)}")

R = RUN.folder
REPORT = RUN.report_folder
# A user's own folder is used where it lies, on every machine; what a rule makes goes to the storage, if there is one.
BASE = RUN.base_file if RUN.makes_base else local(RUN.base_file)
MODEL = RUN.model_file if RUN.makes_base or RUN.tunes_model else local(RUN.model_file)
# The worker lives as long as this process: the one that reads the Snakefile for the whole run, or, in a job of a cluster,
# the one that the job begins with.
OWNER = claim_owner()
if OWNER == os.getpid():
    # Not `onsuccess` and `onerror`: Snakemake calls those of the importing workflow only.
    atexit.register(stop_workers, OWNER)
# Shards that a machine, or a job of a cluster, has in flight: they share a worker and what it needs.
IN_FLIGHT = (
    workflow.global_resources["clients"].value
    if "clients" in workflow.global_resources
    else 1
)


# Beside an installed package there are no scripts: they count as Snakemake has fetched them.
code_of = partial(digest.code_of, script_file=None if BESIDE else own_script)
CLAIM_POINTS = [RUN.claim_points_file] if RUN.follows_claims else []


def shards_of(conditions):
    """Paths of the shards of some conditions."""
    return [path for condition in conditions for path in RUN.shards(condition).values()]


def all_conditions():
    """Every condition of the run; waits for the study's completions where checks run at the points of the claims."""
    if not RUN.follows_claims:
        return RUN.conditions
    file = checkpoints.choose_claim_points.get().output[0]
    return RUN.conditions_at(points_of_file(Path(file)))


def in_order(conditions):
    """Conditions for `aggregate`, sorted, so that the order of layers and alphas in the config does not matter."""
    rows = RUN.conditions_table(conditions)
    return sorted(rows, key=lambda row: list(row["shards"].values()))


wildcard_constraints:
    split="|".join(SPLITS),
    direction=r"[a-z0-9_]+",
    intervention="add|ablate",
    layer=r"\d+",
    alpha=r"-?[0-9.]+(e[+-]?\d+)?",
    seed=r"\d+",


# Clients crowd one machine only; jobs that are sent to a cluster are not counted together.
resource_scopes:
    clients="local",


onstart:
    if not AS_MODULE:
        try:
            hold_run(Path(R))
        except InputError as error:
            # Not a WorkflowError, which Snakemake prints with the line of this file around it.
            sys.exit(f"error: {error}")
        atexit.register(release_run, Path(R))
        record_run(Path(".snakemake"))
        # A module's folder may lie below a prefix that is not known here.
        record_config(RUN.config)
    # Snakemake has set its own handler by now.
    handle_in_thread()
