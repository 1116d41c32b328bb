"""Samples as JSON and CSV, read back by Python's own readers."""

from __future__ import annotations

import csv
import enum
import io
import json
import math
import os
import subprocess
import sys
import uuid
from collections import OrderedDict
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptpd_monitoring import PerformanceMetric, PerformanceMonitor, PerformanceReport
from ptpd_monitoring.testing import ManualClock

COLUMNS = ["metric_name", "value", "unit", "timestamp", "metadata"]

# CSV readers before Python 3.11 refuse null characters.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
AWKWARD = st.one_of(TEXT, st.sampled_from(['"', '""', "a,b", "\n", "\r", "\r\n", " x ", "ü🦀", ""]))
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | AWKWARD,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(AWKWARD, inner, max_size=4),
    max_leaves=12,
)


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def exported(metadata: dict[Any, Any]) -> Any:
    """What the metadata reads as after an export, the same in both formats."""
    monitor = PerformanceMonitor()
    monitor.record_metric("op", 1, "u", metadata)
    (sample,) = json.loads(monitor.export_metrics("json"), parse_constant=pytest.fail)
    (row,) = read_csv(monitor.export_metrics("csv"))
    assert json.loads(row["metadata"], parse_constant=pytest.fail) == sample["metadata"]
    return sample["metadata"]


def test_json_holds_every_field_of_every_sample() -> None:
    clock = ManualClock(wall=1_700_000_000)
    monitor = PerformanceMonitor(clock=clock)
    monitor.record_metric("b", 0.1, "s", {"k": [1, None]})
    clock.advance(0.5)
    with monitor.timer("a"):
        clock.advance(0.25)
    monitor.record_metric("b", 2, "s")
    samples = json.loads(monitor.export_metrics())
    assert [list(sample) for sample in samples] == [COLUMNS] * 3
    expected = [metric for name in ["b", "a"] for metric in monitor.get_metrics(name)]
    assert samples == [
        {**metric.model_dump(), "timestamp": metric.timestamp.isoformat()} for metric in expected
    ]


def test_csv_holds_every_field_of_every_sample() -> None:
    clock = ManualClock(wall=1_700_000_000)
    monitor = PerformanceMonitor(clock=clock)
    monitor.record_metric("b", 0.1, "s", {"k": [1, None]})
    clock.advance(0.5)
    with monitor.timer("a"):
        clock.advance(0.25)
    text = monitor.export_metrics(format="csv")
    assert text is not None
    assert text.splitlines()[0] == ",".join(COLUMNS)
    expected = [metric for name in ["b", "a"] for metric in monitor.get_metrics(name)]
    rows = read_csv(text)
    assert [
        (r["metric_name"], float(r["value"]), r["unit"], datetime.fromisoformat(r["timestamp"]))
        for r in rows
    ] == [(m.metric_name, m.value, m.unit, m.timestamp) for m in expected]
    assert [json.loads(row["metadata"]) for row in rows] == [m.metadata for m in expected]


def test_operations_come_in_order_of_first_use_and_samples_oldest_first() -> None:
    monitor = PerformanceMonitor()
    for value, name in enumerate("cabcab"):
        monitor.record_metric(name, value, "u")
    samples = json.loads(monitor.export_metrics("json"))
    assert [(s["metric_name"], s["value"]) for s in samples] == [
        ("c", 0),
        ("c", 3),
        ("a", 1),
        ("a", 4),
        ("b", 2),
        ("b", 5),
    ]


def test_one_operation_can_be_exported_alone() -> None:
    monitor = PerformanceMonitor()
    monitor.record_metric("a", 1, "u")
    monitor.record_metric("b", 2, "u")
    (sample,) = json.loads(monitor.export_metrics("json", None, "b"))
    assert sample["metric_name"] == "b"
    (row,) = read_csv(monitor.export_metrics("csv", operation_name="a"))
    assert row["metric_name"] == "a"


