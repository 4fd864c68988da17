"""Steering interventions on the residual stream."""
