"""What a block that is tracked as a request says of how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import http
import inspect
import logging
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from hammer import run
from ptpd_monitoring import APIPerformanceTracker
from ptpd_monitoring.testing import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def tracker(clock: ManualClock) -> APIPerformanceTracker:
    return APIPerformanceTracker(clock=clock)


def last(tracker: APIPerformanceTracker) -> tuple[int, str | None]:
    request = tracker._requests[-1]
    return request.status_code, request.error


def tracked(tracker: APIPerformanceTracker, error: BaseException) -> tuple[int, str | None]:
    """What a block is tracked as that raises ``error``, which goes on."""
    with pytest.raises(type(error)) as caught, tracker.track("/print"):
        raise error
    assert caught.value is error
    return last(tracker)


class Carrying(Exception):
    def __init__(self, status: object, text: str = "no such curve") -> None:
        super().__init__(text)
        self.status_code = status


class Unwilling(Exception):
    @property
    def status_code(self) -> int:
        raise RuntimeError("lazy")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (404, 404),
        (http.HTTPStatus.CONFLICT, 409),
        (100, 100),
        (599, 599),
        (600, 500),
        (99, 500),
        (0, 500),
        (-404, 500),
        (10**30, 500),
        (True, 500),
        ("404", 500),
        (404.0, 500),
        (None, 500),
        ([], 500),
    ],
    ids=repr,
)
def test_an_exception_that_carries_a_status_keeps_it(
    tracker: APIPerformanceTracker, status: object, expected: int
) -> None:
    error = "no such curve" if expected >= 400 else None
    assert tracked(tracker, Carrying(status)) == (expected, error)


def test_a_redirect_by_an_exception_is_no_error(tracker: APIPerformanceTracker) -> None:
    assert tracked(tracker, Carrying(302, "elsewhere")) == (302, None)
    assert tracker.get_errors() == []
    assert tracker.get_error_rate("/print") == 0.0


def test_a_status_that_cannot_be_read_does_no_harm(tracker: APIPerformanceTracker) -> None:
    assert tracked(tracker, Unwilling("text")) == (500, "text")


def test_exceptions_of_frameworks_keep_their_status(tracker: APIPerformanceTracker) -> None:
    fastapi = pytest.importorskip("fastapi")
    werkzeug = pytest.importorskip("werkzeug.exceptions")
    wrappers = pytest.importorskip("werkzeug.wrappers")
    assert tracked(tracker, fastapi.HTTPException(404, "no such curve"))[0] == 404
    assert tracked(tracker, werkzeug.NotFound())[0] == 404
    assert tracked(tracker, werkzeug.TooManyRequests())[0] == 429
    assert (
        tracked(tracker, werkzeug.HTTPException(response=wrappers.Response(status=409)))[0] == 409
    )
    assert tracked(tracker, werkzeug.HTTPException())[0] == 500


def test_a_code_of_others_than_werkzeug_is_no_status(tracker: APIPerformanceTracker) -> None:
    import urllib.error
    from email.message import Message

    with urllib.error.HTTPError("http://upstream", 404, "gone", Message(), None) as upstream:
        assert tracked(tracker, upstream)[0] == 500


def test_a_cancelled_request_is_499(tracker: APIPerformanceTracker) -> None:
    assert tracked(tracker, asyncio.CancelledError()) == (499, "CancelledError")
    assert tracked(tracker, GeneratorExit()) == (499, "GeneratorExit")
    assert tracked(tracker, asyncio.CancelledError("server stops")) == (499, "server stops")

    async def main() -> None:
        async def work() -> None:
            async with tracker.track("/task"):
                await asyncio.Event().wait()

        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert last(tracker) == (499, "CancelledError")


def test_a_cancelled_scope_of_trio_is_499(tracker: APIPerformanceTracker) -> None:
    trio = pytest.importorskip("trio")

    async def main() -> None:
        with trio.CancelScope() as scope:
            scope.cancel()
            async with tracker.track("/trio"):
                await trio.sleep_forever()

    trio.run(main)
    assert last(tracker)[0] == 499


def test_a_greenlet_that_is_killed_is_499(tracker: APIPerformanceTracker) -> None:
    greenlet = pytest.importorskip("greenlet")
    assert tracked(tracker, greenlet.GreenletExit()) == (499, "GreenletExit")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="groups of exceptions are Python 3.11's")
def test_a_group_of_exceptions_has_the_status_of_its_worst(
    tracker: APIPerformanceTracker,
) -> None:
    group = BaseExceptionGroup  # type: ignore[name-defined,unused-ignore]  # noqa: F821
    cancelled = asyncio.CancelledError()
    assert tracked(tracker, group("all", [cancelled, cancelled])) == (499, "all (2 sub-exceptions)")
    assert tracked(tracker, group("some", [cancelled, Carrying(404)]))[0] == 404
    assert tracked(tracker, group("some", [Carrying(404), Carrying(503)]))[0] == 503
    assert tracked(tracker, group("some", [Carrying(404), ValueError()]))[0] == 500
    assert tracked(tracker, group("in", [group("in", [cancelled]), Carrying(302)]))[0] == 302


@pytest.mark.parametrize("code", [0, None, False])
def test_a_program_that_ends_well_has_not_failed(
    tracker: APIPerformanceTracker, code: object
) -> None:
    assert tracked(tracker, SystemExit(code)) == (200, None)
    with pytest.raises(SystemExit), tracker.track("/print") as request:
        request.status = 204
        raise SystemExit(code)
    assert last(tracker) == (204, None)


# A status that the block sets


def test_a_block_says_what_status_it_ends_with(tracker: APIPerformanceTracker) -> None:
    with tracker.track("/curves") as request:
        assert request.status == 200
        request.status = 302
        request.status = http.HTTPStatus.NOT_FOUND
        assert request.status == 404
    assert last(tracker) == (404, None)
    # The next block of the same object begins anew.
    with request:
        assert request.status == 200
    assert last(tracker) == (200, None)


def test_an_exception_goes_before_the_status_that_was_set(tracker: APIPerformanceTracker) -> None:
    with pytest.raises(ValueError, match="reason"), tracker.track("/curves") as request:
        request.status = 302
        raise ValueError("reason")
    assert last(tracker) == (500, "reason")
    with pytest.raises(Carrying), tracker.track("/curves") as request:
        request.status = 302
        raise Carrying(409)
    assert last(tracker) == (409, "no such curve")
    with request:
        pass
    assert last(tracker) == (200, None)


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (99, ValueError),
        (600, ValueError),
        (-1, ValueError),
        (10**30, ValueError),
        ("404", TypeError),
        (404.0, TypeError),
        (True, TypeError),
        (None, TypeError),
    ],
    ids=repr,
)
def test_a_wrong_status_is_refused_and_changes_nothing(
    tracker: APIPerformanceTracker, wrong: Any, kind: type[Exception]
) -> None:
    with tracker.track("/curves") as request:
        request.status = 404
        with pytest.raises(kind, match=r"^status must be "):
            request.status = wrong
    assert last(tracker) == (404, None)


def test_threads_and_tasks_that_share_an_object_set_their_own_status(
    tracker: APIPerformanceTracker,
) -> None:
    shared = tracker.track("/shared")
    barrier = threading.Barrier(4, timeout=60)

    def work(status: int) -> None:
        with shared:
            barrier.wait()
            shared.status = status
            barrier.wait()
            assert shared.status == status

    threads = [threading.Thread(target=work, args=(status,)) for status in (201, 302, 404, 503)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    async def task(status: int, entered: asyncio.Event, gate: asyncio.Event) -> None:
        async with shared:
            shared.status = status
            entered.set()
            await gate.wait()

    async def main() -> None:
        gate, tasks = asyncio.Event(), []
        for status in (202, 410):
            entered = asyncio.Event()
            tasks.append(asyncio.create_task(task(status, entered, gate)))
            await entered.wait()
        gate.set()
        await asyncio.gather(*tasks)

    asyncio.run(main())
    assert sorted(request.status_code for request in tracker._requests) == [
        201,
        202,
        302,
        404,
        410,
        503,
    ]


def test_a_status_goes_to_a_replaced_track_request(tracker: APIPerformanceTracker) -> None:
    calls: list[tuple[Any, ...]] = []
    tracker.track_request = lambda *args: calls.append(args)  # type: ignore[method-assign]
    with tracker.track("/a") as request:
        request.status = 304
    with pytest.raises(Carrying), tracker.track("/b"):
        raise Carrying(404)
    assert calls == [("/a", 0.0, 304, "GET", None), ("/b", 0.0, 404, "GET", "no such curve")]


# As a decorator


def test_a_plain_function_is_tracked_at_each_call(
    tracker: APIPerformanceTracker, clock: ManualClock
) -> None:
    @tracker.track("/curves/{id}", "PUT")
    def put(number: int, *, fails: bool = False) -> int:
        """Put a curve."""
        clock.advance(0.5)
        if fails:
            raise Carrying(404)
        return number + 1

    assert put(1) == 2
    with pytest.raises(Carrying):
        put(1, fails=True)
    assert (put.__name__, put.__doc__) == ("put", "Put a curve.")
    assert [
        (r.endpoint, r.method, r.duration_ms, r.status_code, r.error) for r in tracker._requests
    ] == [
        ("/curves/{id}", "PUT", 500.0, 200, None),
        ("/curves/{id}", "PUT", 500.0, 404, "no such curve"),
    ]


def test_an_async_function_is_tracked_while_it_runs(
    tracker: APIPerformanceTracker, clock: ManualClock
) -> None:
    @tracker.track("/async")
    async def handle(seconds: float) -> float:
        await asyncio.sleep(0)
        clock.advance(seconds)
        return seconds

    assert inspect.iscoroutinefunction(handle)

    async def main() -> None:
        assert await asyncio.gather(handle(1.0), handle(2.0)) == [1.0, 2.0]
        task = asyncio.create_task(handle(1.0))
        await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(main())
    statuses = [request.status_code for request in tracker._requests]
    assert statuses[:2] == [200, 200]
    assert statuses[-1] == 499


def test_generators_are_tracked_until_their_end(
    tracker: APIPerformanceTracker, clock: ManualClock
) -> None:
    @tracker.track("/rows")
    def rows() -> Iterator[int]:
        for number in range(3):
            clock.advance(1)
            yield number

    @tracker.track("/stream")
    async def stream() -> AsyncIterator[int]:
        for number in range(3):
            clock.advance(1)
            yield number

    async def read() -> list[int]:
        return [number async for number in stream()]

    assert list(rows()) == [0, 1, 2]
    assert asyncio.run(read()) == [0, 1, 2]
    assert tracker.get_response_times() == {"/rows": [3000.0], "/stream": [3000.0]}
    # Whoever reads it goes away.
    broken = rows()
    next(broken)
    broken.close()
    assert last(tracker) == (499, "GeneratorExit")


def test_methods_of_every_kind_and_recursive_calls_are_tracked(
    tracker: APIPerformanceTracker,
) -> None:
    class Curves:
        @tracker.track("/get")
        def get(self, depth: int) -> int:
            return self.get(depth - 1) + 1 if depth else 0

        @tracker.track("/static")
        @staticmethod
        def static() -> str:
            return "static"

        @classmethod
        @tracker.track("/class")
        def of_class(cls) -> str:
            return cls.__name__

    assert Curves().get(3) == 3
    assert (Curves.static(), Curves.of_class()) == ("static", "Curves")
    counts = {name: len(times) for name, times in tracker.get_response_times().items()}
    assert counts == {"/get": 4, "/static": 1, "/class": 1}


@pytest.mark.parametrize("wrong", [5, "function", None])
def test_what_cannot_be_called_is_not_decorated(
    tracker: APIPerformanceTracker, wrong: Callable[[], None]
) -> None:
    with pytest.raises(TypeError, match=r"^track can only decorate a callable, got"):
        tracker.track("/a")(wrong)


def test_a_partial_function_is_tracked(tracker: APIPerformanceTracker) -> None:
    assert tracker.track("/a")(functools.partial(max, 1))(2) == 2
    assert tracker.get_endpoint_stats("/a")["count"] == 1


# Clocks that are set back


def test_a_negative_duration_counts_as_none(
    tracker: APIPerformanceTracker, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.CRITICAL, logger="ptpd_calibration.monitoring"):
        tracker.track_request("/a", -3, 200)
        tracker.track_request("/a", -1e-12, 500, "POST", "text")
        tracker.track_request("/a", -0.0, 200)
    assert [request.duration_ms for request in tracker._requests] == [0.0, 0.0, 0.0]
    assert tracker.get_endpoint_stats("/a")["min_ms"] == 0.0
    assert tracker.get_endpoint_stats("/a", method="POST")["error_count"] == 1


def test_a_clock_that_is_set_back_is_warned_of_once_in_a_process() -> None:
    said = run(
        """
        import logging
        from ptpd_monitoring import APIPerformanceTracker

        class Counting(logging.Handler):
            def emit(self, record):
                print(record.levelname, record.getMessage())

        log = logging.getLogger("ptpd_calibration.monitoring")
        log.addHandler(Counting())
        for number in range(3):
            tracker = APIPerformanceTracker()
            tracker.track_request("/a", -2.5, 200)
            tracker.track_request("/a", -1.0, 200)
            assert tracker.get_response_times() == {"/a": [0.0, 0.0]}
        """
    )
    (line,) = said.splitlines()
    assert line.startswith("WARNING A request took -2.5 seconds")


def test_a_warning_that_fails_does_not_fail_the_request() -> None:
    run(
        """
        import logging, sys
        from ptpd_monitoring import APIPerformanceTracker

        class Failing(logging.Handler):
            def emit(self, record):
                raise RuntimeError("the disk is full")

        seen = []
        sys.unraisablehook = seen.append
        logging.getLogger("ptpd_calibration.monitoring").addHandler(Failing())
        tracker = APIPerformanceTracker()
        tracker.track_request("/a", -2.5, 200)
        assert len(tracker._requests) == 1 and len(seen) == 1
        """
    )
