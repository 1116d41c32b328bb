"""The four models: what a pydantic model did for its users, ours does."""

from __future__ import annotations

import copy
import json
import math
import pickle
import weakref
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest

import ptpd_monitoring.errors
from ptpd_monitoring import APIMetric, CacheStats, PerformanceMetric, ResourceUsage
from ptpd_monitoring.errors import FieldError

TIME = datetime(2024, 2, 29, 12, 30, 15, 250_000)

FULL: dict[type[Any], dict[str, Any]] = {
    PerformanceMetric: {
        "metric_name": "op",
        "value": 1.5,
        "unit": "s",
        "timestamp": TIME,
        "metadata": {"k": [1, 2]},
    },
    ResourceUsage: {
        "cpu_percent": 1.0,
        "memory_percent": 2.0,
        "memory_used_mb": 3.0,
        "memory_available_mb": 4.0,
        "disk_percent": 5.0,
        "disk_used_gb": 6.0,
        "disk_free_gb": 7.0,
        "timestamp": TIME,
        "gpu_percent": 8.0,
        "gpu_memory_mb": 9.0,
    },
    APIMetric: {
        "endpoint": "/api",
        "duration_ms": 12.5,
        "status_code": 404,
        "timestamp": TIME,
        "method": "POST",
        "error": "not found",
    },
    CacheStats: {
        "hits": 3,
        "misses": 1,
        "evictions": 4,
        "expirations": 5,
        "size": 6,
        "max_size": 7,
    },
}
DEFAULTS: dict[type[Any], dict[str, Any]] = {
    PerformanceMetric: {"timestamp": None, "metadata": {}},
    ResourceUsage: {"timestamp": None, "gpu_percent": None, "gpu_memory_mb": None},
    APIMetric: {"timestamp": None, "method": "GET", "error": None},
    CacheStats: {"hits": 0, "misses": 0, "evictions": 0, "expirations": 0, "size": 0},
}
MODELS = list(FULL)
FIELDS = [(model, field) for model in MODELS for field in FULL[model]]


def full(model: type[Any], **changes: Any) -> Any:
    return model(**{**FULL[model], **changes})


def required(model: type[Any]) -> dict[str, Any]:
    return {field: value for field, value in FULL[model].items() if field not in DEFAULTS[model]}


@pytest.mark.parametrize("model", MODELS)
def test_every_field_can_be_given_and_read(model: type[Any]) -> None:
    made = full(model)
    assert {field: getattr(made, field) for field in FULL[model]} == FULL[model]


@pytest.mark.parametrize("model", MODELS)
def test_fields_left_out_have_their_defaults(model: type[Any]) -> None:
    before = datetime.now() - timedelta(milliseconds=50)
    made = model(**required(model))
    after = datetime.now() + timedelta(milliseconds=50)
    for field, default in DEFAULTS[model].items():
        if field == "timestamp":
            assert before <= made.timestamp <= after
            assert made.timestamp.tzinfo is None
        else:
            assert getattr(made, field) == default


def test_each_metric_has_a_metadata_dict_of_its_own() -> None:
    one = PerformanceMetric(metric_name="a", value=1, unit="u")
    two = PerformanceMetric(metric_name="a", value=1, unit="u")
    one.metadata["k"] = 1
    assert two.metadata == {}


def test_the_metadata_given_is_copied() -> None:
    metadata = {"k": 1}
    metric = PerformanceMetric(metric_name="a", value=1, unit="u", metadata=metadata)
    metadata["k"] = 2
    assert metric.metadata == {"k": 1}
    metric.metadata = metadata
    metadata["k"] = 3
    assert metric.metadata == {"k": 2}


@pytest.mark.parametrize(
    ("model", "field"), [(model, field) for model, field in FIELDS if field not in DEFAULTS[model]]
)
def test_a_field_that_is_missing_is_named(model: type[Any], field: str) -> None:
    given = {name: value for name, value in FULL[model].items() if name != field}
    with pytest.raises(FieldError, match=rf"{model.__name__}.*\b{field}\b"):
        model(**given)
    with pytest.raises(FieldError, match=rf"\b{field}\b"):
        model.model_validate(given)


