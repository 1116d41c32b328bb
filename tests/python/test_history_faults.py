"""A history that cannot be written: one warning, monitoring goes on, and it heals."""

from __future__ import annotations

import logging
import os
import queue
import sqlite3
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hammer import ended, ended_beside_daemons, printed, run
from history_support import LOGGER, counts, is_sound, locked, query
from ptpd_monitoring import APIPerformanceTracker, History, PerformanceMonitor

needs_posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX's permissions and limits")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


class Log(logging.Handler):
    """What was said. The thread that writes may say it a moment later than others see why."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: queue.Queue[tuple[str, str]] = queue.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.put((record.levelname, record.getMessage()))

    def line(self, level: str) -> str:
        """The next line, which is the only one."""
        found, message = self.lines.get(timeout=60)
        assert found == level, message
        self.is_silent()
        return message

    def is_silent(self) -> None:
        assert self.lines.empty(), self.lines.get()


@pytest.fixture
def log() -> Iterator[Log]:
    handler = Log()
    logger = logging.getLogger(LOGGER)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    handler.is_silent()
    logger.removeHandler(handler)
    logger.setLevel(level)


def fails_once(history: History, log: Log, *words: str) -> None:
    """What is wrong with ``history`` is said once, and stops nothing."""
    monitor = PerformanceMonitor(history=history)
    tracker = APIPerformanceTracker(history=history)
    for _ in range(3):
        monitor.record_metric("op", 1, "s")
        tracker.track_request("/", 0.1, 200)
        assert history.flush() is False
    assert monitor.get_statistics("op")["count"] == 3
    problem = history.problem
    assert problem is not None
    for word in (str(history.path), *words):
        assert word in problem
    warning = log.line("WARNING")
    for word in words:
        assert word in warning
    assert "goes on in memory" in warning
    del monitor, tracker


def heals(history: History, log: Log) -> None:
    assert history.flush() is True
    assert history.problem is None
    assert "written again" in log.line("INFO")
    assert counts(history.path) == {"op": 3}
    assert counts(history.path, kind="endpoint") == {"/": 3}
    assert is_sound(history.path)


def test_a_missing_folder(tmp_path: Path, log: Log) -> None:
    path = tmp_path / "missing" / "history.db"
    history = History(path, flush_interval=3_600)
    fails_once(history, log, "cannot be opened", "make its folder")
    path.parent.mkdir()
    heals(history, log)


def test_a_file_in_the_place_of_the_folder(tmp_path: Path, log: Log) -> None:
    (tmp_path / "file").write_text("")
    history = History(tmp_path / "file" / "history.db", flush_interval=3_600)
    fails_once(history, log, "choose another path")
    (tmp_path / "file").unlink()
    (tmp_path / "file").mkdir()
    heals(history, log)


def test_a_text_file(path: Path, log: Log) -> None:
    path.write_text("my notes\n" * 1_000)
    history = History(path, flush_interval=3_600)
    fails_once(history, log, "is not a history", "choose another path")
    assert path.read_text() == "my notes\n" * 1_000
    path.rename(path.with_name("notes.txt"))
    heals(history, log)


def test_a_database_of_another_program(path: Path, log: Log) -> None:
    database = sqlite3.connect(path)
    with database:
        database.execute("CREATE TABLE their_own (x)")
    database.close()
    before = path.read_bytes()
    history = History(path, flush_interval=3_600)
    fails_once(history, log, "is not a history")
    for ask in (history.info, history.check, history.fold, history.vacuum):
        with pytest.raises(OSError, match="is not a history"):
            ask()
    with pytest.raises(OSError, match="is not a history"):
        next(history.rows())
    assert path.read_bytes() == before
    path.unlink()
    heals(history, log)


def test_a_file_of_a_later_release(path: Path, log: Log) -> None:
    History(path).close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()
    history = History(path, flush_interval=3_600)
    fails_once(history, log, "later release", "schema 99", "update this package")
    assert query(path, "PRAGMA user_version") == [(99,)]
    for name in path.parent.iterdir():
        name.rename(name.with_name(f"newer {name.name}"))
    heals(history, log)


def test_a_damaged_file(path: Path, log: Log) -> None:
    with History(path) as history:
        monitor = PerformanceMonitor(history=history)
        for number in range(500):
            monitor.record_metric(f"op {number}", 1, "s")
    whole = path.read_bytes()
    damaged = whole[:4096] + b"\xa5" * (len(whole) - 4096)
    path.write_bytes(damaged)
    history = History(path, flush_interval=3_600)
    fails_once(history, log, "is damaged", "move it away")
    assert path.read_bytes()[4096:] == damaged[4096:]
    for name in path.parent.iterdir():
        name.rename(name.with_name(f"damaged {name.name}"))
    heals(history, log)


def test_a_file_that_another_program_keeps_locked(path: Path, log: Log) -> None:
    History(path).close()
    with locked(path):
        history = History(path, flush_interval=3_600)
        monitor = PerformanceMonitor(history=history)
        monitor.record_metric("op", 1, "s")
        # It is waited for, for some seconds, and meanwhile nobody else waits.
        waiting = threading.Thread(target=history.flush)
        waiting.start()
        monitor.record_metric("op", 1, "s")
        assert monitor.get_statistics("op")["count"] == 2
        assert history.problem is None or "is locked" in history.problem
        waiting.join(60)
        assert "is locked by another process" in log.line("WARNING")
    assert history.flush()
    log.line("INFO")
    assert counts(path) == {"op": 2}


def test_a_file_that_is_removed_while_it_is_in_use(path: Path, log: Log) -> None:
    history = History(path, flush_interval=3_600)
    monitor = PerformanceMonitor(history=history)
    monitor.record_metric("before", 1, "s")
    assert history.flush()
    for name in path.parent.iterdir():
        name.unlink()
    monitor.record_metric("after", 1, "s")
    assert history.flush()
    assert counts(path) == {"after": 1}
    log.is_silent()


def test_what_could_not_be_written_at_the_end_is_told(tmp_path: Path) -> None:
    script = """
    import logging, sys
    logging.basicConfig(stream=sys.stdout, format="%(levelname)s %(message)s")
    from ptpd_monitoring import PerformanceMonitor

    monitor = PerformanceMonitor(history=sys.argv[1])
    monitor.record_metric("op", 1, "s")
    monitor.record_metric("another", 1, "s")
    """
    lines = run(script, tmp_path / "missing" / "history.db").splitlines()
    assert [line.split()[0] for line in lines] == ["WARNING", "WARNING"]
    assert "2 minutes of operations are lost" in lines[1]


@pytest.mark.thread_unsafe(reason="starts processes, which share nothing with the threads")
@pytest.mark.parametrize("_exit", range(4))
def test_what_threads_hand_over_while_the_process_ends_is_not_told_as_a_failure(
    _exit: int, tmp_path: Path
) -> None:
    script = """
    import atexit, sys, threading
    from ptpd_monitoring import History, PerformanceMonitor

    history = History(sys.argv[1])
    done = [0] * 4
    started = threading.Barrier(len(done) + 1)

    def work(number):
        while True:
            PerformanceMonitor(history=history).record_metric("op", 1, "s")
            done[number] += 1
            if done[number] == 100:
                started.wait()

    for number in range(len(done)):
        threading.Thread(target=work, args=(number,), daemon=True).start()
    # Runs before what this package does at the end.
    atexit.register(lambda: print(sum(done)))
    started.wait()
    """
    done = ended_beside_daemons(lambda attempt: ended(script, tmp_path / f"{attempt}.db"))
    recorded = int(printed(done))
    assert counts(Path(done.args[-1]))["op"] >= recorded


def test_a_log_handler_that_fails_or_uses_the_history_disturbs_nothing(tmp_path: Path) -> None:
    script = """
    import logging, pathlib, queue, sys
    from ptpd_monitoring import History, PerformanceMonitor

    path = pathlib.Path(sys.argv[1])
    told = []

    class Handler(logging.Handler):
        def emit(self, record):
            told.append(record.levelname)
            # From inside of the notice: nothing is held meanwhile.
            monitor.record_metric("told", 1, "s")
            history.flush()
            raise ValueError("a handler that fails")

    ignored = queue.Queue()
    sys.unraisablehook = lambda hook: ignored.put(str(hook.exc_value))
    logger = logging.getLogger("ptpd_calibration.monitoring")
    logger.addHandler(Handler())
    logger.setLevel("INFO")
    history = History(path, flush_interval=3_600)
    monitor = PerformanceMonitor(history=history)
    monitor.record_metric("op", 1, "s")
    assert not history.flush()
    path.parent.mkdir()
    assert history.flush()
    # The thread that writes may come first, and then be in the handler still.
    for _ in range(2):
        assert ignored.get(timeout=60) == "a handler that fails"
    assert told == ["WARNING", "INFO"], told
    """
    path = tmp_path / "missing" / "history.db"
    assert run(script, path) == ""
    assert counts(path) == {"op": 1, "told": 2}


# The administrator may write everything, so the rest runs as somebody else.
AS_NOBODY = """
import logging, logging.handlers, os, pathlib, queue, resource, signal, stat, sys
import numpy
import hammer
from ptpd_monitoring import History, PerformanceMonitor, _workers

