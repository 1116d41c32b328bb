"""The file of a history, changed by somebody while programs use it; and copies of it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from history_support import counts, is_sound, start
from ptpd_monitoring import History, PerformanceMonitor, PerformanceReport, cli

pytestmark = pytest.mark.skipif(os.name != "posix", reason="files in use cannot be changed here")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


def recorded(path: Path, name: str, times: int) -> Path:
    """Another history, closed."""
    with History(path) as history:
        monitor = PerformanceMonitor(history=history)
        for number in range(times):
            monitor.record_metric(f"{name} {number}", 1, "s")
    return path


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def cut_off(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 5_000)


def removed(path: Path) -> None:
    path.unlink()


def foreign_moved_over(path: Path) -> None:
    theirs = path.with_name("theirs.txt")
    theirs.write_text("their notes\n" * 1_000)
    theirs.rename(path)


def foreign_copied_over(path: Path) -> None:
    path.write_text("their notes\n" * 1_000)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def log_removed(path: Path) -> None:
    Path(f"{path}-wal").unlink()


# An index that is cut off at the very moment in which the thread that writes uses it ends the process. So that
# is tested without such a thread, on the core.
@pytest.mark.parametrize("change", [emptied, removed, log_removed])
def test_what_is_flushed_after_a_change_is_in_the_file(
    change: Callable[[Path], None], path: Path
) -> None:
    history = History(path, flush_interval=3_600)
    monitor = PerformanceMonitor(history=history)
    for number in range(20):
        monitor.record_metric(f"before {number}", 1, "s")
    assert history.flush()
    change(path)
    for times in range(1, 4):
        monitor.record_metric("after", 1, "s")
        assert history.flush()
        assert counts(path)["after"] == times
    history.close()
    assert is_sound(path)
    assert counts(path)["after"] == 3
    if change is log_removed:
        assert len(counts(path)) == 21


@pytest.mark.parametrize(
    "change",
    [cut_off, foreign_moved_over, foreign_copied_over, a_folder],
    ids=lambda one: one.__name__,
)
def test_what_lies_there_instead_is_left_as_it_is_and_told(
    change: Callable[[Path], None], path: Path
) -> None:
    history = History(path, flush_interval=3_600)
    monitor = PerformanceMonitor(history=history)
    for number in range(200):
        monitor.record_metric(f"before {number}", 1, "s")
    assert history.flush()
    history.vacuum()
    change(path)
    there = None if path.is_dir() else path.read_bytes()
    for _ in range(3):
        monitor.record_metric("after", 1, "s")
        assert not history.flush()
        assert str(path) in str(history.problem)
    assert path.is_dir() or path.read_bytes() == there
    if path.is_dir():
        path.rmdir()
    else:
        path.rename(path.with_name("away"))
    assert history.flush()
    assert history.problem is None
    history.close()
    assert counts(path) == {"after": 3}
    assert is_sound(path)


def copied_over(backup: Path, path: Path) -> None:
    shutil.copyfile(backup, path)


def moved_over(backup: Path, path: Path) -> None:
    backup.rename(path)


@pytest.mark.parametrize("restore", [copied_over, moved_over])
def test_a_backup_put_over_the_file_of_a_running_program_stays_whole(
    restore: Callable[[Path, Path], None], path: Path
) -> None:
    backup = recorded(path.with_name("backup.db"), "old", 200)
    history = History(path, flush_interval=3_600)
    monitor = PerformanceMonitor(history=history)
    for number in range(20):
        monitor.record_metric(f"new {number}", 1, "s")
    assert history.flush()
    restore(backup, path)
    monitor.record_metric("after", 1, "s")
    assert history.flush()
    assert history.problem is None
    history.close()
    assert counts(path) == {f"old {number}": 1 for number in range(200)} | {"after": 1}
    assert is_sound(path)


WRITER = """
import sys
from ptpd_monitoring import History, PerformanceMonitor

history = History(sys.argv[1], flush_interval=3_600)
monitor = PerformanceMonitor(history=history)
for number, _ in enumerate(sys.stdin):
    monitor.record_metric(f"{sys.argv[2]} {number}", 1, "s")
    print(history.flush(), history.problem, flush=True)
