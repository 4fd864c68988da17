"""The made-up run's tables, made once."""

import pytest


@pytest.fixture(scope="session")
def results():
    from controlled_run import controlled_results

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


@pytest.fixture
def saved_twice(tmp_path):
    """Return a function that draws a figure twice and returns the files' bytes of both times."""
    from steering_reliability.figures.style import figure_style, save_figure

    def save(draw):
        both = []
        for folder in ("first", "second"):
            with figure_style():
                files = save_figure(draw(), output_dir=tmp_path / folder, name="figure")
            both.append([path.read_bytes() for path in files])
        return both

    return save
