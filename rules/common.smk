import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

PACKAGE = str(Path(workflow.basedir) / "workflow")
sys.path.insert(0, PACKAGE)
# Scripts and workers find the package in the same place, installed or not.
os.environ.update(
    PYTHONPATH=os.pathsep.join([PACKAGE, *filter(None, [os.getenv("PYTHONPATH")])])
)

from steering_reliability.conditions import SPLITS
from steering_reliability.digest import digest
from steering_reliability.errors import InputError
from steering_reliability.generation.client import stop_workers
from steering_reliability.prompts.check import check_prompts
from steering_reliability.run_plan import plan_run

try:
    RUN = plan_run(config)
    # Here and not in a job: a job that comes first would hide, while it is due, what else has changed behind it
    # (Snakemake looks no further than the first job that must run, and the edge to the rest would be `ancient`).
    if workflow.is_main_process:
        check_prompts(
            {split: RUN.config.data.path(split) for split in SPLITS},
            limit=RUN.config.data.max_prompts_per_split,
        )
except InputError as error:
    raise WorkflowError(f"\n{error}")

R = RUN.folder
REPORT = RUN.report_folder
# The worker lives as long as this process, the one that reads the Snakefile for the whole run.
OWNER = int(os.environ.setdefault("STEERING_OWNER", str(os.getpid())))


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


onsuccess:
    stop_workers(OWNER)


onerror:
    stop_workers(OWNER)
