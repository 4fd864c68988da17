"""Bind rule build_direction to the package."""

from steering_reliability.binding import logged
from steering_reliability.directions.build_direction import build_direction
from steering_reliability.directions.files import read_activations, write_direction

with logged(snakemake.log[0]):
    layer = int(snakemake.wildcards.layer)
    direction = build_direction(
        read_activations(snakemake.input[0], layer=layer),
        layer=layer,
        method=snakemake.params.method,
        normalize=snakemake.params.normalize,
        seed=snakemake.params.seed,
        where=snakemake.input[0],
    )
    write_direction(snakemake.output.vector, direction)
