"""What models have because pydantic's have it, and what is made of their native methods.

Pydantic itself is not imported. The names of its version 1 are here as well: code that was written
for it still calls them. Arguments that mean nothing here are taken and not used.
"""
# ruff: noqa: ARG001

# Imported with the native module, so it imports nothing heavy, not even `typing`.
import datetime as dt

from .errors import FieldError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from ._native import Model

_Time = dt.datetime


class FieldInfo:
    """What is known of a field of a model, under the names that pydantic has for it."""

    __slots__ = ("alias", "annotation", "default", "default_factory", "description", "title")

    def __init__(
        self,
        annotation: "Any",
        default: "Any" = ...,
        default_factory: "Callable[[], Any] | None" = None,
        description: "str | None" = None,
    ) -> None:
        """Describe a field; without a default, ``...``, it is required."""
        self.annotation = annotation
        self.default = default
        self.default_factory = default_factory
        self.description = description
        self.alias = self.title = None

    def is_required(self) -> bool:
        """Whether it has to be given."""
        return self.default is ... and self.default_factory is None

    def get_default(self, call_default_factory: bool = False) -> "Any":  # noqa: FBT001, FBT002
        """Return the default; None of a factory that is not to be called."""
        if self.default_factory is None:
            return self.default
        return self.default_factory() if call_default_factory else None

    def __repr__(self) -> str:
        name = getattr(self.annotation, "__name__", None) or str(self.annotation)
        if self.is_required():
            return f"FieldInfo(annotation={name}, required=True)"
        if self.default_factory is not None:
            made = self.default_factory.__qualname__
            return f"FieldInfo(annotation={name}, required=False, default_factory={made})"
        return f"FieldInfo(annotation={name}, required=False, default={self.default!r})"


def _now() -> _Time:
    return _Time.now()


def _table(**fields: FieldInfo) -> "dict[str, FieldInfo]":
    return fields


def _required(annotation: type, *names: str) -> "dict[str, FieldInfo]":
    return {name: FieldInfo(annotation) for name in names}


# A property of the class, as pydantic's: a dict of names to what is known of them.
_FIELDS: "dict[str, dict[str, FieldInfo]]" = {
    "PerformanceMetric": _table(
        metric_name=FieldInfo(str),
        value=FieldInfo(float),
        unit=FieldInfo(str),
        timestamp=FieldInfo(_Time, default_factory=_now),
        metadata=FieldInfo(dict, default_factory=dict),
    ),
    "ResourceUsage": _table(
        **_required(
            float,
            "cpu_percent",
            "memory_percent",
            "memory_used_mb",
            "memory_available_mb",
            "disk_percent",
            "disk_used_gb",
            "disk_free_gb",
        ),
        timestamp=FieldInfo(_Time, default_factory=_now),
        gpu_percent=FieldInfo(float | None, None),
        gpu_memory_mb=FieldInfo(float | None, None),
    ),
    "APIMetric": _table(
        endpoint=FieldInfo(str),
        duration_ms=FieldInfo(float),
        status_code=FieldInfo(int),
        timestamp=FieldInfo(_Time, default_factory=_now),
        method=FieldInfo(str, "GET"),
        error=FieldInfo(str | None, None),
    ),
    "CacheStats": _table(
        hits=FieldInfo(int, 0),
        misses=FieldInfo(int, 0),
        evictions=FieldInfo(int, 0),
        expirations=FieldInfo(int, 0),
        size=FieldInfo(int, 0),
        max_size=FieldInfo(int),
    ),
}


_JSON: "dict[type, dict[str, Any]]" = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    _Time: {"format": "date-time", "type": "string"},
    dict: {"additionalProperties": True, "type": "object"},
}


def _kinds(field: FieldInfo) -> "tuple[Any, ...]":
    """Return the types that a field may have."""
    return getattr(field.annotation, "__args__", (field.annotation,))


def _property(name: str, field: FieldInfo) -> "dict[str, Any]":
    kinds = [dict(_JSON.get(kind, {"type": "null"})) for kind in _kinds(field)]
    described = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    if not field.is_required() and field.default_factory is None:
        described["default"] = field.default
    return described | {"title": name.replace("_", " ").title()}


def model_json_schema(
    cls: "type[Model]",
    by_alias: bool = True,  # noqa: FBT001, FBT002
    ref_template: str = "",
    schema_generator: "Any" = None,
    mode: str = "validation",
    **others: "Any",
) -> "dict[str, Any]":
    """Return the JSON schema of the fields. The arguments are pydantic's, and change nothing."""
    schema: dict[str, Any] = {
        "description": (cls.__doc__ or "").partition("\n\n")[0],
        "properties": {name: _property(name, field) for name, field in cls.model_fields.items()},
        "title": cls.__name__,
        "type": "object",
    }
    required = [name for name, field in cls.model_fields.items() if field.is_required()]
    return schema | {"required": required}


