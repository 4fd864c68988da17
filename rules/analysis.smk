# What scoring reads beside the shards; the same for the study alone and for all of it.
scorer_files = [local(path) for path in RUN.config.metrics.scorer_files]
SCORED = dict(**PROMPTS, baseline=RUN.baseline_files, scorer=scorer_files)
SCORING = dict(**SETTINGS.scoring(), baseline={seed: RUN.baseline(seed) for seed in RUN.seeds})
# The tables, whose content is known before figures and pages are drawn.
TABLES = [f"{R}/results.parquet", *CLAIM_POINTS]
TABLES += [f"{R}/tables/{name}.csv" for name in ("summary", "pareto", "sanity_checks", "shift", *EVIDENCE)]


checkpoint choose_claim_points:
    """Choose where the claims are made, from the study's own completions: controls and checks run there."""
    input:
        **SCORED,
        grid=GRID,
        shards=lambda wildcards: study().shard_files(study().conditions),
        statistics=lambda wildcards: study().statistics_files(study().conditions),
    output:
        RUN.claim_points_file,
    log:
        f"{R}/logs/analysis/choose_claim_points.log",
    conda:
        ENVIRONMENT
    resources:
        **LIGHT,
    params:
        **SCORING,
        # As the rule names it; without a shared disk it lies elsewhere, and the paths below with it.
        place=lambda wildcards: RUN.claim_points_file,
        conditions=lambda wildcards: study().conditions_table(study().conditions),
        code=code_of("choose_claim_points"),
    script:
        "../workflow/scripts/choose_claim_points.py"


rule aggregate:
    """Score every completion and gather them in one table."""
    input:
        **SCORED,
        grid=GRID,
        shards=lambda wildcards: study().shard_files(all_conditions()),
        statistics=lambda wildcards: study().statistics_files(all_conditions()),
    output:
        results=f"{R}/results.parquet",
        log=[f"{R}/runs/baseline_{split}.jsonl" for split in SPLITS],
    log:
        f"{R}/logs/analysis/aggregate.log",
    conda:
        ENVIRONMENT
    resources:
        **LIGHT,
    params:
        **SCORING,
        place=lambda wildcards: f"{R}/results.parquet",
        conditions=lambda wildcards: study().conditions_table(all_conditions()),
        code=code_of("aggregate"),
    script:
        "../workflow/scripts/aggregate.py"


rule summarise:
    """Rates with intervals for every condition, and the Pareto frontier."""
    input:
        rules.aggregate.output.results,
    output:
        summary=reported(f"{R}/tables/summary.csv", "Tables"),
        pareto=reported(f"{R}/tables/pareto.csv", "Tables"),
    log:
        f"{R}/logs/analysis/summarise.log",
    conda:
        ENVIRONMENT
    resources:
        **LIGHT,
    params:
        seed=RUN.config.generation.seed,
        code=code_of("summarise"),
    script:
        "../workflow/scripts/summarise.py"


rule check_sanity:
    """Other prefixes, matched length and entropy, another seed, random directions: is the effect what it seems?"""
    input:
        results=rules.aggregate.output.results,
        summary=rules.summarise.output.summary,
        grid=GRID,
        directions=lambda wildcards: study().direction_files(all_conditions()),
    output:
        reported(f"{R}/tables/sanity_checks.csv", "Tables"),
    log:
        f"{R}/logs/analysis/check_sanity.log",
    conda:
        ENVIRONMENT
    resources:
        **LIGHT,
    params:
        compared=lambda wildcards: study().compared_directions(all_conditions()),
        code=code_of("check_sanity"),
    script:
        "../workflow/scripts/check_sanity.py"


rule make_evidence_tables:
    """Tests, wider intervals, selection, steerability, controls at equal KL: what may be claimed, and what may not."""
    input:
        results=rules.aggregate.output.results,
        summary=rules.summarise.output.summary,
        sanity=rules.check_sanity.output[0],
        labels=[local(path) for path in filter(None, [RUN.config.metrics.labels])],
    output:
        **{name: reported(f"{R}/tables/{name}.csv", "Evidence") for name in EVIDENCE},
    log:
        f"{R}/logs/evidence/make_evidence_tables.log",
    conda:
        ENVIRONMENT
    resources:
        **LIGHT,
    params:
        seed=RUN.config.generation.seed,
        code=code_of("make_evidence_tables"),
    script:
        "../workflow/scripts/make_evidence_tables.py"


rule draw_figures:
    """The figures, as PNG, SVG and PDF."""
    input:
        summary=rules.summarise.output.summary,
        gap_tests=rules.make_evidence_tables.output.gap_tests,
        prompt_steerability=rules.make_evidence_tables.output.prompt_steerability,
        steerability=rules.make_evidence_tables.output.steerability,
        methods=rules.make_evidence_tables.output.methods,
    output:
        [reported(f"{R}/figures/{name}.png", "Figures") for name in FIGURES],
        [f"{R}/figures/{name}.{suffix}" for name in FIGURES for suffix in ("svg", "pdf")],
    log:
        f"{R}/logs/analysis/draw_figures.log",
    conda:
        ENVIRONMENT
    resources:
        **LIGHT,
    params:
        title=RUN.title,
        widths=RUN.config.report.figure_width,
        code=code_of("draw_figures"),
    script:
        "../workflow/scripts/draw_figures.py"


rule record_provenance:
    """Versions, model, config, seeds and machine of the run; written anew whenever anything of it is."""
    input:
        TABLES,
        **MODEL,
        grid=GRID,
    output:
        f"{R}/provenance.json",
    log:
        f"{R}/logs/analysis/record_provenance.log",
    conda:
        ENVIRONMENT
    resources:
        **LIGHT,
    params:
        config=RUN.config.model_dump(mode="json"),
        logs=lambda wildcards: study().computing_logs(all_conditions()),
        code=code_of("record_provenance", "process/ledger.py", "process/machine.py", "process/system.py"),
        # Made beside or after this file; the digest of all code stands in it.
        drawing=code_of("draw_figures", "write_examples", "write_report", assets=("report/templates",)),
    script:
        "../workflow/scripts/record_provenance.py"


rule results:
    """Target: results.parquet and the tables."""
    input:
        TABLES,
        rules.record_provenance.output,


rule figures:
    """Target: the figures."""
    input:
        rules.draw_figures.output,
        SCAN,