history.close()
"""


@pytest.mark.thread_unsafe(reason="starts processes, which share nothing with the threads")
@pytest.mark.parametrize("restore", [copied_over, moved_over])
def test_each_of_several_processes_notices(
    restore: Callable[[Path, Path], None], path: Path
) -> None:
    backup = recorded(path.with_name("backup.db"), "old", 200)
    names = ("a", "b", "c")
    writers = [start(WRITER, path, name, stdin=subprocess.PIPE) for name in names]

    def each_writes() -> None:
        for writer in writers:
            assert writer.stdin is not None
            assert writer.stdout is not None
            writer.stdin.write("\n")
            writer.stdin.flush()
            assert writer.stdout.readline() == "True None\n"

    for _ in range(3):
        each_writes()
    restore(backup, path)
    for _ in range(3):
        each_writes()
    for writer in writers:
        _, said = writer.communicate(timeout=120)
        assert (writer.returncode, said) == (0, "")
    after = {f"{name} {number}": 1 for name in names for number in range(3, 6)}
    assert counts(path) == {f"old {number}": 1 for number in range(200)} | after
    assert is_sound(path)


KILLED_IN_A_TRANSACTION = """
import os, signal, sqlite3, sys

connection = sqlite3.connect(sys.argv[1], isolation_level=None)
assert connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[0] == 0
# So much that it goes to the log, which begins anew, before there is an end to it.
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN IMMEDIATE")
connection.execute("CREATE TABLE filler AS SELECT randomblob(500000)")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.thread_unsafe(reason="starts processes, which share nothing with the threads")
def test_a_log_that_somebody_died_in_while_beginning_it_anew_is_not_taken_for_another(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    history = History(path, flush_interval=3_600)
    monitor = PerformanceMonitor(history=history)
    other = start(WRITER, path, "other", stdin=subprocess.PIPE)
    assert other.stdin is not None
    assert other.stdout is not None
    log = Path(f"{path}-wal")
    begun = set()
    for _ in range(4):
        # Whoever writes first begins the log once more, by a number that is new to all.
        other.stdin.write("\n")
        other.stdin.flush()
        assert other.stdout.readline() == "True None\n"
        monitor.record_metric("op", 1, "s")
        assert history.flush()
        begun.add(log.read_bytes()[16:24])
        dead = start(KILLED_IN_A_TRANSACTION, path)
        dead.communicate(timeout=120)
        assert dead.returncode == -9
    _, said = other.communicate(timeout=120)
    assert (other.returncode, said) == (0, "")
    history.close()
    assert len(begun) > 1
    assert caplog.messages == []
    assert counts(path) == {f"other {number}": 1 for number in range(4)} | {"op": 4}
    assert is_sound(path)


def killed(path: Path, name: str) -> None:
    """A program that wrote to the file was killed, and has left its log."""
    with start(WRITER, path, name, stdin=subprocess.PIPE) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        for _ in range(5):
            writer.stdin.write("\n")
            writer.stdin.flush()
            assert writer.stdout.readline() == "True None\n"
        writer.kill()
        writer.communicate(timeout=120)
    assert Path(f"{path}-wal").stat().st_size > 0


@pytest.mark.thread_unsafe(reason="starts processes, which share nothing with the threads")
@pytest.mark.parametrize("first", ["reader", "writer"])
def test_the_log_of_a_killed_program_is_not_mixed_with_a_backup_put_over_its_file(
    first: str, path: Path
) -> None:
    backup = recorded(path.with_name("backup.db"), "old", 200)
    killed(path, "killed")
    backup.rename(path)
    if first == "reader":
        reader = History(path, record=False)
        assert reader.check() == []
        assert len(list(reader.rows("hours"))) == 200
    recorded(path, "after", 1)
    assert len(counts(path)) == 201
    assert is_sound(path)


def test_a_backup_holds_all_that_was_written_and_replaces_an_earlier_one(path: Path) -> None:
    copy = path.with_name("copy.db")
    history = History(path, flush_interval=3_600)
    monitor = PerformanceMonitor(history=history)
    for times in (500, 700):
        for number in range(times):
            monitor.record_metric(f"op {number}", 1, "s")
        history.backup(copy)
        assert [one.name for one in path.parent.iterdir() if one.suffix == ".tmp"] == []
        assert len(counts(copy)) == times
        assert is_sound(copy)
    # It can be gone on with, also by itself.
    History(path, record=False).backup(str(copy))
    recorded(copy, "more", 1)
    assert len(counts(copy)) == 701
    history.close()


def test_a_backup_takes_nothings_place(path: Path) -> None:
    recorded(path, "op", 1)
    history = History(path, record=False)
    there = path.read_bytes()
    link = path.with_name("link.db")
    link.symlink_to(path)
    notes = path.with_name("notes.txt")
    notes.write_text("mine")
    theirs = path.with_name("theirs.db")
    database = sqlite3.connect(theirs)
    database.execute("CREATE TABLE theirs (x)")
    database.close()
    live = History(path.with_name("live.db"))
    PerformanceMonitor(history=live).record_metric("op", 1, "s")
    assert live.flush()
    before = {one: one.read_bytes() for one in (notes, theirs)}
    for to in (path, link, notes, theirs, live.path, path.parent, path.parent / "missing" / "x.db"):
        with pytest.raises(OSError, match=to.name):
            history.backup(to)
    assert {one: one.read_bytes() for one in before} == before
    assert path.read_bytes() == there
    live.close()
    with pytest.raises(TypeError, match="path"):
        history.backup(1)  # type: ignore[arg-type]


def test_a_backup_at_the_command_line(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorded(path, "op", 5)
    copy = path.with_name("copy.db")
    assert cli.main(["history", "backup", str(path), str(copy)]) == 0
    assert cli.main(["history", "backup", "--history", str(path), str(copy)]) == 0
    assert cli.main(["history", "check", "--history", str(copy)]) == 0
    assert "in order" in capsys.readouterr().out
    assert len(counts(copy)) == 5
    assert cli.main(["history", "backup", "--history", str(path)]) == 2
    assert cli.main(["history", "backup", "a", "b", "c"]) == 2
    assert cli.main(["history", "backup", str(path), str(path)]) == 1
    assert "the history itself" in capsys.readouterr().err


@pytest.mark.thread_unsafe(reason="sets a variable of the process")
def test_a_history_alone_is_not_taken_for_the_place_of_a_backup(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded(path, "op", 5)
    other = recorded(path.with_name("other.db"), "theirs", 3)
    copy = path.with_name("copy.db")
    monkeypatch.setenv("PTPD_MONITORING_HISTORY", str(path))
    for arguments in (
        [str(other)],
        [str(copy)],
        ["--history", str(path), str(other), str(copy)],
        ["--history", str(path)],
    ):
        assert cli.main(["history", "backup", *arguments]) == 2, arguments
        assert "name the file to copy to" in capsys.readouterr().err
        assert not copy.exists()
    assert cli.main(["history", "backup", "--history", str(path), str(other)]) == 1
    assert "another history" in capsys.readouterr().err
    assert len(counts(other)) == 3
    assert cli.main(["history", "backup", str(other), str(copy)]) == 0
    assert len(counts(copy)) == 3


def test_a_file_that_was_made_and_not_written_to_is_an_empty_history(path: Path) -> None:
    path.touch()
    reader = History(path, record=False)
    assert reader.info()["hours"] == 0
    assert list(reader.rows()) == []
    assert reader.check() == []
    assert reader.recent()["problem"] is None
    report = PerformanceReport(PerformanceMonitor(history=reader)).generate_daily_report()
    assert report["history"].get("problem") is None
    assert path.read_bytes() == b""
    recorded(path, "op", 1)
    assert reader.info()["hours"] == 1


READ = """
import sys
from ptpd_monitoring import History
history = History(sys.argv[1], record=False)
try:
    print(len(list(history.rows("hours"))), history.check())
except OSError as error:
    print(error)
"""


def beside_a_read_only_mount(
    folder: Path, *command: str | Path
) -> subprocess.CompletedProcess[str]:
    """Run ``command`` where nothing in ``folder`` may be written."""
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare")
    # In a name space of its own, so that the mount goes with the process.
    mount = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'
    all_of_it = ["unshare", "-m", "sh", "-c", mount, "sh", folder, *command]
    return subprocess.run(all_of_it, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.thread_unsafe(reason="starts processes, which share nothing with the threads")
@pytest.mark.parametrize("left", ["nothing", "empty log", "log", "log and index"])
def test_a_history_on_a_read_only_mount_is_read_or_it_is_said_how(left: str, path: Path) -> None:
    folder = path.parent / "disk"
    folder.mkdir()
    path = folder / "history.db"
    if left == "nothing":
        recorded(path, "killed", 5)
    else:
        killed(path, "killed")
    if left == "log":
        Path(f"{path}-shm").unlink()
    if left == "empty log":
        recorded(path, "more", 1)
        Path(f"{path}-wal").touch()
    script = folder.with_name("read.py")
    script.write_text(READ)
    done = beside_a_read_only_mount(folder, "true")
    if done.returncode != 0:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    done = beside_a_read_only_mount(folder, sys.executable, script, path)
    assert (done.returncode, done.stderr) == (0, "")
    expected = {"nothing": "5 []\n", "empty log": "6 []\n", "log and index": "5 []\n"}
    if left in expected:
        assert done.stdout == expected[left]
    else:
        assert "copy the file and the -wal beside it" in done.stdout
        copies = [shutil.copy(one, folder.parent) for one in folder.iterdir()]
        assert len(list(History(copies[0].removesuffix("-wal"), record=False).rows("hours"))) == 5