def _refuse(value: object, argument: str, expected: str) -> FieldError:
    return FieldError(f"{argument} must be {expected}, got {str(value)[:80]!r}")


def validate(  # noqa: D417
    cls: "type[Model]",
    obj: "Any",
    *,
    strict: "bool | None" = None,
    extra: "str | None" = None,
    from_attributes: "bool | None" = None,
    context: "Any" = None,
    by_alias: "bool | None" = None,
    by_name: "bool | None" = None,
    is_json: bool = False,
) -> "Model":
    """Make a model of a dict, or of an object with such attributes, as ``model_validate``.

    Args:
        strict: refuse text, bools and other types in the place of what a field is.
        extra: ``"ignore"`` leaves out what is no field.
        from_attributes: take the attributes of an object that is no dict.
        is_json: whether times are text even if ``strict``.

    """
    if extra not in (None, "ignore", "forbid"):
        raise ValueError(f"extra must be 'ignore', 'forbid' or None, got {extra!r}")
    if isinstance(obj, cls):
        return obj
    if from_attributes and not isinstance(obj, dict):
        missing = object()
        found = {name: getattr(obj, name, missing) for name in cls.model_fields}
        obj = {name: value for name, value in found.items() if value is not missing}
    if extra == "ignore" and isinstance(obj, dict):
        obj = {name: value for name, value in obj.items() if name in cls.model_fields}
    if strict and isinstance(obj, dict):
        for name, field in cls.model_fields.items():
            if name in obj:
                _check(name, field, obj[name], is_json=is_json)
    return cls.model_validate(obj)


def _check(name: str, field: FieldInfo, value: object, *, is_json: bool) -> None:
    allowed = set(_kinds(field))
    if float in allowed:
        allowed.add(int)
    if _Time in allowed and is_json:
        allowed.add(str)
    is_right = isinstance(value, tuple(allowed)) and not isinstance(value, bool)
    if not is_right:
        expected = getattr(field.annotation, "__name__", str(field.annotation))
        raise FieldError(
            f"{name} must be of type {expected}, got {value!r} ({type(value).__name__})"
        )


def model_validate_json(
    cls: "type[Model]",
    json_data: "str | bytes | bytearray",
    *,
    strict: "bool | None" = None,
    extra: "str | None" = None,
    context: "Any" = None,
    by_alias: "bool | None" = None,
    by_name: "bool | None" = None,
) -> "Model":
    """Make a model of the JSON object that ``model_dump_json`` writes.

    Raises ``FieldError``, a ``ValueError``, where it is no JSON object, or a field is wrong.
    """
    import json

    if not isinstance(json_data, (str, bytes, bytearray)):
        raise TypeError(f"json_data must be a str or bytes, got {type(json_data).__name__}")
    try:
        fields = json.loads(json_data)
    except ValueError as error:
        raise _refuse(json_data, "json_data", f"JSON ({error})") from error
    if not isinstance(fields, dict):
        raise _refuse(json_data, "json_data", "a JSON object")
    return validate(cls, fields, strict=strict, extra=extra, is_json=True)


def model_validate_strings(
    cls: "type[Model]",
    obj: "Any",
    *,
    strict: "bool | None" = None,
    extra: "str | None" = None,
    context: "Any" = None,
    by_alias: "bool | None" = None,
    by_name: "bool | None" = None,
) -> "Model":
    """Make a model of a dict whose values are text, such as a row of CSV."""
    return validate(cls, obj, extra=extra)


def model_construct(
    cls: "type[Model]", _fields_set: "Iterable[str] | None" = None, **values: "Any"
) -> "Model":
    """Make a model. Its fields have types, so that they are validated here as well."""
    known = {name: value for name, value in values.items() if name in cls.model_fields}
    made = cls(**known)
    if _fields_set is not None:
        made.__setstate__(set(_fields_set))
    return made


def model_rebuild(cls: "type[Model]", **options: "Any") -> None:
    """Do nothing: there is nothing to be resolved."""


def dump_as_dict(self: "Model", **options: "Any") -> "dict[str, Any]":
    """Return ``model_dump`` with the same arguments."""
    return self.model_dump(**options)


