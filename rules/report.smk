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
    params:
        title=RUN.title,
        code=digest("analysis/examples.py", "analysis/displayed_text.py", "analysis/pareto.py"),
    resources:
        mem_mb=2000,
        runtime=10,
    conda:
        "../envs/steering.yaml"
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
        provenance=f"{R}/provenance.json",
        figures=rules.draw_figures.output,
    output:
        report(
            f"{REPORT}/index.html",
            caption="../workflow/report/index.rst",
            category="Report",
        ),
    log:
        f"{R}/logs/report/index.log",
    params:
        title=RUN.title,
        figures=f"{R}/figures",
        code=digest(*[f"analysis/{n}" for n in ("report.py", "findings.py", "examples.py", "displayed_text.py")], "analysis/templates"),
    resources:
        mem_mb=2000,
        runtime=10,
    conda:
        "../envs/steering.yaml"
    message:
        "report: {output}"
    script:
        "../workflow/scripts/write_report.py"


rule reports:
    """Target: examples.md and index.html."""
    input:
        rules.write_examples.output,
        rules.write_report.output,
