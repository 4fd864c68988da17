"""Data sets whose truth is known, and the coverage, error rates and power of the intervals and tests on them."""
