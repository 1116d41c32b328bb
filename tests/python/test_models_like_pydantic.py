"""Our models beside pydantic models of the same fields: what code written for these finds."""

from __future__ import annotations

import copy
import decimal
import enum
import fractions
import json
import math
import pickle
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptpd_monitoring import APIMetric, CacheStats, PerformanceMetric, ResourceUsage
from ptpd_monitoring.errors import FieldError

pydantic = pytest.importorskip("pydantic", minversion="2.0", reason="needs pydantic 2")

# The names that pydantic kept from its version 1 warn where they are its own.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*shadows an attribute"),
]

NOON = datetime(2024, 2, 29, 12, 0, 0, 250)
UTC_NOON = NOON.replace(tzinfo=timezone.utc)


class OldMetric(pydantic.BaseModel):
    """A sample of a metric."""

    metric_name: str
    value: float
    unit: str
    timestamp: datetime = pydantic.Field(default_factory=datetime.now)
    metadata: dict[str, Any] = pydantic.Field(default_factory=dict)


class OldUsage(pydantic.BaseModel):
    """A reading of the machine's resources."""

    cpu_percent: float
    memory_percent: float
    memory_used_mb: float
    memory_available_mb: float
    disk_percent: float
    disk_used_gb: float
    disk_free_gb: float
    timestamp: datetime = pydantic.Field(default_factory=datetime.now)
    gpu_percent: float | None = None
    gpu_memory_mb: float | None = None


class OldRequest(pydantic.BaseModel):
    """A tracked API request."""

    endpoint: str
    duration_ms: float
    status_code: int
    timestamp: datetime = pydantic.Field(default_factory=datetime.now)
    method: str = "GET"
    error: str | None = None


class OldStats(pydantic.BaseModel):
    """The counters of a cache."""

    hits: int = 0
    misses: int = 0
    evictions: int = 0
    expirations: int = 0
    size: int = 0
    max_size: int


OLD = {
    PerformanceMetric: OldMetric,
    ResourceUsage: OldUsage,
    APIMetric: OldRequest,
    CacheStats: OldStats,
}
FIELDS: dict[type[Any], dict[str, Any]] = {
    PerformanceMetric: {
        "metric_name": "dmax",
        "value": 1.5,
        "unit": "density",
        "timestamp": NOON,
        "metadata": {"paper": "rag", "numbers": [1, 2]},
    },
    ResourceUsage: {
        **dict.fromkeys(list(OldUsage.model_fields)[:7], 12.5),
        "timestamp": NOON,
        "gpu_percent": 3.0,
    },
    APIMetric: {"endpoint": "/a", "duration_ms": 2.5, "status_code": 404, "timestamp": NOON},
    CacheStats: {"hits": 3, "max_size": 10},
}
PAIRS = [pytest.param(ours, OLD[ours], FIELDS[ours], id=ours.__name__) for ours in OLD]
pairs = pytest.mark.parametrize(("ours", "theirs", "fields"), PAIRS)


def outcome(make: Callable[[], Any]) -> Any:
    """What comes of it: a value, or that it is refused as a value is."""
    try:
        return make()
    except ValueError:
        return "refused"


def is_same(one: Any, other: Any) -> bool:
    both_nan = isinstance(one, float) and isinstance(other, float) and math.isnan(one + other)
    return type(one) is type(other) and (one == other or both_nan)


@pairs
def test_every_public_name_of_a_pydantic_model_is_there(ours, theirs, fields):
    # One is called by users' own code alone, the other belongs to generic models.
    not_ours = {"model_parametrized_name", "model_post_init"}
    public = {name for name in dir(theirs) if not name.startswith("_")} - not_ours
    assert public <= set(dir(ours)), public - set(dir(ours))
    assert {name for name in public if not hasattr(ours(**fields), name)} == set()


class Colour(str, enum.Enum):
    RED = "red"


class Text(str):
    __slots__ = ()


class Number:
    def __init__(self, value: float) -> None:
        self.value = value

    def __float__(self) -> float:
        return self.value


class Index:
    def __index__(self) -> int:
        return 3