# The thread that writes may say it a moment later than others see why.
told = queue.Queue()
logger = logging.getLogger("ptpd_calibration.monitoring")
logger.addHandler(logging.handlers.QueueHandler(told))
logger.setLevel("INFO")

def show():
    record = told.get(timeout=60)
    print(record.levelname, record.getMessage())

path = pathlib.Path(sys.argv[1])
History(path).close()
"""

READ_ONLY = (
    AS_NOBODY
    + """
hammer.become_nobody(path.parent)
name = path if sys.argv[2] == "file" else path.parent
mode = stat.S_IMODE(name.stat().st_mode)
name.chmod(mode & ~0o222)
history = History(path, flush_interval=3_600)
monitor = PerformanceMonitor(history=history)
for _ in range(3):
    monitor.record_metric("op", 1, "s")
    assert not history.flush()
show()
print(history.problem)
name.chmod(mode)
assert history.flush()
show()
assert told.empty()
"""
)


@needs_posix
@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_may_not_be_written(what: str, path: Path) -> None:
    for folder in [path.parent, *path.parent.parents][:3]:
        folder.chmod(folder.stat().st_mode | 0o755)
    lines = run(READ_ONLY, path, what).splitlines()
    assert [line.split()[0] for line in lines] == ["WARNING", "The", "INFO"], lines
    assert "let this user write the file and its folder" in lines[0]
    assert "let this user write the file and its folder" in lines[1]
    assert counts(path) == {"op": 3}


READING = (
    AS_NOBODY
    + """
