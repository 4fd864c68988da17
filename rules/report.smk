rule write_examples:
    """Completions side by side, baseline and steered, chosen without looking at them."""
    input:
        results=f"{R}/results.parquet",
        summary=f"{R}/tables/summary.csv",
    output:
        report(
            f"{REPORT}/examples.md",
            caption="../workflow/report/examples.rst",
            category="Completions",
        ),
    log:
        f"{R}/logs/report/examples.log",
    conda:
        "../envs/steering.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        title=RUN.title,
        code=code_of("write_examples"),
    message:
        "report: examples"
    script:
        "../workflow/scripts/write_examples.py"


rule write_report:
    """One page that tells what the run found, how sure it is, and what to distrust."""
    input:
        results=f"{R}/results.parquet",
        summary=f"{R}/tables/summary.csv",
        sanity=f"{R}/tables/sanity_checks.csv",
        claims=f"{R}/tables/claims.csv",
        prompt_steerability=f"{R}/tables/prompt_steerability.csv",
        by_group=f"{R}/tables/by_group.csv",
        shift=f"{R}/tables/shift.csv",
        provenance=f"{R}/provenance.json",
        # The page says how many files each stage made; that is known once these points are.
        points=CLAIM_POINTS,
        figures=rules.draw_figures.output,
    output:
        report(
            f"{REPORT}/index.html",
            caption="../workflow/report/index.rst",
            category="Report",
        ),
    log:
        f"{R}/logs/report/index.log",
    conda:
        "../envs/steering.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        title=RUN.title,
        figures=lambda wildcards, input: str(Path(input.figures[0]).parent),
        stages=lambda wildcards: stage_sizes(RUN, all_conditions()),
        timed=lambda wildcards: (
            stage_files(RUN, all_conditions()) if RUN.config.report.run_times else {}
        ),
        code=code_of("write_report", "process/ledger.py", assets=("report/templates",)),
    message:
        "report: {output}"
    script:
        "../workflow/scripts/write_report.py"


rule reports:
    """Target: examples.md and index.html."""
    input:
        rules.write_examples.output,
        rules.write_report.output,


rule record_checksums:
    """SHA-256 of every file of the run, so that `make verify` can tell what is no longer as it was."""
    input:
        RUN.made_model_files,
        rules.prompts.input,
        expand(f"{R}/prompts/{{split}}_lengths.json", split=SPLITS),
        expand(f"{R}/activations/{{direction}}.safetensors", direction=RUN.measured),
        rules.results.input,
        rules.aggregate.output,
        lambda wildcards: RUN.direction_files(all_conditions()),
        lambda wildcards: [
            path.removesuffix(".pt") + ".json"
            for path in RUN.direction_files(all_conditions())
        ],
        rules.completions.input,
        rules.figures.input,
        rules.reports.input,
    output:
        f"{R}/SHA256SUMS",
    log:
        f"{R}/logs/report/record_checksums.log",
    conda:
        "../envs/steering.yaml"
    resources:
        mem_mb=500,
        runtime=15,
    params:
        # As the rule names it; without a shared disk it lies elsewhere.
        name=lambda wildcards: f"{R}/SHA256SUMS",
        code=code_of("record_checksums"),
    message:
        "report: recording checksums"
    script:
        "../workflow/scripts/record_checksums.py"