# fmt: off
NUMBERS: list[Any] = [
    3, 3.0, 3.5, -0.0, "3", "3.0", "3.", ".5", "+3", "-3", " 3 ", "3.50", "1e3", "1_000", "1__0", "_1",
    "1_", "1_0.0", "0x10", "- 3", "00", "", " ", "x", "nan", "inf", "-Infinity", "1e999", "٣", b"3", b"x",
    True, False, None, math.nan, math.inf, -math.inf, 1j, [1], object(), {}, decimal.Decimal(3),
    decimal.Decimal("3.5"), fractions.Fraction(1, 2), fractions.Fraction(6, 2), Number(2.0), Number(2.5),
    Index(), np.float32(0.5), np.float64(3), np.int64(3), np.array(2.0), 2**62, -(2**63), 2**53 + 1, 1e18,
    10**400, Text("7"), Text("x"), datetime(2024, 1, 1), timedelta(1),
]
# fmt: on


@pytest.mark.parametrize("value", NUMBERS, ids=lambda value: repr(value)[:30])
@pytest.mark.parametrize(
    ("ours", "field"),
    [(PerformanceMetric, "value"), (ResourceUsage, "gpu_percent"), (APIMetric, "status_code")],
)
def test_numbers_are_read_as_pydantic_reads_them(ours, field, value):
    theirs, fields = OLD[ours], FIELDS[ours] | {field: value}
    expected = outcome(lambda: getattr(theirs(**fields), field))
    if isinstance(expected, int) and abs(expected) > 2**63:
        expected = "refused"  # our ints have 64 bits
    made = outcome(lambda: getattr(ours(**fields), field))
    assert is_same(made, expected), (made, expected)
    assigned = ours(**FIELDS[ours])
    before = getattr(assigned, field)
    if expected == "refused":
        with pytest.raises(FieldError, match=rf"^{field} must be "):
            setattr(assigned, field, value)
        assert getattr(assigned, field) == before
    else:
        setattr(assigned, field, value)
        assert is_same(getattr(assigned, field), expected)


# Without blanks, which pydantic takes in the company of underscores only in ints; and without zeros in
# ints, behind which it reads "0-1" as -1.
@given(st.one_of(st.text(alphabet="0123456789._+-e", max_size=12), st.floats().map(str)))
def test_text_is_the_float_that_pydantic_reads(text):
    expected = outcome(lambda: OldMetric(metric_name="a", unit="s", value=text).value)
    made = outcome(lambda: PerformanceMetric(metric_name="a", unit="s", value=text).value)
    assert is_same(made, expected)


@given(
    st.one_of(
        st.text(alphabet="123456789_+-.e ", max_size=12),
        st.integers(-(2**64), 2**64).map(str),
        st.from_regex(r"\A ?[+-]?[1-9][0-9]{0,18}(\.0{0,3})? ?\Z"),
    )
)
def test_text_is_the_int_that_pydantic_reads(text):
    expected = outcome(lambda: OldStats(max_size=text).max_size)
    if isinstance(expected, int) and not -(2**63) <= expected < 2**63:
        expected = "refused"
    assert is_same(outcome(lambda: CacheStats(max_size=text).max_size), expected)


@given(st.floats())
def test_a_float_is_the_int_that_pydantic_makes_of_it(number):
    expected = outcome(lambda: OldStats(max_size=number).max_size)
    if number == -(2.0**63):
        expected = -(2**63)  # which has 64 bits
    assert is_same(outcome(lambda: CacheStats(max_size=number).max_size), expected)


@pytest.mark.parametrize("value", ["plain", Colour.RED, Text("own"), "", "ä🧪"])
def test_text_is_plain_text_whatever_class_it_came_in(value):
    for ours, field in ((APIMetric, "endpoint"), (APIMetric, "error"), (PerformanceMetric, "unit")):
        expected = getattr(OLD[ours](**(FIELDS[ours] | {field: value})), field)
        made = ours(**(FIELDS[ours] | {field: value}))
        assert is_same(getattr(made, field), expected)
        setattr(made, field, "other")
        setattr(made, field, value)
        assert is_same(getattr(made, field), expected)