def dump_as_json(
    self: "Model",
    *,
    include: "Any" = None,
    exclude: "Any" = None,
    by_alias: bool = False,
    exclude_unset: bool = False,
    exclude_defaults: bool = False,
    exclude_none: bool = False,
    encoder: "Callable[[Any], Any] | None" = None,
    models_as_dict: bool = True,
    **dumps_kwargs: "Any",
) -> str:
    """Return the fields as JSON; further arguments are those of ``json.dumps``."""
    chosen: dict[str, Any] = {
        "include": include,
        "exclude": exclude,
        "exclude_unset": exclude_unset,
        "exclude_defaults": exclude_defaults,
        "exclude_none": exclude_none,
    }
    if encoder is None and not dumps_kwargs:
        return self.model_dump_json(**chosen)
    import json

    if encoder is None:
        dump = json.loads(self.model_dump_json(**chosen))
    else:
        dump = self.model_dump(**chosen)
        dumps_kwargs["default"] = encoder
    return json.dumps(dump, **dumps_kwargs)


def copy(
    self: "Model",
    *,
    include: "Any" = None,
    exclude: "Any" = None,
    update: "Mapping[str, Any] | None" = None,
    deep: bool = False,
) -> "Model":
    """Copy the fields that are chosen, with those in ``update`` changed."""
    if include is None and exclude is None:
        return self.model_copy(update=None if update is None else dict(update), deep=deep)
    copied = self.model_copy(deep=deep)
    fields = copied.model_dump(include=include, exclude=exclude) | dict(update or {})
    return type(self)(**fields)


def parse_raw(
    cls: "type[Model]",
    b: "str | bytes",
    *,
    content_type: "str | None" = None,
    encoding: str = "utf-8",
    proto: "Any" = None,
    allow_pickle: bool = False,
) -> "Model":
    """Make a model of a JSON object, as ``model_validate_json``; no pickle is ever read."""
    return cls.model_validate_json(b if isinstance(b, str) else b.decode(encoding))


def parse_file(cls: "type[Model]", path: "Any", *, encoding: str = "utf-8") -> "Model":
    """Make a model of the JSON object in a file."""
    with open(path, encoding=encoding) as file:  # noqa: PTH123 - `pathlib` takes long to import
        return cls.model_validate_json(file.read())


def from_orm(cls: "type[Model]", obj: "Any") -> "Model":
    """Make a model of an object with such attributes."""
    return validate(cls, obj, from_attributes=True)


def schema(cls: "type[Model]", by_alias: bool = True, ref_template: str = "") -> "dict[str, Any]":  # noqa: FBT001, FBT002
    """Return ``model_json_schema``."""
    return cls.model_json_schema()


def schema_json(
    cls: "type[Model]",
    *,
    by_alias: bool = True,
    ref_template: str = "",
    **dumps_kwargs: "Any",
) -> str:
    """Return the JSON schema as text; further arguments are those of ``json.dumps``."""
    import json

    return json.dumps(cls.model_json_schema(), **dumps_kwargs)


def _replace(self: "Model", **changes: "Any") -> "Model":
    return self.model_copy(update=changes)


def _rich_repr(self: "Model") -> "Iterable[tuple[str, Any]]":
    return iter(self)


def _nothing(self: "Model") -> None:
    return None


def complete(model: "type[Model]", models: "tuple[type[Model], ...]") -> None:
    """Give the base of the models, and each of them, what is written here."""
    methods: dict[str, Callable[..., Any]] = {
        "copy": copy,
        "dict": dump_as_dict,
        "json": dump_as_json,
        "__replace__": _replace,
        "__rich_repr__": _rich_repr,
    }
    class_methods: dict[str, Callable[..., Any]] = {
        "construct": model_construct,
        "from_orm": from_orm,
        "model_construct": model_construct,
        "model_json_schema": model_json_schema,
        "model_rebuild": model_rebuild,
        "model_validate_json": model_validate_json,
        "model_validate_strings": model_validate_strings,
        "parse_file": parse_file,
        "parse_obj": validate,
        "parse_raw": parse_raw,
        "schema": schema,
        "schema_json": schema_json,
        "update_forward_refs": model_rebuild,
        "validate": validate,
    }
    attributes: dict[str, Any] = {
        "model_config": {},
        "model_computed_fields": {},
        "model_extra": property(_nothing),
        "__fields_set__": vars(model)["model_fields_set"],
    }
    attributes |= methods
    attributes |= {name: classmethod(function) for name, function in class_methods.items()}
    for name, attribute in attributes.items():
        setattr(model, name, attribute)
    for each in models:
        each.model_fields = each.__fields__ = _FIELDS[each.__name__]
