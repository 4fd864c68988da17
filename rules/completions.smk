# What the worker runs, one digest for both rules: clients that agree on it share one worker and one batch.
ENGINE = code_of("worker/server.py")
WORKER_MB = int(1024 * RUN.config.generation.memory_gib)


rule complete_baseline:
    """Write the unsteered completions of one split (the warm worker does the work)."""
    input:
        lengths=f"{R}/prompts/{{split}}_lengths.json",
        model=MODEL,
        parts=ancient(RUN.model_parts),
        card=RUN.model_card,
        prompts=f"{R}/prompts/{{split}}.jsonl",
    output:
        f"{R}/completions/baseline/seed_{{seed}}/{{split}}.jsonl",
    log:
        f"{R}/logs/completions/baseline/seed_{{seed}}/{{split}}.log",
    benchmark:
        f"{R}/benchmarks/completions/baseline/seed_{{seed}}/{{split}}.tsv"
    retries: 2
    conda:
        "../envs/steering.yaml"
    # A client only waits: it costs no core, and enough of them keep the worker's batch full whatever --cores is.
    threads: 0
    resources:
        clients=1,
        rows=RUN.config.generation.batch_size,
        worker_mb=WORKER_MB,
        workers=RUN.config.generation.workers or 0,
        mem_mb=lambda wildcards, attempt: RUN.shard_mb(
            in_flight=IN_FLIGHT, attempt=attempt
        ),
        runtime=lambda wildcards, attempt: RUN.shard_minutes(
            wildcards.split, attempt=attempt
        ),
    params:
        settings=RUN.write_settings(),
        numbers=RUN.number_settings(),
        limit=lambda wildcards: RUN.limit(wildcards.seed),
        engine=ENGINE,
        code=code_of("complete_baseline"),
    message:
        "completions: baseline, {wildcards.split}, seed {wildcards.seed}"
    script:
        "../workflow/scripts/complete_baseline.py"


rule complete_shard:
    """Write the completions of one condition on one split (the warm worker does the work)."""
    input:
        lengths=f"{R}/prompts/{{split}}_lengths.json",
        model=MODEL,
        parts=ancient(RUN.model_parts),
        card=RUN.model_card,
        prompts=f"{R}/prompts/{{split}}.jsonl",
        direction=f"{R}/directions/{{direction}}/layer_{{layer}}.pt",
    output:
        f"{R}/completions/{{direction}}/{{intervention}}/layer_{{layer}}/alpha_{{alpha}}/seed_{{seed}}/{{split}}.jsonl",
    log:
        f"{R}/logs/completions/{{direction}}/{{intervention}}/layer_{{layer}}/alpha_{{alpha}}/seed_{{seed}}/{{split}}.log",
    retries: 2
    conda:
        "../envs/steering.yaml"
    # A client only waits: it costs no core, and enough of them keep the worker's batch full whatever --cores is.
    threads: 0
    resources:
        clients=1,
        rows=RUN.config.generation.batch_size,
        worker_mb=WORKER_MB,
        workers=RUN.config.generation.workers or 0,
        mem_mb=lambda wildcards, attempt: RUN.shard_mb(
            in_flight=IN_FLIGHT, attempt=attempt
        ),
        runtime=lambda wildcards, attempt: RUN.shard_minutes(
            wildcards.split, attempt=attempt
        ),
    params:
        settings=lambda wildcards: RUN.write_settings(
            direction=wildcards.direction, intervention=wildcards.intervention
        ),
        numbers=RUN.number_settings(),
        limit=lambda wildcards: RUN.limit(wildcards.seed, wildcards.direction),
        engine=ENGINE,
        code=code_of("complete_shard"),
    message:
        "completions: {wildcards.direction} {wildcards.intervention} layer {wildcards.layer} "
        "alpha {wildcards.alpha}, {wildcards.split}"
    script:
        "../workflow/scripts/complete_shard.py"


rule baseline:
    """Target: the unsteered completions."""
    input:
        [path for seed in RUN.seeds for path in RUN.baseline(seed).values()],


rule completions:
    """Target: every completion of the run, those of the checks where the claims are made included."""
    input:
        rules.baseline.input,
        lambda wildcards: shards_of(all_conditions()),