# The schema and the fields


@pairs
def test_the_json_schema_is_pydantics(ours, theirs, fields):
    expected = theirs.model_json_schema() | {"title": ours.__name__}
    assert ours.model_json_schema() == ours.schema() == expected
    assert ours(**fields).model_json_schema(mode="serialization") == expected
    assert json.loads(ours.schema_json(indent=1)) == expected


@pairs
def test_the_fields_are_described_as_pydantics_are(ours, theirs, fields):
    assert list(ours.model_fields) == list(theirs.model_fields) == list(ours.__match_args__)
    assert ours.__fields__ is ours.model_fields
    for name, theirs_field in theirs.model_fields.items():
        field = ours.model_fields[name]
        assert field.is_required() == theirs_field.is_required()
        annotation = dict if name == "metadata" else theirs_field.annotation
        assert field.annotation == annotation
        if not field.is_required() and field.default_factory is None:
            assert field.default == field.get_default() == theirs_field.get_default()
        elif not field.is_required():
            made, default = (
                one.get_default(call_default_factory=True) for one in (field, theirs_field)
            )
            assert type(made) is type(default)
        assert name in ours.model_fields
        assert repr(field).startswith("FieldInfo(annotation=")
    assert dict(ours.model_config) == dict(ours.model_computed_fields) == {}
    assert ours(**fields).model_extra is None
    assert ours.model_rebuild() is None


class Derived(PerformanceMetric):
    """One of a user's own.

    With more to say.
    """


def test_a_subclass_has_a_schema_of_its_own_name():
    schema = Derived.model_json_schema()
    assert (schema["title"], schema["description"]) == ("Derived", "One of a user's own.")
    assert Derived.model_fields is PerformanceMetric.model_fields
    made = Derived.model_validate_json('{"metric_name": "a", "value": 1, "unit": "s"}')
    assert type(made) is type(made.copy()) is type(Derived.model_construct(**dict(made))) is Derived


# Out


@pairs
def test_a_model_is_iterated_over_as_its_fields(ours, theirs, fields):
    made, old = ours(**fields), theirs(**fields)
    assert list(made) == list(old)
    assert dict(made) == dict(old)


DUMPS: list[dict[str, Any]] = [
    {},
    {"include": {"unit", "endpoint", "hits"}},
    {"include": ["unit", "metadata"]},
    {"exclude": {"timestamp", "metadata"}},
    {"include": {"metadata": {"paper"}, "unit": True}},
    {"exclude": {"metadata": {"paper"}, "unit": True}},
    {"exclude": {"metadata": {"nothing of that name"}}},
    {"exclude_none": True},
    {"exclude_unset": True},
    {"exclude_defaults": True},
    {"exclude_unset": True, "exclude": {"value"}},
    {"by_alias": True},
]


@pytest.mark.parametrize("options", DUMPS, ids=str)
@pairs
def test_dumps_choose_fields_as_pydantic_does(ours, theirs, fields, options):
    if any(isinstance(chosen, list) for chosen in options.values()):
        options = {name: set(chosen) for name, chosen in options.items()}
    made, old = ours(**fields), theirs(**fields)
    assert made.model_dump(**options) == old.model_dump(**options)
    assert list(made.dict(**options)) == list(old.dict(**options))
    assert json.loads(made.model_dump_json(**options)) == json.loads(old.model_dump_json(**options))
    assert json.loads(made.json(**options)) == json.loads(old.json(**options))


@pytest.mark.parametrize("context", [None, {"a": 1}])
def test_arguments_of_pydantics_that_mean_nothing_here_are_taken_and_others_refused(context):
    made = CacheStats(max_size=3)
    options = {
        "context": context,
        "by_alias": True,
        "round_trip": True,
        "warnings": "none",
        "serialize_as_any": True,
    }
    assert made.model_dump(**options) == made.model_dump()
    assert made.model_dump_json(**options) == made.model_dump_json()
    for dump in (made.model_dump, made.model_dump_json):
        with pytest.raises(TypeError, match="colour"):
            dump(colour=True)
    with pytest.raises(TypeError, match="include must be a set or dict of field names, got 3"):
        made.model_dump(include=3)


