"""The made-up run's tables, made once."""

import pytest


@pytest.fixture(scope="session")
def results():
    from synthetic_run import controlled_results

    return controlled_results()


@pytest.fixture(scope="session")
def summary(results):
    from steering_reliability.evidence.summary import summarise

    return summarise(results)


@pytest.fixture(scope="session")
def gaps_of():
    """Return a function that makes the gap tests of a run's results."""
    from steering_reliability.evidence.grid_tests import gap_tests, study_of

    def make(results):
        study = study_of(results)
        return gap_tests(study.counts, styles=study.styles).assign(p_corrected=1.0)

    return make


@pytest.fixture(scope="session")
def gaps(results, gaps_of):
    return gaps_of(results)


@pytest.fixture(scope="session")
def panel():
    """Return a function that finds the axes of a figure by their title."""
    return lambda figure, title: next(axes for axes in figure.axes if axes.get_title(loc="left") == title)


@pytest.fixture(scope="session")
def of_marker():
    """Return a function that finds the lines of some axes by their marker."""
    return lambda axes, marker: [line for line in axes.lines if line.get_marker() == marker]
