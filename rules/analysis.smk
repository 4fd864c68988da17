rule aggregate:
    """Score every completion and gather them in one table."""
    input:
        rules.completions.input,
        **{split: f"{R}/prompts/{split}.jsonl" for split in SPLITS},
        statistics=[row["statistics"] for row in RUN.conditions_table()],
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
        # As the rule names it; without a shared disk it lies elsewhere, and the paths below with it.
        results=lambda wildcards: f"{R}/results.parquet",
        # Sorted, so that the order of layers and alphas in the config does not matter.
        conditions=sorted(
            RUN.conditions_table(), key=lambda row: list(row["shards"].values())
        ),
        baseline={seed: RUN.baseline(seed) for seed in RUN.seeds},
        alpha_unit=RUN.config.experiment.alpha_unit,
        max_new_tokens=RUN.config.generation.max_new_tokens,
        built_from=RUN.built_from(),
        scorer=RUN.config.metrics.scorer,
        code=digest(
            "../scripts/aggregate.py",
            "metrics",
            "prompts/builders.py",
            *[
                f"analysis/{name}.py"
                for name in (
                    "aggregate",
                    "condition",
                    "results_writer",
                    "schema",
                    "scoring",
                    "shards",
                )
            ],
        ),
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
        code=digest(
            "../scripts/summarise.py",
            *[
                f"analysis/{name}.py"
                for name in (
                    "summary",
                    "baseline_pairs",
                    "pareto",
                    "paired",
                    "statistics",
                    "schema",
                    "tables",
                )
            ],
        ),
    message:
        "results: summary and Pareto frontier"
    script:
        "../workflow/scripts/summarise.py"


rule check_sanity:
    """Other prefixes, matched length and entropy, another seed, random directions: is the effect what it seems?"""
    input:
        results=f"{R}/results.parquet",
        summary=f"{R}/tables/summary.csv",
        directions=RUN.direction_files(),
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
        compared=RUN.compared_directions(),
        code=digest(
            "../scripts/check_sanity.py",
            "directions/compare.py",
            *[
                f"analysis/{name}.py"
                for name in (
                    "sanity_checks",
                    "confounding",
                    "paired",
                    "statistics",
                    "tables",
                )
            ],
        ),
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
        code=digest(
            "../scripts/draw_figures.py", "analysis/plots.py", "analysis/figures"
        ),
    message:
        "figures: drawing"
    script:
        "../workflow/scripts/draw_figures.py"


rule record_provenance:
    """Versions, model, config, seeds and machine of the run."""
    input:
        f"{R}/results.parquet",
        model=MODEL,
        parts=ancient(RUN.model_parts),
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
        code=digest(
            "../scripts/record_provenance.py",
            "provenance.py",
            *[
                f"{name}.py"
                for name in (
                    "model_source",
                    "model_seal",
                    "model_hub",
                    "model_hub_errors",
                )
            ],
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


rule figures:
    """Target: the figures."""
    input:
        rules.draw_figures.output,