@pytest.mark.parametrize("model", MODELS)
def test_a_field_that_does_not_exist_is_named(model: type[Any]) -> None:
    with pytest.raises(FieldError, match=r"\bcolour\b"):
        full(model, colour="red")
    with pytest.raises(FieldError, match=r"\bcolour\b"):
        full(model).model_copy(update={"colour": "red"})
    with pytest.raises(AttributeError, match="colour"):
        full(model).colour = "red"


@pytest.mark.parametrize(("model", "field"), FIELDS)
@pytest.mark.parametrize("wrong", [object(), [1], b"x", "not a number", 1j])
def test_a_field_of_the_wrong_type_is_named_and_changes_nothing(
    model: type[Any], field: str, wrong: object
) -> None:
    if isinstance(FULL[model][field], str) and isinstance(wrong, str):
        wrong = 5
    made = full(model)
    for attempt in (
        lambda: full(model, **{field: wrong}),
        lambda: setattr(made, field, wrong),
        lambda: made.model_copy(update={field: wrong}),
        lambda: model.model_validate({**FULL[model], field: wrong}),
    ):
        with pytest.raises(FieldError, match=rf"\b{field}\b") as caught:
            attempt()
        assert repr(wrong)[:60] in str(caught.value)
    assert made == full(model)


@pytest.mark.parametrize(("model", "field"), FIELDS)
def test_none_is_a_value_of_optional_fields_only_or_means_the_default(
    model: type[Any], field: str
) -> None:
    if field in {"gpu_percent", "gpu_memory_mb", "error"}:
        assert getattr(full(model, **{field: None}), field) is None
        return
    if field == "timestamp":
        assert abs(full(model, timestamp=None).timestamp - datetime.now()) < timedelta(seconds=5)
        return
    if field == "metadata":
        assert full(model, metadata=None).metadata == {}
        return
    with pytest.raises(FieldError, match=rf"\b{field}\b.*None"):
        full(model, **{field: None})


def test_errors_of_fields_are_both_type_and_value_errors() -> None:
    assert issubclass(FieldError, TypeError)
    assert issubclass(FieldError, ValueError)
    assert ptpd_monitoring.errors.FieldError is FieldError
    with pytest.raises(TypeError):
        CacheStats()
    with pytest.raises(ValueError, match="max_size"):
        CacheStats()


@pytest.mark.parametrize("model", MODELS)
def test_fields_are_given_by_name_only(model: type[Any]) -> None:
    with pytest.raises(TypeError):
        model(*FULL[model].values())


@pytest.mark.parametrize(("model", "field"), FIELDS)
def test_every_field_can_be_assigned_and_none_deleted(model: type[Any], field: str) -> None:
    made = model(**required(model))
    setattr(made, field, FULL[model][field])
    assert getattr(made, field) == FULL[model][field]
    with pytest.raises((AttributeError, TypeError)):
        delattr(made, field)
    assert getattr(made, field) == FULL[model][field]


def test_numbers_of_any_kind_become_plain_floats_and_ints() -> None:
    metric = full(PerformanceMetric, value=3)
    assert type(metric.value) is float
    metric.value = np.float32(0.5)
    assert (metric.value, type(metric.value)) == (0.5, float)
    stats = full(CacheStats, hits=np.int64(9))
    assert (stats.hits, type(stats.hits)) == (9, int)


@pytest.mark.parametrize(
    "wrong", [2**63, -(2**63) - 1, 10**30, 1.5, "1.5", "", "9223372036854775808"]
)
@pytest.mark.parametrize(("model", "field"), [(CacheStats, "hits"), (APIMetric, "status_code")])
def test_an_integer_that_cannot_be_kept_as_it_is_is_refused(
    model: type[Any], field: str, wrong: object
) -> None:
    with pytest.raises(FieldError, match=field):
        full(model, **{field: wrong})


def test_a_number_beyond_every_double_is_refused() -> None:
    with pytest.raises(FieldError, match=r"value .*100000"):
        full(PerformanceMetric, value=10**400)


def test_a_timestamp_may_be_iso_text_or_aware() -> None:
    assert full(APIMetric, timestamp="2024-02-29T12:30:15.250").timestamp == TIME
    aware = TIME.replace(tzinfo=timezone.utc)
    assert full(APIMetric, timestamp=aware).timestamp is aware
    with pytest.raises(FieldError, match="timestamp"):
        full(APIMetric, timestamp="yesterday")
    with pytest.raises(FieldError, match="timestamp"):
        full(APIMetric, timestamp=TIME.date())


