"""A study's config: its keys, how YAML files are read and merged, and what is wrong with them in words."""
