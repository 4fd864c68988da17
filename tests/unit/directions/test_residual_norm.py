"""Outlier dimensions, and the norm without them."""

import math

import numpy as np
import pytest
from steering_reliability.directions.residual_norm import OUTLIER, residual_norm


def test_three_massive_dimensions_like_those_of_gemma_are_found_and_left_out():
    """Gemma 3 270M at layer 9: of 640 dimensions three make a norm of 560 one of 5,957."""
    generator = np.random.default_rng(0)
    rows = generator.standard_normal((80, 640)) * 560 / math.sqrt(637)
    massive = math.sqrt((5957**2 - 560**2) / 3)
    rows[:, [7, 300, 611]] = massive * (1 + 0.02 * generator.standard_normal((80, 3)))
    found = residual_norm(rows)
    assert found.outlier_dimensions == [7, 300, 611]
    assert found.robust == pytest.approx(560, rel=0.01)
    assert found.full == pytest.approx(5957, rel=0.01)


def test_without_outliers_both_norms_are_the_mean_length():
    found = residual_norm(np.array([[3.0, 4.0], [0.0, 5.0], [6.0, 8.0]]))
    assert found.full == found.robust == pytest.approx(20 / 3)
    assert found.outlier_dimensions == []


@pytest.mark.parametrize(("times", "outliers"), [(OUTLIER * 0.99, []), (OUTLIER * 1.01, [2])])
def test_an_outlier_is_that_many_times_the_median_dimension(times, outliers):
    # RMS 1, 2, times 2, 2 and 3: the median of the five is 2.
    row = np.array([[1.0, 2.0, 2 * times, 2.0, 3.0], [-1.0, -2.0, -2 * times, -2.0, -3.0]])
    found = residual_norm(row)
    assert found.outlier_dimensions == outliers
    kept = [1, 2, 2, 3] + ([] if outliers else [2 * times])
    assert found.robust == pytest.approx(math.sqrt(sum(value**2 for value in kept)))


def test_where_most_dimensions_are_zero_none_is_an_outlier():
    rows = np.zeros((4, 9))
    rows[:, 3] = 5
    found = residual_norm(rows)
    assert (found.full, found.robust, found.outlier_dimensions) == (5, 5, [])
