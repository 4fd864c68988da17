import pytest
from steering_reliability.evidence.steerability import prompt_steerability, steerability_table
from steering_reliability.evidence.summary import summarise
from steering_reliability.figures.draw import EVIDENCE_FIGURES, EVIDENCE_TABLES, FIGURES, draw_all
from steering_reliability.results.tables import read_table, write_table
from synthetic_run import tiny_results


@pytest.mark.filterwarnings("error")
def test_figures_of_the_evidence_are_drawn_where_it_is_given_and_from_csv_too(tmp_path, gaps_of):
    results = tiny_results()
    tables = {
        "gap_tests": gaps_of(results),
        "prompt_steerability": prompt_steerability(results),
        "steerability": steerability_table(results),
    }
    assert set(tables) == set(EVIDENCE_TABLES)
    read = {}
    for name, table in tables.items():
        write_table(table, tmp_path / f"{name}.csv")
        read[name] = read_table(tmp_path / f"{name}.csv")
    written = draw_all(summarise(results), output_dir=tmp_path / "figures", title="x", evidence=read)
    names = [*FIGURES, *EVIDENCE_FIGURES]
    assert [path.name for path in written] == [f"{name}.{suffix}" for name in names for suffix in ("png", "svg")]


@pytest.mark.filterwarnings("error")
def test_empty_tables_of_evidence_read_from_csv_are_drawn(tmp_path, gaps_of):
    results = tiny_results()
    tables = {"gap_tests": gaps_of, "prompt_steerability": prompt_steerability, "steerability": steerability_table}
    read = {}
    for name, make in tables.items():
        write_table(make(results).iloc[:0], tmp_path / f"{name}.csv")
        read[name] = read_table(tmp_path / f"{name}.csv")
    written = draw_all(summarise(results), output_dir=tmp_path / "figures", title="x", evidence=read)
    assert len(written) == 2 * (len(FIGURES) + len(EVIDENCE_FIGURES))
