from snakemake.utils import min_version

min_version("9.20")


include: "rules/package.smk"
include: "rules/common.smk"
include: "rules/model.smk"
include: "rules/prompts.smk"
include: "rules/directions.smk"
include: "rules/scan.smk"
include: "rules/completions.smk"
include: "rules/analysis.smk"
include: "rules/report.smk"


rule all:
    input:
        rules.results.input,
        rules.figures.input,
        rules.reports.input,
        rules.record_checksums.output,
