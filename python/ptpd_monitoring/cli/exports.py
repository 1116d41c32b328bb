"""Rows of a history, written in one of three formats."""

from __future__ import annotations

import csv
import json
import math
import sys
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

import click

from ptpd_monitoring._native import iso_text, spreadsheet_text
from ptpd_monitoring.cli.files import for_programs, need

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from ptpd_monitoring.cli.written import Times

FORMATS = ("csv", "jsonl", "parquet")
SUFFIXES = {
    "": "csv",
    ".csv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}

_COLUMNS = {
    "start": "time",
    "kind": "text",
    "name": "text",
    "unit": "text",
    "session": "text",
    "method": "text",
    "status_class": "whole",
    "host": "text",
    "pid": "whole",
    "count": "whole",
    "sum": "number",
    "mean": "number",
    "std": "number",
    "min": "number",
    "max": "number",
    "p50": "number",
    "p90": "number",
    "p95": "number",
    "p99": "number",
    "first": "time",
    "last": "time",
}

_BATCH = 10_000


@dataclass(frozen=True)
class Layout:
    """How rows are written as text.

    Attributes:
        times: ``local``, ``offset`` or ``utc``.
        encoding: that of the file; UTF-8 unless given.
        neutralize_formulas: whether texts that a spreadsheet would run get an apostrophe.

    """

    times: Times
    encoding: str | None
    neutralize_formulas: bool

    def time(self, moment: datetime) -> str:
        """A moment as text; Python's own where it is in UTC as rows are."""
        return moment.isoformat() if self.times == "utc" else iso_text(moment, self.times)


def write_rows(
    rows: Iterable[dict[str, Any]], format_: str, path: Path | None, *, layout: Layout
) -> None:
    """Write rows in a format, to a file or to standard output.

    Raises:
        Failure: the format needs a package that is missing.
        click.UsageError: the format cannot go to standard output, or be laid out so.

    """
    if format_ == "parquet":
        if layout.times != "utc" or layout.encoding is not None:
            raise click.UsageError("parquet holds moments and no texts: no --times, no --encoding")
        need({"pyarrow": "pyarrow"}, "the format parquet")
        if path is None:
            raise click.UsageError("--format parquet needs --output FILE")
        _write_parquet(rows, path)
        return
    if path is None:
        _write_text(rows, format_, for_programs(layout.encoding), layout)
        return
    with path.open("w", encoding=layout.encoding or "utf-8", newline="") as file:
        _write_text(rows, format_, file, layout)


def _write_text(
    rows: Iterable[dict[str, Any]], format_: str, file: IO[str], layout: Layout
) -> None:
    def plain(value: Any) -> Any:
        return layout.time(value) if isinstance(value, datetime) else value

    if format_ == "jsonl":
        for row in rows:
            shown = {name: _json(plain(row[name])) for name in _COLUMNS}
            file.write(json.dumps(shown) + "\n")
        return
    texts = [name for name, kind in _COLUMNS.items() if kind == "text"]
    # Standard output ends lines in the system's way by itself.
    writer = csv.writer(file, lineterminator="\n" if file is sys.stdout else "\r\n")
    writer.writerow(_COLUMNS)
    for row in rows:
        if layout.neutralize_formulas:
            row |= {name: spreadsheet_text(row[name]) for name in texts if row[name] is not None}
        writer.writerow([plain(row[name]) for name in _COLUMNS])


def _write_parquet(rows: Iterable[dict[str, Any]], path: Path) -> None:
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    types = {
        "time": pa.timestamp("us", tz="UTC"),
        "text": pa.string(),
        "whole": pa.int64(),
        "number": pa.float64(),
    }
    schema = pa.schema([(name, types[kind]) for name, kind in _COLUMNS.items()])
    with ParquetWriter(path, schema) as writer:
        for batch in _batches(rows):
            writer.write_table(pa.Table.from_pylist(batch, schema))


def _batches(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, _BATCH)):
        yield batch


def _json(value: Any) -> Any:
    # JSON has neither NaN nor infinities.
    return None if isinstance(value, float) and not math.isfinite(value) else value
