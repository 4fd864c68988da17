"""scan.csv, written and read."""

import math
from dataclasses import replace

import pytest
from scan_rows import made_rows
from steering_reliability.errors import InputError
from steering_reliability.scan.table import read_scan, write_scan


def test_rows_come_back_with_six_digits_and_the_same_bytes(tmp_path):
    row = replace(
        made_rows({"main": [4.0]})[0], first_token_kl=1 / 3, propensity_change=-0.0, first_token_kl_sd=math.nan
    )
    path = tmp_path / "scan" / "scan.csv"
    write_scan(path, [row])
    assert path.read_text().splitlines()[1] == "add,main,0,0.1,1,harm_train,20,0,0.5,0.333333,"
    (found,) = read_scan(path)
    assert math.isnan(found.first_token_kl_sd)
    assert replace(found, first_token_kl_sd=0.0) == replace(row, first_token_kl_sd=0.0, first_token_kl=0.333333)
    write_scan(tmp_path / "again.csv", [found])
    assert (tmp_path / "again.csv").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("text", ["intervention,direction\nadd,main\n", None])
def test_a_damaged_table_is_named(tmp_path, text):
    path = tmp_path / "scan.csv"
    if text:
        path.write_text(text)
    with pytest.raises(InputError, match="table of the scan is damaged") as caught:
        read_scan(path)
    assert caught.value.where == str(path)
