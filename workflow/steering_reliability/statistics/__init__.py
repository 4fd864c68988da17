"""Intervals, tests and corrections as arithmetic; no column of ours has a name here."""
