"""Simulated data whose truth is known, and how often the intervals and tests are right about it."""
