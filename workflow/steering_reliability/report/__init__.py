"""What people read: the HTML page, the findings, examples.md, the comparison of runs."""
