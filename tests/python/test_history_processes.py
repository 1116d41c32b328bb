"""A history through forks, worker processes and the end of the process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import history_processes
from hammer import DEADLINE, HERE, ended, ended_beside_daemons, run
from history_support import counts, is_sound, query, start

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


def test_eight_processes_write_one_file(path: Path) -> None:
    history_processes.write_together(path, processes=8, seconds=2)


@needs_fork
def test_forks_in_the_middle_of_writing_lose_and_double_nothing(path: Path) -> None:
    history_processes.fork_while_writing(path, forks=40)


def test_ends_without_a_close_lose_nothing(path: Path) -> None:
    history_processes.exit_repeatedly(path, exits=3)


@needs_fork
def test_what_a_child_inherits_unwritten_is_its_parents_alone(path: Path) -> None:
    script = """
    import sys
    import hammer
    from ptpd_monitoring import History, PerformanceMonitor

    # The fork comes before the parent's next flush.
    history = History(sys.argv[1], flush_interval=3_600)
    monitor = PerformanceMonitor(history=history)
    monitor.record_metric("parent", 1, "s")

    def child():
        monitor.record_metric("child", 1, "s")
        assert history.flush()

    hammer.reap(hammer.fork(child))
    assert history.flush()
    """
    assert run(script, path) == ""
    assert counts(path) == {"parent": 1, "child": 1}
    assert query(path, "SELECT count(DISTINCT pid) FROM writers") == [(2,)]


@needs_fork
def test_a_child_writes_by_a_thread_of_its_own(path: Path) -> None:
    script = """
    import sys, time
    from pathlib import Path
    import hammer
    from history_support import query
    from ptpd_monitoring import History, PerformanceMonitor

    history = History(sys.argv[1], flush_interval=0.02)
    monitor = PerformanceMonitor(history=history)
    monitor.record_metric("parent", 1, "s")
    assert history.flush()

    def child():
        monitor.record_metric("child", 1, "s")
        sql = "SELECT count(*) FROM series WHERE name = 'child'"
        while query(Path(sys.argv[1]), sql) != [(1,)]:
            time.sleep(0.01)

    hammer.reap(hammer.fork(child))
    """
    assert run(script, path) == ""


@needs_fork
def test_a_program_started_from_a_child_does_not_keep_the_file(path: Path) -> None:
    script = """
    import subprocess, sys
    from ptpd_monitoring import History, PerformanceMonitor

    history = History(sys.argv[1])
    monitor = PerformanceMonitor(history=history)
    monitor.record_metric("op", 1, "s")
    assert history.flush()
    look = "import os; print([os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{n}')])"
    for hook in (None, lambda: None):
        shown = subprocess.check_output([sys.executable, "-c", look], preexec_fn=hook, text=True)
        assert "history.db" not in shown, shown
    assert history.flush()
    """
    assert run(script, path) == ""


WORKER = """
from ptpd_monitoring import History, PerformanceMonitor

history = monitor = None

def prepare(path):
    global history, monitor
    history = History(path, flush_interval=3_600)
    monitor = PerformanceMonitor(history=history)

def work(number):
    monitor.record_metric("worker", number, "s")
    return number
"""

POOL = """
import sys, warnings
import multiprocessing
sys.path.insert(0, sys.argv[3])
import worker

if __name__ == "__main__":
    method, inherits = sys.argv[1], sys.argv[2] == "inherited"
    path = sys.argv[4]
    if inherits:
        worker.prepare(path)
        worker.monitor.record_metric("parent", 1, "s")
    arguments = {} if inherits else {"initializer": worker.prepare, "initargs": (path,)}
    with warnings.catch_warnings():
        # Python 3.12 and newer warn about a fork beside threads. That it works is the point.
        warnings.simplefilter("ignore", DeprecationWarning)
        context = multiprocessing.get_context(method)
        pool = context.Pool(3, **arguments)
        assert sorted(pool.map(worker.work, range(60), chunksize=1)) == list(range(60))
        pool.close()
        pool.join()
        # One that ends by an exception.
        process = context.Process(target=worker.work, args=(60,))
        if inherits:
            process.start()
            process.join()
            assert process.exitcode == 0
    print("done")
