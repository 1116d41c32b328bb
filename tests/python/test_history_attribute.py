"""The attribute ``history`` of what records to one."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ptpd_monitoring import (
    APIPerformanceTracker,
    History,
    PerformanceMonitor,
    ResourceMonitor,
    _instances,
    get_api_tracker,
    get_monitor,
    get_resource_monitor,
)

RECORDING = [PerformanceMonitor, APIPerformanceTracker, ResourceMonitor]
recording = pytest.mark.parametrize("kind", RECORDING)


@recording
def test_without_a_history_it_is_none(kind: Callable[..., Any]) -> None:
    assert kind().history is None


@recording
def test_it_is_the_history_that_was_given(kind: Callable[..., Any], tmp_path: Path) -> None:
    class Own(History):
        pass

    for history in (History(tmp_path / "a.db"), Own(tmp_path / "b.db")):
        made = kind(history=history)
        assert made.history is history
        history.close()
        assert made.history is history
        assert made.history.closed


@recording
def test_of_a_path_it_is_one_of_that_file(kind: Callable[..., Any], tmp_path: Path) -> None:
    made = kind(history=str(tmp_path / "a.db"))
    assert type(made.history) is History
    assert made.history is made.history
    assert made.history.path == tmp_path / "a.db"
    assert made.history.flush()
    made.history.close()
    assert made.history.closed


@recording
def test_it_cannot_be_set_and_a_subclass_may_have_its_own(kind: type[Any], tmp_path: Path) -> None:
    with History(tmp_path / "a.db") as history:
        made = kind(history=history)
        with pytest.raises(AttributeError, match="history cannot be set"):
            made.history = None
        assert made.history is history

    class Own(kind):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            assert self.history is None
            self.history = ["of its own"]

    assert Own().history == ["of its own"]

    class ByClass(kind):  # type: ignore[misc]
        history = "of the class"

    assert ByClass().history == "of the class"


def test_the_global_instances_share_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_instances, "_instances", {})
    monkeypatch.setenv("PTPD_MONITORING_HISTORY", str(tmp_path / "a.db"))
    history = get_monitor().history
    assert history is not None
    assert get_api_tracker().history is get_resource_monitor().history is history
    history.close()


@pytest.mark.thread_unsafe(reason="collects garbage")
@recording
def test_a_history_that_holds_what_records_to_it_is_collected(
    kind: Callable[..., Any], tmp_path: Path
) -> None:
    history = History(tmp_path / "a.db")
    made = kind(history=history)
    history.owner = made  # type: ignore[attr-defined]
    gone = weakref.ref(made)
    history.close()
    del history, made
    gc.collect()
    assert gone() is None
