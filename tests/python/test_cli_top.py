"""`ptpd-monitor top`: one table in a pipe, a live one in a terminal."""

from __future__ import annotations

import contextlib
import io
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cli_support import environment, run, write_history
from ptpd_monitoring import cli
from ptpd_monitoring.cli.top_tables import drawn

pty = pytest.importorskip("pty")
termios = pytest.importorskip("termios")
fcntl = pytest.importorskip("fcntl")

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
LEFT_SCREEN = "\x1b[?1049l"
ENTERED_SCREEN = "\x1b[?1049h"
PATIENCE_S = 60


@pytest.fixture
def path(tmp_path: Path) -> Path:
    now = datetime.now()
    recorded = {
        now - timedelta(hours=1): {"long gone": [9.0]},
        now: {"rare": [0.5], "often": [0.010] * 30},
    }
    return write_history(tmp_path / "app.db", recorded, errors=1)


class Terminal:
    """The command in a terminal of its own."""

    def __init__(self, *arguments: str, size: tuple[int, int] = (30, 120), **more: str) -> None:
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, _winsize(size))
        self.before = termios.tcgetattr(theirs)
        self.theirs = theirs
        self.shown = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ptpd_monitoring.cli", "top", *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            # Whoever runs the tests in the background may have had it ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            env=environment(TERM="xterm-256color", **more),
        )

    def read_until(self, wanted: str) -> str:
        """Read on until something is shown; return what came with it."""
        begun, seen = time.monotonic(), ""
        while wanted not in seen:
            left = begun + PATIENCE_S - time.monotonic()
            if left <= 0 or not select.select([self.ours], [], [], left)[0]:
                pytest.fail(f"{wanted!r} was not shown:\n{seen}")
            seen += self._more()
        return seen

    def rows_by(self, sort: str) -> str:
        """What stands between the headings and the foot that first says to be sorted so.

        What is read may end anywhere in the next drawing, so that is none of it.
        """
        marked = f"\x1b[7m{sort}"
        above, _, _ = self.read_until(marked).partition(marked)
        return ESCAPE.sub("", above).rpartition("operation")[2]

    def _more(self) -> str:
        try:
            text = os.read(self.ours, 65_536).decode("utf-8", "replace")
        except OSError:
            text = ""
        if not text:
            pytest.fail(f"the terminal was closed:\n{self.shown}")
        self.shown += text
        return text

    def type(self, keys: str) -> None:
        os.write(self.ours, keys.encode())

    def ended(self) -> int:
        """The exit status, once all it shows has been read."""
        begun = time.monotonic()
        while self.process.poll() is None and time.monotonic() < begun + PATIENCE_S:
            if select.select([self.ours], [], [], 0.05)[0]:
                self._more()
        while select.select([self.ours], [], [], 0)[0]:
            self._more()
        return self.process.wait(PATIENCE_S)

    def close(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_S)
        os.close(self.ours)
        os.close(self.theirs)


def _winsize(size: tuple[int, int]) -> bytes:
    import struct

    return struct.pack("HHHH", *size, 0, 0)


@pytest.fixture
def terminal(path: Path) -> Iterator[Terminal]:
    made = Terminal("--history", str(path), "--interval", "0.1")
    yield made
    made.close()


def test_a_pipe_gets_one_table(path: Path) -> None:
    done = run("top", "--history", path)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    often = next(line for line in lines if line.startswith("often"))
    assert often.split()[2:5] == ["30", "10.0", "ms"]
    # What is asked for most often comes first; what is too old does not come.
    assert done.stdout.index("\noften") < done.stdout.index("\nrare")
    assert "long gone" not in done.stdout
    endpoint = next(line for line in lines if line.startswith("GET /rare"))
    assert endpoint.split()[4:6] == ["100.0", "%"]


def test_a_longer_window_shows_more(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["top", "--history", str(path), "--window", "120", "--sort", "p95"]) == 0
    said = capsys.readouterr().out
    assert said.index("\nlong gone") < said.index("\nrare") < said.index("\noften")


def test_q_leaves_the_screen_and_the_terminal_as_they_were(terminal: Terminal) -> None:
    seen = terminal.read_until("quit")
    assert ENTERED_SCREEN in seen
    text = ESCAPE.sub("", seen)
    assert "often" in text
    assert "GET /rare" in text
    terminal.type("q")
    assert terminal.ended() == 0
    assert LEFT_SCREEN in terminal.shown
    assert "\x1b[?25h" in terminal.shown
    assert termios.tcgetattr(terminal.theirs) == terminal.before


def test_it_shows_what_is_recorded_meanwhile(terminal: Terminal, path: Path) -> None:
    terminal.read_until("quit")
    write_history(path, {datetime.now(): {"brand new": [1.0]}})
    terminal.read_until("brand new")
    terminal.type("q")
    assert terminal.ended() == 0


