"""Teach a model a refusal habit, so that ablation has something to remove."""
