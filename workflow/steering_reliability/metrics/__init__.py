"""Metrics read from a completion's text: refusal, helpfulness and confounds. They know no model."""

from steering_reliability.metrics.confounds import Confounds, is_degenerate, is_repetitive, measure_confounds
from steering_reliability.metrics.helpfulness import HelpfulnessScore, score_helpfulness
from steering_reliability.metrics.matching import answer_of
from steering_reliability.metrics.refusal import RefusalScore, opens_with_refusal, score_refusal

__all__ = [
    "Confounds",
    "HelpfulnessScore",
    "RefusalScore",
    "answer_of",
    "is_degenerate",
    "is_repetitive",
    "measure_confounds",
    "opens_with_refusal",
    "score_helpfulness",
    "score_refusal",
]
