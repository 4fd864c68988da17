"""What the report page holds beside its text: interactive charts, every completion, tables and the scripts for them."""
