"""How pydantic sees our models. Its core schemas are plain dicts, so pydantic is not imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._native import Model

Schema = dict[str, Any]

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
_FIELDS: dict[str, dict[str, tuple[Schema, Any]]] = {
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
    fields = _typed_dict(model, table)
    from_dict = {
        "type": "function-after",
        "function": {"type": "no-info", "function": model.model_validate},
        "schema": fields,
    }
    return {
        "type": "json-or-python",
        "json_schema": from_dict,
        "python_schema": {
            "type": "union",
            "choices": [{"type": "is-instance", "cls": model}, from_dict],
        },
        "serialization": {
            "type": "function-plain",
            "function": lambda instance: instance.model_dump(),
            "return_schema": fields,
        },
    }


def _typed_dict(model: type[Model], table: dict[str, tuple[Schema, Any]]) -> Schema:
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
            "metadata": {"pydantic_js_updates": shown},
        }
    return {
        "type": "typed-dict",
        "fields": fields,
        "cls_name": model.__name__,
        "config": {"title": model.__name__},
    }
