rule prepare_prompts:
    """Validate a prompt file and cap it; the source is never written to."""
    input:
        # Other white space, or another meta of a prompt that is not used, changes nothing that follows: a file is new
        # where its prompts are, by `params` and, should Snakemake's records be gone, by its time.
        lambda wildcards: (
            ancient(prompt_file(wildcards.split))
            if RUN.prompts_are_current(wildcards.split)
            else prompt_file(wildcards.split)
        ),
    output:
        f"{R}/prompts/{{split}}.jsonl",
    log:
        f"{R}/logs/prompts/{{split}}.log",
    priority: 20
    # Seconds: with an executor that sends jobs elsewhere it is done here.
    localrule: True
    conda:
        "../envs/steering.yaml"
    resources:
        mem_mb=500,
        runtime=5,
    params:
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
        **{split: f"{R}/prompts/{split}.jsonl" for split in SPLITS},
    output:
        report(
            f"{R}/tables/shift.csv",
            caption="../workflow/report/shift.rst",
            category="Prompts",
        ),
    log:
        f"{R}/logs/prompts/shift.log",
    priority: 20
    # Seconds: with an executor that sends jobs elsewhere it is done here.
    localrule: True
    conda:
        "../envs/steering.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("measure_shift"),
    message:
        "prompts: measuring the shift between the splits"
    script:
        "../workflow/scripts/measure_shift.py"


rule measure_lengths:
    """Count a split's prompts in the model's tokens: one that leaves no room for its completion ends the run here."""
    input:
        model=MODEL,
        parts=ancient(RUN.model_parts),
        card=RUN.model_card,
        prompts=f"{R}/prompts/{{split}}.jsonl",
    output:
        f"{R}/prompts/{{split}}_lengths.json",
    log:
        f"{R}/logs/prompts/{{split}}_lengths.log",
    priority: 20
    conda:
        "../envs/steering.yaml"
    resources:
        mem_mb=1500,
        runtime=10,
    # Completions wait for this, so nothing may stand here that does not change them too.
    params:
        settings=RUN.length_settings(),
        tokenizer=RUN.tokenizer,
        code=code_of("measure_lengths"),
    message:
        "prompts: counting the tokens of {wildcards.split}"
    script:
        "../workflow/scripts/measure_lengths.py"


rule prompts:
    """Target: the prompts of the run, checked."""
    input:
        expand(f"{R}/prompts/{{split}}.jsonl", split=SPLITS),
        f"{R}/tables/shift.csv",
