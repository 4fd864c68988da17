"""The sentence of the page on what the design of its run can show."""

import pandas as pd

from steering_reliability.evidence.design_power import (
    design_of_results,
    design_power,
    gap_words,
    measured_rates,
    power_facts,
)
from steering_reliability.text.numbers import percent


def power_sentence(results: pd.DataFrame, *, summary: pd.DataFrame) -> str:
    """Return what the design can show at the recommended point, at the unsteered rates of the run.

    The results have at least `DESIGN_INPUTS`.
    """
    facts = power_facts(design_power(design_of_results(results), rates=measured_rates(summary)))
    return (
        f"This design shows {facts['shown']} with {percent(facts['power'])} power (simulated, ±{facts['error']}; "
        f"{facts['unsteered']}; {gap_words()}). Smaller changes may be there although no claim is made."
    )
