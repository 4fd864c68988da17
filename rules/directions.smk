from steering_reliability.run.resources import activations_mb

# With vLLM the worker that writes the completions reads these too: one copy of the model.
MEASURING = "read_activations" if IS_SERVED else "measure_activations"


rule measure_activations:
    """Read the residual stream of every layer at the direction's tokens, in one pass."""
    input:
        **MODEL,
        harm_train=PROMPTS["harm_train"],
        extra=lambda wildcards: RUN.activation_inputs(wildcards.direction),
    output:
        f"{R}/activations/{{direction}}.safetensors",
    log:
        f"{R}/logs/activations/{{direction}}.log",
    priority: 5
    conda:
        SERVING
    # More than there are is scaled down to all: it runs alone, since two that compute slow each other down.
    threads: 64
    resources:
        **(WORKER if IS_SERVED else gpu_resources(RUN)),
        clients=64,
        mem_mb=lambda wildcards, attempt: activations_mb(RUN, attempt=attempt),
        runtime=30,
    params:
        **SERVED_BY,
        settings=lambda wildcards: SETTINGS.activations(wildcards.direction),
        code=lambda wildcards: code_of(MEASURING, without=RUN.unused_code(wildcards.direction)),
    message:
        "directions: reading activations for {wildcards.direction}"
    script:
        f"../workflow/scripts/{MEASURING}.py"


rule build_direction:
    """Make the steering direction of one block and its statistics; needs no model."""
    input:
        activations=lambda wildcards: f"{R}/activations/{RUN.directions[wildcards.direction].activations}.safetensors",
        own=lambda wildcards: [local(path) for path in RUN.user_direction(wildcards.direction, wildcards.block)],
    output:
        vector=f"{R}/directions/{{direction}}/layer_{{block}}.pt",
        statistics=f"{R}/directions/{{direction}}/layer_{{block}}.json",
    log:
        f"{R}/logs/directions/{{direction}}/layer_{{block}}.log",
    priority: 5
    localrule: True
    conda:
        ENVIRONMENT
    params:
        method=lambda wildcards: RUN.directions[wildcards.direction].method,
        estimator=lambda wildcards: RUN.directions[wildcards.direction].estimator,
        seed=lambda wildcards: RUN.directions[wildcards.direction].seed,
        hook_point=RUN.config.direction.hook_point,
        code=code_of("build_direction"),
    message:
        "directions: {wildcards.direction}, layer {wildcards.block}"
    script:
        "../workflow/scripts/build_direction.py"


rule directions:
    """Target: every direction of the run."""
    input:
        lambda wildcards: study().direction_files(),
