"""Bind checkpoint choose_claim_points to the package."""

from pathlib import Path
from tempfile import TemporaryDirectory

from steering_reliability.evidence.claim_points import claim_points
from steering_reliability.evidence.grid_tests import study_of
from steering_reliability.evidence.summary import summarise_pairs
from steering_reliability.process.job_log import logged
from steering_reliability.results.aggregate import aggregate
from steering_reliability.results.condition import aggregation_inputs
from steering_reliability.results.schema import read_results
from steering_reliability.results.tables import write_table

with logged(snakemake.log[0]), TemporaryDirectory() as folder:
    results = Path(folder) / "study.parquet"
    inputs = aggregation_inputs(snakemake.params, snakemake.input, output=snakemake.output[0])
    aggregate(**inputs, output=results, baseline_log_dir=Path(folder))
    study = study_of(read_results(results))
    points = claim_points(summarise_pairs(study.rows), tests=study.tests)
    write_table(points, Path(snakemake.output[0]))
