"""The engine that writes completions: rows of many conditions in one batch, the same bytes in any company."""
