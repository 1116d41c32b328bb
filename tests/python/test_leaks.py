"""Every public method, 200 times after warming up: nothing grows."""

from __future__ import annotations

import ctypes
import gc
import inspect
import itertools
import logging
import math
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import leak_table
import ptpd_monitoring
from leak_table import FUNCTIONS, TABLE, WATCHED, World
from ptpd_monitoring import _native

CALLS = 200
# A leaked object a call would be four times this, and the free lists of Python fill slowly.
SHARE = 4
# The smallest piece of heap takes 32 bytes.
SMALLEST = 32
# Nothing else opens files or starts threads meanwhile.
SYSTEM_TOLERANCE = 5
ROUNDS = 6

CASES: dict[str, Callable[[World], object]] = {
    **{
        f"{kind.__name__}.{name}": call
        for kind, calls in TABLE.items()
        for name, call in calls.items()
    },
    **FUNCTIONS,
}


class Heap(ctypes.Structure):
    """The mallinfo2 of the C library, in whose heap Rust's allocations lie too."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd",
            "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    ]  # fmt: skip


def heap_in_use() -> int:
    """Bytes allocated by C and Rust; 0 where the C library does not tell."""
    try:
        mallinfo2 = ctypes.CDLL(None).mallinfo2
    except (OSError, AttributeError):
        return 0
    mallinfo2.restype = Heap
    heap = mallinfo2()
    return int(heap.uordblks + heap.hblkhd)


def resident() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


SYSTEM = {"descriptors": Path("/proc/self/fd"), "threads": Path("/proc/self/task")}


def entries(folder: Path) -> int:
    """How many files or threads the process has; 0 where the system does not tell."""
    return sum(1 for _ in folder.iterdir()) if folder.exists() else 0


# The interpreter keeps up to 4,096 names of attributes that were looked up, each until another one takes
# its place, and fills up over thousands of calls.
forget_names: Callable[[], None] = (
    getattr(sys, "_clear_internal_caches", None) or sys._clear_type_cache
)


def counts() -> dict[str, int]:
    gc.collect()
    forget_names()
    return {
        "objects": len(gc.get_objects()),
        "blocks": sys.getallocatedblocks(),
        **{name: entries(folder) for name, folder in SYSTEM.items()},
        **{f"references to {name}": sys.getrefcount(value) for name, value in WATCHED.items()},
    }


@pytest.fixture(autouse=True, scope="module")
def _only_our_objects() -> Iterator[None]:
    log = logging.getLogger("ptpd_calibration.monitoring")
    level = log.level
    # What pytest keeps of the log would look like a leak of ours.
    log.setLevel(logging.CRITICAL)
    gc.collect()
    gc.freeze()
    yield
    log.setLevel(level)
    leak_table.clean_up()
    gc.unfreeze()


def growth(
    call: Callable[[World], object], calls: int = CALLS, share: int = SHARE, warm_up: int = CALLS
) -> dict[str, int]:
    """What is more after ``calls`` calls, by as much as a leak in one of ``share`` of them.

    The least of several rounds: what a leak takes comes in each, what others allocate does not, nor a
    table that grows now and then.
    """
    world = World()
    for _ in range(warm_up):
        call(world)
    least: dict[str, int] = {}
    for _ in range(ROUNDS):
        before, heap = counts(), heap_in_use()
        for _ in range(calls):
            call(world)
        after = counts()
        grown = {name: after[name] - before[name] for name in after}
        grown["heap"] = heap_in_use() - heap
        least = {name: min(more, least.get(name, more)) for name, more in grown.items()}
        if too_much(least, calls // share) == {}:
            break
    return too_much(least, calls // share)


def too_much(grown: dict[str, int], tolerance: int) -> dict[str, int]:
    tolerances = {"heap": SMALLEST * tolerance}
    tolerances |= dict.fromkeys(("descriptors", "threads"), SYSTEM_TOLERANCE)
    return {name: more for name, more in grown.items() if more > tolerances.get(name, tolerance)}


@pytest.mark.parametrize("case", CASES)
def test_two_hundred_calls_leave_nothing_behind(case: str) -> None:
    assert growth(CASES[case]) == {}


def test_all_calls_together_do_not_grow_the_process() -> None:
    world = World()

    def everything() -> None:
        for name, call in CASES.items():
            for _ in range(1 if name in ("install", "PerformanceReport.__init__") else 20):
                call(world)

    grown: list[int] = []
    everything()
    # A page or two may come at any time, but not every time.
    while len(grown) < 15 and min(grown, default=math.inf) > 64 * 1024:
        before = resident()
        everything()
        gc.collect()
        grown.append(resident() - before)
    assert min(grown) <= 64 * 1024, grown


def test_a_leak_would_be_seen() -> None:
    kept: list[object] = []
    assert "objects" in growth(lambda _: kept.append([]))
    assert "blocks" in growth(lambda _: kept.append(object()))
    assert "references to THING" in growth(lambda _: kept.append(WATCHED["THING"]))
    if heap_in_use():
        assert "heap" in growth(lambda _: kept.append(bytes(2000)))


@pytest.mark.skipif(not SYSTEM["threads"].exists(), reason="needs Linux's procfs")
def test_a_file_left_open_and_a_thread_left_running_would_be_seen() -> None:
    calls = itertools.count()
    files: list[int] = []
    threads: list[threading.Thread] = []
    stop = threading.Event()

    def now_and_then(leak: Callable[[], object]) -> Callable[[World], object]:
        return lambda _: next(calls) % 20 or leak()

    def leave_open() -> None:
        files.append(os.dup(0))

    def leave_running() -> None:
        threads.append(threading.Thread(target=stop.wait, daemon=True))
        threads[-1].start()

    try:
        assert "descriptors" in growth(now_and_then(leave_open))
        assert "threads" in growth(now_and_then(leave_running))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        for file in files:
            os.close(file)


def public_names(kind: type[Any]) -> set[str]:
    """What of ``kind`` is ours: methods, properties and the special methods that it defines."""
    ignored = {"__module__", "__doc__", "__dict__", "__weakref__", "__match_args__", "__hash__"}
    ignored |= {
        "__slots__",
        "__annotations__",
        "__firstlineno__",
        "__static_attributes__",
        "__slotnames__",
    }
    builtin = [base for base in kind.__mro__ if base.__module__ == "builtins"]
    names = set()
    for name in dir(kind):
        inherited = [inspect.getattr_static(base, name, None) for base in builtin]
        if name not in ignored and inspect.getattr_static(kind, name) not in inherited:
            names.add(name)
    # Comparison comes as a whole, and __new__ of the others takes what __init__ does.
    names -= {"__lt__", "__le__", "__gt__", "__ge__"}
    if "__init__" in names:
        names.discard("__new__")
    return names


def our_classes() -> set[type[Any]]:
    """Every class of objects that a caller may get hold of, exported or not."""
    world = World()
    for call in CASES.values():
        # Some come into being with their first object.
        call(world)
    modules = {kind.__module__ for kind in TABLE}
    found: set[type[Any]] = set()
    left = [object]
    while left:
        below = [kind for kind in type.__subclasses__(left.pop()) if kind not in found]
        left += [kind for kind in below if kind is not type]
        found.update(kind for kind in below if kind.__module__ in modules)
    return found


def test_no_name_of_any_of_our_classes_is_left_out() -> None:
    exported = [
        getattr(module, name) for module in (ptpd_monitoring, _native) for name in module.__all__
    ]
    classes = our_classes()
    assert classes >= {thing for thing in exported if isinstance(thing, type)}
    assert len(classes) >= 24
    missing = []
    for kind in classes:
        covered = {name for base in kind.__mro__ for name in TABLE.get(base, {})}
        missing += [f"{kind.__name__}.{name}" for name in public_names(kind) - covered]
        # There is nothing to call of what a report keeps for its charts, nor a context of its sessions.
        assert public_names(kind) or kind.__name__ in {"ReportCharts", "Block"}
    functions = {thing.__name__ for thing in exported if not isinstance(thing, type)}
    missing += functions - set(FUNCTIONS)
    assert sorted(missing) == []
    stale = [
        f"{kind.__name__}.{name}"
        for kind, calls in TABLE.items()
        for name in calls
        if not hasattr(kind, name)
    ]
    assert stale == []
