"""Metrics read from a completion's text: refusal, helpfulness and confounds. They know no model."""
