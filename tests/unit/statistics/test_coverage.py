import numpy as np
import pytest
from simulations.cell import covers
from simulations.clustered_data import BY_PROMPT, BY_STYLE, BY_TEMPLATE, Layout, cluster_rates
from simulations.exact_coverage import newcombe_cells, paired_cells, wilson_cells
from simulations.null_reports import null_cells
from simulations.power import sign_flip_power, simulated_power
from simulations.simulated_coverage import (
    clustered_rate_cells,
    contrast_cells,
    corrected_rate_cells,
    headline_gap_cells,
)
from steering_reliability.statistics.intervals import wilson_interval


@pytest.fixture(scope="module")
def script(load_script):
    return load_script("validate_statistics")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def coverage(cells, method=None):
    """Return the mean and the lowest coverage where an interval must cover."""
    values = [cell.coverage for cell in cells if cell.must_cover and cell.method == (method or cell.method)]
    return np.mean(values), min(values)


@pytest.mark.parametrize("cells", [wilson_cells, newcombe_cells])
def test_wilson_and_newcombe_cover_as_they_say(cells):
    mean, lowest = coverage(list(cells()))
    assert 0.94 <= mean <= 0.96
    assert lowest >= 0.91


def test_newcombe_paired_covers_somewhat_more_than_it_says():
    cells = list(paired_cells(sizes=(20, 60)))
    mean, lowest = coverage(cells)
    assert 0.96 <= mean <= 0.97
    assert lowest >= 0.94


# Few templates tell their design effect badly, and one below 1 is not believed.
@pytest.mark.parametrize(("layouts", "highest"), [(BY_PROMPT, 0.96), (BY_TEMPLATE, 0.98)], ids=["prompt", "template"])
def test_a_rate_covers_at_least_as_it_says(rng, layouts, highest):
    mean, lowest = coverage(list(clustered_rate_cells(layouts=layouts, replicates=1000, rng=rng)))
    assert 0.94 <= mean <= highest
    assert lowest >= 0.91


def test_ignoring_the_clusters_would_not_cover(rng):
    layout = Layout("template", 8, 150, 0.3)
    own = cluster_rates(rng, 0.5, alike=0.3, shape=(2000, 8))
    successes = rng.binomial(layout.sizes, own).sum(-1)
    assert covers(wilson_interval(successes, 150), 0.5).mean() < 0.7


@pytest.mark.parametrize("unit", ["prompt", "template"])
def test_contrasts_of_clusters_cover_at_least_as_they_say(rng, unit):
    layouts = [one for one in [*BY_PROMPT, *BY_TEMPLATE] if one.unit == unit and one.must_cover]
    cells = list(contrast_cells(layouts=layouts[::2], replicates=600, rng=rng))
    for method in ("paired difference", "gap of rates", "gap of effects"):
        mean, lowest = coverage(cells, f"{method} by {unit}")
        assert 0.94 <= mean <= 0.99, method
        assert lowest >= 0.91, method


def test_the_headline_gap_covers_over_the_whole_range_of_rates(rng):
    """Rates of .02 to .95, 20 prompts against 40 up to 75 against 150; 600 data sets a cell."""
    cells = list(headline_gap_cells(replicates=600, rng=rng))
    mean, lowest = coverage(cells)
    assert 0.94 <= mean <= 0.98
    assert lowest >= 0.92 - 3 * np.sqrt(0.92 * 0.08 / 600)
    assert np.quantile([cell.coverage for cell in cells], 0.05) >= 0.94


def test_intervals_for_other_styles_cover_on_average(rng):
    cells = [cell for cell in contrast_cells(layouts=BY_STYLE, replicates=400, rng=rng)]
    for method in ("change over styles", "gap over styles"):
        found = [cell.coverage for cell in cells if cell.method == method]
        assert 0.95 <= np.mean(found) <= 0.99
        assert min(found) >= 0.8


def test_whole_reports_claim_something_in_at_most_one_of_twenty_where_nothing_is_there(rng):
    """The short form of `make validate`: every design at n = 40, from the results to claims.csv."""
    cells = list(null_cells(reports=3, rng=rng, sizes=(40,)))
    assert len(cells) == 8
    shown, reports = sum(cell.shown for cell in cells), sum(cell.reports for cell in cells)
    # Of 24 reports four or more would come in 1 of 30 tries at a rate of 5%.
    assert shown <= 3, (shown, reports)


def test_a_corrected_rate_covers(rng):
    mean, lowest = coverage(list(corrected_rate_cells(replicates=150, rng=rng)))
    assert 0.95 <= mean <= 0.98
    assert lowest >= 0.88  # 150 replicates: three standard errors below 0.94


def test_a_planted_effect_is_found_as_often_as_the_formula_says(rng):
    planted = {"n": 60, "steered_only": 0.2, "baseline_only": 0.05}
    exact = sign_flip_power(**planted)
    found = simulated_power(**planted, replicates=10_000, rng=rng)
    assert 0.5 < exact < 0.7
    assert found == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 10_000))


def test_the_power_by_hand():
    # Five pairs cannot be significant; of six, all must differ the same way: 0.5^6 at p = 2 / 64.
    assert sign_flip_power(n=5, steered_only=0.5, baseline_only=0.1) == 0.0
    assert sign_flip_power(n=6, steered_only=0.5, baseline_only=0.1) == pytest.approx(0.5**6 + 0.1**6)


def test_too_low_a_coverage_is_named_and_sets_the_exit_code(script, tmp_path, monkeypatch, capsys):
    good, low = script.Cell("m", "here", 0.95), script.Cell("m", "there", 0.905)
    few = script.Cell("m", "few clusters", 0.5, must_cover=False)
    monkeypatch.setattr(script, "every_cell", lambda **_: [good, low, few])
    for name in ("error_table", "power_table"):
        monkeypatch.setattr(script, name, lambda **_: ([], []))
    path = tmp_path / "new" / "coverage.md"
    assert script.main(["--out", str(path)]) == 1
    text = path.read_text()
    assert "- m: 0.905 at there" in text
    assert "mean coverage 0.927" in text
    assert "few clusters" not in text
    assert text.strip() == capsys.readouterr().out.strip()
    monkeypatch.setattr(script, "every_cell", lambda **_: [good])
    assert script.main(["--out", str(path)]) == 0