def test_json_takes_what_json_dumps_does():
    made = PerformanceMetric(**FIELDS[PerformanceMetric] | {"metadata": {"ä": {1, 2}}})
    assert json.loads(made.json(encoder=list, include={"metadata"})) == {"metadata": {"ä": [1, 2]}}
    assert made.json(sort_keys=True, include={"value", "unit"}, separators=(",", ":")) == (
        '{"unit":"density","value":1.5}'
    )


# In


@pairs
def test_a_model_comes_back_from_its_own_json(ours, theirs, fields):
    made = ours(**fields)
    for text in (made.model_dump_json(), made.json(), made.model_dump_json(indent=3)):
        for data in (text, text.encode(), bytearray(text.encode())):
            assert ours.model_validate_json(data) == made
        assert ours.parse_raw(text) == ours.parse_raw(text.encode()) == made
    # Either reads what the other one wrote.
    assert dict(ours.model_validate_json(theirs(**fields).model_dump_json())) == fields | {
        name: value for name, value in dict(made).items() if name not in fields
    }
    assert theirs.model_validate_json(made.model_dump_json()) == theirs(**fields)


def test_json_of_any_time_that_pydantic_writes_is_read():
    for moment in (NOON, UTC_NOON, UTC_NOON.astimezone(timezone(timedelta(hours=-3, minutes=-30)))):
        old = OldRequest(**FIELDS[APIMetric] | {"timestamp": moment})
        made = APIMetric.model_validate_json(old.model_dump_json())
        assert made.timestamp == moment
        assert made.timestamp.utcoffset() == moment.utcoffset()


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ("", ValueError),
        ("{", ValueError),
        ("[]", ValueError),
        ("3", ValueError),
        (b"\xff", ValueError),
        ("{}", ValueError),
        ('{"hits": "x", "max_size": 1}', ValueError),
        ({}, TypeError),
        (None, TypeError),
    ],
)
def test_what_is_no_json_of_a_model_is_refused(data, error):
    with pytest.raises(error):
        CacheStats.model_validate_json(data)


@pairs
def test_every_way_in_makes_the_same(ours, theirs, fields, tmp_path: Path):
    made = ours(**fields)
    path = tmp_path / "model.json"
    path.write_text(made.model_dump_json(), encoding="utf-8")
    for again in (
        ours.model_validate(fields),
        ours.parse_obj(fields),
        ours.validate(fields),
        ours.model_construct(**fields),
        ours.construct(**fields),
        ours.parse_file(path),
        ours.from_orm(SimpleNamespace(**fields)),
        ours.model_validate(SimpleNamespace(**fields), from_attributes=True),
        ours.model_validate(theirs(**fields), from_attributes=True),
        ours.model_validate(fields | {"host": "x"}, extra="ignore"),
        ours.model_validate(fields, context={"a": 1}),
    ):
        assert type(again) is ours
        differing = {name for name, value in again if getattr(made, name) != value}
        assert differing <= {"timestamp"} - set(fields)
    assert ours.parse_obj(made) is made
    for wrong in (SimpleNamespace(**fields), 3, None, [fields]):
        with pytest.raises((TypeError, ValueError)):
            ours.parse_obj(wrong)


def test_a_row_of_text_is_a_model():
    row = {"endpoint": "/a", "duration_ms": "1.5", "status_code": "200", "timestamp": "2024-02-29"}
    if sys.version_info < (3, 11):
        row["timestamp"] += "T00:00"
    made = APIMetric.model_validate_strings(row)
    assert (made.duration_ms, made.status_code) == (1.5, 200)
    assert made.timestamp == datetime(2024, 2, 29)


