"""What holds a global instance, or was decorated with one, travels to other processes and is copied."""

from __future__ import annotations

import copy
import dataclasses
import functools
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Callable
from typing import Any

import cloudpickle
import pytest

from ptpd_monitoring import (
    APIPerformanceTracker,
    CacheManager,
    ImageProcessingProfiler,
    PerformanceMonitor,
    ResourceMonitor,
    get_api_tracker,
    get_cache,
    get_monitor,
    get_profiler,
    get_resource_monitor,
)

pytestmark = pytest.mark.thread_unsafe(reason="looks at what the global monitor recorded last")

GLOBAL: list[Callable[[], object]] = [
    get_monitor,
    get_profiler,
    get_api_tracker,
    get_cache,
    get_resource_monitor,
]


@pytest.mark.parametrize("get", GLOBAL, ids=lambda get: get.__name__)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_global_instance_travels_as_a_reference(get: Callable[[], object], protocol: int) -> None:
    text = pickle.dumps(get(), protocol)
    assert len(text) < 200
    assert pickle.loads(text) is get()
    assert copy.deepcopy(get()) is get()
    assert copy.copy(get()) is get()


@pytest.mark.parametrize(
    "instance",
    [
        PerformanceMonitor(),
        ImageProcessingProfiler(PerformanceMonitor()),
        APIPerformanceTracker(),
        CacheManager(),
        ResourceMonitor(),
    ],
    ids=lambda instance: type(instance).__name__,
)
@pytest.mark.parametrize("travel", [pickle.dumps, cloudpickle.dumps, copy.copy, copy.deepcopy])
def test_any_other_instance_says_that_it_cannot(
    instance: object, travel: Callable[[object], object]
) -> None:
    name = type(instance).__name__
    with pytest.raises(TypeError, match=f"this {name} can be neither pickled nor copied.*global"):
        travel(instance)


@dataclasses.dataclass
class Job:
    monitor: PerformanceMonitor = dataclasses.field(default_factory=get_monitor)

    def run(self) -> int:
        with self.monitor.timer("travelled"):
            return 1


def test_an_object_that_holds_a_global_instance_is_copied_with_it() -> None:
    job = Job()
    assert dataclasses.asdict(job) == {"monitor": get_monitor()}
    assert copy.deepcopy(job).monitor is get_monitor()
    assert pickle.loads(pickle.dumps(job.run))() == 1


def test_a_timer_and_a_session_of_a_global_instance_travel_with_what_they_are_called() -> None:
    timer = pickle.loads(pickle.dumps(get_monitor().timer("travelled", {"paper": "Arches"})))
    with timer:
        pass
    assert get_monitor().get_metrics("travelled")[-1].metadata["paper"] == "Arches"
    session = copy.deepcopy(get_monitor().session("far away"))
    assert session.session_id == "far away"
    with pytest.raises(TypeError, match="PerformanceMonitor"):
        pickle.dumps(PerformanceMonitor().timer("at home"))


@get_monitor().timer("decorated")
def develop(number: int) -> int:
    return number + 1


@get_monitor().timer("decorated")
@functools.lru_cache
def fix(number: int) -> int:
    return number + 2


def test_a_decorated_function_of_a_module_travels_by_its_name() -> None:
    assert pickle.loads(pickle.dumps(develop)) is develop
    assert pickle.loads(pickle.dumps(fix)) is fix
    assert copy.deepcopy(fix) is fix


@pytest.mark.thread_unsafe(reason="starts a process")
def test_a_decorated_function_of_a_script_is_timed_where_it_arrives() -> None:
    @get_monitor().timer("decorated", {"paper": "Arches"})
    def wash(number: int) -> int:
        return number + 3

    @get_monitor().timer("decorated")
    async def dry(number: int) -> int:
        return number + 4

    def uses_it() -> int:
        with get_monitor().timer("used"):
            return 5

    for function in (wash, dry, uses_it):
        function.__module__ = "__main__"
    arrives = """
        import asyncio, pickle, sys
        wash, dry, uses_it = pickle.loads(bytes.fromhex(sys.argv[1]))
        print(wash(1), asyncio.run(dry(1)), uses_it())
        from ptpd_monitoring import get_monitor
        metrics = get_monitor().get_metrics("decorated")
        print([metric.metadata.get("paper") for metric in metrics], get_monitor().operations())
    """
    travels = cloudpickle.dumps((wash, dry, uses_it)).hex()
    command = [sys.executable, "-c", textwrap.dedent(arrives), travels]
    there = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert there.stderr == ""
    assert there.stdout.splitlines() == ["4 5 5", "['Arches', None] ['decorated', 'used']"]


class Sharpener:
    def __init__(self, amount: int) -> None:
        self.amount = amount

    def __call__(self, number: int) -> int:
        return number * self.amount


def test_a_decorated_object_that_has_no_name_travels_with_what_it_holds() -> None:
    sharpen: Any = get_monitor().timer("decorated")(Sharpener(3))
    for there in (pickle.loads(pickle.dumps(sharpen)), copy.deepcopy(sharpen)):
        assert isinstance(there, Sharpener)
        before = len(get_monitor().get_metrics("decorated"))
        assert (there(2), there.amount) == (6, 3)
        assert len(get_monitor().get_metrics("decorated")) == before + 1
