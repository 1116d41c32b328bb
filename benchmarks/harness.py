"""Contenders for one piece of work, timed in turn within one process.

The machine's speed drifts by more than the differences looked for, so figures of different moments
say little. Here every round times each contender once, the next round begins with the next one, and
what is compared are the figures of one round. The median over the rounds is reported, and the
quartiles beside it.

A statement is repeated ten times in the body of a loop, or, where it takes a new key each time, is
the body of a loop over keys; the loop's own cost, below 1 ns and about 10 ns a call, is in every
contender's figure. The garbage collector runs before a work's first round and then stays off, as in
``timeit``: a collection set off by one contender would be charged to another.
"""

import gc
import itertools
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

Clock = Callable[[], int]
Names = Mapping[str, object]

UNROLLED = 10


@dataclass(frozen=True)
class Settings:
    """How long to measure: how many rounds, and about how many nanoseconds a contender in each.

    A work whose calls take longer than that gets fewer rounds, at least ``least_rounds``, and ends
    with the first round after ``work_ns``.
    """

    rounds: int = 401
    # Well below a time slice: on a busy machine a few rounds are then much disturbed and the others
    # not at all, and the median is among the others.
    round_ns: int = 1_000_000
    least_rounds: int = 15
    work_ns: int = 4_000_000_000
    clock: Clock = time.perf_counter_ns


QUICK = Settings(rounds=31, least_rounds=3, work_ns=200_000_000)


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A statement and the names it uses, which ``setup`` returns.

    With ``keys`` the statement runs once for each ``key`` of the iterable of that name, over and
    over. With ``fresh_after`` the names are made anew, untimed, after so many calls.
    """

    name: str
    statement: str
    setup: Callable[[], Names] = dict
    keys: str | None = None
    fresh_after: int | None = None
    unroll: int = UNROLLED


class Bench:
    """A contender ready to be timed."""

    def __init__(self, contender: Contender, clock: Clock) -> None:
        """Set the contender up."""
        self.contender = contender
        self._clock = clock
        self._unroll = 1 if contender.keys else contender.unroll
        self._names: dict[str, object] = {}
        self._renew()
        self._loop = _compile(contender, self._names, self._unroll)

    def _renew(self) -> None:
        # The former objects go first: two full histories at once would be unfair to the caches.
        self._names.clear()
        self._names.update(self.contender.setup())
        if self.contender.keys:
            keys: Sequence[object] = list(self._names.pop(self.contender.keys))  # type: ignore[call-overload]
            self._names["_keys"] = itertools.cycle(keys)

    def measure(self, calls: int) -> float:
        """The nanoseconds a call, over at least ``calls`` of them."""
        fresh_after = self.contender.fresh_after
        left, done, elapsed = calls, 0, 0
        while left > 0:
            if fresh_after is not None:
                self._renew()
            batch = left if fresh_after is None else min(left, fresh_after)
            repeats = math.ceil(batch / self._unroll)
            elapsed += self._loop(repeats, self._clock, **self._names)
            done += repeats * self._unroll
            left -= repeats * self._unroll
        return elapsed / done

    def calibrate(self, round_ns: int) -> int:
        """How many calls take about ``round_ns``; warms the contender up on the way."""
        calls = self._unroll
        while True:
            elapsed = max(self.measure(calls) * calls, 1.0)
            if elapsed >= round_ns / 2:
                return max(self._unroll, math.ceil(calls * round_ns / elapsed))
            # At most tenfold, because the first calls are slower than what comes after.
            calls = math.ceil(calls * min(10.0, round_ns / elapsed))


def _compile(contender: Contender, names: Names, unroll: int) -> Callable[..., int]:
    loop = "for key in _islice(_keys, _repeats)" if contender.keys else "for _ in _range(_repeats)"
    body = f"\n        {contender.statement}" * unroll
    source = (
        # As parameters all names are fast locals, the same for every contender.
        f"def loop(_repeats, _clock, {', '.join(names)}):\n"
        f"    _begin = _clock()\n    {loop}:{body}\n    return _clock() - _begin\n"
    )
    scope: dict[str, object] = {"_islice": itertools.islice, "_range": range}
    exec(compile(source, f"<{contender.name}>", "exec"), scope)  # noqa: S102 - written just above
    loop_function: Callable[..., int] = scope["loop"]  # type: ignore[assignment]
    return loop_function


@dataclass
class Timings:
    """The nanoseconds a call of one contender, a figure for each round."""

    name: str
    calls: int
    rounds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The median over the rounds."""
        return statistics.median(self.rounds)

    def ratios(self, other: "Timings") -> list[float]:
        """The contender's time by the other's, round by round."""
        return [own / its for own, its in zip(self.rounds, other.rounds, strict=True)]


def measure(contenders: Sequence[Contender], settings: Settings) -> list[Timings]:
    """Time the contenders in turn, round by round."""
    benches = [Bench(contender, settings.clock) for contender in contenders]
    timings = [
        Timings(bench.contender.name, bench.calibrate(settings.round_ns)) for bench in benches
    ]
    turns = list(zip(benches, timings, strict=True))
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        end = settings.clock() + settings.work_ns
        for number in range(settings.rounds):
            if number >= settings.least_rounds and settings.clock() > end:
                break
            first = number % len(turns)
            for bench, timing in turns[first:] + turns[:first]:
                timing.rounds.append(bench.measure(timing.calls))
    finally:
        if was_enabled:
            gc.enable()
    return timings


def quartiles(figures: Sequence[float]) -> tuple[float, float, float]:
    """The first quartile, the median and the third quartile."""
    if len(figures) == 1:
        return (figures[0],) * 3
    low, middle, high = statistics.quantiles(figures, n=4, method="inclusive")
    return low, middle, high
