rule make_evidence_tables:
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
        f"{R}/logs/evidence/make_evidence_tables.log",
    benchmark:
        f"{R}/benchmarks/evidence/make_evidence_tables.tsv"
    conda:
        "../envs/steering.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        seed=RUN.config.generation.seed,
        code=code_of("make_evidence_tables"),
    message:
        "evidence: what may be claimed"
    script:
        "../workflow/scripts/make_evidence_tables.py"
