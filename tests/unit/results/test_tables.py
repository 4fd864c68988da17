import pandas as pd
from steering_reliability.results.tables import write_table


def test_tables_have_fixed_formats(tmp_path):
    table = pd.DataFrame({"name": ["a", "b"], "x": [-0.0, 1 / 3], "y": [float("nan"), 1.0], "flag": [True, False]})
    write_table(table, tmp_path / "tables" / "t.csv")
    assert (tmp_path / "tables" / "t.csv").read_text() == "name,x,y,flag\na,0,,True\nb,0.333333,1,False\n"
    assert [path.name for path in (tmp_path / "tables").iterdir()] == ["t.csv"]
