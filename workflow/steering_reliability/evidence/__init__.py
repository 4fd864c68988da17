"""The tables that claims rest on: rates, paired effects, gaps, controls, selection."""
