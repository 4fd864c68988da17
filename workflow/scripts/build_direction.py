"""Bind rule build_direction to the package."""

from steering_reliability.directions.build_direction import build_direction
from steering_reliability.directions.files import read_activations, write_direction
from steering_reliability.directions.user_direction import read_user_direction
from steering_reliability.process.job_log import logged

with logged(snakemake.log[0]):
    layer = int(snakemake.wildcards.block)
    activations = read_activations(snakemake.input.activations, layer=layer)
    width = activations.positive.shape[-1]
    vectors = [
        read_user_direction(path, layer=layer, hook_point=snakemake.params.hook_point, d_model=width)
        for path in snakemake.input.own
    ]
    direction = build_direction(
        activations,
        layer=layer,
        method=snakemake.params.method,
        estimator=snakemake.params.estimator,
        # `direction.normalize: false` counts alphas in the measured difference, whose length the statistics hold.
        normalize=True,
        seed=snakemake.params.seed,
        where=snakemake.input.activations,
        user_vector=vectors[0] if vectors else None,
    )
    write_direction(snakemake.output.vector, direction)
