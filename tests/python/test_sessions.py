"""Sessions: which samples belong to them, and the report of one."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ptpd_monitoring import PerformanceMonitor, PerformanceReport
from ptpd_monitoring.testing import ManualClock


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


@pytest.mark.parametrize("wrong", [None, 7, b"s"])
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
