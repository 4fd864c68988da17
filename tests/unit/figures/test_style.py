"""Colours against what they stand on: 3 for marks and 4.5 for text (WCAG 1.4.11 and 1.4.3)."""

import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.colors import to_rgb
from steering_reliability import report
from steering_reliability.figures.heatmap import LIGHT_FROM
from steering_reliability.figures.style import SPLIT_STYLES, series_styles

CSS = (Path(report.__file__).parent / "templates/report.css").read_text(encoding="utf-8")
PAPERS = re.findall(r"--paper: (#[0-9a-f]{6})", CSS)


def luminance(colour) -> float:
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour)]
    return float(np.dot(parts, (0.2126, 0.7152, 0.0722)))


def contrast(one, other) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("n", [1, 7, 8, 12, 30])
def test_every_series_is_seen_on_a_light_and_on_a_dark_page(n, paper):
    colours = [style.colour for style in (*series_styles(n), *SPLIT_STYLES.values())]
    assert min(contrast(colour, paper) for colour in colours) >= 3


def test_figures_on_every_cell_of_a_heat_map_can_be_read():
    for share in np.linspace(0, 1, 201):
        ink = "black" if share > LIGHT_FROM else "white"
        assert contrast(colormaps["cividis"](share), ink) >= 4.5
