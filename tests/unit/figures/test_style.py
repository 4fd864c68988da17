"""Colours against what they stand on: 3 for marks and 4.5 for text (WCAG 1.4.11 and 1.4.3), and against each other."""

import re
from itertools import combinations
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


# Machado, Oliveira and Fernandes (2009), IEEE TVCG 15, 1291-1298: severity 1.0, on linear RGB.
BLINDNESS = {
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    "none": np.eye(3),
}


def lab(rgb) -> np.ndarray:
    """CIE L*a*b* (D65) of linear RGB."""
    to_xyz = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    x, y, z = np.cbrt(np.array(to_xyz) @ rgb / (0.95047, 1.0, 1.08883))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def seen(colour, matrix) -> np.ndarray:
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour)]
    return lab(np.clip(np.array(matrix) @ linear, 0.0, 1.0))


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_splits_differ_in_colour_for_every_eye_and_in_shape(blindness):
    styles = list(SPLIT_STYLES.values())
    apart = [
        np.linalg.norm(seen(one.colour, BLINDNESS[blindness]) - seen(other.colour, BLINDNESS[blindness]))
        for one, other in combinations(styles, 2)
    ]
    # Ten is told apart at a glance; 2.3 is the least that is seen at all.
    assert min(apart) >= 10
    assert len({style.marker for style in styles}) == len({style.line for style in styles}) == 3


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_what_is_alike_to_an_eye_differs_in_shape(blindness):
    for one, other in combinations(series_styles(7), 2):
        distance = np.linalg.norm(seen(one.colour, BLINDNESS[blindness]) - seen(other.colour, BLINDNESS[blindness]))
        assert distance >= 10 or one.marker != other.marker