"""


@pytest.mark.parametrize(
    ("method", "origin"),
    [
        pytest.param("fork", "inherited", marks=needs_fork),
        pytest.param("fork", "own", marks=needs_fork),
        pytest.param("forkserver", "own", marks=needs_fork),
        ("spawn", "own"),
    ],
)
def test_worker_processes_write_what_they_have_left_at_their_end(
    method: str, origin: str, tmp_path: Path, path: Path
) -> None:
    (tmp_path / "worker.py").write_text(WORKER)
    program = tmp_path / "program.py"
    program.write_text(POOL)
    script = "import runpy, sys; sys.argv[0] = sys.argv[5]; runpy.run_path(sys.argv[5], run_name='__main__')"
    assert run(script, method, origin, tmp_path, path, program) == "done\n"
    expected = {"worker": 61, "parent": 1} if origin == "inherited" else {"worker": 60}
    assert counts(path) == expected
    assert is_sound(path)


IN_MAIN = """
import multiprocessing, sys, warnings
from ptpd_monitoring import History, PerformanceMonitor

# A worker that does not inherit it makes it when it imports this module.
history = History(sys.argv[1], flush_interval=3_600)
monitor = PerformanceMonitor(history=history)

def work(number):
    monitor.record_metric("worker", number, "s")

