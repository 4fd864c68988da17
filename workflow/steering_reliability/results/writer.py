"""Write results.parquet so that the same rows give the same bytes."""

from pathlib import Path
from types import TracebackType
from typing import Final, Self

import pyarrow as pa
import pyarrow.parquet as pq

from steering_reliability.results.schema import RESULTS_SCHEMA
from steering_reliability.results.shards import Row

_ROWS_PER_GROUP: Final = 4096


class ResultsWriter:
    """Takes rows in the file's order; the file has its own name only once all went well.

    Rows reach the disk in groups of a fixed size, so neither memory nor bytes depend on how they arrive.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._temporary = path.with_name(f".{path.name}.tmp")
        self._waiting: list[Row] = []

    def __enter__(self) -> Self:
        """Open the temporary file."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Every setting that shapes the bytes is written out, so that a new default of pyarrow changes nothing.
        self._writer = pq.ParquetWriter(
            self._temporary, RESULTS_SCHEMA, version="2.6", compression="zstd", compression_level=3, use_dictionary=True
        )
        return self

    def write(self, rows: list[Row]) -> None:
        """Take some rows, each with every column of `RESULTS_SCHEMA`; other keys are left out."""
        self._waiting += rows
        while len(self._waiting) >= _ROWS_PER_GROUP:
            self._flush()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the file its name, or take away what an error left."""
        try:
            if error is None and self._waiting:
                self._flush()
        finally:
            self._writer.close()
        if error is None:
            self._temporary.replace(self._path)
        else:
            self._temporary.unlink(missing_ok=True)

    def _flush(self) -> None:
        group, self._waiting = self._waiting[:_ROWS_PER_GROUP], self._waiting[_ROWS_PER_GROUP:]
        columns = {
            field.name: pa.array([row[field.name] for row in group], type=field.type, from_pandas=True)
            for field in RESULTS_SCHEMA
        }
        self._writer.write_table(pa.Table.from_pydict(columns, schema=RESULTS_SCHEMA))
