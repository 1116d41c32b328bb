"""Our models where pydantic's are expected: fields, response models, request bodies, schemas."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import pytest

from asgi import Client
from ptpd_monitoring import (
    APIMetric,
    CacheStats,
    PerformanceMetric,
    ResourceUsage,
    get_cache,
    get_resource_monitor,
)

pydantic = pytest.importorskip("pydantic", minversion="2.0", reason="needs pydantic 2")

try:
    import fastapi
except ImportError:
    fastapi = None

NOON = datetime(2024, 2, 29, 12, 0, 0, 250)
METRIC = PerformanceMetric(
    metric_name="dmax", value=1.5, unit="density", timestamp=NOON, metadata={"paper": "rag"}
)
USAGE = ResourceUsage(
    cpu_percent=1,
    memory_percent=2,
    memory_used_mb=3,
    memory_available_mb=4,
    disk_percent=5,
    disk_used_gb=6,
    disk_free_gb=7,
    timestamp=NOON,
    gpu_percent=8,
)
REQUEST = APIMetric(endpoint="/a", duration_ms=2.5, status_code=404, timestamp=NOON, error="no")
STATS = CacheStats(hits=3, misses=1, max_size=10)
MODELS = [METRIC, USAGE, REQUEST, STATS]


def by_class(model: object) -> str:
    return type(model).__name__


class Everything(pydantic.BaseModel):
    metric: PerformanceMetric
    usage: ResourceUsage | None = None
    requests: list[APIMetric] = pydantic.Field(default=[])
    caches: dict[str, CacheStats] = pydantic.Field(default={})


EVERYTHING = Everything(metric=METRIC, usage=USAGE, requests=[REQUEST], caches={"a": STATS})


class Named(PerformanceMetric):
    """A model of a user's own."""


@pytest.mark.parametrize("model", MODELS, ids=by_class)
def test_an_instance_is_taken_as_it_is(model):
    assert pydantic.TypeAdapter(type(model)).validate_python(model) is model


@pytest.mark.parametrize("model", MODELS, ids=by_class)
def test_a_model_survives_the_way_through_json(model):
    adapter = pydantic.TypeAdapter(type(model))
    assert adapter.validate_json(adapter.dump_json(model)) == model
    assert adapter.validate_python(adapter.dump_python(model)) == model
    assert adapter.validate_python(adapter.dump_python(model, mode="json")) == model
    assert json.loads(adapter.dump_json(model)) == json.loads(model.model_dump_json())
    assert adapter.dump_python(model) == model.model_dump()


def test_fields_of_a_pydantic_model_come_back_as_our_models():
    again = Everything.model_validate_json(EVERYTHING.model_dump_json())
    assert again == EVERYTHING
    assert type(again.requests[0]) is APIMetric
    assert again.caches["a"].hit_rate == 0.75
    assert Everything.model_validate(EVERYTHING.model_dump()) == EVERYTHING


def test_text_is_converted_as_pydantic_does_it():
    made = Everything(
        metric={
            "metric_name": "dmax",
            "value": "1.5",
            "unit": "density",
            "timestamp": "2024-02-29T12:00:00.000250",
            "metadata": {"paper": "rag"},
        }
    )
    assert made.metric == METRIC


def test_defaults_are_those_of_the_model():
    made = Everything.model_validate_json(
        '{"metric": {"metric_name": "a", "value": 1, "unit": "s"},'
        ' "requests": [{"endpoint": "/", "duration_ms": 1, "status_code": 200}]}'
    )
    assert made.metric.metadata == {}
    assert (made.requests[0].method, made.requests[0].error) == ("GET", None)
    assert abs((datetime.now() - made.metric.timestamp).total_seconds()) < 60


@pytest.mark.parametrize(
    ("fields", "places"),
    [
        ({"value": 1, "unit": "s"}, [("metric", "metric_name")]),
        ({"metric_name": "a", "value": "x", "unit": 3}, [("metric", "value"), ("metric", "unit")]),
        ({"metric_name": "a", "value": 1, "unit": "s", "metadata": 1}, [("metric", "metadata")]),
        (3, [("metric",)]),
        (None, [("metric",)]),
    ],
)
def test_an_error_is_told_once_at_the_field_it_is_about(fields, places):
    for validate in (
        lambda: Everything(metric=fields),
        lambda: Everything.model_validate_json(json.dumps({"metric": fields})),
    ):
        with pytest.raises(pydantic.ValidationError) as caught:
            validate()
        assert [error["loc"] for error in caught.value.errors()] == places


def test_what_json_cannot_hold_does_not_stop_a_response():
    metric = PerformanceMetric(
        metric_name="odd",
        value=float("nan"),
        unit="s",
        timestamp=NOON,
        metadata={"image": object, "limit": float("inf"), "at": NOON, "path": Path("a")},
    )
    holder = Everything(metric=metric)
    text = json.loads(holder.model_dump_json())["metric"]
    assert text == holder.model_dump(mode="json")["metric"]
    assert (text["value"], text["metadata"]["limit"]) == (None, None)
    assert text["metadata"]["at"] == "2024-02-29T12:00:00.000250"
    assert text["metadata"]["path"] == "a"
    # Nothing is lost where it stays in Python.
    assert holder.model_dump()["metric"]["metadata"]["image"] is object


