"""The tests that the headline claims rest on, corrected together, under either rule of refusal."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import pandas as pd

from steering_reliability.evidence.cluster_counts import OUTCOMES
from steering_reliability.evidence.grid_tests import layer_differences
from steering_reliability.results.schema import POINT_KEYS, TableRow, at_point
from steering_reliability.statistics.multiplicity import correct_together

Rule = Literal["phrases", "openings"]

_REFUSAL: Final = {"phrases": "clean_refusal", "openings": "opening_refusal"}
_ANY_TEXT: Final = {"phrases": "refusal", "openings": "opening_refusal"}
_HELPFUL: Final = {"phrases": "helpful", "openings": "helpful_by_opening"}


@dataclass(frozen=True)
class Headline:
    """The tests behind the headline claims; each table has p_corrected.

    Attributes:
        effects: Change of clean refusal on harm_test, a row per steered point.
        gaps: Gap of effects, a row per steered point; on held-out harm_train prompts where there are any.
        costs: Change of helpful answers to benign prompts, a row per steered point.
        layers: Differences of layers, a row per pair and strength.
        recommended: The rows of effects, gaps and costs at the recommended point, with their own correction; each a
            table of one row, or of none.
    """

    effects: pd.DataFrame
    gaps: pd.DataFrame
    costs: pd.DataFrame
    layers: pd.DataFrame
    recommended: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]

    @property
    def n_tests(self) -> int:
        """How many tests of the grid are corrected together."""
        return int(sum(table["p"].notna().sum() for table in (self.effects, self.gaps, self.costs, self.layers)))


def headline_tests(
    rows: pd.DataFrame, *, tests: pd.DataFrame, gaps: pd.DataFrame, point: TableRow | None, rule: Rule = "phrases"
) -> Headline:
    """Gather the headline tests and correct them.

    At most 5% of reports claim anything where nothing is there: half of that goes to the three claims at the
    recommended point (Holm over the three), half to every test of the grid and every pair of layers (Holm over all).

    `rule` is what counts as a refusal: the metric's phrases, or the opening alone. `point` is the recommended one.
    """
    effects = _with_any_text(tests[tests["split"] == "harm_test"], outcome=_REFUSAL[rule], of_any_text=_ANY_TEXT[rule])
    costs = tests[(tests["split"] == "benign") & (tests["outcome"] == _HELPFUL[rule])]
    headline_gaps = _held_out(gaps[gaps["outcome"] == _REFUSAL[rule]])
    layers = layer_differences(rows, flag=OUTCOMES[_REFUSAL[rule]])
    tables = (effects, headline_gaps, costs)
    chosen = correct_together(*(at_point(table, point) if point else table.head(0) for table in tables))
    effects, headline_gaps, costs, layers = correct_together(effects, headline_gaps, costs, layers)
    return Headline(effects, headline_gaps, costs, layers, (chosen[0], chosen[1], chosen[2]))


def with_correction(table: pd.DataFrame, corrected: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Add p_corrected to the rows that are headline tests; it is NaN for the others, of which no claim is made.

    The tables in `corrected` hold some rows of `table`, by its index; where a row stands in several the last counts.
    """
    known = pd.concat([part["p_corrected"] for part in corrected])
    return table.assign(p_corrected=known[~known.index.duplicated(keep="last")].reindex(table.index))


def _with_any_text(tests: pd.DataFrame, *, outcome: str, of_any_text: str) -> pd.DataFrame:
    """Put the counts of refusals in any text beside those in text that is not degenerate."""
    chosen = tests[tests["outcome"] == outcome]
    other = tests[tests["outcome"] == of_any_text].set_index(POINT_KEYS)
    there = pd.MultiIndex.from_frame(chosen[POINT_KEYS])
    counts = other[["before", "after"]].reindex(there)
    return chosen.assign(before_any=counts["before"].to_numpy(), after_any=counts["after"].to_numpy())


def _held_out(gaps: pd.DataFrame) -> pd.DataFrame:
    """The gap on held-out prompts at every point; on all of harm_train where none, or all, built the direction."""
    held_out, everyone = (gaps[gaps["prompts"] == prompts] for prompts in ("unseen", "all"))
    some = (held_out["n_train"] > 0).any() and held_out["n_train"].sum() < everyone["n_train"].sum()
    return held_out if some else everyone
