"""Metrics read from a completion's text: refusal, helpfulness and confounds. They know no model."""

from steering_reliability.metrics.confounds import Confounds, is_degenerate, is_repetitive, measure_confounds
from steering_reliability.metrics.helpfulness import HelpfulnessScore, score_helpfulness
from steering_reliability.metrics.refusal import RefusalScore, score_refusal

__all__ = [
    "Confounds",
    "HelpfulnessScore",
    "RefusalScore",
    "is_degenerate",
    "is_repetitive",
    "measure_confounds",
    "score_helpfulness",
    "score_refusal",
]
