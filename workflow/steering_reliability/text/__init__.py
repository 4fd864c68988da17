"""Numbers and foreign text inside sentences."""