history = History(path)
PerformanceMonitor(history=history).record_metric("op", 1, "s")
history.close()
hammer.become_nobody(path.parent)
path.chmod(0o444)
path.parent.chmod(0o555)
history = History(path, flush_interval=3_600)
assert not history.flush()
assert history.info()["hours"] == 1
assert history.check() == []
assert [row["count"] for row in history.rows()] == [1]
assert [name.name for name in path.parent.iterdir()] == [path.name]
path.parent.chmod(0o755)
show()
assert told.empty()
"""
)


@needs_posix
def test_a_file_on_a_read_only_disk_can_be_read(tmp_path: Path) -> None:
    folder = tmp_path / "100 % read-only?"
    folder.mkdir()
    for above in [folder, *folder.parents][:4]:
        above.chmod(above.stat().st_mode | 0o755)
    (warning,) = run(READING, folder / "history #1.db").splitlines()
    assert warning.startswith("WARNING")


READING_OF_ANOTHER = (
    AS_NOBODY
    + """
from ptpd_monitoring import cli
# Now: the other user may not be able to.
from ptpd_monitoring.cli import app

log = path.with_name(path.name + "-wal")
with History(path) as history:
    PerformanceMonitor(history=history).record_metric("op", 1, "s")
    assert history.flush()
    written = log.read_bytes()
path.chmod(0o666)
if sys.argv[2] == "crashed":
    log.write_bytes(written)
    log.chmod(0o666)
