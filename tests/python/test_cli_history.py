"""`ptpd-monitor history`: what the file holds, whether it is in order, upkeep and exports."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cli_support import VARIABLE, write_history
from ptpd_monitoring import History, PerformanceMonitor, cli
from ptpd_monitoring.cli import EXIT_UNDECIDED

NOON = datetime(2026, 11, 22, 12)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("PTPD_MONITORING_RETENTION_DAYS", raising=False)
    recorded = {NOON + k * MINUTE: {"resize": [0.25, 0.5], "=odd": [1.0]} for k in range(3)}
    path = write_history(tmp_path / "app.db", recorded, session="job", errors=1)
    monkeypatch.setenv(VARIABLE, str(path))
    return path


@contextmanager
def database(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that commits in the end, and is closed."""
    with closing(sqlite3.connect(path)) as connection, connection:
        yield connection


def dump(path: Path) -> list[str]:
    with database(path) as connection:
        return list(connection.iterdump())


def said(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def test_info_tells_rows_and_times(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["history", "info"]) == 0
    lines = dict(line.split(maxsplit=1) for line in said(capsys).splitlines())
    assert lines["file"] == str(path)
    assert lines["oldest"] == "2026-11-22 12:00:00"
    assert lines["newest"] == "2026-11-22 12:02:00"
    assert lines["rows"] == "21 of minutes, 7 of hours"
    assert lines["writers"] == "2"


def test_info_for_programs_is_json(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["history", "info", "--json"]) == 0
    found = json.loads(said(capsys))
    assert (found["path"], found["minutes"], found["problem"]) == (str(path), 21, None)
    assert found["newest"] == "2026-11-22T12:02:00"


def test_an_empty_history_has_no_oldest_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with History(tmp_path / "new.db") as history:
        assert history.flush()
    named = ["--history", str(tmp_path / "new.db")]
    assert cli.main(["history", "info", *named]) == 0
    assert "oldest         -\n" in said(capsys)
    assert cli.main(["history", "export", *named]) == 0
    assert said(capsys).count("\n") == 1


def test_a_file_in_order_is_said_to_be(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["history", "check"]) == 0
    assert said(capsys) == f"{path}: in order\n"


def test_a_damaged_row_is_named_and_has_status_one(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with database(path) as connection:
        connection.execute("UPDATE minutes SET buckets = x'01ff' WHERE start % 120 = 0")
    assert cli.main(["history", "check"]) == 1
    lines = said(capsys).splitlines()
    assert lines
    assert all("minutes" in line for line in lines)


@pytest.mark.parametrize(
    "command", ["report --last 24h", "compare 24h 24h", "top --window 1440", "history export"]
)
def test_a_damaged_file_fails_the_other_commands(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "copy.db"
    # A copy, which nothing of this process has open any more.
    written = write_history(tmp_path / "new.db", {datetime.now(): {"op": [1.0]}})
    with database(written) as connection:
        connection.execute("VACUUM INTO ?", (str(path),))
    with database(path) as connection:
        for table in ("minutes", "hours"):
            connection.execute(f"UPDATE {table} SET buckets = x'01ff'")
    assert cli.main([*command.split(), "--history", str(path)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "is damaged" in captured.err


def test_looking_changes_nothing(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = dump(path)
    for command in (
        "report",
        "report --session job",
        "compare 2026-11-22 2026-11-22",
        "top",
        "history info",
        "history check",
        "history export",
        "history vacuum",
    ):
        # There is too little in the file to be judged.
        expected = EXIT_UNDECIDED if command.startswith("compare") else 0
        assert cli.main(command.split()) == expected, command
    assert dump(path) == before


def test_fold_deletes_what_is_older_than_asked(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    age = (datetime.now() - NOON).days
    write_history(path, {datetime.now() - timedelta(hours=1): {"new": [1.0]}})
    assert cli.main(["history", "fold", "--retention-days", str(abs(age) + 10)]) == 0
    monkeypatch.setenv("PTPD_MONITORING_RETENTION_DAYS", "1")
    said(capsys)
    with database(path) as connection:
        old = 0
        for table in ("minutes", "hours"):
            # As if all but the new ones were three days old.
            moved = connection.execute(
                f"UPDATE {table} SET start = start - 86400 * 3 "
                "WHERE series IN (SELECT id FROM series WHERE name NOT IN ('new', '/new'))"
            )
            old += moved.rowcount
    assert old > 0
    assert cli.main(["history", "fold"]) == 0
    assert said(capsys).startswith("deleted ")
    with database(path) as connection:
        kept = connection.execute("SELECT DISTINCT name FROM series JOIN hours ON id = series")
        assert {name for (name,) in kept} == {"new", "/new"}


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A history of two months ago, whose program keeps 36,500 days."""
    monkeypatch.delenv("PTPD_MONITORING_RETENTION_DAYS", raising=False)
    months_ago = datetime.now() - timedelta(days=60)
    return write_history(tmp_path / "old.db", {months_ago: {"op": [1.0]}})


@pytest.mark.parametrize("set_to", [None, ""])
def test_fold_deletes_nothing_that_the_program_still_keeps(
    set_to: str | None,
    old: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if set_to is not None:
        monkeypatch.setenv("PTPD_MONITORING_RETENTION_DAYS", set_to)
    assert cli.main(["history", "info", "--history", str(old)]) == 0
    assert "days kept      36,500\n" in said(capsys)
    before = list(History(old, record=False).rows("hours"))
    assert before
    assert cli.main(["history", "fold", "--history", str(old)]) == 0
    assert list(History(old, record=False).rows("hours")) == before
    monkeypatch.setenv("PTPD_MONITORING_RETENTION_DAYS", "7")
    assert cli.main(["history", "fold", "--history", str(old)]) == 0
    assert list(History(old, record=False).rows("hours")) == []


def test_fold_deletes_nothing_unless_told_how_long_rows_are_kept(
    old: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with database(old) as connection:
        connection.execute("DELETE FROM state WHERE name = 'retention_days'")
    before = dump(old)
    assert cli.main(["history", "fold", "--history", str(old)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "give --retention-days DAYS, or set PTPD_MONITORING_RETENTION_DAYS" in captured.err
    assert dump(old) == before


@pytest.mark.parametrize("days", [2**32, 99_999_999_999, 2**64])
@pytest.mark.parametrize("by_variable", [False, True])
def test_more_days_than_there_can_be_are_one_line(
    days: int,
    by_variable: bool,
    old: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = ["history", "fold", "--history", str(old)]
    if by_variable:
        monkeypatch.setenv("PTPD_MONITORING_RETENTION_DAYS", str(days))
    else:
        command += ["--retention-days", str(days)]
    before = dump(old)
    assert cli.main(command) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    message = f"retention_days must be from 1 to 4294967295, got {days}"
    assert captured.err == f"ptpd-monitor: {message}\n"
    assert dump(old) == before


def test_vacuum_gives_space_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorded = {NOON: {f"operation {k}": [1.0] for k in range(2_000)}}
    path = write_history(tmp_path / "big.db", recorded)
    named = ["--history", str(path)]
    with database(path) as connection:
        connection.execute("DELETE FROM minutes")
        connection.execute("DELETE FROM hours")
    before = path.stat().st_size
    assert cli.main(["history", "vacuum", *named]) == 0
    assert path.stat().st_size < before / 2
    shown = said(capsys)
    assert " before, " in shown
    assert shown.endswith(" now\n")


def exported(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["history", "export", *arguments]) == 0
    return said(capsys)


def test_csv_has_the_rows_of_the_history(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = list(csv.DictReader(io.StringIO(exported(capsys))))
    expected = list(History(path, record=False).rows())
    assert len(rows) == len(expected) == 21
    for row, known in zip(rows, expected, strict=True):
        assert set(row) == set(known)
        assert row["name"].removeprefix("'") == known["name"]
        assert datetime.fromisoformat(row["start"]) == known["start"]
        assert float(row["p95"]) == known["p95"]
        assert row["session"] == (known["session"] or "")
    odd = [row["name"] for row in rows if row["name"].endswith("=odd")]
    assert set(odd) == {"'=odd", "/=odd"}
    assert "\n2026" in exported(capsys, "--keep-formulas")
    assert "'=odd" not in exported(capsys, "--keep-formulas")


def test_json_lines_have_the_rows_of_the_history(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [json.loads(line) for line in exported(capsys, "--format", "jsonl").splitlines()]
    expected = list(History(path, record=False).rows())
    assert [(row["name"], row["count"], row["sum"]) for row in rows] == [
        (row["name"], row["count"], row["sum"]) for row in expected
    ]
    failed = [row for row in rows if row["status_class"] == 5]
    assert len(failed) == 6
    assert failed[0]["session"] is None


def test_json_has_null_for_what_is_no_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new.db"
    with History(path) as history:
        PerformanceMonitor(history=history).record_metric("op", float("inf"), "u")
    lines = exported(capsys, "--format", "jsonl", "--history", str(path)).splitlines()
    rows = [json.loads(line, parse_constant=pytest.fail) for line in lines]
    assert {row["max"] for row in rows if row["kind"] == "operation"} == {None}


def test_parquet_has_the_rows_of_the_history(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    target = tmp_path / "rows.parquet"
    assert exported(capsys, "--output", str(target)) == ""
    table = parquet.read_table(target)
    expected = list(History(path, record=False).rows())
    assert table.to_pylist() == expected
    assert str(table.schema.field("start").type) == "timestamp[us, tz=UTC]"


def test_parquet_without_pyarrow_is_one_line(
    tmp_path: Path,
    path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    target = tmp_path / "rows.parquet"
    assert cli.main(["history", "export", "--output", str(target)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "pip install pyarrow" in said
    assert not list(tmp_path.glob("rows*"))


def test_parquet_goes_to_a_file(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pyarrow")
    assert cli.main(["history", "export", "--format", "parquet"]) == 2
    assert "needs --output" in capsys.readouterr().err


def test_a_period_and_hours_can_be_asked_for(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    period = "2026-11-22T12:01..2026-11-22T12:01:30"
    rows = list(csv.DictReader(io.StringIO(exported(capsys, "--period", period))))
    assert len(rows) == 7
    rows = list(csv.DictReader(io.StringIO(exported(capsys, "--hours"))))
    assert sorted(int(row["count"]) for row in rows if row["kind"] == "operation") == [3, 6]


def test_an_export_that_fails_leaves_the_old_file(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "rows.csv"
    target.write_text("old")
    with database(path) as connection:
        connection.execute(
            "UPDATE minutes SET buckets = x'01ff' WHERE start = (SELECT max(start) FROM minutes)"
        )
    assert cli.main(["history", "export", "--output", str(target)]) == 1
    assert "is damaged" in capsys.readouterr().err
    assert target.read_text() == "old"
    assert not list(tmp_path.glob(".ptpd-monitoring.*"))
