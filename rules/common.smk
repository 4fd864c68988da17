from functools import partial

from snakemake.io import sourcecache_entry

from steering_reliability.errors import InputError, exit_on_input_error
from steering_reliability.process import code_digest
from steering_reliability.process.termination import handle_in_thread
from steering_reliability.prompts.schema import SPLITS
from steering_reliability.run.grid import read_claim_points
from steering_reliability.run.plan import EVIDENCE, FIGURES
from steering_reliability.run.resources import gpu_resources, worker_resources
from steering_reliability.run.start import GivenConfig, start_process, start_run
from steering_reliability.scan.chosen import read_chosen
from steering_reliability.text.layer_names import NAME

start_process(is_main=workflow.is_main_process and not AS_MODULE)
imported = config if AS_MODULE else None
with exit_on_input_error():
    GIVEN = GivenConfig(workflow, of_module=imported, own_file=own_file)
    RUN = GIVEN.plan()
if GIVEN.default:

    configfile: GIVEN.default


IS_SERVED = RUN.config.generation.is_served
R, REPORT, SETTINGS = RUN.folder, RUN.report_folder, RUN.settings
PROMPTS = {split: f"{R}/prompts/{split}.jsonl" for split in SPLITS}
# Params that name conditions need the scan's choice as an input.
GRID = [RUN.chosen_file] if RUN.is_open else []
SCAN = RUN.scan_files()
CLAIM_POINTS = [RUN.claim_points_file] if RUN.follows_claims else []
# A user's own folder is used in its place on every machine; what a rule makes goes to the storage, if there is one.
BASE = RUN.base_file if RUN.makes_base else local(RUN.base_file)
is_made = RUN.makes_base or RUN.tunes_model
MODEL = dict(
    model=RUN.model_file if is_made else local(RUN.model_file),
    parts=ancient(RUN.model_parts),
    # config.json has the same bytes for other weights of one architecture; the card has the hash of every file.
    card=RUN.model_card,
)
ENVIRONMENT = "../envs/steering.yaml"
# Of the jobs that ask a worker, which runs in their environment.
SERVING = "../envs/vllm.yaml" if IS_SERVED else ENVIRONMENT
# What a rule asks of a cluster that needs no model in memory; whoever imports this workflow has profiles of their own.
LIGHT = dict(mem_mb=2000, runtime=15)
# Without a clone there are no scripts beside the package: those that Snakemake has fetched count.
code_of = partial(code_digest.code_of, script_file=None if BESIDE else own_script)
# The worker runs in a process of its own, which no script imports; clients that agree on the code's digest share one
# worker and one batch.
ENGINE = code_of("worker/vllm_server.py" if IS_SERVED else "worker/server.py")
SERVED_BY = dict(engine=ENGINE) if IS_SERVED else {}
WORKER = dict(**worker_resources(RUN), **gpu_resources(RUN))


def prompt_file(split):
    """A prompt file as an input; one whose prompts are the prepared ones is as old as they are."""
    if split in GIVEN.own_prompts:
        # One name wherever the workflow lies.
        file = sourcecache_entry(GIVEN.own_prompts[split], f"prompts/{split}.jsonl")
    else:
        file = local(RUN.prompt_file(split))
    return ancient(file) if RUN.prompts_are_current(split) else file


def reported(path, category):
    """An output with a caption in Snakemake's report."""
    caption = f"../workflow/report/{Path(path).stem}.rst"
    return report(path, caption=caption, category=category)


def no_scan():
    """Say what a run lacks that scans nothing."""
    with exit_on_input_error():
        raise InputError(
            "this run scans no layers", where="config key scan.share", fix="set it to 0.2, or layers: auto"
        )


def study():
    """The run with its layers and strengths; waits for the scan where the config leaves them to it."""
    if not RUN.is_open:
        return RUN
    return RUN.with_chosen(read_chosen(checkpoints.choose_from_scan.get().output[0]))


def all_conditions():
    """Every condition of the run; waits for the study's completions where checks run at the points of the claims."""
    if not RUN.follows_claims:
        return study().conditions
    file = checkpoints.choose_claim_points.get().output[0]
    return study().conditions_at(read_claim_points(Path(file)))


wildcard_constraints:
    split="|".join(SPLITS),
    direction=r"[a-z0-9_]+",
    intervention="[a-z_]+",
    layer=NAME,
    block=r"\d+",
    alpha=r"-?[0-9.]+(e[+-]?\d+)?",
    seed=r"\d+",


# Clients crowd one machine only; jobs that are sent to a cluster are not counted together.
resource_scopes:
    clients="local",


onstart:
    # A module's folder may lie below a prefix that is not known here.
    if not AS_MODULE:
        with exit_on_input_error():
            start_run(RUN)
    # Snakemake has set its own handler by now.
    handle_in_thread()
