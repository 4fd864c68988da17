"""From scored completions to tables, figures and reports; nothing here knows a model."""
