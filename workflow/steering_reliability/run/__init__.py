"""One run of the workflow: what it consists of, what it needs, what it was made with."""
