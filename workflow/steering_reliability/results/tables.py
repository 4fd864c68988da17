"""How the tables of a run are written and read."""

import io
from pathlib import Path
from typing import Final

import pandas as pd

from steering_reliability.errors import InputError
from steering_reliability.files import write_text

_P_VALUES: Final = ["p", "p_corrected"]
"""Kept to six significant digits: rounded to six places a small one would be 0."""

_TEXTS: Final = {"id": str, "group": str, "layer": str, "other_layer": str}
"""Columns of words that may look like numbers: a user's own, and names of layers."""


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV with fixed number formats, whole or not at all.

    Missing values become empty cells.
    """
    clean = table.copy()
    for name in clean.select_dtypes("float").columns.difference(_P_VALUES):
        # Minus zero would make equal tables differ in bytes.
        clean[name] = clean[name].round(6) + 0.0
    text = io.StringIO()
    clean.to_csv(text, index=False, float_format="%.6g", lineterminator="\n")
    write_text(path, text.getvalue())


def read_table(path: Path) -> pd.DataFrame:
    """Read a table that `write_table` wrote.

    Raises:
        InputError: When the file is damaged.
    """
    try:
        # Only an empty cell is missing: a style may be called "N/A" or "null".
        return pd.read_csv(path, keep_default_na=False, na_values=[""], dtype=_TEXTS)
    except (ValueError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError("the table is damaged", where=str(path), fix=f"delete {path} and run again") from error
