"""The figures, one module each; all take the summary and draw every rate with its interval."""
