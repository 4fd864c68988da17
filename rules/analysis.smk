# What scoring depends on beside the shards; the same for the study alone and for all of it.
AGGREGATION = dict(
    baseline={seed: RUN.baseline(seed) for seed in RUN.seeds},
    alpha_unit=RUN.alpha_unit,
    max_new_tokens=RUN.config.generation.max_new_tokens,
    built_from=RUN.built_from(),
    cluster_field=RUN.config.data.cluster_field,
    scorer=RUN.config.metrics.scorer,
)


checkpoint choose_claim_points:
    """Choose where the claims are made, from the study's own completions: controls and checks run there."""
    input:
        rules.baseline.input,
        shards_of(RUN.conditions),
        **{split: f"{R}/prompts/{split}.jsonl" for split in SPLITS},
        statistics=[row["statistics"] for row in RUN.conditions_table(RUN.conditions)],
        scorer=[local(path) for path in RUN.config.metrics.scorer_files],
    output:
        RUN.claim_points_file,
    log:
        f"{R}/logs/analysis/choose_claim_points.log",
    conda:
        "../envs/steering.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        **AGGREGATION,
        # As the rule names it; without a shared disk it lies elsewhere, and the paths below with it.
        place=lambda wildcards: RUN.claim_points_file,
        conditions=in_order(RUN.conditions),
        code=code_of("choose_claim_points"),
    message:
        "results: choosing the points of the claims"
    script:
        "../workflow/scripts/choose_claim_points.py"


rule aggregate:
    """Score every completion and gather them in one table."""
    input:
        rules.baseline.input,
        lambda wildcards: shards_of(all_conditions()),
        **{split: f"{R}/prompts/{split}.jsonl" for split in SPLITS},
        statistics=lambda wildcards: [
            row["statistics"] for row in RUN.conditions_table(all_conditions())
        ],
        scorer=[local(path) for path in RUN.config.metrics.scorer_files],
    output:
        results=f"{R}/results.parquet",
        log=[f"{R}/runs/baseline_{split}.jsonl" for split in SPLITS],
    log:
        f"{R}/logs/analysis/aggregate.log",
    benchmark:
        f"{R}/benchmarks/analysis/aggregate.tsv"
    conda:
        "../envs/steering.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        **AGGREGATION,
        place=lambda wildcards: f"{R}/results.parquet",
        conditions=lambda wildcards: in_order(all_conditions()),
        code=code_of("aggregate"),
    message:
        "results: scoring and gathering the completions"
    script:
        "../workflow/scripts/aggregate.py"


rule summarise:
    """Rates with intervals for every condition, and the Pareto frontier."""
    input:
        f"{R}/results.parquet",
    output:
        summary=report(
            f"{R}/tables/summary.csv",
            caption="../workflow/report/summary.rst",
            category="Tables",
        ),
        pareto=report(
            f"{R}/tables/pareto.csv",
            caption="../workflow/report/pareto.rst",
            category="Tables",
        ),
    log:
        f"{R}/logs/analysis/summarise.log",
    conda:
        "../envs/steering.yaml"
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        seed=RUN.config.generation.seed,
        code=code_of("summarise"),
    message:
        "results: summary and Pareto frontier"
    script:
        "../workflow/scripts/summarise.py"


rule check_sanity:
    """Other prefixes, matched length and entropy, another seed, random directions: is the effect what it seems?"""
    input:
        results=f"{R}/results.parquet",
        summary=f"{R}/tables/summary.csv",
        directions=lambda wildcards: RUN.direction_files(all_conditions()),
    output:
        report(
            f"{R}/tables/sanity_checks.csv",
            caption="../workflow/report/sanity_checks.rst",
            category="Tables",
        ),
    log:
        f"{R}/logs/analysis/check_sanity.log",
    conda:
        "../envs/steering.yaml"
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        compared=lambda wildcards: RUN.compared_directions(all_conditions()),
        code=code_of("check_sanity"),
    message:
        "results: sanity checks"
    script:
        "../workflow/scripts/check_sanity.py"


rule draw_figures:
    """The figures, as PNG and SVG."""
    input:
        summary=f"{R}/tables/summary.csv",
        gap_tests=f"{R}/tables/gap_tests.csv",
        prompt_steerability=f"{R}/tables/prompt_steerability.csv",
        steerability=f"{R}/tables/steerability.csv",
    output:
        *[
            report(
                f"{R}/figures/{name}.png",
                caption=f"../workflow/report/{name}.rst",
                category="Figures",
            )
            for name in RUN.figures
        ],
        *[f"{R}/figures/{name}.svg" for name in RUN.figures],
    log:
        f"{R}/logs/analysis/draw_figures.log",
    benchmark:
        f"{R}/benchmarks/analysis/draw_figures.tsv"
    conda:
        "../envs/steering.yaml"
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        title=RUN.title,
        code=code_of("draw_figures"),
    message:
        "figures: drawing"
    script:
        "../workflow/scripts/draw_figures.py"


rule record_provenance:
    """Versions, model, config, seeds and machine of the run; written anew whenever anything of it is."""
    input:
        f"{R}/results.parquet",
        expand(
            f"{R}/tables/{{table}}.csv",
            table=["summary", "pareto", "sanity_checks", "shift", *RUN.evidence],
        ),
        CLAIM_POINTS,
        model=MODEL,
        parts=ancient(RUN.model_parts),
        card=RUN.model_card,
    output:
        f"{R}/provenance.json",
    log:
        f"{R}/logs/analysis/record_provenance.log",
    conda:
        "../envs/steering.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        config=RUN.config.model_dump(mode="json"),
        logs=lambda wildcards: RUN.computing_logs(all_conditions()),
        code=code_of("record_provenance", "process/ledger.py", "process/machine.py"),
        # Made beside or after this file; the digest of all code stands in it.
        drawing=code_of(
            "draw_figures",
            "write_examples",
            "write_report",
            assets=("report/templates",),
        ),
    message:
        "results: recording where they come from"
    script:
        "../workflow/scripts/record_provenance.py"


rule results:
    """Target: results.parquet and the tables."""
    input:
        f"{R}/results.parquet",
        f"{R}/provenance.json",
        expand(
            f"{R}/tables/{{table}}.csv",
            table=["summary", "pareto", "sanity_checks", "shift", *RUN.evidence],
        ),
        CLAIM_POINTS,


rule figures:
    """Target: the figures."""
    input:
        rules.draw_figures.output,
