"""Exports to what the process has open: written to where it is, and never replaced."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ptpd_monitoring import History, PerformanceMonitor

pytestmark = [
    pytest.mark.skipif(not Path("/dev/fd").exists(), reason="has no files by descriptor"),
    pytest.mark.thread_unsafe(reason="starts processes, which share nothing with the threads"),
]

SCRIPT = """
import os, sys
from ptpd_monitoring import PerformanceMonitor, PerformanceReport

monitor = PerformanceMonitor()
monitor.record_metric("expose", 1, "s")
how, path = sys.argv[1:]
print("before")
if how == "metrics":
    monitor.export_metrics("csv", path)
else:
    report = PerformanceReport(monitor).generate_daily_report()
    PerformanceReport.export_report(report, format="csv", path=path)
print("after")
"""


def ran(shell: str, *arguments: object, folder: Path) -> None:
    """Run a shell's line with ``$@`` as a program that exports."""
    command = ["sh", "-c", shell, "sh", sys.executable, "-c", SCRIPT, *map(str, arguments)]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")


def is_between(text: str, *lines: str) -> None:
    """Check that the lines are there in this order, with the export between the last two."""
    found = text.splitlines()
    assert found[: len(lines) - 1] == list(lines[:-1])
    assert found[-1] == lines[-1]
    assert len(found) == len(lines) + 2
    assert "expose" in found[-2]


@pytest.mark.parametrize("how", ["metrics", "report"])
@pytest.mark.parametrize("mode", [">", ">>"])
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "log.txt", "link"])
def test_standard_output_in_a_file_keeps_what_others_wrote(
    name: str, mode: str, how: str, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to("/dev/stdout")
    line = f'{{ echo first; "$@"; echo last; }} {mode} log.txt'
    ran(line, how, name, folder=tmp_path)
    text = (tmp_path / "log.txt").read_text()
    assert text.splitlines()[0] == "first"
    assert text.splitlines()[-1] == "last"
    is_between("\n".join(text.splitlines()[1:-1]), "before", "after")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["link", "log.txt"]


@pytest.mark.parametrize("number", [2, 7])
def test_other_descriptors_keep_what_others_wrote(number: int, tmp_path: Path) -> None:
    line = f'{{ echo first >&{number}; "$@" > out.txt; echo last >&{number}; }} {number}> log.txt'
    ran(line, "metrics", f"/dev/fd/{number}", folder=tmp_path)
    is_between((tmp_path / "log.txt").read_text(), "first", "last")
    assert (tmp_path / "out.txt").read_text() == "before\nafter\n"


def test_a_pipe_gets_it_in_order(tmp_path: Path) -> None:
    ran('"$@" | cat > log.txt', "metrics", "/dev/stdout", folder=tmp_path)
    is_between((tmp_path / "log.txt").read_text(), "before", "after")


def test_a_descriptor_that_is_not_open_is_an_error_that_names_it() -> None:
    with pytest.raises(OSError, match="/dev/fd/987"):
        PerformanceMonitor().export_metrics("json", "/dev/fd/987")


@pytest.mark.parametrize("format_", ["text", "csv", "json", "html"])
def test_the_command_line_writes_to_its_standard_output(format_: str, tmp_path: Path) -> None:
    with History(tmp_path / "h.db") as history:
        PerformanceMonitor(history=history).record_metric("expose", 1, "s")
    command = [sys.executable, "-m", "ptpd_monitoring.cli", "report", "--history", "h.db"]
    command += ["--format", format_, "--output", "/dev/stdout"]
    line = '{ echo first; "$@"; echo last; } > log.txt'
    subprocess.run(["sh", "-c", line, "sh", *command], cwd=tmp_path, check=True, timeout=120)
    lines = (tmp_path / "log.txt").read_text().splitlines()
    assert lines[0] == "first"
    assert lines[-1].endswith("last")
    assert "expose" in "".join(lines)
    assert {one.name for one in tmp_path.iterdir()} == {"h.db", "log.txt"}


def test_the_rows_of_a_history_go_to_standard_output(tmp_path: Path) -> None:
    with History(tmp_path / "h.db") as history:
        PerformanceMonitor(history=history).record_metric("expose", 1, "s")
    command = [sys.executable, "-m", "ptpd_monitoring.cli", "history", "export"]
    command += ["--history", "h.db", "--format", "jsonl", "--output", "/dev/stdout"]
    line = '{ echo first; "$@"; echo last; } > log.txt'
    subprocess.run(["sh", "-c", line, "sh", *command], cwd=tmp_path, check=True, timeout=120)
    lines = (tmp_path / "log.txt").read_text().splitlines()
    assert (lines[0], lines[-1]) == ("first", "last")
    assert '"expose"' in lines[1]