@pytest.mark.parametrize("operation", [None, "unknown"])
def test_nothing_is_an_empty_list_or_an_empty_text(operation: str | None) -> None:
    monitor = PerformanceMonitor()
    assert monitor.export_metrics(operation_name=operation) == "[]"
    assert monitor.export_metrics("csv", operation_name=operation) == ""


@pytest.mark.parametrize("name", ["json", "JSON", "Json"])
def test_the_json_format_is_known_in_any_case(name: str) -> None:
    assert PerformanceMonitor().export_metrics(name) == "[]"


@pytest.mark.parametrize("name", ["csv", "CSV", "cSv"])
def test_the_csv_format_is_known_in_any_case(name: str) -> None:
    assert PerformanceMonitor().export_metrics(name) == ""


@pytest.mark.parametrize("name", ["xml", "", "XML", "json ", "j\u017fon"])
def test_another_format_is_refused_in_these_words(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Unsupported") as caught:
        PerformanceMonitor().export_metrics(format=name, output_path=tmp_path / "out")
    assert str(caught.value) == f"Unsupported format: {name}"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"format": None}, "format"),
        ({"format": 3}, "format"),
        ({"output_path": 3}, "output_path"),
        ({"output_path": io.StringIO()}, "output_path"),
        ({"operation_name": 3}, "operation_name"),
    ],
)
def test_arguments_of_the_wrong_type_are_refused_by_name(
    arguments: dict[str, Any], named: str
) -> None:
    with pytest.raises(TypeError, match=named):
        PerformanceMonitor().export_metrics(**arguments)


@settings(max_examples=200, deadline=None)
@given(AWKWARD, AWKWARD, st.floats(allow_nan=False, allow_infinity=False))
def test_any_text_and_number_read_back_equal(name: str, unit: str, value: float) -> None:
    monitor = PerformanceMonitor()
    monitor.record_metric(name, value, unit)
    (sample,) = json.loads(monitor.export_metrics("json"))
    assert (sample["metric_name"], sample["value"], sample["unit"]) == (name, value, unit)
    (row,) = read_csv(monitor.export_metrics("csv", neutralize_formulas=False))
    assert (row["metric_name"], float(row["value"]), row["unit"]) == (name, value, unit)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(AWKWARD, JSON_VALUES, max_size=4))
def test_any_metadata_that_json_can_hold_reads_back_equal(metadata: dict[str, Any]) -> None:
    assert exported(metadata) == metadata


def test_numbers_that_are_not_finite_are_null_in_json_and_text_in_csv() -> None:
    monitor = PerformanceMonitor()
    monitor.record_many("op", [math.nan, math.inf, -math.inf], "u")
    samples = json.loads(monitor.export_metrics(), parse_constant=pytest.fail)
    assert [sample["value"] for sample in samples] == [None, None, None]
    assert [row["value"] for row in read_csv(monitor.export_metrics("csv"))] == [
        "nan",
        "inf",
        "-inf",
    ]
    assert exported({"a": math.nan, "b": [math.inf], "c": np.float32("nan")}) == {
        "a": None,
        "b": [None],
        "c": None,
    }


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    HIGH = 3


class Plain:
    def __str__(self) -> str:
        return "plain text"


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class Hostile:
    def __getattr__(self, name: str) -> object:
        raise RuntimeError(name)

    def __str__(self) -> str:
        return "hostile"


class BrokenList(list):  # type: ignore[type-arg]
    def __iter__(self) -> Any:
        raise RuntimeError("no items")

    def __repr__(self) -> str:
        return "broken"


class Point(NamedTuple):
    x: int
    y: int


