"""What the tests of the history share: the file read by ``sqlite3`` alone, and programs that write it.

PYTEST_DONT_REWRITE: helpers only, there is no test in here.
"""

from __future__ import annotations

import contextlib
import json
import math
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
LOGGER = "ptpd_calibration.monitoring"


# In a process of its own: two copies of SQLite in one do not see each other's locks, and the one
# that closes the file takes away those of the other.
READER = """
import json, sqlite3, sys
uri, sql, parameters = json.load(sys.stdin)
database = sqlite3.connect(uri, uri=True, timeout=30)
json.dump(database.execute(sql, parameters).fetchall(), sys.stdout)
database.close()
"""

# Takes the right to write, and keeps it until its input is closed.
LOCKER = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
database.execute(f"PRAGMA locking_mode = {sys.argv[2]}")
database.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
database.execute("ROLLBACK")
database.close()
"""


def query(path: Path, sql: str, *parameters: object) -> list[Any]:
    """The rows, read as docs/history.md says."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", READER],
        input=json.dumps([path.resolve().as_uri() + "?mode=ro", sql, parameters]),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return [tuple(row) for row in json.loads(done.stdout)]


@contextlib.contextmanager
def locked(path: Path, *, readers: bool = False) -> Iterator[None]:
    """Nobody else can write meanwhile, and with ``readers`` nobody can read either."""
    mode = "EXCLUSIVE" if readers else "NORMAL"
    command = [sys.executable, "-I", "-S", "-c", LOCKER, str(path), mode]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as locker:
        assert locker.stdin is not None
        assert locker.stdout is not None
        assert locker.stdout.readline() == "locked\n"
        yield
        locker.stdin.close()
        assert locker.wait(60) == 0


def totals(
    path: Path, table: str = "hours", kind: str = "operation"
) -> dict[str, tuple[int, float]]:
    """Name to count and sum, over all writers."""
    rows = query(
        path,
        f"SELECT name, sum(count), sum(sum) FROM {table} JOIN series ON series.id = series"
        " WHERE kind = ? GROUP BY name",
        kind,
    )
    return {name: (count, total) for name, count, total in rows}


def counts(path: Path, table: str = "hours", kind: str = "operation") -> dict[str, int]:
    return {name: count for name, (count, _) in totals(path, table, kind).items()}


def is_sound(path: Path) -> bool:
    """Whether pages, minutes and hours agree."""
    assert query(path, "PRAGMA integrity_check") == [("ok",)]
    by_writer = "SELECT writer, series, sum(count), total(sum) FROM {} GROUP BY 1, 2 ORDER BY 1, 2"
    minutes, hours = (query(path, by_writer.format(table)) for table in ("minutes", "hours"))
    # Sums of fractions depend on their order in the last digit.
    return [row[:3] for row in minutes] == [row[:3] for row in hours] and all(
        math.isclose(minute[3], hour[3], rel_tol=1e-12)
        for minute, hour in zip(minutes, hours, strict=True)
    )


def start(script: str, *arguments: object, **options: Any) -> subprocess.Popen[str]:
    """Start ``script`` in an interpreter of its own, with warnings as errors."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )
