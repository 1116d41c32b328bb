"""A writer that is killed in the middle of its work, and the journal that tells what must be left.

PYTEST_DONT_REWRITE: helpers only, there is no test in here.
"""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from history_support import is_sound, query, start
from ptpd_monitoring import History

INTERVAL = 0.2
# How long after its start a history that was not told would write, in time for its default of a second.
BY_DEFAULT = 0.75
# What a busy machine may take to run the thread and to write: nothing that the history promises.
SLACK = 1.0
# The share of the writers for which a machine may take even longer. Half of them never flush, and most
# of those live long enough to lose more, were it not for the interval: about two in five.
LATE = 1 / 5
BATCH = 100
# In each round, beside a batch.
LOADS = 10
ENDPOINTS = 10
STATUSES = (200, 404, 500)

# Records the numbers 1, 2, 3, ... under names of its own, so that how many there are tells their sum.
# It writes a line with how many it has recorded, how many are flushed, and how many it will have
# recorded at most before it writes the next line, some hundred times a second. With the given chance
# it flushes after a batch.
WRITER = """
import os, random, sys, time
from ptpd_monitoring import APIPerformanceTracker, History, PerformanceMonitor

path, name, interval, batch, seed, chance = *sys.argv[1:3], *map(float, sys.argv[3:7])
loads, endpoints, *statuses = map(int, sys.argv[7:])
history = History(path, flush_interval=interval)
monitor = PerformanceMonitor(max_history=1_000, history=history)
tracker = APIPerformanceTracker(max_history=1_000, history=history)
luck = random.Random(seed)
recorded = flushed = announced = rounds = load = 0
told = time.monotonic()
while True:
    if recorded == announced or time.monotonic() - told > 0.003:
        told = time.monotonic()
        announced = recorded + 50 * int(batch)
        os.write(1, b"%d %d %d\\n" % (recorded, flushed, announced))
    monitor.record_many(name, range(recorded + 1, recorded + int(batch) + 1), "s")
    recorded += int(batch)
    rounds += 1
    for number in range(loads):
        load += 1
        with monitor.session(f"session {luck.randrange(20)}"):
            monitor.record_metric(f"load of {name}", load, "s")
    for number in range(endpoints):
        # So many 128ths of a second are a number of milliseconds without rounding.
        status = statuses[rounds % len(statuses)]
        tracker.track_request(f"/{name}/{number}", rounds / 128, status)
    if luck.random() < chance and history.flush():
        flushed = recorded
"""

# When a line was read before the kill, how many were recorded, flushed and announced.
Line = tuple[float, int, int, int]


def kill_repeatedly(
    path: Path, kills: int, seed: int = 1, say: Callable[[str], None] = lambda _: None
) -> None:
    """Kill a writer ``kills`` times at random moments, checking the file each time."""
    luck = random.Random(seed)
    left = 0
    lost = []
    for number in range(kills):
        name = f"writer {number}"
        flushes = 0 if number % 2 else 0.001
        journal = run_and_kill(path, name, luck, luck.uniform(0, 2.5), flushes)
        count, age = check(path, name, journal)
        left += count
        if age > INTERVAL + SLACK:
            lost.append(age)
        say(f"{number} of {kills} kills")
    assert len(lost) <= LATE * kills, f"up to so many seconds are lost: {lost}"
    # The last look at all of them: what is there stays there, once.
    found = query(
        path,
        "SELECT sum(count) FROM hours JOIN series ON series.id = series"
        " WHERE kind = 'operation' AND name LIKE 'writer %'",
    )
    assert found == [(left,)]


def lost_by_the_interval(path: Path, enough: float, in_time: int = 10, tries: int = 40) -> float:
    """Kill writers before they would have written by the default interval, who never flush themselves:
    the age in seconds of the oldest sample that one lost.

    A busy machine loses more now and then, so it ends with the first that lost less than ``enough``, or
    with so many that were killed ``in_time``: it may also be too late for that.
    A writer that does not keep to its interval loses all that it has recorded, each time.
    """
    luck = random.Random(3)
    ages: list[float] = []
    for number in range(tries):
        name = f"writer {number}"
        journal = run_and_kill(path, name, luck, BY_DEFAULT - 0.1, flushes=0)
        _, lost = check(path, name, journal)
        if journal[0][0] < BY_DEFAULT:
            ages.append(lost)
        if len(ages) == in_time or min(ages, default=enough) < enough:
            break
    assert ages, f"no writer of {tries} could be killed in time"
    return min(ages)


def run_and_kill(
    path: Path, name: str, luck: random.Random, seconds: float, flushes: float
) -> list[Line]:
    """Lines of the journal of a writer that is killed after so many seconds."""
    if not path.exists():
        # The first writer may be killed before it has made its tables, which are looked at all the same.
        History(path).close()
    arguments = (name, INTERVAL, BATCH, luck.random(), flushes, LOADS, ENDPOINTS, *STATUSES)
    writer = start(WRITER, path, *arguments)
    assert writer.stdout is not None
    assert writer.stderr is not None
    journal: list[Line] = []
    begun = threading.Event()

    def read() -> None:
        for line in writer.stdout or ():
            now = time.monotonic()
            numbers = line.split()
            # The last line may be cut off.
            if line.endswith("\n") and len(numbers) == 3:
                recorded, flushed, announced = map(int, numbers)
                journal.append((now, recorded, flushed, announced))
                begun.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert begun.wait(60), writer.stderr.read()
    time.sleep(seconds)
    killed = time.monotonic()
    writer.send_signal(signal.SIGKILL)
    assert writer.wait(60) == -signal.SIGKILL, writer.stderr.read()
    reader.join(60)
    assert not reader.is_alive()
    for pipe in (writer.stdout, writer.stderr):
        pipe.close()
    return [(killed - at, *numbers) for at, *numbers in journal]


def check(path: Path, name: str, journal: list[Line]) -> tuple[int, float]:
    """Check what is left of the writer ``name``: how many samples that is, and the age in seconds of the
    oldest line of whose records some are lost.
    """
    assert is_sound(path)
    least = max(flushed for _, _, flushed, _ in journal) // BATCH
    most = max(announced for _, _, _, announced in journal) // BATCH
    count = first_numbers(path, "operation", name)
    assert count % BATCH == 0
    assert least <= count // BATCH <= most, (least, count, most)
    loads = first_numbers(path, "operation", f"load of {name}")
    assert least * LOADS <= loads <= most * LOADS, (least, loads, most)
    # The shares of the sessions are all of it.
    assert first_numbers(path, "session", f"load of {name}") == loads
    requests = [check_requests(path, f"/{name}/{number}") for number in range(ENDPOINTS)]
    assert least <= requests[-1] <= requests[0] <= most, (least, requests, most)
    # One after the other.
    assert requests == sorted(requests, reverse=True)
    assert requests[0] - requests[-1] <= 1
    whole_rounds = min(count // BATCH, loads // LOADS, requests[-1])
    lost = (age for age, recorded, _, _ in journal if recorded > whole_rounds * BATCH)
    return count, max(lost, default=0)


def first_numbers(path: Path, kind: str, name: str) -> int:
    """How many of ``name`` there are: exactly the first so many numbers, each once."""
    rows = query(
        path,
        "SELECT total(count), total(sum), min(min), max(max) FROM hours"
        " JOIN series ON series.id = series WHERE kind = ? AND name = ?",
        kind,
        name,
    )
    count, total, least, most = rows[0]
    assert total == count * (count + 1) / 2
    assert (least, most) == ((1, count) if count else (None, None))
    return int(count)


def check_requests(path: Path, endpoint: str) -> int:
    """How many requests to ``endpoint`` there are: each of the first so many once, by its status."""
    rows = query(
        path,
        "SELECT status_class, sum(count), sum(sum) FROM hours JOIN series ON series.id = series"
        " WHERE kind = 'endpoint' AND name = ? GROUP BY status_class",
        endpoint,
    )
    requests = sum(count for _, count, _ in rows)
    expected: dict[int, tuple[int, float]] = {}
    for number in range(1, requests + 1):
        status = STATUSES[number % len(STATUSES)] // 100
        count, total = expected.get(status, (0, 0.0))
        expected[status] = (count + 1, total + number / 128 * 1_000)
    assert {status: (count, total) for status, count, total in rows} == expected
    return int(requests)