@pytest.mark.parametrize("model", MODELS)
def test_models_are_equal_when_all_their_fields_are(model: type[Any]) -> None:
    assert full(model) == full(model)
    assert (full(model) != full(model)) is False
    for field, value in FULL[model].items():
        other = {str: "other", dict: {"other": 1}, datetime: datetime(2000, 1, 1)}.get(
            type(value), 99
        )
        assert full(model, **{field: other}) != full(model), field
    for different in (*[full(other) for other in MODELS if other is not model], None, 1, FULL):
        assert full(model) != different


def test_a_nan_equals_itself_in_one_metric_but_no_other() -> None:
    metric = full(PerformanceMetric, metadata={"nan": math.nan})
    assert metric == metric.model_copy()
    nan = full(PerformanceMetric, value=math.nan)
    assert nan != full(PerformanceMetric, value=1.0)


@pytest.mark.parametrize("model", MODELS)
def test_models_can_be_changed_and_so_have_no_hash(model: type[Any]) -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(full(model))


@pytest.mark.parametrize("model", MODELS)
def test_repr_reads_as_the_call_that_makes_it(model: type[Any]) -> None:
    shown = repr(full(model))
    assert shown.startswith(f"{model.__name__}(")
    names = {kind.__name__: kind for kind in MODELS}
    rebuilt = eval(shown, {**names, "datetime": __import__("datetime")})
    assert rebuilt == full(model)
    assert str(full(model)) == shown


@pytest.mark.parametrize("model", MODELS)
def test_copies_are_equal_and_independent(model: type[Any]) -> None:
    made = full(model)
    for duplicate in (copy.copy(made), copy.deepcopy(made), made.model_copy()):
        assert type(duplicate) is model
        assert duplicate == made
        assert duplicate is not made
        field = list(required(model))[-1]
        setattr(duplicate, field, "x" if isinstance(FULL[model][field], str) else 77)
        assert getattr(made, field) == FULL[model][field]


def test_only_deep_copies_copy_what_is_nested() -> None:
    metric = full(PerformanceMetric, metadata={"items": [1]})
    shallow, deep = copy.copy(metric), copy.deepcopy(metric)
    asked = metric.model_copy(deep=True)
    metric.metadata["items"].append(2)
    assert shallow.metadata == {"items": [1, 2]}
    assert deep.metadata == asked.metadata == {"items": [1]}


def test_a_deep_copy_of_several_keeps_what_they_share() -> None:
    shared = [1]
    metrics = [full(PerformanceMetric, metadata={"shared": shared}) for _ in range(2)]
    one, two = copy.deepcopy(metrics)
    assert one.metadata["shared"] is two.metadata["shared"]
    assert one.metadata["shared"] is not shared


@pytest.mark.parametrize("model", MODELS)
def test_a_copy_can_be_updated(model: type[Any]) -> None:
    field = list(required(model))[-1]
    new = "x" if isinstance(FULL[model][field], str) else 77
    made = full(model)
    assert made.model_copy(update={field: new}) == full(model, **{field: new})
    assert made == full(model)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("model", MODELS)
def test_models_survive_pickling(model: type[Any], protocol: int) -> None:
    made = full(model)
    loaded = pickle.loads(pickle.dumps(made, protocol))
    assert type(loaded) is model
    assert loaded == made


class Tagged(PerformanceMetric):
    """A subclass with a method, a class attribute and room for attributes."""

    kind = "tagged"

    def doubled(self) -> float:
        return 2 * self.value


def test_a_subclass_is_kept_by_copies_and_pickles() -> None:
    tagged = full(PerformanceMetric)
    tagged = Tagged(**tagged.model_dump())
    assert isinstance(tagged, PerformanceMetric)
    assert (tagged.doubled(), tagged.kind) == (3.0, "tagged")
    for duplicate in (
        copy.copy(tagged),
        copy.deepcopy(tagged),
        tagged.model_copy(),
        pickle.loads(pickle.dumps(tagged)),
        Tagged.model_validate(tagged.model_dump()),
    ):
        assert type(duplicate) is Tagged
        assert duplicate == tagged
    assert repr(tagged).startswith("Tagged(")
    assert tagged != full(PerformanceMetric)


@pytest.mark.parametrize("model", MODELS)
def test_a_dump_is_a_dict_of_all_fields_in_order(model: type[Any]) -> None:
    dump = full(model).model_dump()
    assert dump == FULL[model]
    assert list(dump) == list(FULL[model])


