"""Rows of a history, written in one of three formats."""

from __future__ import annotations

import csv
import json
import math
import sys
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

import click

from ptpd_monitoring._native import spreadsheet_text
from ptpd_monitoring.cli.files import for_programs, need

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

FORMATS = ("csv", "jsonl", "parquet")

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


def write_rows(
    rows: Iterable[dict[str, Any]], format_: str, path: Path | None, *, neutralize_formulas: bool
) -> None:
    """Write rows in a format, to a file or to standard output.

    Raises:
        Failure: the format needs a package that is missing.
        click.UsageError: the format cannot go to standard output.

    """
    if format_ == "parquet":
        need({"pyarrow": "pyarrow"}, "the format parquet")
        if path is None:
            raise click.UsageError("--format parquet needs --output FILE")
        _write_parquet(rows, path)
        return
    if path is None:
        _write_text(rows, format_, for_programs(), neutralize_formulas=neutralize_formulas)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        _write_text(rows, format_, file, neutralize_formulas=neutralize_formulas)


def _write_text(
    rows: Iterable[dict[str, Any]], format_: str, file: IO[str], *, neutralize_formulas: bool
) -> None:
    if format_ == "jsonl":
        for row in rows:
            file.write(json.dumps({name: _json(row[name]) for name in _COLUMNS}) + "\n")
        return
    texts = [name for name, kind in _COLUMNS.items() if kind == "text"]
    # Standard output ends lines in the system's way by itself.
    writer = csv.writer(file, lineterminator="\n" if file is sys.stdout else "\r\n")
    writer.writerow(_COLUMNS)
    for row in rows:
        if neutralize_formulas:
            row |= {name: spreadsheet_text(row[name]) for name in texts if row[name] is not None}
        writer.writerow([_plain(row[name]) for name in _COLUMNS])


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


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def _json(value: Any) -> Any:
    # JSON has neither NaN nor infinities.
    return None if isinstance(value, float) and not math.isfinite(value) else _plain(value)
