"""The figures, as PNG, SVG and PDF."""
