"""The figures, as PNG and SVG."""
