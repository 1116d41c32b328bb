"""What a process that is stopped leaves in its history."""

from __future__ import annotations

import http.client
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from hammer import DEADLINE, run
from history_support import HERE, counts, is_sound, locked, start
from tries import passes_in_one_of_several

if not sys.platform.startswith("linux"):
    pytest.skip("what SIGTERM does is changed on Linux alone", allow_module_level=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


# The end waits for a second at most, which a machine may need for other things once or twice.
TRIES = 3

# The interval is longer than any test: what is written by its time is none of these samples.
RECORDING = """
import os, signal, sys, threading, time
from ptpd_monitoring import History, PerformanceMonitor

history = History(sys.argv[1], flush_interval=3_600)
monitor = PerformanceMonitor(history=history)
monitor.record_metric("op", 1, "s")
assert history.flush()

def wait_for_a_pause():
    # What is recorded next waits for longer than it takes to be told to end: after each write it is twice
    # as long until the next one. Of a long interval all is left if nothing was to be written at first.
    written, since = 0, time.monotonic()
    while True:
        monitor.record_metric("written before", 1, "s")
        now, changed = time.monotonic(), os.stat(sys.argv[1] + "-wal").st_mtime_ns
        if changed != written:
            if written and now - since > 0.3:
                break
            written, since = changed, now
        elif now - since > 3:
            break
        time.sleep(0.001)

def record(count=50):
    monitor.record_many("op", range(count), "s")

wait_for_a_pause()

def wait(event=threading.Event()):
    print("ready", flush=True)
    event.wait(200)
"""


def stopped(
    script: str, path: Path, *signals: int, **variables: str
) -> subprocess.CompletedProcess[str]:
    """The end of a program that prints a line when it is to be sent signals."""
    program = start(RECORDING + script, path, env={**os.environ, **variables})
    assert program.stdout is not None
    if signals:
        assert program.stdout.readline() == "ready\n", program.communicate()
    for number in signals:
        program.send_signal(number)
    output, errors = program.communicate(timeout=DEADLINE)
    return subprocess.CompletedProcess([], program.returncode, output, errors)


BY_DEFAULT = {
    "sent from outside": "record(); wait()",
    "sent by itself": "record(); os.kill(os.getpid(), signal.SIGTERM); wait()",
    "raised": "record(); signal.raise_signal(signal.SIGTERM); wait()",
    "in the middle of recording": """
threading.Timer(0.05, lambda: print("ready", flush=True)).start()
record()
while True:
    monitor.record_metric("other", 1, "s")
""",
    "while the main thread waits in C": """
import ctypes
record(); print("ready", flush=True); ctypes.CDLL(None).sleep(200)
""",
    "while the main thread keeps the interpreter": """
import ctypes
record(); print("ready", flush=True); ctypes.PyDLL(None).sleep(200)
""",
    "where only other threads take signals": """
other = threading.Thread(target=lambda: threading.Event().wait(200)); other.start()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
record(); wait()
""",
    "after a handler was taken away": """
signal.signal(signal.SIGTERM, lambda *_: None)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
record(); wait()
""",
    "after a handler was taken away, raised": """
from signal import signal as set_action
before = set_action(signal.SIGTERM, lambda *_: None)
assert before is signal.SIG_DFL
set_action(signal.SIGTERM, before)
record(); signal.raise_signal(signal.SIGTERM); wait()
""",
    "after an event loop took its handler away": """
import asyncio
async def serve():
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, lambda: None)
    loop.remove_signal_handler(signal.SIGTERM)
asyncio.run(serve())
record(); wait()
""",
    "after it was ignored": """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
record(); wait()
""",
    "in a process that was forked": """
if os.fork() == 0:
    record(); os.kill(os.getpid(), signal.SIGTERM); wait()
status = os.wait()[1]
assert os.WTERMSIG(status) == signal.SIGTERM
signal.raise_signal(signal.SIGTERM)
""",
}


@pytest.mark.parametrize("kind", BY_DEFAULT)
def test_what_waits_is_written_before_sigterm_ends_the_process(kind: str, path: Path) -> None:
    script = BY_DEFAULT[kind]
    comes_by_itself = "os.kill" in script or "raise_signal" in script
    paths = (path.with_name(f"{number}.db") for number in range(TRIES))

    def check() -> None:
        path = next(paths)
        done = stopped(script, path, *([] if comes_by_itself else [signal.SIGTERM]))
        assert (done.returncode, done.stderr) == (-signal.SIGTERM, "")
        assert counts(path)["op"] == 51
        assert is_sound(path)

    passes_in_one_of_several(check, TRIES)


def test_sigterm_is_answered_after_the_thread_that_writes_has_forked(path: Path) -> None:
    script = """
import logging
import hammer
from pathlib import Path

def of_histories():
    return [number for number, name in hammer.of_each_thread("comm").items() if "history" in name]

class Forks(logging.Handler):
    forked = threading.Event()
    def handle(self, _record):
        if self.forked.is_set() or threading.get_native_id() not in of_histories():
            return
        hammer.reap(hammer.fork(lambda: None))
        self.forked.set()

logger = logging.getLogger("ptpd_calibration.monitoring")
logger.addHandler(Forks())
logger.propagate = False
before = of_histories()
bad = Path(sys.argv[1] + " of somebody else")
bad.write_text("This is no history. " * 100)
# It is written by the thread, which tells of what is wrong.
other = PerformanceMonitor(history=History(bad, flush_interval=0.01))
other.record_metric("op", 1, "s")
assert Forks.forked.wait(hammer.DEADLINE)
while set(before) & set(of_histories()):
    time.sleep(0.001)
hammer.wait_until_others_sleep()
record()
wait()
"""
    paths = (path.with_name(f"{number}.db") for number in range(TRIES))

    def check() -> None:
        path = next(paths)
        done = stopped(script, path, signal.SIGTERM, PYTHONPATH=str(HERE))
        assert (done.returncode, done.stderr) == (-signal.SIGTERM, "")
        assert counts(path)["op"] == 51

    passes_in_one_of_several(check, TRIES)


def test_sigterm_is_answered_while_a_handler_of_the_log_takes_long(path: Path) -> None:
    script = """
import logging
from pathlib import Path

class Waits(logging.Handler):
    called = threading.Event()
    def handle(self, _record):
        self.called.set()
        threading.Event().wait(200)

logger = logging.getLogger("ptpd_calibration.monitoring")
logger.addHandler(Waits())
logger.propagate = False
bad = Path(sys.argv[1] + " of somebody else")
bad.write_text("This is no history. " * 100)
other = PerformanceMonitor(history=History(bad, flush_interval=0.01))
other.record_metric("op", 1, "s")
assert Waits.called.wait(200)
record()
wait()
"""
    paths = (path.with_name(f"{number}.db") for number in range(TRIES))

    def check() -> None:
        path = next(paths)
        done = stopped(script, path, signal.SIGTERM)
        assert (done.returncode, done.stderr) == (-signal.SIGTERM, "")
        assert counts(path)["op"] == 51

    passes_in_one_of_several(check, TRIES)


@pytest.mark.parametrize("kind", ["with its own thread", "before it has one"])
def test_sigterm_ends_a_child_that_was_forked_behind_pythons_back(kind: str, path: Path) -> None:
    script = """
    import ctypes
    record()
    pid = ctypes.PyDLL(None).fork()
    if pid == 0:
        ctypes.CDLL(None).sleep(200)
    os.kill(pid, signal.SIGTERM)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGTERM
    assert history.flush()
    os._exit(0)
    """
    if kind == "before it has one":
        script = script.replace("record()", "history.close()").replace("assert history.flush()", "")
    done = stopped(textwrap.dedent(script), path)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_action_looks_like_the_default_one_and_programs_that_are_started_have_it(
    path: Path,
) -> None:
    script = """
import subprocess
assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
assert signal.signal(signal.SIGTERM, signal.SIG_DFL) is signal.SIG_DFL
for bad in (lambda: signal.signal(signal.SIGTERM), lambda: signal.signal(signal.SIGTERM, "no")):
    try:
        bad()
    except TypeError:
        pass
    else:
        raise AssertionError
look = "from pathlib import Path; print(Path('/proc/self/status').read_text().split('SigCgt:')[1].split()[0])"
caught = int(subprocess.check_output([sys.executable, "-c", look]), 16)
assert not caught >> (signal.SIGTERM - 1) & 1
"""
    assert stopped(script, path).stderr == ""


def test_a_handler_takes_the_signal_over(path: Path) -> None:
    script = "signal.signal(signal.SIGTERM, lambda *_: os._exit(7)); record(); wait()"
    done = stopped(script, path, signal.SIGTERM)
    assert (done.returncode, done.stderr) == (7, "")


def test_a_history_that_is_told_to_leaves_the_signal_alone(path: Path) -> None:
    script = """
    import signal, sys
    from ptpd_monitoring import History, PerformanceMonitor
    from pathlib import Path
    def caught():
        status = Path("/proc/self/status").read_text()
        return int(status.split("SigCgt:")[1].split()[0], 16) >> (signal.SIGTERM - 1) & 1
    set_action = __import__("_signal").signal
    history = History(sys.argv[1], on_sigterm=False)
    PerformanceMonitor(history=history).record_metric("op", 1, "s")
    assert history.flush()
    assert not caught()
    assert __import__("_signal").signal is set_action
    History(sys.argv[1] + "2")
    assert caught()
    """
    assert run(script, path) == ""


def test_the_program_does_not_go_on_while_another_process_is_waited_for(path: Path) -> None:
    script = """
print("ready", flush=True)
sys.stdin.readline()
record()
os.kill(os.getpid(), signal.SIGTERM)
print("went on", flush=True)
os._exit(3)
"""
    paths = (path.with_name(f"{number}.db") for number in range(TRIES))

    def check() -> None:
        path = next(paths)
        program = start(RECORDING + script, path, stdin=subprocess.PIPE)
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n", program.communicate()
        with locked(path):
            output, errors = program.communicate("\n", timeout=DEADLINE)
        assert (program.returncode, output, errors) == (-signal.SIGTERM, "", "")

    passes_in_one_of_several(check, TRIES)


def test_sigterm_ends_the_process_though_the_file_cannot_be_written(path: Path) -> None:
    with locked(path):
        program = start(
            """
            import sys, threading
            from ptpd_monitoring import PerformanceMonitor
            PerformanceMonitor(history=sys.argv[1]).record_metric("op", 1, "s")
            print("ready", flush=True)
            threading.Event().wait(200)
            """,
            path,
        )
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
        program.terminate()
        assert program.wait(DEADLINE) == -signal.SIGTERM
        program.communicate()


def test_what_waits_is_written_also_if_no_thread_can_be_started() -> None:
    script = """
import resource
import hammer
history.close()
hammer.become_nobody(history.path.parent)
history = History(sys.argv[1], flush_interval=3_600)
monitor = PerformanceMonitor(history=history)
monitor.record_metric("op", 1, "s")
assert history.flush()
wait_for_a_pause()
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
record()
wait()
"""

    def check() -> None:
        # Where others may look, too.
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "history.db"
            done = stopped(script, path, signal.SIGTERM, PYTHONPATH=str(HERE))
            assert (done.returncode, done.stderr) == (-signal.SIGTERM, "")
            assert counts(path)["op"] == 52

    passes_in_one_of_several(check, TRIES)


WORKER = """
import sys
from ptpd_monitoring import History, PerformanceMonitor

monitor = None

def prepare(path):
    global monitor
    monitor = PerformanceMonitor(history=History(path, flush_interval=3_600))

def work(number):
    monitor.record_metric("worker", number, "s")
"""

POOL = """
import multiprocessing, sys
import worker

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with context.Pool(2, worker.prepare, (sys.argv[2],)) as pool:
        pool.map(worker.work, range(200), chunksize=1)
"""


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_a_pool_that_is_terminated_loses_nothing(method: str, tmp_path: Path, path: Path) -> None:
    (tmp_path / "worker.py").write_text(WORKER)
    program = tmp_path / "program.py"
    program.write_text(POOL)
    paths = (path.with_name(f"{number}.db") for number in range(TRIES))

    def check() -> None:
        path = next(paths)
        command = [sys.executable, str(program), method, str(path)]
        subprocess.run(command, check=True, timeout=DEADLINE)
        assert counts(path) == {"worker": 200}
        assert is_sound(path)

    passes_in_one_of_several(check, TRIES)


def test_what_is_recorded_after_a_pause_is_written_at_once(path: Path) -> None:
    script = """
    import os, sys, time
    from pathlib import Path
    from history_support import query
    from ptpd_monitoring import APIPerformanceTracker, History, PerformanceMonitor

    # Of the interval nothing would be written before the deadline.
    history = History(sys.argv[1], flush_interval=86_400)
    monitor = PerformanceMonitor(history=history)
    tracker = APIPerformanceTracker(history=history)
    path = Path(sys.argv[1])
    while not path.exists():
        time.sleep(0.01)
    if sys.argv[2] == "operation":
        monitor.record_metric("/x", 1, "s")
    else:
        tracker.track_request("/x", 1, 200)
    while query(path, "SELECT name FROM series JOIN hours ON series.id = hours.series") != [("/x",)]:
        time.sleep(0.01)
    os._exit(0)
    """
    assert run(script, path, "operation") == ""
    assert run(script, path.with_name("requests.db"), "request") == ""


needs = {
    name: pytest.mark.skipif(
        importlib.util.find_spec(name) is None and not os.environ.get("CI"),
        reason=f"{name} is not installed",
    )
    for name in ("uvicorn", "gunicorn", "billiard")
}

APPLICATION = """
import os
from ptpd_monitoring import APIPerformanceTracker, History

tracker = APIPerformanceTracker(history=History(os.environ["DB"], flush_interval=3_600))

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (kind := (await receive())["type"]) != "lifespan.shutdown":
            await send({"type": kind + ".complete"})
        return await send({"type": "lifespan.shutdown.complete"})
    with tracker.track("/x"):
        await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})

if __name__ == "__main__":
    import uvicorn
    uvicorn.run(app, port=int(os.environ["PORT"]), log_level="error")
"""

GUNICORN = "gunicorn application:app -k uvicorn.workers.UvicornWorker -w 2 -b 127.0.0.1:{port}"
SERVERS = {
    "uvicorn": "uvicorn application:app --port {port} --log-level error",
    "uvicorn, called": "application",
    "gunicorn": GUNICORN,
    "gunicorn, with the application loaded first": GUNICORN + " --preload",
}


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    try:
        connection.request("GET", "/x")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@pytest.mark.parametrize(
    "server",
    [
        pytest.param(name, marks=needs[name.partition(",")[0]], id=name.replace(", ", "-"))
        for name in SERVERS
    ],
)
def test_a_server_that_is_told_to_end_loses_no_request(
    server: str, tmp_path: Path, path: Path
) -> None:
    (tmp_path / "application.py").write_text(APPLICATION)
    paths = (path.with_name(f"{number}.db") for number in range(TRIES))
    passes_in_one_of_several(lambda: serve_and_end(server, tmp_path, next(paths)), TRIES)


def serve_and_end(server: str, folder: Path, path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", *SERVERS[server].format(port=port).split()]
    variables: dict[str, Any] = {**os.environ, "DB": str(path), "PORT": str(port)}
    program = subprocess.Popen(command, cwd=folder, env=variables, stderr=subprocess.PIPE)
    end = time.monotonic() + DEADLINE
    while not answers(port):
        assert program.poll() is None, program.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)
    answered = 1 + sum(answers(port) for _ in range(60))
    program.terminate()
    program.communicate(timeout=DEADLINE)
    assert program.returncode == (0 if "gunicorn" in server else -signal.SIGTERM)
    assert answered == 61
    assert counts(path, kind="endpoint") == {"/x": 61}


@needs["billiard"]
def test_a_worker_of_billiards_pool_that_is_recycled_loses_nothing(
    tmp_path: Path, path: Path
) -> None:
    (tmp_path / "worker.py").write_text(WORKER)
    program = tmp_path / "program.py"
    program.write_text("""
import sys
from billiard.pool import Pool
import worker

if __name__ == "__main__":
    worker.prepare(sys.argv[1])
    pool = Pool(1, maxtasksperchild=1)
    for number in range(3):
        pool.apply(worker.work, (number,))
    pool.close()
    pool.join()
""")
    subprocess.run([sys.executable, str(program), str(path)], check=True, timeout=DEADLINE)
    assert counts(path) == {"worker": 3}
