"""Loading a model, finding or making its folder, and noticing when its files change."""
