rule prepare_prompts:
    """Validate a prompt file and cap it; the source is never written to."""
    input:
        lambda wildcards: prompt_file(wildcards.split),
    output:
        f"{R}/prompts/{{split}}.jsonl",
    log:
        f"{R}/logs/prompts/{{split}}.log",
    priority: 20
    localrule: True
    conda:
        ENVIRONMENT
    params:
        parting=lambda wildcards: RUN.parting(wildcards.split),
        limit=RUN.config.data.max_prompts_per_split,
        prompts=lambda wildcards: RUN.prompts_digest(wildcards.split),
        code=code_of("prepare_prompts"),
    message:
        "prompts: checking {wildcards.split}"
    script:
        "../workflow/scripts/prepare_prompts.py"


rule measure_shift:
    """Check that no prompt, template or style is in both train and test, and say how far apart the splits are."""
    input:
        **PROMPTS,
    output:
        reported(f"{R}/tables/shift.csv", "Prompts"),
    log:
        f"{R}/logs/prompts/shift.log",
    priority: 20
    localrule: True
    conda:
        ENVIRONMENT
    params:
        code=code_of("measure_shift"),
    script:
        "../workflow/scripts/measure_shift.py"


rule measure_lengths:
    """Count a split's prompts in the model's tokens: one that leaves no room for its completion ends the run here."""
    input:
        **MODEL,
        prompts=rules.prepare_prompts.output[0],
    output:
        f"{R}/prompts/{{split}}_lengths.json",
    log:
        f"{R}/logs/prompts/{{split}}_lengths.log",
    priority: 20
    conda:
        ENVIRONMENT
    resources:
        **LIGHT,
    # Completions wait for this, so nothing may stand here that does not change them too.
    params:
        settings=SETTINGS.lengths(),
        tokenizer=RUN.tokenizer,
        code=code_of("measure_lengths"),
    message:
        "prompts: counting the tokens of {wildcards.split}"
    script:
        "../workflow/scripts/measure_lengths.py"


rule prompts:
    """Target: the prompts of the run, checked."""
    input:
        list(PROMPTS.values()),
        rules.measure_shift.output,