STRICT: list[tuple[type[Any], dict[str, Any]]] = [
    (CacheStats, {"max_size": 3}),
    (CacheStats, {"max_size": "3"}),
    (CacheStats, {"max_size": 3.0}),
    (CacheStats, {"max_size": True}),
    (PerformanceMetric, {"value": 3}),
    (PerformanceMetric, {"value": "3"}),
    (PerformanceMetric, {"value": True}),
    (PerformanceMetric, {"timestamp": "2024-02-29T12:00:00"}),
    (ResourceUsage, {"gpu_percent": None}),
    (ResourceUsage, {"gpu_percent": "1"}),
    (APIMetric, {"error": "text"}),
]


@pytest.mark.parametrize(("ours", "changes"), STRICT, ids=str)
def test_strict_refuses_what_pydantic_refuses(ours, changes):
    fields = FIELDS[ours] | changes
    expected = outcome(lambda: dict(OLD[ours].model_validate(fields, strict=True)))
    made = outcome(lambda: dict(ours.model_validate(fields, strict=True)))
    assert (made == "refused") == (expected == "refused")
    text = json.dumps(fields, default=str)
    expected = outcome(lambda: OLD[ours].model_validate_json(text, strict=True) and "taken")
    assert outcome(lambda: ours.model_validate_json(text, strict=True) and "taken") == expected


# Copies, and what was set


@pairs
def test_what_was_set_is_known_as_in_pydantic(ours, theirs, fields):
    made, old = ours(**fields), theirs(**fields)
    assert made.model_fields_set == made.__fields_set__ == old.model_fields_set
    unset = [name for name in ours.model_fields if name not in fields]
    name = unset[0] if unset else "value"
    value = "PUT" if name == "method" else 7
    setattr(made, name, value)
    setattr(old, name, value)
    assert made.model_fields_set == old.model_fields_set
    for duplicate in (
        lambda model: model.model_copy(),
        lambda model: model.copy(),
        copy.copy,
        copy.deepcopy,
        lambda model: pickle.loads(pickle.dumps(model)),
        lambda model: model.model_copy(update={name: value}),
    ):
        again = duplicate(made)
        assert again == made
        assert again.model_fields_set == duplicate(old).model_fields_set
    constructed = ours.model_construct({"timestamp"}, **fields)
    assert constructed.model_fields_set == {"timestamp"}
    made.model_fields_set.clear()  # a copy, which changes nothing
    assert made.model_fields_set == old.model_fields_set


@pairs
def test_copies_choose_and_update_as_pydantics_do(ours, theirs, fields):
    made, old = ours(**fields), theirs(**fields)
    required = {name: fields[name] for name in fields if ours.model_fields[name].is_required()}
    first, value = next(iter(required.items()))
    update = {first: "x" if isinstance(value, str) else 9}
    assert dict(made.copy(update=update)) == dict(old.copy(update=update))
    kept = made.copy(include=set(required), update=update)
    assert {name: getattr(kept, name) for name in required} == required | update
    if sys.version_info >= (3, 13):
        assert copy.replace(made, **update) == made.model_copy(update=update)
    deep = made.copy(deep=True)
    assert deep == made
    if "metadata" in fields:
        deep.metadata["numbers"].append(3)
        assert made.metadata["numbers"] == [1, 2]


def test_samples_of_ours_have_all_their_fields_set():
    from ptpd_monitoring import PerformanceMonitor

    monitor = PerformanceMonitor()
    monitor.record_metric("op", 1, "s")
    [metric] = monitor.get_metrics("op")
    assert metric.model_fields_set == set(PerformanceMetric.model_fields)
    metric.value = 3
    assert metric.model_dump(exclude_unset=True) == metric.model_dump()


def test_rich_shows_the_fields():
    pretty = pytest.importorskip("rich.pretty")
    shown = pretty.pretty_repr(CacheStats(max_size=3), max_width=20)
    assert shown.startswith("CacheStats(\n    hits=0,")


def test_pydantic_is_not_needed_for_any_of_it():
    import subprocess

    script = """
import sys
sys.modules["pydantic"] = None
from ptpd_monitoring import CacheStats
made = CacheStats.model_validate_json('{"max_size": "3"}')
made.model_json_schema(), made.json(), made.dict(), made.copy(), list(made), made.model_fields_set
CacheStats.model_validate({"max_size": 3}, strict=True)
"""
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True)
