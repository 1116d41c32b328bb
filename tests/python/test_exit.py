"""The end of the interpreter, at any moment: the right status, and nothing said."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from hammer import HERE, run

EXITS = 25

DAEMONS = """
import sys, threading
import hammer

everything = hammer.Everything(sys.argv[1])
failures = []
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
everything.round()
assert not failures, failures
print("done")
"""


def exit_with_daemons(folder: Path) -> None:
    assert run(DAEMONS, folder) == "done\n"


@pytest.mark.parametrize("_exit", range(EXITS))
def test_daemon_threads_inside_of_every_call_do_not_disturb_an_exit(
    _exit: int, tmp_path: Path
) -> None:
    exit_with_daemons(tmp_path)


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
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    status = 3 if "expected_status = 3" in script else 0
    printed = "1\n" if "expected =" in script else ""
    assert (done.returncode, done.stdout, done.stderr) == (status, printed, "")


SIGNALLED = """
import os, signal, sys, threading
import hammer
{handler}
everything = hammer.Everything(sys.argv[1])
everything.hammer(threading.Event(), [])
everything.round()
print("ready", flush=True)

def spin():
    while True:
        everything.round()

everything.profiler.profile_operation(spin)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
@pytest.mark.parametrize(
    ("handler", "number", "status", "said"),
    [
        ("", "SIGTERM", -15, ""),
        ("", "SIGINT", -2, "KeyboardInterrupt"),
        ("signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))", "SIGTERM", 5, ""),
        ("signal.signal(signal.SIGINT, signal.SIG_DFL)", "SIGINT", -2, ""),
    ],
)
def test_a_signal_in_the_middle_of_everything_ends_the_process_as_python_says(
    handler: str, number: str, status: int, said: str, tmp_path: Path
) -> None:
    program = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", SIGNALLED.format(handler=handler), tmp_path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(HERE)},
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "ready\n"
    time.sleep(0.05)
    program.send_signal(getattr(signal, number))
    _, errors = program.communicate(timeout=60)
    assert program.returncode == status, errors
    lines = errors.splitlines()
    assert (lines[-1] if lines else "") == said
    assert "panic" not in errors
    assert said or not errors, errors


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
