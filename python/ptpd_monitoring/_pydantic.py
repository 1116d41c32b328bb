"""How pydantic sees our models. Its core schemas are plain dicts, so pydantic is not imported."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._native import Model

Schema = dict[str, Any]
_Table = dict[str, tuple[Schema, Any]]

_REQUIRED = object()

_NUMBER: Schema = {"type": "float"}
_COUNT: Schema = {"type": "int"}
_TEXT: Schema = {"type": "str"}
_TIME: Schema = {"type": "datetime"}
_OBJECT: Schema = {
    "type": "dict",
    "keys_schema": _TEXT,
    "values_schema": {"type": "any"},
}


def _optional(schema: Schema) -> Schema:
    return {"type": "nullable", "schema": schema}


# The default is what the JSON schema shows; one that is made at run time is not shown.
_FIELDS: dict[str, _Table] = {
    "PerformanceMetric": {
        "metric_name": (_TEXT, _REQUIRED),
        "value": (_NUMBER, _REQUIRED),
        "unit": (_TEXT, _REQUIRED),
        "timestamp": (_TIME, None),
        "metadata": (_OBJECT, None),
    },
    "ResourceUsage": {
        **dict.fromkeys(
            (
                "cpu_percent",
                "memory_percent",
                "memory_used_mb",
                "memory_available_mb",
                "disk_percent",
                "disk_used_gb",
                "disk_free_gb",
            ),
            (_NUMBER, _REQUIRED),
        ),
        "timestamp": (_TIME, None),
        "gpu_percent": (_optional(_NUMBER), None),
        "gpu_memory_mb": (_optional(_NUMBER), None),
    },
    "APIMetric": {
        "endpoint": (_TEXT, _REQUIRED),
        "duration_ms": (_NUMBER, _REQUIRED),
        "status_code": (_COUNT, _REQUIRED),
        "timestamp": (_TIME, None),
        "method": (_TEXT, "GET"),
        "error": (_optional(_TEXT), None),
    },
    "CacheStats": {
        **dict.fromkeys(("hits", "misses", "evictions", "expirations", "size"), (_COUNT, 0)),
        "max_size": (_COUNT, _REQUIRED),
    },
}


def core_schema(model: type[Model]) -> Schema:
    """The core schema of ``model``: validates an instance or a dict, serializes to a dict."""
    table = next(_FIELDS[base.__name__] for base in model.__mro__ if base.__name__ in _FIELDS)
    from_dict = {
        "type": "function-after",
        "function": {"type": "no-info", "function": model.model_validate},
        "schema": _validated(model, table),
    }

    def instance_or_dict(value: Any, validate_dict: Callable[[Any], Model]) -> Model:
        return value if isinstance(value, model) else validate_dict(value)

    return {
        "type": "json-or-python",
        # The name under which JSON schemas refer to it, in the form that pydantic takes apart.
        "ref": f"{model.__module__}.{model.__qualname__}:{id(model)}",
        "json_schema": from_dict,
        # A union would report each error twice, at a place that users do not know.
        "python_schema": {
            "type": "function-wrap",
            "function": {"type": "no-info", "function": instance_or_dict},
            "schema": from_dict,
        },
        "serialization": {
            "type": "function-wrap",
            "function": _serialize,
            "info_arg": True,
            "schema": _serialized(table),
        },
    }


def _serialize(instance: Model, serialize_dict: Callable[[dict[str, Any]], Any], info: Any) -> Any:
    """Leave the choice of fields to pydantic, but no value that JSON cannot hold."""
    if info.mode == "json":
        return serialize_dict(json.loads(instance.model_dump_json()))
    return serialize_dict(instance.model_dump())


def _validated(model: type[Model], table: _Table) -> Schema:
    fields = {}
    for name, (schema, default) in table.items():
        required = default is _REQUIRED
        shown: dict[str, Any] = {"title": name.replace("_", " ").title()}
        if not required and default is not None:
            shown["default"] = default
        fields[name] = {
            "type": "typed-dict-field",
            "schema": schema,
            "required": required,
            "metadata": _shown(shown),
        }
    described = {
        "title": model.__name__,
        "description": (model.__doc__ or "").partition("\n\n")[0],
    }
    return {"type": "typed-dict", "fields": fields, "metadata": _shown(described)}


def _shown(keys: dict[str, Any]) -> dict[str, Any]:
    """Put ``keys`` into the JSON schema, in the way that every version of pydantic 2 knows."""

    def update(schema: Any, describe: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        return describe(schema) | keys

    return {"pydantic_js_functions": [update]}


def _serialized(table: _Table) -> Schema:
    # By now the values are what they should be; only the names count.
    field = {"type": "typed-dict-field", "schema": {"type": "any"}}
    return {"type": "typed-dict", "fields": dict.fromkeys(table, field)}