if __name__ == "__main__":
    warnings.simplefilter("ignore", DeprecationWarning)
    context = multiprocessing.get_context(sys.argv[2])
    workers = [context.Process(target=work, args=(number,)) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
"""


@pytest.mark.parametrize(
    "method",
    [
        pytest.param("fork", marks=needs_fork),
        pytest.param("forkserver", marks=needs_fork),
        "spawn",
    ],
)
def test_workers_write_to_a_history_made_where_their_program_is_imported(
    method: str, tmp_path: Path, path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text(IN_MAIN)
    command = [sys.executable, str(program), str(path), method]
    subprocess.run(command, check=True, timeout=DEADLINE)
    assert counts(path) == {"worker": 3}
    assert is_sound(path)


ENDINGS = {
    "falling off the end": "",
    "sys.exit": "sys.exit(0)",
    "an exception": "sys.excepthook = lambda *_: None\nraise KeyError",
    "a thread that is still at work": """
def late():
    threading.main_thread().join()
    monitor.record_metric("op", 1, "s")
    monitor.record_metric("late", 1, "s")
threading.Thread(target=late).start()
""",
    "a daemon thread": """
def spin():
    while True:
        monitor.get_average("op")
for _ in range(4):
    threading.Thread(target=spin, daemon=True).start()
""",
    "a function called at exit": """
atexit.register(lambda: monitor.record_metric("late", 1, "s"))
monitor.record_metric("op", 1, "s")
""",
    "a history that is closed at exit": "atexit.register(history.close)",
    "a monitor in a cycle": "class Own: pass\nown = Own(); own.own = own; own.monitor = monitor\ndel own, monitor",
    "an open with block": "context = History(sys.argv[1]).__enter__()",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_is_lost_at(ending: str, path: Path) -> None:
    script = f"""
import atexit, os, sys, threading
from ptpd_monitoring import History, PerformanceMonitor

history = History(sys.argv[1], flush_interval=3_600)
monitor = PerformanceMonitor(history=history)
for _ in range(5):
    monitor.record_metric("op", 1, "s")
{ENDINGS[ending]}
"""

    def end(attempt: int = 0) -> subprocess.CompletedProcess[str]:
        return ended(script, path.with_name(f"{attempt}.db"))

    done = ended_beside_daemons(end) if "daemon=True" in script else end()
    assert (done.stdout, done.stderr) == ("", "")
    assert done.returncode == ("raise" in ENDINGS[ending])
    more = ENDINGS[ending].count('monitor.record_metric("op"')
    late = {"late": 1} if "late" in ENDINGS[ending] else {}
    written = Path(done.args[-1])
    assert counts(written) == {"op": 5 + more, **late}
    assert is_sound(written)


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_a_signal_handler_that_exits_loses_nothing(path: Path) -> None:
    script = """
    import signal, sys
    from ptpd_monitoring import History, PerformanceMonitor

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
    monitor = PerformanceMonitor(history=History(sys.argv[1], flush_interval=3_600))
    monitor.record_metric("op", 1, "s")
    recorded = 1
    try:
        print("ready", flush=True)
        while True:
            monitor.record_metric("op", 1, "s")
            recorded += 1
    finally:
        # The signal may have come between the two lines.
        print(recorded, len(monitor.operations()), flush=True)
    """
    program = start(script, path)
    assert program.stdout is not None
    assert program.stdout.readline() == "ready\n"
    while program.stdout and not path.exists():
        assert program.poll() is None
    program.send_signal(signal.SIGTERM)
    output, errors = program.communicate(timeout=DEADLINE)
    assert (program.returncode, errors) == (7, "")
    recorded = int(output.split()[0])
    assert recorded <= counts(path)["op"] <= recorded + 1


FORK_IN_C = """
import ctypes, logging, os, sys
import hammer
from ptpd_monitoring import History, PerformanceMonitor

logging.basicConfig(stream=sys.stdout, format="%(levelname)s %(message)s")
history = History(sys.argv[1], flush_interval=3_600)
monitor = PerformanceMonitor(history=history)
monitor.record_metric("parent", 1, "s")
assert history.flush()
hammer.wait_until_others_sleep()
# With the interpreter's lock, and without any hook.
pid = ctypes.PyDLL(None).fork()
if pid == 0:
    monitor.record_metric("child", 1, "s")
    assert monitor.get_statistics("child")["count"] == 1
    assert history.flush() is False
    assert history.flush() is False
    assert "was forked" in history.problem, history.problem
    try:
        history.info()
    except OSError as error:
        assert "was forked" in str(error), error
    PerformanceMonitor(history=history).record_metric("another", 1, "s")
    APIPerformanceTracker = None
    monitor.clear_metrics()
    del monitor
    history.close()
    sys.stdout.flush()
    os._exit(0)
hammer.reap(pid)
monitor.record_metric("parent", 1, "s")
assert history.flush()
assert history.problem is None
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks by the C library")
def test_a_child_that_was_forked_behind_pythons_back_leaves_the_file_alone(path: Path) -> None:
    said = run(FORK_IN_C, path).splitlines()
    assert len(said) == 1, said
    assert said[0].startswith("WARNING The history")
    assert "forked" in said[0]
    assert counts(path) == {"parent": 2}
    assert is_sound(path)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks by the C library")
def test_a_child_that_was_forked_behind_pythons_back_ends_at_once(path: Path) -> None:
    script = """
    import ctypes, logging, sys
    import hammer
    from ptpd_monitoring import History, PerformanceMonitor

    logging.disable()
    history = History(sys.argv[1], flush_interval=3_600)
    monitor = PerformanceMonitor(history=history)
    monitor.record_metric("parent", 1, "s")
    assert history.flush()
    hammer.wait_until_others_sleep()
    pid = ctypes.PyDLL(None).fork()
    if pid == 0:
        monitor.record_metric("child", 1, "s")
        if sys.argv[2] == "asks":
            assert "was forked" in history.problem, history.problem
        sys.exit(0)
    # It would wait for half a minute for a thread that it does not have.
    hammer.reap(pid, 25)
    """
    assert run(script, path, "asks") == ""
    assert run(script, path, "does not ask") == ""
    assert counts(path) == {"parent": 2}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks by the C library")
def test_a_child_forked_behind_pythons_back_before_the_file_was_open_writes_as_itself(
    path: Path,
) -> None:
    script = """
    import ctypes, os, sys
    import hammer
    from ptpd_monitoring import History, PerformanceMonitor

    history = History(sys.argv[1], flush_interval=3_600)
    history.close()
    monitor = PerformanceMonitor()
    hammer.wait_until_others_sleep()
    pid = ctypes.PyDLL(None).fork()
    if pid == 0:
        own = History(sys.argv[1])
        PerformanceMonitor(history=own).record_metric("child", 1, "s")
        assert own.flush(), own.problem
        os._exit(0)
    hammer.reap(pid)
    """
    assert run(script, path) == ""
    assert counts(path) == {"child": 1}


def test_a_launched_script_with_the_variable_writes_its_history(tmp_path: Path, path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from ptpd_calibration.monitoring import get_monitor\n"
        "get_monitor().record_metric('op', 1, 's')\n"
    )
    subprocess.run(
        [sys.executable, "-m", "ptpd_monitoring", str(script)],
        env={**os.environ, "PTPD_MONITORING_HISTORY": str(path), "PYTHONPATH": str(HERE)},
        check=True,
        timeout=DEADLINE,
    )
    assert counts(path) == {"op": 1}