def test_changing_a_dump_does_not_change_its_model() -> None:
    metric = full(PerformanceMetric)
    metric.model_dump()["metadata"]["new"] = 1
    assert metric.metadata == {"k": [1, 2]}


def test_a_dump_can_be_narrowed_and_made_for_json() -> None:
    metric = full(APIMetric, error=None)
    assert metric.model_dump(include={"endpoint", "error"}) == {"endpoint": "/api", "error": None}
    assert "timestamp" not in metric.model_dump(exclude={"timestamp"})
    assert "error" not in metric.model_dump(exclude_none=True)
    assert metric.model_dump(mode="json")["timestamp"] == "2024-02-29T12:30:15.250000"
    with pytest.raises(ValueError, match="mode"):
        metric.model_dump(mode="xml")
    with pytest.raises(TypeError, match="include"):
        metric.model_dump(include=3)


@pytest.mark.parametrize(
    ("method", "argument", "wrong", "expected"),
    [
        ("model_dump", "mode", 3, "a str"),
        ("model_dump", "exclude_none", 3, "a bool"),
        ("model_copy", "update", [1], "a dict or None"),
        ("model_copy", "deep", None, "a bool"),
    ],
)
def test_an_argument_of_the_wrong_type_is_named_in_the_message_itself(
    method: str, argument: str, wrong: object, expected: str
) -> None:
    with pytest.raises(TypeError) as caught:
        getattr(full(APIMetric), method)(**{argument: wrong})
    # Not in a note: those are new in Python 3.11.
    assert str(caught.value).startswith(f"{argument} must be {expected}, got {wrong!r}")


@pytest.mark.parametrize("model", MODELS)
def test_a_json_dump_reads_back_as_an_equal_model(model: type[Any]) -> None:
    made = full(model)
    loaded = json.loads(made.model_dump_json())
    assert loaded == made.model_dump(mode="json")
    assert model.model_validate(loaded) == made
    assert json.loads(made.model_dump_json(indent=2)) == loaded
    assert "\n  " in made.model_dump_json(indent=2)


def test_json_dumps_have_null_for_what_is_not_finite() -> None:
    text = full(PerformanceMetric, value=math.nan, metadata={"inf": math.inf}).model_dump_json()
    loaded = json.loads(text, parse_constant=pytest.fail)
    assert (loaded["value"], loaded["metadata"]) == (None, {"inf": None})


@pytest.mark.parametrize("model", MODELS)
def test_validation_takes_a_dict_or_an_instance(model: type[Any]) -> None:
    assert model.model_validate(dict(FULL[model])) == full(model)
    made = full(model)
    assert model.model_validate(made) is made
    for wrong in (None, [], "text", 3, full(MODELS[MODELS.index(model) - 1])):
        with pytest.raises((TypeError, ValueError), match="obj"):
            model.model_validate(wrong)


@pytest.mark.parametrize("model", MODELS)
def test_models_take_weak_references_and_let_go(model: type[Any]) -> None:
    made = full(model)
    reference = weakref.ref(made)
    assert reference() is made
    del made
    assert reference() is None


def test_models_can_be_matched_by_position_and_name() -> None:
    match full(APIMetric):
        case APIMetric(endpoint, duration, status_code=404):
            assert (endpoint, duration) == ("/api", 12.5)
        case _:
            pytest.fail("does not match")
    match full(CacheStats):
        case PerformanceMetric() | ResourceUsage():
            pytest.fail("matches another model")
        case CacheStats(hits=3, max_size=size):
            assert size == 7


@pytest.mark.parametrize(
    ("hits", "misses", "rate"), [(0, 0, 0.0), (3, 1, 0.75), (0, 5, 0.0), (7, 0, 1.0), (1, 2, 1 / 3)]
)
def test_the_rates_of_a_cache_are_shares_of_its_look_ups(
    hits: int, misses: int, rate: float
) -> None:
    stats = CacheStats(hits=hits, misses=misses, max_size=1)
    assert stats.hit_rate == rate
    assert stats.miss_rate == 1 - rate
    with pytest.raises(AttributeError):
        stats.hit_rate = 0.5


def test_the_rates_of_a_cache_do_not_overflow() -> None:
    stats = CacheStats(hits=2**62, misses=2**62, max_size=1)
    assert stats.hit_rate == pytest.approx(0.5)