UUID = uuid.UUID(int=5)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((1, (2,)), [1, [2]]),
        ({5}, [5]),
        (frozenset(["a"]), ["a"]),
        (b"ab", "b'ab'"),
        (bytearray(b"ab"), "bytearray(b'ab')"),
        (datetime(2024, 2, 29, 1, 2, 3), "2024-02-29T01:02:03"),
        (datetime(2024, 1, 1, tzinfo=timezone.utc), "2024-01-01T00:00:00+00:00"),
        (date(2024, 2, 29), "2024-02-29"),
        (time(1, 2), "01:02:00"),
        (timedelta(seconds=1), "0:00:01"),
        (Decimal("0.10"), "0.10"),
        (1 + 2j, "(1+2j)"),
        (Path("a") / "b", str(Path("a/b"))),
        (UUID, str(UUID)),
        (Colour.RED, "Colour.RED"),
        (Level.HIGH, 3),
        (Point(1, 2), [1, 2]),
        (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array(5), 5),
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.datetime64("2024-02-29"), "2024-02-29"),
        (2**70, 2**70),
        (-(2**63) - 1, -(2**63) - 1),
        (10**400, 10**400),
        (Plain(), "plain text"),
        (Unprintable(), "<Unprintable>"),
        ([Unprintable()], ["<Unprintable>"]),
        (Hostile(), "hostile"),
        (BrokenList([1]), "broken"),
        ("\ud800", "\ufffd\ufffd\ufffd"),
        (
            {1: "int", None: "none", (1, 2): "tuple"},
            {"1": "int", "None": "none", "(1, 2)": "tuple"},
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_metadata_that_json_cannot_hold_becomes_text(value: Any, expected: Any) -> None:
    assert exported({"k": value}) == {"k": expected}


def test_an_integer_too_long_for_text_does_not_stop_an_export() -> None:
    assert exported({"k": 10**5_000}) == {"k": "<int>"}


def test_a_key_that_has_no_text_does_not_stop_an_export() -> None:
    assert exported({Unprintable(): 1}) == {"<Unprintable>": 1}


def test_classes_and_functions_become_text() -> None:
    found = exported({"class": PerformanceMetric, "function": len, "array class": np.ndarray})
    assert found["class"] == str(PerformanceMetric)
    assert found["function"] == str(len)


def test_models_inside_metadata_are_written_with_their_fields() -> None:
    inner = PerformanceMetric(
        metric_name="inner", value=1, unit="u", timestamp=datetime(2024, 1, 1), metadata={"a": 1}
    )
    assert exported({"k": [inner]}) == {
        "k": [
            {
                "metric_name": "inner",
                "value": 1.0,
                "unit": "u",
                "timestamp": "2024-01-01T00:00:00",
                "metadata": {"a": 1},
            }
        ]
    }


def test_containers_inside_themselves_end_in_text() -> None:
    items: list[Any] = [1]
    items.append(items)
    mapping: dict[str, Any] = {"items": items}
    mapping["self"] = mapping
    array = np.empty(1, dtype=object)
    array[0] = array
    metric = PerformanceMetric(metric_name="m", value=1, unit="u")
    metric.metadata["self"] = metric
    found = exported({"items": items, "mapping": mapping, "array": array, "metric": metric})
    assert found["items"][0] == 1
    assert "list" in found["items"][1]
    assert "dict" in found["mapping"]["self"]
    assert "metric" in found


@pytest.mark.timeout(20)
def test_a_list_twice_inside_itself_takes_no_exponential_time() -> None:
    items: list[Any] = []
    items += [items, items]
    assert all("list" in item for item in exported({"items": items})["items"])


@pytest.mark.timeout(60)
@pytest.mark.thread_unsafe(reason="converts the dicts of one thread, a million of them")
def test_dicts_that_share_each_other_take_no_exponential_time() -> None:
    shared: dict[str, Any] = {"end": 1}
    for _ in range(60):
        shared = {"a": shared, "b": shared}
    monitor = PerformanceMonitor()
    monitor.record_metric("op", 1, "u", {"shared": shared, "scalar": 7})
    text = monitor.export_metrics()
    assert text is not None
    assert json.loads(text)[0]["metadata"]["scalar"] == 7
    assert "<dict after 1000000 other values>" in text


@pytest.mark.parametrize("method", ["__str__", "isoformat", "tolist", "__iter__"])
def test_an_interrupt_while_metadata_is_turned_to_text_goes_on(method: str) -> None:
    def interrupt(_: object) -> str:
        raise KeyboardInterrupt

    bases = {"isoformat": (datetime,), "__iter__": (list,)}.get(method, ())
    kind = type("Interrupting", bases, {method: interrupt})
    value = kind(2024, 1, 1) if method == "isoformat" else kind()
    monitor = PerformanceMonitor()
    monitor.record_metric("op", 1, "s", {"k": value})
    with pytest.raises(KeyboardInterrupt):
        monitor.export_metrics()
    with pytest.raises(KeyboardInterrupt):
        PerformanceReport.export_report({"operations": {"op": value}}, "csv")


def test_one_object_in_two_places_is_no_cycle() -> None:
    shared = [1, 2]
    assert exported({"a": shared, "b": [shared, shared]}) == {"a": [1, 2], "b": [[1, 2], [1, 2]]}


def test_very_deep_nesting_ends_in_text() -> None:
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]
    assert "nested too deeply" in json.dumps(exported({"deep": deep}))


