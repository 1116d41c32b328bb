"""Sessions: which samples belong to them, and the report of one."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import threading
import uuid
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import fastapi
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from asgi import Client
from ptpd_monitoring import PerformanceMonitor, PerformanceReport
from ptpd_monitoring.testing import ManualClock

if TYPE_CHECKING:
    from ptpd_monitoring._native import Session


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(wall=1_700_000_000)


@pytest.fixture
def monitor(clock: ManualClock) -> PerformanceMonitor:
    return PerformanceMonitor(clock=clock)


def session_now(monitor: PerformanceMonitor) -> str | None:
    """The session that a sample recorded here and now belongs to."""
    monitor.record_metric("probe", 1, "u")
    found = monitor.get_metrics("probe")[-1].metadata.get("session_id")
    assert found is None or isinstance(found, str)
    return found


def test_what_is_recorded_inside_carries_the_session(monitor: PerformanceMonitor) -> None:
    with monitor.session("s1") as session_id:
        assert session_id == "s1"
        monitor.record_metric("plain", 1, "u")
        monitor.record_metric("with metadata", 1, "u", {"k": 1})
        monitor.record_many("many", [1, 2], "u")
        with monitor.timer("timer"):
            pass
        with monitor.timer("timer with metadata", {"k": 2}):
            pass
        monitor.start_timer("by name")
        monitor.stop_timer("by name")
    monitor.record_metric("after", 1, "u")
    found = {name: monitor.get_metrics(name)[-1].metadata for name in monitor.operations()}
    assert found == {
        "plain": {"session_id": "s1"},
        "with metadata": {"k": 1, "session_id": "s1"},
        "many": {"session_id": "s1"},
        "timer": {"type": "timer", "session_id": "s1"},
        "timer with metadata": {"k": 2, "type": "timer", "session_id": "s1"},
        "by name": {"type": "timer", "session_id": "s1"},
        "after": {},
    }


def test_a_session_counts_when_the_sample_is_recorded_not_when_its_timer_starts(
    monitor: PerformanceMonitor,
) -> None:
    timer = monitor.timer("op")
    timer.__enter__()
    with monitor.session("s"):
        timer.__exit__(None, None, None)
    assert monitor.get_metrics("op")[0].metadata == {"type": "timer", "session_id": "s"}


def test_metadatas_own_session_wins(monitor: PerformanceMonitor) -> None:
    with monitor.session("outer"):
        monitor.record_metric("op", 1, "u", {"session_id": "own"})
        with monitor.timer("timer", {"session_id": "own"}):
            pass
    assert monitor.get_metrics("op")[0].metadata == {"session_id": "own"}
    assert monitor.get_metrics("timer")[0].metadata == {"session_id": "own", "type": "timer"}
    report = PerformanceReport(monitor)
    assert set(report.generate_session_report("own")["operations"]) == {"op", "timer"}
    assert report.generate_session_report("outer")["operations"] == {}


@pytest.mark.parametrize("own", [42, None, ("a", 1), b"x", "\ud800"])
def test_a_session_that_metadata_names_by_something_else_is_not_overwritten(
    monitor: PerformanceMonitor, own: object
) -> None:
    with monitor.session("outer"):
        monitor.record_metric("op", 1, "u", {"session_id": own})
    assert monitor.get_metrics("op")[0].metadata == {"session_id": own}
    assert PerformanceReport(monitor).generate_session_report("outer")["operations"] == {}


def test_the_callers_dict_is_not_written_to(monitor: PerformanceMonitor) -> None:
    metadata = {"k": 1}
    with monitor.session("s"), monitor.timer("timer", metadata):
        monitor.record_metric("op", 1, "u", metadata)
    assert metadata == {"k": 1}


def test_sessions_nest_and_the_innermost_counts(monitor: PerformanceMonitor) -> None:
    with monitor.session("a"):
        with monitor.session("b"):
            assert session_now(monitor) == "b"
            with monitor.session("a"):
                assert session_now(monitor) == "a"
            assert session_now(monitor) == "b"
        assert session_now(monitor) == "a"
    assert session_now(monitor) is None


def test_a_session_that_raises_ends_and_lets_the_exception_through(
    monitor: PerformanceMonitor,
) -> None:
    with pytest.raises(ValueError, match="reason"), monitor.session("s"):
        raise ValueError("reason")
    assert session_now(monitor) is None


def test_one_session_object_can_be_used_again_and_nested(monitor: PerformanceMonitor) -> None:
    session = monitor.session("s")
    for _ in range(2):
        with session, session:
            assert session_now(monitor) == "s"
        assert session_now(monitor) is None


def test_leaving_what_was_not_entered_changes_nothing(monitor: PerformanceMonitor) -> None:
    with monitor.session("a"):
        monitor.session("b").__exit__(None, None, None)
        assert session_now(monitor) == "a"


def test_sessions_of_one_monitor_mean_nothing_to_another(monitor: PerformanceMonitor) -> None:
    other = PerformanceMonitor()
    with monitor.session("s"):
        assert session_now(other) is None
        with other.session("t"):
            assert session_now(monitor) == "s"
            assert session_now(other) == "t"


def test_threads_do_not_inherit_a_session(monitor: PerformanceMonitor) -> None:
    with monitor.session("s"), ThreadPoolExecutor(1) as pool:
        assert pool.submit(session_now, monitor).result() is None
        assert session_now(monitor) == "s"


def test_threads_have_sessions_of_their_own_at_the_same_time(monitor: PerformanceMonitor) -> None:
    barrier = threading.Barrier(4)

    def work(name: str) -> list[str | None]:
        found = []
        for _ in range(50):
            with monitor.session(name):
                barrier.wait()
                with monitor.timer(name):
                    pass
                found.append(monitor.get_metrics(name)[-1].metadata["session_id"])
        return found

    with ThreadPoolExecutor(4) as pool:
        names = ["a", "b", "c", "d"]
        for name, found in zip(names, pool.map(work, names), strict=True):
            assert found == [name] * 50


def test_one_session_object_shared_by_threads_ends_in_each(monitor: PerformanceMonitor) -> None:
    session = monitor.session("s")
    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        first.submit(session.__enter__).result()
        second.submit(session.__enter__).result()
        first.submit(session.__exit__, None, None, None).result()
        assert first.submit(session_now, monitor).result() is None
        assert second.submit(session_now, monitor).result() == "s"
        second.submit(session.__exit__, None, None, None).result()
        assert second.submit(session_now, monitor).result() is None


def test_one_session_object_shared_by_tasks_ends_in_each(monitor: PerformanceMonitor) -> None:
    session = monitor.session("s")

    async def work(entered: asyncio.Event, leave: asyncio.Event) -> list[str | None]:
        with session:
            entered.set()
            await leave.wait()
            inside = session_now(monitor)
        return [inside, session_now(monitor)]

    async def main() -> list[list[str | None]]:
        events = [asyncio.Event() for _ in range(4)]
        one = asyncio.create_task(work(events[0], events[1]))
        await events[0].wait()
        two = asyncio.create_task(work(events[2], events[3]))
        await events[2].wait()
        events[1].set()
        first = await one
        events[3].set()
        return [first, await two]

    assert asyncio.run(main()) == [["s", None], ["s", None]]


def test_tasks_inherit_the_session_and_keep_it_after_its_end(monitor: PerformanceMonitor) -> None:
    async def work(go: asyncio.Event) -> list[str | None]:
        before = session_now(monitor)
        await go.wait()
        return [before, session_now(monitor)]

    async def main() -> None:
        go = asyncio.Event()
        with monitor.session("s"):
            task = asyncio.create_task(work(go))
            await asyncio.sleep(0)
        assert session_now(monitor) is None
        go.set()
        assert await task == ["s", "s"]

    asyncio.run(main())


def test_a_session_inside_a_task_stays_inside(monitor: PerformanceMonitor) -> None:
    async def work(entered: asyncio.Event, leave: asyncio.Event) -> None:
        with monitor.session("inner"):
            entered.set()
            await leave.wait()

    async def main() -> None:
        entered, leave = asyncio.Event(), asyncio.Event()
        with monitor.session("outer"):
            task = asyncio.create_task(work(entered, leave))
            await entered.wait()
            assert session_now(monitor) == "outer"
            leave.set()
            await task
            assert session_now(monitor) == "outer"

    asyncio.run(main())


def test_a_thread_that_runs_in_a_copied_context_has_its_session(
    monitor: PerformanceMonitor,
) -> None:
    async def main() -> str | None:
        with monitor.session("s"):
            return await asyncio.to_thread(session_now, monitor)

    assert asyncio.run(main()) == "s"


def test_a_generator_that_is_finalised_elsewhere_harms_nobody(monitor: PerformanceMonitor) -> None:
    def steps() -> Iterator[None]:
        with monitor.session("generator"):
            yield

    running = steps()
    contextvars.copy_context().run(next, running)
    with monitor.session("mine"):
        running.close()
        assert session_now(monitor) == "mine"

    running = steps()
    next(running)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(running.close).result()
        assert pool.submit(session_now, monitor).result() is None


def stream(monitor: PerformanceMonitor, name: str) -> Iterator[str | None]:
    with monitor.session(name):
        while True:
            yield session_now(monitor)


@pytest.mark.parametrize("first_closed", [0, 1])
def test_generators_that_take_turns_each_have_their_session_and_leave_none_behind(
    monitor: PerformanceMonitor, first_closed: int
) -> None:
    streams = [stream(monitor, "a"), stream(monitor, "b")]
    assert [next(one) for one in streams] == ["a", "b"]
    assert [next(one) for one in streams * 2] == ["a", "b"] * 2
    with monitor.session("mine"):
        assert [next(one) for one in streams] == ["a", "b"]
        assert session_now(monitor) == "mine"
        streams.pop(first_closed).close()  # type: ignore[attr-defined]
        assert session_now(monitor) == "mine"
        left = "ba"[first_closed]
        assert next(streams[0]) == left
    assert next(streams[0]) == left
    streams[0].close()  # type: ignore[attr-defined]
    assert session_now(monitor) is None


def test_a_generator_that_resumes_another_one_gets_its_own_session_back(
    monitor: PerformanceMonitor,
) -> None:
    inner = stream(monitor, "inner")
    next(inner)

    def outer() -> Iterator[str | None]:
        with monitor.session("outer"):
            while True:
                yield next(inner)
                yield session_now(monitor)

    resuming = outer()
    assert [next(resuming) for _ in range(4)] == ["inner", "outer"] * 2
    assert next(inner) == "inner"


def test_the_session_of_a_context_manager_counts_in_the_block_of_whoever_entered_it(
    monitor: PerformanceMonitor,
) -> None:
    @contextlib.contextmanager
    def job(name: str) -> Iterator[None]:
        with monitor.session(name):
            yield

    def steps() -> Iterator[str | None]:
        with monitor.session("generator"), job("job of the generator"):
            while True:
                yield session_now(monitor)

    with job("outer"):
        assert session_now(monitor) == "outer"
        running = steps()
        assert next(running) == "job of the generator"
        with job("inner"):
            assert session_now(monitor) == "inner"
            assert next(running) == "job of the generator"
            assert session_now(monitor) == "inner"
        running.close()  # type: ignore[attr-defined]
        assert session_now(monitor) == "outer"
    assert session_now(monitor) is None


class StreamsInAnyOrder(RuleBasedStateMachine):
    """However generators and blocks begin, go on and end, each counts where its code runs."""

    def __init__(self) -> None:
        super().__init__()
        self.monitor = PerformanceMonitor()
        self.number = 0
        self.running: dict[str, Iterator[str | None]] = {}
        self.blocks: list[Session] = []

    def name(self) -> str:
        self.number += 1
        return str(self.number)

    @rule()
    def begin(self) -> None:
        name = self.name()
        self.running[name] = stream(self.monitor, name)
        assert next(self.running[name]) == name

    @rule()
    def enter(self) -> None:
        self.blocks.append(self.monitor.session(self.name()))
        self.blocks[-1].__enter__()

    @rule(at=st.integers(0, 9))
    def leave(self, at: int) -> None:
        if self.blocks:
            self.blocks.pop(at % len(self.blocks)).__exit__(None, None, None)

    @rule(at=st.integers(0, 9))
    def go_on(self, at: int) -> None:
        for name in list(self.running)[at : at + 1]:
            assert next(self.running[name]) == name

    @rule(at=st.integers(0, 9), elsewhere=st.booleans())
    def end(self, at: int, elsewhere: bool) -> None:
        for name in list(self.running)[at : at + 1]:
            context = contextvars.Context() if elsewhere else contextvars.copy_context()
            context.run(self.running.pop(name).close)  # type: ignore[attr-defined]

    @invariant()
    def only_what_is_entered_counts(self) -> None:
        now = session_now(self.monitor)
        entered = {*self.running, *(block.session_id for block in self.blocks)}
        assert now is None if not entered else now == max(entered, key=int)

    def teardown(self) -> None:
        for one in self.running.values():
            one.close()  # type: ignore[attr-defined]
        for block in self.blocks:
            block.__exit__(None, None, None)
        assert session_now(self.monitor) is None


TestStreamsInAnyOrder = StreamsInAnyOrder.TestCase


@pytest.mark.thread_unsafe(reason="counts the objects of the whole process")
def test_an_endless_row_of_overlapping_sessions_keeps_none_that_is_over(
    monitor: PerformanceMonitor,
) -> None:
    blocks = gc_count("Block")
    held = monitor.session("0")
    held.__enter__()
    for number in range(1, 200):
        entered = monitor.session(str(number))
        entered.__enter__()
        held.__exit__(None, None, None)
        held = entered
    assert gc_count("Block") - blocks <= 3
    held.__exit__(None, None, None)
    assert session_now(monitor) is None


def gc_count(name: str) -> int:
    gc.collect()
    return sum(type(one).__name__ == name for one in gc.get_objects())


@pytest.mark.thread_unsafe(reason="counts the objects of the whole process")
def test_as_many_nested_sessions_as_anybody_leaves_open_are_freed(
    monitor: PerformanceMonitor,
) -> None:
    def nest() -> None:
        for number in range(100_000):
            monitor.session(str(number)).__enter__()
        assert session_now(monitor) == "99999"

    blocks = gc_count("Block")
    contextvars.Context().run(nest)
    assert gc_count("Block") == blocks


def test_a_session_that_ends_in_another_task_is_over_for_the_one_that_began_it(
    monitor: PerformanceMonitor,
) -> None:
    async def pages() -> AsyncIterator[None]:
        with monitor.session("s"):
            while True:
                yield

    async def main() -> None:
        running = pages()
        await running.__anext__()
        assert session_now(monitor) == "s"
        await asyncio.create_task(running.aclose())  # type: ignore[attr-defined]
        assert session_now(monitor) is None

    asyncio.run(main())


def test_a_session_that_no_code_could_record_in_is_told_of_in_the_log_once(
    monitor: PerformanceMonitor, caplog: pytest.LogCaptureFixture
) -> None:
    app = fastapi.FastAPI()

    def job() -> Iterator[None]:
        with monitor.session("job-42"):
            yield

    @app.get("/print")
    def make_print(_: None = fastapi.Depends(job)) -> str | None:  # noqa: FAST002 - `job` is local
        return session_now(monitor)

    client = Client(app)
    assert [client.get("/print").content for _ in range(3)] == [None] * 3
    told = [record.getMessage() for record in caplog.records if "Session" in record.getMessage()]
    assert len(told) == 1
    assert "'job-42'" in told[0]
    assert "async" in told[0]


def test_a_session_of_an_async_dependency_reaches_the_endpoint(
    monitor: PerformanceMonitor, caplog: pytest.LogCaptureFixture
) -> None:
    app = fastapi.FastAPI()

    async def job() -> AsyncIterator[None]:
        with monitor.session("job-42"):
            yield

    @app.get("/print")
    def make_print(_: None = fastapi.Depends(job)) -> str | None:  # noqa: FAST002 - `job` is local
        return session_now(monitor)

    assert Client(app).get("/print").content == "job-42"
    assert not [record for record in caplog.records if "Session" in record.getMessage()]


@pytest.mark.parametrize("own", [uuid.UUID(int=7), 7])
def test_a_session_can_be_called_by_a_uuid_or_a_number(
    monitor: PerformanceMonitor, own: uuid.UUID | int
) -> None:
    session = monitor.session(own)
    assert session.session_id == str(own)
    with session as entered:
        assert entered == str(own)
        monitor.record_metric("op", 1, "u")
    monitor.record_metric("op", 2, "u", {"session_id": own})
    report = PerformanceReport(monitor)
    assert report.generate_session_report(own)["operations"]["op"]["count"] == 2
    assert report.compare_sessions(own, str(own))["session1"] == str(own)


@pytest.mark.parametrize("wrong", [None, 7.5, True, b"s"])
def test_a_session_id_of_the_wrong_type_is_refused(
    monitor: PerformanceMonitor, wrong: object
) -> None:
    with pytest.raises(TypeError, match="session_id"):
        monitor.session(wrong)
    with pytest.raises(TypeError, match="session_id"):
        PerformanceReport(monitor).generate_session_report(wrong)


def test_the_report_adds_up_the_sessions_samples_alone(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    monitor.record_metric("load", 100, "s")
    with monitor.session("s1"):
        for value in [1, 2, 6]:
            monitor.record_metric("load", value, "s")
        with monitor.session("s2"):
            monitor.record_metric("load", 50, "ms")
        with monitor.timer("save"):
            clock.advance(4)
    monitor.record_metric("load", 3, "s", {"session_id": "s1"})
    report = PerformanceReport(monitor).generate_session_report("s1")
    assert report == {
        "session_id": "s1",
        "generated_at": report["generated_at"],
        "operations": {
            "load": {"count": 4, "total": 12.0, "mean": 3.0, "unit": "s"},
            "save": {"count": 1, "total": 4.0, "mean": 4.0, "unit": "seconds"},
        },
    }
    second = PerformanceReport(monitor).generate_session_report("s2")["operations"]
    assert second == {"load": {"count": 1, "total": 50.0, "mean": 50.0, "unit": "ms"}}


def test_the_report_of_an_unknown_session_has_no_operations(monitor: PerformanceMonitor) -> None:
    monitor.record_metric("load", 1, "s", {"session_id": "other"})
    report = PerformanceReport(monitor).generate_session_report("s1")
    assert list(report) == ["session_id", "generated_at", "operations"]
    assert report["operations"] == {}