path.parent.chmod(0o755)
hammer.become_nobody()
assert os.access(path, os.W_OK) and not os.access(path.parent, os.W_OK)
history = History(path, record=False)
assert history.problem is None
if sys.argv[2] == "crashed":
    # What the log holds would be missing.
    try:
        print(list(history.rows()))
    except OSError as error:
        print(error)
    sys.exit()
assert [row["count"] for row in history.rows()] == [1]
assert history.check() == []
assert history.recent()["problem"] is None
assert cli.main(["history", "check", "--history", str(path)]) == 0
assert cli.main(["report", "--history", str(path), "--format", "csv"]) == 0
assert [name.name for name in path.parent.iterdir()] == [path.name]
try:
    history.fold()
except OSError as error:
    print(error)
assert told.empty()
"""
)


@needs_posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() != 0, reason="needs two users")
@pytest.mark.parametrize("writer", ["closed", "crashed"])
def test_a_file_that_anybody_may_write_in_anothers_folder_can_be_read(
    writer: str, path: Path
) -> None:
    for folder in [path.parent, *path.parent.parents][:3]:
        folder.chmod(folder.stat().st_mode | 0o755)
    said = run(READING_OF_ANOTHER, path, writer)
    if writer == "crashed":
        assert "copy the file and the -wal beside it" in said.splitlines()[-1]
    else:
        assert "cannot be written" in said.splitlines()[-1]
        assert "in order" in said
        assert "\nop,1," in said


FULL = (
    AS_NOBODY
    + """
# Files that may not grow fail as a full disk does.
size = path.stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
history = History(path, flush_interval=3_600)
monitor = PerformanceMonitor(history=history)
for number in range(1_000):
    monitor.record_metric(f"op {number}", 1, "s")
for _ in range(3):
    assert not history.flush()
show()
print(history.problem)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert history.flush()
show()
assert told.empty()
"""
)


@needs_posix
def test_a_disk_without_room(path: Path) -> None:
    lines = run(FULL, path).splitlines()
    assert [line.split()[0] for line in lines] == ["WARNING", "The", "INFO"], lines
    assert "could not be" in lines[1] or "full" in lines[1]
    assert counts(path) == {f"op {number}": 1 for number in range(1_000)}
    assert is_sound(path)


SHRUNKEN = (
    AS_NOBODY
    + """
import random

# Runs out of room again and again, in the middle of whatever it is writing.
luck = random.Random(int(sys.argv[2]))
history = History(path, flush_interval=3_600)
monitor = PerformanceMonitor(history=history)
complete = 0
for round in range(150):
    for number in range(30):
        monitor.record_metric(f"op {number}", 1, "s")
    sizes = [name.stat().st_size for name in path.parent.iterdir() if name.name.startswith(path.name)]
    room = luck.randrange(1, max(sizes) + 60_000) if round % 2 else resource.RLIM_INFINITY
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    complete += history.flush()
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert history.flush()
assert 75 <= complete < 150, complete
"""
)


@needs_posix
@pytest.mark.parametrize("seed", range(3))
def test_a_disk_that_runs_out_of_room_at_any_moment_neither_loses_nor_doubles(
    seed: int, path: Path
) -> None:
    run(SHRUNKEN, path, seed)
    assert counts(path) == {f"op {number}": 150 for number in range(30)}
    assert is_sound(path)


def test_the_warning_of_the_thread_needs_no_thread_of_pythons(tmp_path: Path) -> None:
    script = """
    import logging, sys, threading
    from ptpd_monitoring import History

    told = threading.Event()
    names = []

    class Handler(logging.Handler):
        def emit(self, record):
            names.append(threading.current_thread() is threading.main_thread())
            told.set()

    logging.getLogger("ptpd_calibration.monitoring").addHandler(Handler())
    history = History(sys.argv[1], flush_interval=0.01)
    assert told.wait(60)
    assert names == [False]
    """
    assert run(script, tmp_path / "missing" / "history.db") == ""


if sys.platform == "win32":  # pragma: no cover
    pytest.skip("files in use cannot be moved away here", allow_module_level=True)
