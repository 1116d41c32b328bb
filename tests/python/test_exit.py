"""The end of the interpreter, at any moment: the right status, and nothing said."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from hammer import DEADLINE, HERE, Exits, ended, ended_beside_daemons, run

# Interpreters from their start to their end, and those that begin as a fork, which is quicker.
WHOLE = 25
FORKED = 475

DAEMONS = """
import os, sys, threading
from pathlib import Path
import hammer

def daemons(folder):
    everything = hammer.Everything(folder)
    failures = []
    # Otherwise each start of a thread waits for those that have been started.
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    everything.hammer(threading.Event(), failures)

    def nested():
        # Inside of our frames, with Python code running that the interpreter stops.
        def spin():
            while True:
                everything.round()
        try:
            everything.profiler.profile_operation(spin)
        except BaseException as failure:
            failures.append(failure)

    def made():
        def factory():
            while True:
                sum(range(1_000))
        everything.cache.get_or_set("never made", factory)

    def waiting():
        # In here without the interpreter, most of the time.
        while True:
            type(everything.resources)().get_cpu_usage()

    for target in (nested, nested, made, made, waiting, waiting):
        threading.Thread(target=target, daemon=True).start()
    sys.setswitchinterval(interval)
    return failures
"""

ONCE = (
    DAEMONS
    + """
failures = daemons(sys.argv[1])
assert not failures, failures
print("done")
"""
)

# Threads are ended where they next take the interpreter's lock, so often in the middle of a report.
REPORTERS = """
import os, sys, threading
from pathlib import Path
import hammer
from ptpd_monitoring import PerformanceMonitor, PerformanceReport, ResourceMonitor

def daemons(folder):
    failures = []
    monitor = PerformanceMonitor()
    monitor.record_metric("op", 1, "u")
    report = PerformanceReport(monitor, resource_monitor=ResourceMonitor())

    begun = threading.Barrier(9)

    def work():
        try:
            begun.wait()
            while True:
                report.generate_daily_report()
                report.generate_session_report("s")
        except BaseException as failure:
            failures.append(failure)

    for _ in range(8):
        threading.Thread(target=work, daemon=True).start()
    sys.setswitchinterval(1e-5)
    begun.wait()
    report.generate_session_report("s")
    # What takes its time to be torn down, so that the threads get to their end.
    sys.ballast = [[] for _ in range(200_000)]
    return failures
"""

# Python code below methods of ours, in which the interpreter ends threads of its own accord.
CALLED = """
import logging, os, sys, threading
from pathlib import Path
import hammer
from ptpd_monitoring import APIPerformanceTracker, CacheManager, PerformanceMonitor, ResourceMonitor

def work():
    for number in range(50):
        number += 1

class Handler(logging.Handler):
    def emit(self, record):
        work()

class Key(int):
    def __hash__(self):
        work()
        return int(self)
    def __eq__(self, other):
        work()
        return int(self) == int(other)

class Value:
    def __del__(self):
        work()

class Number:
    def __float__(self):
        work()
        return 0.5
    def __repr__(self):
        work()
        return "number"

class Folder:
    def __fspath__(self):
        work()
        return "/"

class Monitor(PerformanceMonitor):
    def record_metric(self, *arguments):
        work()
        super().record_metric(*arguments)

class Tracker(APIPerformanceTracker):
    def track_request(self, *arguments):
        work()
        super().track_request(*arguments)

class Resources(ResourceMonitor):
    def get_disk_usage(self, path="/"):
        work()
        return super().get_disk_usage(path)

logger = logging.getLogger("ptpd_calibration.monitoring")
logger.addHandler(Handler())
logger.propagate = False
monitor, own, tracker, resources = PerformanceMonitor(), Monitor(), Tracker(), Resources()
cache = CacheManager()
weighed = CacheManager(max_bytes=1_000, weigher=lambda key, value: work() or 1)

def time():
    with own.timer("op"):
        pass

def track():
    with tracker.track("/"):
        pass

def refuse():
    try:
        monitor.record_metric("op", 1, Number())
    except TypeError:
        pass

CALLS = [
    lambda: monitor.stop_timer("never started"),
    lambda: cache.get(Key(1)),
    lambda: cache.set(Key(1), None),
    lambda: cache.set("key", Value()),
    lambda: weighed.set("key", "value"),
    lambda: monitor.record_metric("op", Number(), "u"),
    lambda: monitor.record_many("op", [Number()] * 3, "u"),
    lambda: resources.get_disk_usage(Folder()),
    lambda: resources.check_resources(),
    time,
    track,
    refuse,
]