@pytest.mark.parametrize("kind", [str, Path])
@pytest.mark.parametrize("name", ["json", "csv"])
def test_a_path_is_written_to_and_nothing_returned(
    tmp_path: Path, kind: type[Any], name: str
) -> None:
    monitor = PerformanceMonitor()
    monitor.record_metric("öp", 1, "u\n", {"k": "ü"})
    path = tmp_path / "metrics ü.out"
    assert monitor.export_metrics(name, kind(path)) is None
    assert path.read_bytes() == monitor.export_metrics(name).encode()
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_any_object_with_fspath_is_a_path(tmp_path: Path) -> None:
    class Place:
        def __fspath__(self) -> str:
            return str(tmp_path / "out")

    PerformanceMonitor().export_metrics(output_path=Place())
    assert (tmp_path / "out").read_text() == "[]"


def test_a_relative_path_is_one_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    PerformanceMonitor().export_metrics("csv", "out.csv")
    assert (tmp_path / "out.csv").read_text().startswith("metric_name,")


def test_an_old_file_is_replaced_and_keeps_its_permissions_and_links(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old " * 1_000)
    target.chmod(0o640)
    link.symlink_to(target)
    PerformanceMonitor().export_metrics(output_path=link)
    assert target.read_text() == "[]"
    assert target.stat().st_mode & 0o777 == 0o640
    assert link.is_symlink()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("missing/out", FileNotFoundError),
        (".", IsADirectoryError),
        ("file/out", NotADirectoryError),
    ],
)
def test_a_path_that_cannot_be_written_raises_the_systems_error_with_the_path(
    tmp_path: Path, path: str, kind: type[OSError]
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(kind) as caught:
        PerformanceMonitor().export_metrics(output_path=tmp_path / path)
    assert caught.value.filename == str(tmp_path / path)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_a_path_with_a_null_character_is_refused_by_name_and_value() -> None:
    with pytest.raises(ValueError, match=r"output_path must be .*got 'a\\x00b'"):
        PerformanceMonitor().export_metrics(output_path="a\0b")


@pytest.mark.skipif(os.name != "posix", reason="limits the size of files by setrlimit")
def test_the_old_file_is_kept_when_writing_fails_half_way(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("old")
    script = (
        "import resource, sys\n"
        "from ptpd_monitoring import PerformanceMonitor\n"
        "monitor = PerformanceMonitor()\n"
        "monitor.record_many('op', range(1000), 'u')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n"
        "    monitor.export_metrics('csv', sys.argv[1])\n"
        "except OSError as error:\n"
        "    assert error.filename == sys.argv[1], error\n"
        "else:\n"
        "    sys.exit('not refused')\n"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=True)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
