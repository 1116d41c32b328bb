"""The six classes as Python programmers use them: subclassed, with attributes, weakly referred to."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import pytest

from ptpd_monitoring import (
    APIPerformanceTracker,
    CacheManager,
    ImageProcessingProfiler,
    PerformanceMonitor,
    PerformanceReport,
    ResourceMonitor,
)

MAKE: dict[type[Any], Callable[[], Any]] = {
    PerformanceMonitor: PerformanceMonitor,
    ImageProcessingProfiler: ImageProcessingProfiler,
    APIPerformanceTracker: APIPerformanceTracker,
    CacheManager: CacheManager,
    ResourceMonitor: ResourceMonitor,
    PerformanceReport: lambda: PerformanceReport(PerformanceMonitor()),
}
CLASSES = list(MAKE)


class Monitor(PerformanceMonitor):
    def __init__(self, owner: str, *, scale: int = 1) -> None:
        super().__init__(max_history=2 * scale)
        self.owner = owner


class Profiler(ImageProcessingProfiler):
    def __init__(self, owner: str, *, scale: int = 1) -> None:
        super().__init__(PerformanceMonitor(2 * scale))
        self.owner = owner


class Tracker(APIPerformanceTracker):
    def __init__(self, owner: str, *, scale: int = 1) -> None:
        super().__init__(2 * scale)
        self.owner = owner


class Cache(CacheManager):
    def __init__(self, owner: str, *, scale: int = 1) -> None:
        super().__init__(max_size=2 * scale)
        self.owner = owner


class Resources(ResourceMonitor):
    def __init__(self, owner: str, *, scale: int = 1) -> None:
        super().__init__(cpu_threshold=2 * scale)
        self.owner = owner


class Report(PerformanceReport):
    def __init__(self, owner: str, *, scale: int = 1) -> None:
        super().__init__(PerformanceMonitor(2 * scale))
        self.owner = owner


SUBCLASSES: dict[type[Any], Callable[[Any], object]] = {
    Monitor: lambda made: made._max_history,
    Profiler: lambda made: made.monitor._max_history,
    Tracker: lambda made: made._max_history,
    Cache: lambda made: made._max_size,
    Resources: lambda made: made.cpu_threshold,
    Report: lambda made: made.monitor._max_history,
}


@pytest.mark.parametrize("kind", SUBCLASSES)
def test_init_alone_can_be_overridden_with_other_arguments(kind: type[Any]) -> None:
    made = kind("me", scale=7)
    assert (made.owner, SUBCLASSES[kind](made)) == ("me", 14)
    again = kind(owner="you")
    assert (again.owner, SUBCLASSES[kind](again)) == ("you", 2)


@pytest.mark.parametrize("kind", SUBCLASSES)
def test_a_wrong_argument_of_an_overridden_init_is_pythons_error(kind: type[Any]) -> None:
    with pytest.raises(TypeError, match="owner"):
        kind()


@pytest.mark.parametrize("kind", [kind for kind in CLASSES if kind is not PerformanceReport])
def test_a_subclass_that_never_calls_our_init_has_the_defaults(kind: type[Any]) -> None:
    class Careless(kind):  # type: ignore[misc]
        def __init__(self, anything: object) -> None:
            self.anything = anything

    made = Careless(5)
    assert made.anything == 5
    assert type(made).__name__ in repr(made)
    attributes = ("_max_history", "_max_size", "_default_ttl", "cpu_threshold")
    for name in attributes:
        assert getattr(made, name, None) == getattr(MAKE[kind](), name, None)


def test_a_report_that_was_not_given_a_monitor_says_so() -> None:
    class Careless(PerformanceReport):
        def __init__(self) -> None:
            pass

    report = Careless()
    assert "Careless" in repr(report)
    for call in (report.generate_daily_report, lambda: report.monitor):
        with pytest.raises(TypeError, match="monitor"):
            call()


@pytest.mark.parametrize("kind", CLASSES)
def test_a_subclass_can_have_several_bases_and_slots_of_its_own(kind: type[Any]) -> None:
    class Named:
        name = "mixed in"

    class Mixed(Named, kind):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(*([PerformanceMonitor()] if kind is PerformanceReport else []))

    assert Mixed().name == "mixed in"
    assert isinstance(Mixed(), kind)


@pytest.mark.parametrize("kind", CLASSES)
def test_instances_take_attributes(kind: type[Any]) -> None:
    made = MAKE[kind]()
    before = dict(vars(made))
    made.anything = 5
    assert made.anything == 5
    assert vars(made) == {**before, "anything": 5}
    del made.anything
    assert not hasattr(made, "anything")


@pytest.mark.parametrize("kind", CLASSES)
def test_instances_take_weak_references_and_let_go(kind: type[Any]) -> None:
    made = MAKE[kind]()
    reference = weakref.ref(made)
    assert reference() is made
    del made
    assert reference() is None


@pytest.mark.parametrize("kind", [*CLASSES, *SUBCLASSES])
def test_instances_are_true_even_when_empty(kind: type[Any]) -> None:
    made = MAKE[kind]() if kind in MAKE else kind("me")
    assert bool(made) is True


@pytest.mark.parametrize("kind", [*CLASSES, *SUBCLASSES])
def test_repr_names_the_class(kind: type[Any]) -> None:
    made = MAKE[kind]() if kind in MAKE else kind("me")
    assert kind.__name__ in repr(made)
    assert len(repr(made)) < 300


def test_repr_shows_what_there_is() -> None:
    monitor = PerformanceMonitor(max_history=5)
    monitor.record_metric("op", 1, "u")
    assert "1 operation" in repr(monitor)
    assert "5" in repr(monitor)
    tracker = APIPerformanceTracker(max_history=7)
    tracker.track_request("/a", 0.1, 200)
    assert "1 request" in repr(tracker)
    assert "7" in repr(tracker)


@pytest.mark.parametrize("kind", CLASSES)
def test_instances_are_equal_to_themselves_alone_and_can_be_keys(kind: type[Any]) -> None:
    one, two = MAKE[kind](), MAKE[kind]()
    assert one != two
    assert {one: 1, two: 2}[one] == 1
    assert [one].index(one) == 0


@pytest.mark.parametrize("kind", CLASSES)
def test_classes_say_where_they_belong(kind: type[Any]) -> None:
    assert kind.__module__ == "ptpd_monitoring"
    assert kind.__doc__


def test_an_override_counts_even_where_the_inherited_init_is_never_called() -> None:
    class Forwarding(PerformanceMonitor):
        def __init__(self) -> None:
            self.seen: list[str] = []

        def record_metric(self, name: str, *_: Any, **__: Any) -> None:
            self.seen.append(name)

    monitor = Forwarding()
    with monitor.timer("op"):
        pass
    assert monitor.seen == ["op"]
