"""Data sets whose truth is known, and how often the intervals and tests do there what they promise."""
