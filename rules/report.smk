from steering_reliability.run.workload import stage_files


rule write_examples:
    """Completions side by side, baseline and steered, chosen without looking at them."""
    input:
        results=rules.aggregate.output.results,
        summary=rules.summarise.output.summary,
    output:
        reported(f"{REPORT}/examples.md", "Completions"),
    log:
        f"{R}/logs/report/examples.log",
    conda:
        ENVIRONMENT
    resources:
        **LIGHT,
    params:
        title=RUN.title,
        code=code_of("write_examples"),
    script:
        "../workflow/scripts/write_examples.py"


rule write_report:
    """One page that tells what the run found, how sure it is, and what to distrust."""
    input:
        results=rules.aggregate.output.results,
        summary=rules.summarise.output.summary,
        sanity=rules.check_sanity.output[0],
        claims=rules.make_evidence_tables.output.claims,
        prompt_steerability=rules.make_evidence_tables.output.prompt_steerability,
        by_group=rules.make_evidence_tables.output.by_group,
        methods=rules.make_evidence_tables.output.methods,
        shift=rules.measure_shift.output[0],
        statistics=lambda wildcards: study().statistics_files([]),
        provenance=rules.record_provenance.output[0],
        # The page says how many files each stage made, which is known once these points are.
        points=CLAIM_POINTS,
        grid=GRID,
        figures=rules.draw_figures.output,
        scan=SCAN,
    output:
        reported(f"{REPORT}/index.html", "Report"),
    log:
        f"{R}/logs/report/index.log",
    conda:
        ENVIRONMENT
    resources:
        **LIGHT,
    params:
        title=RUN.title,
        alpha_unit=SETTINGS.alpha_unit,
        figures=lambda wildcards, input: str(Path(input.figures[0]).parent),
        stages=lambda wildcards: {name: len(files) for name, files in stage_files(study(), all_conditions()).items()},
        timed=lambda wildcards: (stage_files(study(), all_conditions()) if RUN.config.report.run_times else {}),
        code=code_of("write_report", "process/ledger.py", assets=("report/templates",)),
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
        # Not the rules' outputs, since expand() takes no file of a storage.
        expand(f"{R}/prompts/{{split}}_lengths.json", split=SPLITS),
        expand(f"{R}/activations/{{direction}}.safetensors", direction=RUN.measured),
        rules.results.input,
        rules.aggregate.output,
        lambda wildcards: study().direction_files(all_conditions()),
        lambda wildcards: study().statistics_files(all_conditions()),
        rules.completions.input,
        rules.figures.input,
        rules.reports.input,
    output:
        f"{R}/SHA256SUMS",
    log:
        f"{R}/logs/report/record_checksums.log",
    conda:
        ENVIRONMENT
    resources:
        **LIGHT,
    params:
        # As the rule names it; without a shared disk it lies elsewhere.
        name=lambda wildcards: f"{R}/SHA256SUMS",
        code=code_of("record_checksums"),
    script:
        "../workflow/scripts/record_checksums.py"
