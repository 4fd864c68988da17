"""The sentence of the page on what the design of its run can show."""

import pandas as pd

from steering_reliability.evidence.design_power import (
    design_of_results,
    design_power,
    error_points,
    measured_rates,
    rates_words,
    shown_words,
)
from steering_reliability.statistics.power import ENOUGH, MOVED
from steering_reliability.text.numbers import percent, rounded


def power_sentence(results: pd.DataFrame, *, summary: pd.DataFrame) -> str:
    """Return what the design can show at the recommended point, at the unsteered rates of the run.

    The results have at least `DESIGN_INPUTS`.
    """
    found = design_power(design_of_results(results), rates=measured_rates(summary))
    return (
        f"This design shows {shown_words(found)} with {percent(ENOUGH)} power (simulated, ±{error_points(found)}; "
        f"{rates_words(found)}; the gap where harm_test itself moves by {rounded(100 * MOVED)} points). "
        "Smaller changes may be there although no claim is made."
    )
