"""Made-up rows of a scan, whose KL is `kl * alpha^2` and whose change of propensity is `slope * alpha`."""

from collections.abc import Mapping, Sequence

from steering_reliability.scan.table import ScanRow

LADDER = (0.1, 0.2, 0.4, 0.8)


def made_rows(
    slopes: Mapping[str, Sequence[float]],
    *,
    kl: float | Sequence[float] = 2.0,
    ladder: Sequence[float] = LADDER,
    intervention: str = "add",
) -> list[ScanRow]:
    """Rows of directions by name, each with a slope per layer; `kl` is one number for all layers or one for each.

    At a KL of 0.5 nats the default is at alpha 0.5, so that the change is half the slope.
    """
    found = []
    for direction, of_layers in slopes.items():
        scales = [kl] * len(of_layers) if isinstance(kl, (int, float)) else kl
        for layer, (slope, scale) in enumerate(zip(of_layers, scales, strict=True)):
            for alpha in ladder if direction == "main" else ladder[len(ladder) // 2 :]:
                for split in ("harm_train", "benign"):
                    # What does not count is told by its size: KL on harm_train, and change on benign.
                    counts = split == "benign"
                    found.append(
                        ScanRow(
                            intervention=intervention,
                            direction=direction,
                            layer=layer,
                            alpha=alpha,
                            coefficient=10 * alpha,
                            split=split,
                            n=20 if direction == "main" else 8,
                            propensity_change=1000.0 if counts else slope * alpha,
                            propensity_change_sd=0.5,
                            first_token_kl=scale * alpha**2 if counts else 1000.0,
                            first_token_kl_sd=0.1,
                        )
                    )
    return found
