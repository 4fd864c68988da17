rule weigh_evidence:
    """Tests, wider intervals, selection, steerability, controls at equal KL: what may be claimed, and what may not."""
    input:
        results=f"{R}/results.parquet",
        summary=f"{R}/tables/summary.csv",
        sanity=f"{R}/tables/sanity_checks.csv",
        labels=list(filter(None, [RUN.config.metrics.labels])),
    output:
        **{
            name: report(
                f"{R}/tables/{name}.csv",
                caption=f"../workflow/report/{name}.rst",
                category="Evidence",
            )
            for name in RUN.evidence
        },
    log:
        f"{R}/logs/evidence/weigh_evidence.log",
    benchmark:
        f"{R}/benchmarks/evidence/weigh_evidence.tsv"
    conda:
        "../envs/steering.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        seed=RUN.config.generation.seed,
        code=digest(
            "../scripts/weigh_evidence.py",
            "metrics",
            "prompts/records.py",
            *[
                f"analysis/{name}.py"
                for name in (
                    "evidence",
                    "baseline_pairs",
                    "claims",
                    "cluster_bootstrap",
                    "cluster_intervals",
                    "clusters",
                    "decomposition",
                    "equal_kl",
                    "gap_tests",
                    "halves",
                    "layer_differences",
                    "marginal_model",
                    "metric_error",
                    "multiplicity",
                    "paired",
                    "pareto",
                    "pareto_frequency",
                    "prompt_sums",
                    "schema",
                    "selection",
                    "standardisation",
                    "statistics",
                    "steerability",
                    "summary",
                    "tables",
                )
            ],
        ),
    message:
        "evidence: what may be claimed"
    script:
        "../workflow/scripts/weigh_evidence.py"