def daemons(folder):
    failures = []
    begun = threading.Barrier(len(CALLS) + 1)

    def repeat(call):
        try:
            begun.wait()
            while True:
                call()
        except BaseException as failure:
            failures.append(failure)

    for call in CALLS:
        threading.Thread(target=repeat, args=(call,), daemon=True).start()
    sys.setswitchinterval(1e-5)
    begun.wait()
    work()
    return failures
"""

# Objects of the user's that methods of ours, or the ends of our own objects, let go of.
DROPPED = """
import os, sys, threading
from datetime import datetime
from pathlib import Path
import hammer
from ptpd_monitoring import *
from ptpd_monitoring.testing import ManualClock

def work():
    for number in range(50):
        number += 1

class Value:
    def __del__(self):
        work()

class Time(datetime):
    def __del__(self):
        work()

class Key(str):
    def __del__(self):
        work()

monitor, timed = PerformanceMonitor(), PerformanceMonitor()
cache, computing = CacheManager(), CacheManager()
clock = ManualClock()
aging, shrinking = CacheManager(clock=clock), CacheManager()
metric = PerformanceMetric(metric_name="a", value=1, unit="s")
request = APIMetric(endpoint="/", duration_ms=1, status_code=200)
usage = ResourceUsage(**{name: 1 for name in ResourceUsage.__match_args__[:7]})

def clear():
    monitor.record_metric("op", 1, "u", {"value": Value()})
    monitor.clear_metrics()

def delete():
    cache.set("k", Value())
    cache.delete("k")

def expire():
    aging.set("k", Value(), 1)
    clock.advance(2)
    aging.cleanup_expired()

def shrink():
    shrinking.__init__(2)
    shrinking.set(1, Value())
    shrinking.set(2, Value())
    shrinking.__init__(1)

def assign_metadata():
    metric.metadata = {"value": Value()}

def assign_name():
    metric.metric_name = Key("a")
    request.error = Key("b")

def assign_time():
    for model in (metric, request, usage):
        model.timestamp = Time(2024, 2, 29)

def end_of_a_cache():
    CacheManager().set(Key("k"), Value())

def end_of_a_monitor():
    PerformanceMonitor().record_metric("op", 1, "u", {"value": Value()})

def end_of_a_model():
    PerformanceMetric(metric_name="a", value=1, unit="s", metadata={"value": Value()})
    APIMetric(endpoint="/", duration_ms=1, status_code=200, timestamp=Time(2024, 2, 29))

def end_of_a_timer():
    timed.timer("op", {"value": Value()})

class Resources:
    def __del__(self):
        work()
    def check_resources(self):
        raise OSError
    def get_alerts_for_high_usage(self):
        return []

def end_of_a_report():
    PerformanceReport(monitor, None, Resources())

def end_of_a_computation():
    computing.get_or_set(Key("k"), Value, 1)
    computing.clear()

CALLS = [
    clear, delete, expire, shrink, assign_metadata, assign_name, assign_time, end_of_a_cache,
    end_of_a_monitor, end_of_a_model, end_of_a_timer, end_of_a_report, end_of_a_computation,
]

def daemons(folder):
    failures = []
    begun = threading.Barrier(len(CALLS) + 1)

    def repeat(call):
        try:
            begun.wait()
            while True:
                call()
        except BaseException as failure:
            failures.append(failure)

    for call in CALLS:
        threading.Thread(target=repeat, args=(call,), daemon=True).start()
    sys.setswitchinterval(1e-5)
    begun.wait()
    work()
    return failures
"""

# Each child goes on to the end of the program, and so ends as every interpreter does.
REPEATEDLY = """
exits, folder, at_once = int(sys.argv[1]), sys.argv[2], os.cpu_count() or 1
children, ended = [], hammer.Exits()

def check(number, pid):
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    ended.add(status, Path(folder, f"{number}.said").read_text())

for number in range(exits):
    pid = os.fork()
    if pid == 0:
        break
    children.append((number, pid))
    if len(children) == at_once:
        check(*children.pop(0))

if pid == 0:
    for stream in (1, 2):
        os.dup2(os.open(f"{folder}/{number}.said", os.O_CREAT | os.O_WRONLY | os.O_APPEND), stream)
    failures = daemons(os.path.join(folder, str(number % at_once)))
    assert not failures, failures
else:
    for child in children:
        check(*child)
    ended.check()
    print("done")
