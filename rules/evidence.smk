rule weigh_evidence:
    """Tests, wider intervals, selection, steerability, controls at equal KL: what may be claimed, and what may not."""
    input:
        results=f"{R}/results.parquet",
        summary=f"{R}/tables/summary.csv",
        sanity=f"{R}/tables/sanity_checks.csv",
        labels=[local(path) for path in filter(None, [RUN.config.metrics.labels])],
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
        code=code_of("weigh_evidence"),
    message:
        "evidence: what may be claimed"
    script:
        "../workflow/scripts/weigh_evidence.py"
