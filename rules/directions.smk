rule measure_activations:
    """Read the residual stream of every layer at the direction's tokens, in one pass."""
    input:
        model=MODEL,
        parts=ancient(RUN.model_parts),
        card=RUN.model_card,
        harm_train=f"{R}/prompts/harm_train.jsonl",
        extra=lambda wildcards: RUN.extra_inputs(wildcards.direction),
    output:
        f"{R}/activations/{{direction}}.safetensors",
    log:
        f"{R}/logs/activations/{{direction}}.log",
    benchmark:
        f"{R}/benchmarks/activations/{{direction}}.tsv"
    priority: 5
    conda:
        "../envs/steering.yaml"
    # More than there are is scaled down to all: it runs alone, since two that compute only get into each other's way.
    threads: 64
    resources:
        clients=64,
        mem_mb=lambda wildcards, attempt: RUN.activations_mb(attempt=attempt),
        runtime=30,
    params:
        settings=lambda wildcards: RUN.read_settings(wildcards.direction),
        code=lambda wildcards: code_of(
            "measure_activations",
            # Labels of outcomes come from the metrics, and only one method looks at outcomes.
            without=RUN.unused_code(wildcards.direction),
        ),
    message:
        "directions: reading activations for {wildcards.direction}"
    script:
        "../workflow/scripts/measure_activations.py"


rule build_direction:
    """Make the steering direction of one layer and its statistics; needs no model."""
    input:
        activations=lambda wildcards: f"{R}/activations/{RUN.reference(wildcards.direction)}.safetensors",
        own=lambda wildcards: [
            local(path)
            for path in RUN.own_direction(wildcards.direction, layer=wildcards.layer)
        ],
    output:
        vector=f"{R}/directions/{{direction}}/layer_{{layer}}.pt",
        statistics=f"{R}/directions/{{direction}}/layer_{{layer}}.json",
    log:
        f"{R}/logs/directions/{{direction}}/layer_{{layer}}.log",
    priority: 5
    # Seconds: with an executor that sends jobs elsewhere it is done here.
    localrule: True
    conda:
        "../envs/steering.yaml"
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        method=lambda wildcards: RUN.directions[wildcards.direction].method,
        seed=lambda wildcards: RUN.directions[wildcards.direction].seed,
        hook_point=RUN.config.direction.hook_point,
        code=code_of("build_direction"),
    message:
        "directions: {wildcards.direction}, layer {wildcards.layer}"
    script:
        "../workflow/scripts/build_direction.py"


rule directions:
    """Target: every direction of the run."""
    input:
        RUN.direction_files(),