def test_pydantic_chooses_fields_inside_our_models():
    shown = EVERYTHING.model_dump(include={"metric": {"value", "unit"}})
    assert shown == {"metric": {"value": 1.5, "unit": "density"}}
    assert "metadata" not in EVERYTHING.model_dump(exclude={"metric": {"metadata"}})["metric"]
    shown = json.loads(EVERYTHING.model_dump_json(exclude_none=True))
    assert "gpu_memory_mb" not in shown["usage"]
    assert shown["usage"]["gpu_percent"] == 8


def test_a_subclass_is_itself():
    adapter = pydantic.TypeAdapter(Named)
    fields = {"metric_name": "a", "value": 1, "unit": "s"}
    assert type(adapter.validate_python(fields)) is Named
    assert adapter.json_schema()["title"] == "Named"
    # One of the base class is not one of the subclass, but the other way round.
    with pytest.raises(pydantic.ValidationError):
        adapter.validate_python(METRIC)
    named = Named(**fields)
    assert pydantic.TypeAdapter(PerformanceMetric).validate_python(named) is named


@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_the_json_schema_refers_to_our_models_by_name(mode):
    schema = Everything.model_json_schema(mode=mode)
    definitions = schema["$defs"]
    names = ["APIMetric", "CacheStats", "PerformanceMetric", "ResourceUsage"]
    assert sorted(definitions) == names
    assert [definitions[name]["title"] for name in names] == names
    assert schema["properties"]["metric"] == {"$ref": "#/$defs/PerformanceMetric"}
    metric = definitions["PerformanceMetric"]
    assert metric["required"] == ["metric_name", "value", "unit"]
    assert metric["properties"]["timestamp"]["format"] == "date-time"
    assert metric["description"] == "A sample of a metric."
    request = definitions["APIMetric"]["properties"]
    assert request["method"] == {"default": "GET", "title": "Method", "type": "string"}
    assert request["error"]["anyOf"] == [{"type": "string"}, {"type": "null"}]


@pytest.mark.parametrize("model", MODELS, ids=by_class)
def test_the_schema_has_the_fields_of_the_model(model):
    schema = pydantic.TypeAdapter(type(model)).json_schema()
    assert tuple(schema["properties"]) == model.__match_args__
    for name in schema["required"]:
        fields = model.model_dump(exclude={name})
        with pytest.raises(ValueError, match=name):
            type(model)(**fields)
    type(model)(**model.model_dump(include=schema["required"]))


def test_pydantic_is_not_imported_by_us():
    code = "import sys, ptpd_monitoring; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture
def client() -> Client:
    if fastapi is None:
        pytest.skip("FastAPI is not installed")
    app = fastapi.FastAPI()

    @app.get("/metric", response_model=PerformanceMetric)
    def metric():
        return METRIC

    @app.get("/brief", response_model=PerformanceMetric, response_model_include={"value"})
    def brief():
        return METRIC

    @app.get("/some", response_model=ResourceUsage, response_model_exclude_none=True)
    def some():
        return USAGE

    @app.get("/nan", response_model=PerformanceMetric)
    def nan():
        return METRIC.model_copy(update={"value": float("nan")})

    @app.get("/dict", response_model=CacheStats)
    def as_dict():
        return {"max_size": 5}

    @app.get("/wrong", response_model=CacheStats)
    def wrong():
        return {"hits": 5}

    @app.get("/annotated")
    def annotated() -> list[APIMetric]:
        return [REQUEST, REQUEST]

    @app.get("/everything")
    def everything() -> Everything:
        return EVERYTHING

    @app.get("/live")
    def live() -> dict[str, ResourceUsage | CacheStats]:
        return {"r": get_resource_monitor().check_resources(), "c": get_cache().get_stats()}

    @app.post("/metric")
    def post(metric: Annotated[PerformanceMetric, fastapi.Body()]) -> str:
        assert isinstance(metric, PerformanceMetric)
        return repr(metric.value)

    return Client(app)


def test_fastapi_answers_with_our_models(client: Client):
    assert client.get("/metric").content == json.loads(METRIC.model_dump_json())
    assert client.get("/annotated").content == [json.loads(REQUEST.model_dump_json())] * 2
    assert client.get("/everything").content == json.loads(EVERYTHING.model_dump_json())
    assert client.get("/dict").content["max_size"] == 5
    live = client.get("/live").content
    assert set(live["c"]) == set(CacheStats.__match_args__)
    assert 0 <= live["r"]["cpu_percent"] <= 100


def test_fastapi_chooses_fields_and_survives_nan(client: Client):
    assert client.get("/brief").content == {"value": 1.5}
    assert "gpu_memory_mb" not in client.get("/some").content
    answer = client.get("/nan")
    assert answer.status == 200
    assert answer.content["value"] is None


def test_fastapi_refuses_what_does_not_fit(client: Client):
    assert client.get("/wrong").status == 500
    refused = client.post("/metric", {"metric_name": "a", "value": "much", "unit": "s"})
    assert refused.status == 422
    assert [error["loc"] for error in refused.content["detail"]] == [["body", "value"]]
    taken = client.post("/metric", {"metric_name": "a", "value": 2, "unit": "s"})
    assert taken.content == "2.0"


def test_openapi_knows_our_models_as_components(client: Client):
    document = client.get("/openapi.json").content
    components = document["components"]["schemas"]
    assert {"APIMetric", "CacheStats", "PerformanceMetric", "ResourceUsage"} <= set(components)
    metric = document["paths"]["/metric"]
    reference = {"$ref": "#/components/schemas/PerformanceMetric"}
    answer = metric["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    body = metric["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert answer == reference
    assert body in (reference, {"allOf": [reference]}, reference | {"title": "Metric"})
