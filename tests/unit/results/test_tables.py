import pandas as pd
from steering_reliability.results.tables import read_table, write_table


def test_tables_have_fixed_formats(tmp_path):
    table = pd.DataFrame({"name": ["a", "b"], "x": [-0.0, 1 / 3], "y": [float("nan"), 1.0], "flag": [True, False]})
    write_table(table, tmp_path / "tables" / "t.csv")
    assert (tmp_path / "tables" / "t.csv").read_text() == "name,x,y,flag\na,0,,True\nb,0.333333,1,False\n"
    assert [path.name for path in (tmp_path / "tables").iterdir()] == ["t.csv"]


def test_names_of_layers_stay_text_and_a_missing_one_is_missing(tmp_path):
    table = pd.DataFrame({"layer": ["2", "10-12", None], "other_layer": ["10", "14", "all"], "alpha": [0.5, 1.0, 2.0]})
    write_table(table, tmp_path / "t.csv")
    read = read_table(tmp_path / "t.csv")
    assert read["layer"].tolist()[:2] == ["2", "10-12"]
    assert read["layer"].isna().tolist() == [False, False, True]
    assert read["other_layer"].tolist() == ["10", "14", "all"]
    write_table(table.head(1), tmp_path / "one.csv")
    assert read_table(tmp_path / "one.csv")["layer"].tolist() == ["2"]
