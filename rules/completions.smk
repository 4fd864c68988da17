from steering_reliability.run.resources import shard_mb, shard_minutes

BASELINE = "completions/baseline/seed_{seed}/{split}"
STEERED = "completions/{direction}/{intervention}/layer_{layer}/alpha_{alpha}/seed_{seed}/{split}"
# What the model writes a shard with.
WRITING = dict(numbers=SETTINGS.numbers(), engine=ENGINE, code=code_of("complete_shard"))
# Shards that a machine, or a job of a cluster, has in flight share a worker and what it needs.
clients = workflow.global_resources.get("clients")
IN_FLIGHT = clients.value if clients else 1


rule complete_baseline:
    """Write the unsteered completions of one split (the warm worker does the work)."""
    input:
        **MODEL,
        lengths=rules.measure_lengths.output[0],
        prompts=rules.prepare_prompts.output[0],
    output:
        f"{R}/{BASELINE}.jsonl",
    log:
        f"{R}/logs/{BASELINE}.log",
    retries: 2
    conda:
        SERVING
    # A client only waits: it costs no core, and enough of them keep the worker's batch full whatever --cores is.
    threads: 0
    resources:
        **WORKER,
        clients=1,
        mem_mb=lambda wildcards, attempt: shard_mb(RUN, in_flight=IN_FLIGHT, attempt=attempt),
        runtime=lambda wildcards, attempt: shard_minutes(RUN, split=wildcards.split, attempt=attempt),
    params:
        **WRITING,
        settings=SETTINGS.completions(),
        limit=lambda wildcards: RUN.limit(wildcards.seed),
    message:
        "completions: baseline, {wildcards.split}, seed {wildcards.seed}"
    script:
        "../workflow/scripts/complete_shard.py"


use rule complete_baseline as complete_shard with:
    # Writes the completions of one condition on one split.
    input:
        **MODEL,
        lengths=rules.measure_lengths.output[0],
        prompts=rules.prepare_prompts.output[0],
        directions=lambda wildcards: RUN.sources(wildcards.direction, wildcards.layer),
    output:
        f"{R}/{STEERED}.jsonl",
    log:
        f"{R}/logs/{STEERED}.log",
    params:
        **WRITING,
        settings=lambda wildcards: SETTINGS.completions(wildcards.direction, intervention=wildcards.intervention),
        limit=lambda wildcards: RUN.limit(wildcards.seed, wildcards.direction),
        blocks=lambda wildcards: RUN.steered_layer(wildcards.layer).blocks,
        sources=lambda wildcards: RUN.steered_layer(wildcards.layer).sources,
    message:
        "completions: {wildcards.direction} {wildcards.intervention} layer {wildcards.layer} "
        "alpha {wildcards.alpha}, {wildcards.split}"


rule baseline:
    """Target: the unsteered completions."""
    input:
        RUN.baseline_files,


rule completions:
    """Target: every completion of the run, those of the checks where the claims are made included."""
    input:
        RUN.baseline_files,
        lambda wildcards: study().shard_files(all_conditions()),