def test_keys_sort(terminal: Terminal) -> None:
    def often_comes_first(sort: str) -> bool:
        rows = terminal.rows_by(sort)
        return rows.index("often") < rows.index("rare")

    assert often_comes_first("rate")
    terminal.type("p")
    assert not often_comes_first("p95")
    terminal.type("n")
    assert often_comes_first("name")
    terminal.type("q")
    assert terminal.ended() == 0


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM)]
)
def test_a_signal_leaves_the_screen_and_the_terminal_as_they_were(
    terminal: Terminal, number: int, status: int
) -> None:
    terminal.read_until("quit")
    terminal.process.send_signal(number)
    assert terminal.ended() == status
    assert LEFT_SCREEN in terminal.shown
    assert "Traceback" not in terminal.shown
    assert termios.tcgetattr(terminal.theirs) == terminal.before


def test_a_file_that_goes_away_is_told_of_and_comes_back(terminal: Terminal, path: Path) -> None:
    terminal.read_until("quit")
    away = path.with_name("away.db")
    path.rename(away)
    for suffix in ("-wal", "-shm"):
        # Whoever reads the file may be deleting these just now.
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(away.with_name(away.name + suffix))
    terminal.read_until("does not exist")
    assert not path.exists()
    away.rename(path)
    terminal.read_until("often")
    terminal.type("q")
    assert terminal.ended() == 0


def test_no_color_is_honoured_in_a_terminal(path: Path) -> None:
    terminal = Terminal("--history", str(path), NO_COLOR="1")
    try:
        seen = terminal.read_until("quit")
        assert re.search(r"\x1b\[[0-9;]*3[0-7]m", seen) is None
        terminal.type("q")
        assert terminal.ended() == 0
    finally:
        terminal.close()


@pytest.mark.parametrize("more", [{"TERM": "dumb"}, {}], ids=["dumb", "once"])
def test_once_or_in_a_dumb_terminal_it_ends_by_itself(more: dict[str, str], path: Path) -> None:
    once = [] if more else ["--once"]
    made = Terminal("--history", str(path), *once)
    if more:
        made.close()
        done = run("top", "--history", path, **more)
        assert done.returncode == 0
        return
    try:
        assert made.ended() == 0
        assert ENTERED_SCREEN not in made.shown
        assert "often" in made.shown
    finally:
        made.close()


def recent(operations: int, endpoints: int) -> dict[str, Any]:
    samples = {
        "count": 10,
        "rate": 0.5,
        "mean": 0.1,
        "p50": 0.1,
        "p95": 0.1,
        "p99": 0.1,
        "max": 0.1,
        "by_minute": [0, 1, 5],
    }
    return {
        "start": datetime(2026, 11, 22, 12),
        "seconds": 10.0,
        "operations": [
            {"name": f"op {k:03}", "unit": "seconds", **samples} for k in range(operations)
        ],
        "endpoints": [
            {"endpoint": f"/{k:03}", "method": "GET", "errors": 1, **samples}
            for k in range(endpoints)
        ],
        "resources": [
            {"figure": "cpu_percent", "unit": "percent", "latest": 12.5, "max": 90.0, "min": 0.0}
        ],
        "problem": None,
    }


def shown(
    recent: dict[str, Any], width: int, height: int, path: str = "/var/lib/app.db"
) -> list[str]:
    screen = Console(file=io.StringIO(), width=width, height=height, color_system=None)
    screen.print(drawn(recent, Path(path), "rate", width=width, height=height))
    return screen.file.getvalue().splitlines()  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
@pytest.mark.parametrize("height", [16, 24, 50])
@pytest.mark.parametrize("rows", [(0, 0), (3, 0), (0, 99), (3, 99), (99, 3), (99, 99), (8, 8)])
def test_the_tables_fit_the_terminal(width: int, height: int, rows: tuple[int, int]) -> None:
    lines = shown(recent(*rows), width, height)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    assert lines[-1].startswith("q quit")
    assert any("cpu 12.5 %" in line for line in lines)
    for word, count in zip(("op ", "GET "), rows, strict=True):
        listed = sum(line.startswith(word) for line in lines)
        hidden = count - listed
        assert listed >= min(count, 2)
        assert not hidden or any(line.startswith(f"and {hidden} more") for line in lines)
    if width >= 80:
        assert any("p99" in line for line in lines) == any(rows)


@pytest.mark.parametrize("width", [20, 30, 45, 70])
@pytest.mark.parametrize("height", [16, 24])
@pytest.mark.parametrize("troubled", [False, True])
def test_the_foot_is_in_a_small_window_whatever_else_there_is(
    width: int, height: int, *, troubled: bool
) -> None:
    made = recent(99, 99)
    made["resources"] = [
        {"figure": f"{figure}_percent", "unit": "percent", "latest": 12.5}
        for figure in ("cpu", "memory", "disk", "gpu")
    ]
    if troubled:
        made["problem"] = "The history cannot be read: look at its permissions"
    lines = shown(made, width, height)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    assert lines[-1].startswith("q quit")
    assert sum(line.count("12.5 %") for line in lines) == 4
    said = " ".join(line.strip() for line in lines)
    assert not troubled or made["problem"] in said
    # Where there is room for one table, it is that of operations.
    assert any(line.startswith("op ") for line in lines)


def test_the_name_of_a_file_is_what_is_left_of_a_long_path() -> None:
    path = "/var/lib/of/a/long/way/down/app.db"
    assert shown(recent(1, 0), 80, 24, path)[0].startswith(f"{path}  ")
    assert shown(recent(1, 0), 60, 24, path)[0].startswith("app.db  ")