"""


def exit_repeatedly(daemons: str, folder: Path, exits: int, timeout: float = 900) -> None:
    """End as many interpreters, of which some run at the same time, beside the threads that ``daemons``
    starts."""
    for number in range(os.cpu_count() or 1):
        (folder / str(number)).mkdir()
    assert run(daemons + REPEATEDLY, exits, folder, timeout=timeout) == "done\n"


def exit_whole(folder: Path, exits: int) -> None:
    """The same with interpreters from their start to their end, one after the other."""
    exited = Exits()
    for number in range(exits):
        own = folder / str(number)
        own.mkdir()
        done = ended(ONCE, own)
        exited.add(done.returncode, done.stderr)
        assert done.stdout == "done\n"
    exited.check()


@pytest.mark.timeout(1_200)
def test_daemon_threads_inside_of_every_call_do_not_disturb_an_exit(tmp_path: Path) -> None:
    exit_whole(tmp_path, WHOLE)


@pytest.mark.parametrize(("crashes", "is_fine"), [(0, True), (20, True), (21, False)])
def test_one_crash_in_five_is_all_that_an_old_interpreter_is_allowed(
    crashes: int, is_fine: bool
) -> None:
    class Old(Exits):
        CRASH = -signal.SIGSEGV

    exits = Old()
    for number in range(100):
        exits.add(Old.CRASH if number < crashes else 0, "")
    with contextlib.nullcontext() if is_fine else pytest.raises(AssertionError, match="21 of 100"):
        exits.check()
    for status, said in ((Old.CRASH, "a panic"), (-signal.SIGABRT, ""), (1, "")):
        with pytest.raises(AssertionError, match="exit 10"):
            exits.add(status, said)


@pytest.mark.parametrize(
    ("ends", "tries"),
    [
        ([(0, "")], 1),
        ([(-signal.SIGSEGV, ""), (-signal.SIGSEGV, ""), (0, "")], 3),
        ([(-signal.SIGSEGV, "")] * 9, Exits.TRIES),
        ([(-signal.SIGSEGV, "a panic"), (0, "")], 1),
        ([(-signal.SIGABRT, ""), (0, "")], 1),
        ([(1, ""), (0, "")], 1),
    ],
)
def test_only_the_crash_of_an_old_interpreter_has_an_exit_tried_again(
    ends: list[tuple[int, str]], tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Exits, "CRASH", -signal.SIGSEGV)
    tried = []

    def end(number: int) -> subprocess.CompletedProcess[str]:
        tried.append(number)
        status, said = ends[number]
        return subprocess.CompletedProcess([], status, "", said)

    done = ended_beside_daemons(end)
    assert (done.returncode, done.stderr) == ends[tries - 1]
    assert tried == list(range(tries))


@pytest.mark.timeout(1_200)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize(
    ("daemons", "exits"),
    [
        pytest.param(DAEMONS, FORKED, id="everything"),
        pytest.param(REPORTERS, 100, id="reports"),
        pytest.param(CALLED, 100, id="called"),
        pytest.param(DROPPED, 100, id="dropped"),
    ],
)
def test_hundreds_of_exits_with_daemon_threads_inside_of_our_calls_are_quiet(
    daemons: str, exits: int, tmp_path: Path
) -> None:
    exit_repeatedly(daemons, tmp_path, exits)


ENDINGS = {
    "an open timer": """
        monitor = PerformanceMonitor()
        timer = monitor.timer("op")
        timer.__enter__()
        monitor.start_timer("by name")
        monitor.session("s").__enter__()
    """,
    "a generator inside of a timer": """
        monitor = PerformanceMonitor()
        def steps():
            with monitor.timer("op"), monitor.session("s"):
                yield
        open_one = steps()
        next(open_one)
    """,
    "a running profile": """
        profiler = ImageProcessingProfiler()
        def spin():
            while True:
                running.set()
        running = threading.Event()
        threading.Thread(
            target=profiler.profile_operation, args=(spin,), daemon=True
        ).start()
        running.wait()
    """,
    "the sampler of peaks awake": """
        ImageProcessingProfiler().profile_operation(list)
    """,
    "a function called at exit": """
        monitor, cache = PerformanceMonitor(), CacheManager()
        def last():
            with monitor.timer("last"):
                cache.set("key", "value")
            assert cache.get("key") == "value"
            assert monitor.export_metrics("csv").startswith("metric_name")
            PerformanceReport(monitor).generate_daily_report()
            ResourceMonitor().check_resources()
            print(len(monitor.get_metrics("last")))
        atexit.register(last)
        expected = "1"
    """,
    "cycles that finalisation frees": """
        for kind in (PerformanceMonitor, APIPerformanceTracker, CacheManager, ResourceMonitor):
            class Own(kind):
                pass
            own = Own()
            own.self = own
        cache = CacheManager()
        cache.set("self", cache)
        monitor = PerformanceMonitor()
        monitor.record_metric("op", 1, "u", metadata={"monitor": monitor, "cache": cache})
    """,
    "an object that is used while modules are torn down": """
        class Last:
            def __init__(self):
                self.monitor, self.cache = PerformanceMonitor(), CacheManager()
                self.me = self
            def __del__(self):
                with self.monitor.timer("last"):
                    self.cache.set(1, 2)
                self.monitor.get_statistics("last")
                self.monitor.get_metrics("last")
                self.monitor.export_metrics("json")
                self.cache.get_stats()
        sys.last = Last()
        last = Last()
        PerformanceMonitor().extra = Last()
        held = CacheManager()
        held.set("last", Last())
    """,
    "sys.exit in a block": """
        with PerformanceMonitor().timer("op"), APIPerformanceTracker().track("/"):
            sys.exit(0)
    """,
    "sys.exit with a status in a profile": """
        expected_status = 3
        ImageProcessingProfiler().profile_operation(sys.exit, 3)
    """,
    "os._exit in a block": """
        with PerformanceMonitor().timer("op"):
            ImageProcessingProfiler().profile_operation(os._exit, 0)
    """,
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_interpreter_ends_quietly_with(ending: str) -> None:
    script = textwrap.dedent(
        """
        import atexit, os, sys, threading
        from ptpd_monitoring import *
        """
    ) + textwrap.dedent(ENDINGS[ending])

    def end(_: int = 0) -> subprocess.CompletedProcess[str]:
        return ended(script)

    done = ended_beside_daemons(end) if "daemon=True" in script else end()
    status = 3 if "expected_status = 3" in script else 0
    printed = "1\n" if "expected =" in script else ""
    assert (done.returncode, done.stdout, done.stderr) == (status, printed, "")


SIGNALLED = """
import os, signal, sys, threading
import hammer
# A shell's background jobs, and so their children, are started with this one ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
{handler}
everything = hammer.Everything(sys.argv[1])
everything.hammer(threading.Event(), [])
everything.round()

