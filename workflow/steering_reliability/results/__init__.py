"""results.parquet: completions gathered, scored and written, one row each."""
