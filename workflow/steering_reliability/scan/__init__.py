"""The scan: what steering does to the first tokens at every layer, before anything is generated, and the choice."""
