"""The interval of a headline test at the level that the correction for the number of tests leaves it."""

import math
from typing import Any

from steering_reliability.evidence.cluster_counts import HELD_OUT, ClusterCounts
from steering_reliability.results.schema import POINT_KEYS, TableRow
from steering_reliability.statistics.cluster_intervals import PairedCounts, clustered_difference, clustered_effect_gap
from steering_reliability.statistics.multiplicity import LEVEL, PARTS


def with_corrected_interval(found: TableRow, *, counts: ClusterCounts, n_tests: int) -> dict[str, Any]:
    """Add `n_tests`, `corrected_low` and `corrected_high` to a row of `paired_tests`, `gap_tests` or layer differences.

    The interval is the row's own at 1 - 0.05 / (2 n_tests): all intervals of the family hold together in at least 97.5%
    of reports (Bonferroni), as the corrected p. It is NaN for a difference of layers. `counts` are the study's by
    `cluster`; an empty row stays empty.
    """
    if not found:
        return {}
    low = high = math.nan
    if "outcome" in found:
        confidence = 1 - LEVEL / (PARTS * max(n_tests, 1))
        at = counts.points.get_loc(tuple(found[key] for key in POINT_KEYS))

        def pairs(split: str) -> PairedCounts:
            return PairedCounts(*(cell[at] for cell in counts.pairs(found["outcome"], split)))

        if "effect_gap" in found:
            train = pairs(HELD_OUT if found["prompts"] == "unseen" else "harm_train")
            estimate = clustered_effect_gap(train, second=pairs("harm_test"), confidence=confidence)
        else:
            estimate = clustered_difference(pairs(found["split"]), confidence=confidence)
        low, high = float(estimate.low), float(estimate.high)
    return {**found, "n_tests": n_tests, "corrected_low": low, "corrected_high": high}
