"""A difference of two rates with other factors held equal: a marginal logistic model, standardised to its own rows."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import linprog

from steering_reliability.statistics.intervals import Estimate

Array = npt.NDArray[np.float64]

_EVENTS_PER_COEFFICIENT: Final = 5
"""Source: Vittinghoff and McCulloch (2007), American Journal of Epidemiology 165, 710-718."""


def standardised_difference(
    rows: pd.DataFrame, *, outcome: str, exposure: str, cluster: str, adjust: Sequence[str]
) -> Estimate:
    """Return the standardised difference of two rates: exposed minus not, with the other factors as in all rows.

    The model is logistic with the exposure and the factors as main effects, fitted by generalized estimating equations
    with an exchangeable correlation within clusters (independence where that cannot be estimated); its covariance is
    the robust one, its interval is by the delta method. Read `why_not_modelled` before.

    Args:
        rows: One row per completion.
        outcome: Column of flags.
        exposure: Column of flags.
        cluster: Column that names the cluster (the prompt).
        adjust: Columns of labels.

    Returns:
        Difference in [-1, 1] with its 95% interval, scalars; NaN where the fit does not converge.

    Source: Liang and Zeger (1986), Biometrika 73, 13-22, for the model; Localio et al. (2007), Journal of Clinical
    Epidemiology 60, 874-882, for the standardised difference.
    """
    # It takes a second, which only a run with a model need spend.
    from statsmodels.genmod.cov_struct import Exchangeable, Independence  # type: ignore[import-untyped]  # noqa: PLC0415
    from statsmodels.genmod.families import Binomial  # type: ignore[import-untyped]  # noqa: PLC0415
    from statsmodels.genmod.generalized_estimating_equations import GEE  # type: ignore[import-untyped]  # noqa: PLC0415

    design = _design(rows, exposure=exposure, adjust=adjust)
    answers, clusters = rows[outcome].to_numpy(dtype=float), pd.factorize(rows[cluster])[0]
    # A correlation of 1, where the completions of each prompt agree, has no inverse; independence is consistent too.
    some_disagree = bool((rows.groupby(cluster)[outcome].nunique() > 1).any())
    fit = None
    for structure in [Exchangeable(), Independence()] if some_disagree else [Independence()]:
        fit = GEE(answers, design, groups=clusters, family=Binomial(), cov_struct=structure).fit()
        if fit.converged and (isinstance(structure, Independence) or structure.dep_params < 1):
            break
    if fit is None or not fit.converged:
        return Estimate(*(np.asarray(np.nan) for _ in range(3)))
    effects = fit.get_margeff(at="overall", method="dydx", dummy=True)
    # The constant has no effect, so the exposure is the first.
    low, high = effects.conf_int()[0]
    return Estimate(*(np.asarray(float(part)) for part in (effects.margeff[0], low, high)))


def why_not_modelled(rows: pd.DataFrame, *, outcome: str, exposure: str, adjust: Sequence[str]) -> str | None:
    """Return why `standardised_difference` cannot be trusted on these rows, or None where it can.

    Args:
        rows: One row per completion.
        outcome: Column of flags.
        exposure: Column of flags.
        adjust: Columns of labels.

    Returns:
        A reason that completes "no model, because ...".

    Source: Konis (2007), Linear programming algorithms for detecting separated data in binary logistic regression
    models, DPhil thesis, University of Oxford, for the separation.
    """
    if rows.empty or rows[exposure].nunique() < 2:
        return "only one split is there"
    design = _design(rows, exposure=exposure, adjust=adjust)
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return "the split and the other factors cannot be told apart"
    events = int(rows[outcome].sum())
    rarer = min(events, len(rows) - events)
    if rarer < _EVENTS_PER_COEFFICIENT * design.shape[1]:
        return f"{rarer} completions of the rarer kind are too few for {design.shape[1]} coefficients"
    if is_separated(design, outcome=rows[outcome].to_numpy(dtype=bool)):
        return "some factor decides the outcome alone (separation), so the estimates do not exist"
    return None


def is_separated(design: Array, *, outcome: npt.NDArray[np.bool_]) -> bool:
    """Tell whether some combination of the columns separates the outcomes, wholly or but for ties.

    Args:
        design: Columns of the model, [rows, columns].
        outcome: Flags, [rows].

    Returns:
        True where the logistic model has no finite maximum-likelihood estimate.

    Source: Konis (2007), DPhil thesis, University of Oxford, chapter 4.
    """
    signed = np.where(outcome, 1.0, -1.0)[:, None] * design
    found = linprog(-signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(len(signed)), bounds=(-1, 1), method="highs")
    return float(found.fun or 0.0) < -1e-7


def _design(rows: pd.DataFrame, *, exposure: str, adjust: Sequence[str]) -> Array:
    """Return the columns constant, exposure, and one per label but the first of each factor."""
    columns = [np.ones(len(rows)), rows[exposure].to_numpy(dtype=float)]
    for factor in adjust:
        codes, labels = pd.factorize(rows[factor], sort=True)
        columns += [(codes == code).astype(float) for code in range(1, len(labels))]
    return np.column_stack(columns)
