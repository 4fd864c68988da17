from snakemake.utils import min_version

min_version("9.20")


include: "rules/package.smk"


# A config that names a model stands alone; anything less is laid over config.yaml.
if "model" not in config and not AS_MODULE:

    configfile: "config.yaml"


include: "rules/module.smk"
include: "rules/common.smk"
include: "rules/model.smk"
include: "rules/prompts.smk"
include: "rules/directions.smk"
include: "rules/completions.smk"
include: "rules/analysis.smk"
include: "rules/evidence.smk"
include: "rules/report.smk"


rule all:
    input:
        rules.results.input,
        rules.figures.input,
        rules.reports.input,
        rules.record_checksums.output,