def spin():
    print("ready", flush=True)
    while True:
        everything.round()

everything.profiler.profile_operation(spin)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
@pytest.mark.parametrize(
    ("handler", "number", "status", "said"),
    [
        ("", "SIGTERM", -15, ""),
        # Set anew, as who starts the tests may have them and their children ignore it.
        (
            "signal.signal(signal.SIGINT, signal.default_int_handler)",
            "SIGINT",
            -2,
            "KeyboardInterrupt",
        ),
        ("signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))", "SIGTERM", 5, ""),
        ("signal.signal(signal.SIGINT, signal.SIG_DFL)", "SIGINT", -2, ""),
    ],
)
def test_a_signal_in_the_middle_of_everything_ends_the_process_as_python_says(
    handler: str, number: str, status: int, said: str, tmp_path: Path
) -> None:
    def end(attempt: int = 0) -> subprocess.CompletedProcess[str]:
        folder = tmp_path / str(attempt)
        folder.mkdir()
        with subprocess.Popen(
            [sys.executable, "-W", "error", "-c", SIGNALLED.format(handler=handler), folder],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(HERE)},
        ) as program:
            try:
                assert program.stdout is not None
                assert program.stdout.readline() == "ready\n"
                program.send_signal(getattr(signal, number))
                printed, errors = program.communicate(timeout=DEADLINE)
            finally:
                program.kill()
        return subprocess.CompletedProcess(program.args, program.returncode, printed, errors)

    def is_said(errors: str) -> bool:
        lines = errors.splitlines()
        return lines[-1:] == [said] and "panic" not in errors if said else not errors

    # A signal without a handler leaves the interpreter no time to end.
    is_killed = status < 0 and not said
    done = end() if is_killed else ended_beside_daemons(end, is_said)
    assert done.returncode == status, done.stderr
    assert is_said(done.stderr), done.stderr


SECOND = """
import ptpd_monitoring
try:
    import _interpreters as interpreters
    arguments = {{"shared": ("legacy",), "isolated": ()}}[{kind!r}], {{}}
except ImportError:
    import _xxsubinterpreters as interpreters
    arguments = (), {{"isolated": {kind!r} == "isolated"}}
other = interpreters.create(*arguments[0], **arguments[1])
code = '''
try:
    import ptpd_monitoring
except ImportError as error:
    text = str(error)
else:
    text = "imported"
assert "support" in text and "subinterpreters" in text, text
'''
failed = interpreters.run_string(other, code)
assert failed is None, failed
interpreters.destroy(other)
ptpd_monitoring.get_monitor().record_metric("op", 1, "u")
import sys
del sys.modules["ptpd_monitoring._native"]
import ptpd_monitoring._native
"""


@pytest.mark.parametrize("kind", ["shared", "isolated"])
def test_a_second_interpreter_gets_a_clean_import_error_and_the_first_one_goes_on(
    kind: str,
) -> None:
    assert run(SECOND.format(kind=kind)) == ""
