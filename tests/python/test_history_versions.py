"""What a program calls its release is noted with what it writes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hammer import run
from history_support import query
from ptpd_monitoring import History, PerformanceMonitor

VARIABLE = "PTPD_MONITORING_VERSION"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(VARIABLE, raising=False)
    return tmp_path / "history.db"


def record(path: Path, **arguments: str) -> None:
    with History(path, **arguments) as history:  # type: ignore[arg-type]
        PerformanceMonitor(history=history).record_metric("op", 1.0, "s")


def versions(path: Path) -> list[str | None]:
    return [version for (version,) in query(path, "SELECT version FROM writers ORDER BY id")]


def test_each_writer_notes_the_version_that_it_was_given(path: Path) -> None:
    record(path)
    record(path, version="1.4.1")
    record(path, version=" 1.4.2 \n")
    assert versions(path) == [None, "1.4.1", "1.4.2"]


def test_the_environment_says_the_version_where_the_argument_does_not(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "2.0-rc1")
    record(path)
    record(path, version="2.0")
    monkeypatch.setenv(VARIABLE, "  ")
    record(path)
    assert versions(path) == ["2.0-rc1", "2.0", None]
    monkeypatch.setenv(VARIABLE, "x" * 300)
    other = path.with_name("other.db")
    record(other)
    assert versions(other) == ["x" * 200]


@pytest.mark.parametrize("version", ["", "   ", "x" * 201])
def test_a_version_that_says_nothing_or_too_much_is_refused(path: Path, version: str) -> None:
    with pytest.raises(ValueError, match=r"version must be 1 to 200 characters, got "):
        History(path, version=version)
    assert not path.exists()


@pytest.mark.parametrize("version", [1.4, b"1.4", ("1", "4")])
def test_a_version_is_a_text(path: Path, version: object) -> None:
    with pytest.raises(TypeError, match="version must be a str"):
        History(path, version=version)  # type: ignore[arg-type]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs forks")
def test_a_forked_child_writes_as_the_same_version(path: Path) -> None:
    program = """
        import os, sys, warnings
        from ptpd_monitoring import History, PerformanceMonitor
        warnings.simplefilter('ignore', DeprecationWarning)
        history = History(sys.argv[1], version="3.1")
        monitor = PerformanceMonitor(history=history)
        monitor.record_metric("op", 1.0, "s")
        child = os.fork()
        monitor.record_metric("op", 1.0, "s")
        history.flush()
        if not child:
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    """
    run(program, path)
    assert versions(path) == ["3.1", "3.1"]
