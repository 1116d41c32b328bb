//! What the four models have in common, in terms of their fields' names alone.

use pyo3::{
    exceptions::PyValueError,
    prelude::*,
    types::{PyDict, PyTuple, PyType},
};

use super::super::{
    arguments::{Deep, ExcludeNone, Flag, Indent, Mode, Text, Whole},
    convert::{iso_text, wrong_type},
    json::PyJson,
};
use crate::{calendar::Times, error::Error};

/// The base of the four models. Its methods carry the names that pydantic's models have.
///
/// The fields' names, in order, are in ``__match_args__``.
#[pyclass(frozen, subclass, weakref, module = "ptpd_monitoring")]
pub struct Model;

fn fields<'py>(model: &Bound<'py, PyAny>) -> PyResult<Vec<(String, Bound<'py, PyAny>)>> {
    let names = model.get_type().getattr("__match_args__")?;
    names
        .cast_into::<PyTuple>()?
        .iter()
        .map(|name| {
            let name: String = name.extract()?;
            let value = model.getattr(&*name)?;
            Ok((name, value))
        })
        .collect()
}

fn values<'py>(model: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    let values = PyDict::new(model.py());
    for (name, value) in fields(model)? {
        values.set_item(name, value)?;
    }
    Ok(values)
}

/// The names in `include` or `exclude`, which may be any iterable of strings.
fn named(argument: &str, names: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Vec<String>>> {
    names
        .map(|names| {
            let collected = names
                .try_iter()
                .and_then(|names| names.map(|name| name?.extract()).collect());
            collected.map_err(|_| wrong_type(argument, "a set of field names", names))
        })
        .transpose()
}

#[pymethods]
impl Model {
    /// The fields as a dict, in order; dicts among them are copied.
    ///
    /// With ``mode="json"`` times become ISO 8601 text, with the offset from UTC where local clocks show
    /// them twice. ``include`` and ``exclude`` choose fields.
    #[pyo3(
        signature = (
            *, mode = Text::new("python"), include = None, exclude = None,
            exclude_none = Flag::new(false)
        ),
        text_signature = "($self, *, mode='python', include=None, exclude=None, exclude_none=False)"
    )]
    fn model_dump<'py>(
        slf: &Bound<'py, Self>,
        mode: Text<'_, Mode>,
        include: Option<&Bound<'py, PyAny>>,
        exclude: Option<&Bound<'py, PyAny>>,
        exclude_none: Flag<ExcludeNone>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let mode = mode.0;
        if !["python", "json"].contains(&mode) {
            return Err(
                Error::argument("mode", format!("{mode:?}"), "\"python\" or \"json\"").into(),
            );
        }
        let include = named("include", include)?;
        let exclude = named("exclude", exclude)?.unwrap_or_default();
        let dump = PyDict::new(slf.py());
        for (name, value) in fields(slf)? {
            let chosen = include
                .as_ref()
                .is_none_or(|include| include.contains(&name))
                && !exclude.contains(&name)
                && !(exclude_none.0 && value.is_none());
            if !chosen {
                continue;
            }
            if let Ok(dict) = value.cast::<PyDict>() {
                dump.set_item(name, dict.copy()?)?;
            } else if mode == "json" && name == "timestamp" {
                dump.set_item(name, iso_text(&value, Times::Local)?)?;
            } else {
                dump.set_item(name, value)?;
            }
        }
        Ok(dump)
    }

    /// The fields as JSON; numbers that are not finite become ``null``. ``indent`` is from 0 to 255
    /// spaces; one line unless given.
    #[pyo3(signature = (*, indent = None))]
    fn model_dump_json(slf: &Bound<'_, Self>, indent: Option<Whole<Indent>>) -> PyResult<String> {
        let indent = indent
            .map(|width| {
                u8::try_from(width.0)
                    .map_err(|_| Error::argument("indent", width.0, "from 0 to 255"))
            })
            .transpose()?;
        let dump = slf.call_method0("model_dump")?;
        PyJson::new(&dump).serialized(|json| {
            let text = match indent {
                None => serde_json::to_string(json),
                Some(width) => {
                    let indent = vec![b' '; width.into()];
                    let mut out = Vec::new();
                    let formatter = serde_json::ser::PrettyFormatter::with_indent(&indent);
                    let mut serializer =
                        serde_json::Serializer::with_formatter(&mut out, formatter);
                    serde::Serialize::serialize(json, &mut serializer)
                        .map(|()| String::from_utf8_lossy(&out).into_owned())
                }
            };
            text.map_err(|error| PyValueError::new_err(error.to_string()))
        })
    }

    /// A model from a dict of its fields, or ``obj`` itself if it is one already.
    #[classmethod]
    fn model_validate<'py>(
        cls: &Bound<'py, PyType>,
        obj: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if obj.is_instance(cls)? {
            return Ok(obj.clone());
        }
        let fields = obj
            .cast::<PyDict>()
            .map_err(|_| wrong_type("obj", &format!("a dict or a {cls}"), obj))?;
        cls.call((), Some(fields))
    }

    /// A copy with the fields in ``update`` changed; ``deep`` copies nested values too.
    #[pyo3(
        signature = (*, update = None, deep = Flag::new(false)),
        text_signature = "($self, *, update=None, deep=False)"
    )]
    fn model_copy<'py>(
        slf: &Bound<'py, Self>,
        update: Option<&Bound<'py, PyAny>>,
        deep: Flag<Deep>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let mut values = values(slf)?;
        let update = update
            .map(|update| {
                let dict = update.cast::<PyDict>();
                dict.map_err(|_| wrong_type("update", "a dict or None", update))
            })
            .transpose()?;
        if deep.0 {
            let copy = py.import("copy")?.call_method1("deepcopy", (values,))?;
            values = copy.cast_into::<PyDict>()?;
        }
        if let Some(update) = update {
            values.update(update.as_mapping())?;
        }
        slf.get_type().call((), Some(&values))
    }

    fn __copy__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::model_copy(slf, None, Flag::new(false))
    }

    fn __deepcopy__<'py>(
        slf: &Bound<'py, Self>,
        memo: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        // With the memo, what several models share stays shared among their copies.
        let copy = slf
            .py()
            .import("copy")?
            .call_method1("deepcopy", (values(slf)?, memo))?;
        slf.get_type().call((), Some(copy.cast::<PyDict>()?))
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyDict>,))> {
        let rebuild = slf.get_type().getattr("model_validate")?;
        Ok((
            rebuild,
            (Self::model_dump(
                slf,
                Text::new("python"),
                None,
                None,
                Flag::new(false),
            )?,),
        ))
    }

    fn __eq__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        if !other.get_type().is(slf.get_type()) {
            return Ok(py.NotImplemented());
        }
        for ((_, ours), (_, theirs)) in fields(slf)?.iter().zip(fields(other)?) {
            // Identity first, as in Python's own containers: a NaN equals itself.
            if !ours.is(&theirs) && !ours.eq(theirs)? {
                return Ok(false.into_pyobject(py)?.to_owned().into_any().unbind());
            }
        }
        Ok(true.into_pyobject(py)?.to_owned().into_any().unbind())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let shown: Vec<String> = fields(slf)?
            .iter()
            .map(|(name, value)| Ok(format!("{name}={}", value.repr()?)))
            .collect::<PyResult<_>>()?;
        Ok(format!("{}({})", slf.get_type().name()?, shown.join(", ")))
    }

    #[classmethod]
    fn __get_pydantic_core_schema__<'py>(
        cls: &Bound<'py, PyType>,
        _source: &Bound<'py, PyAny>,
        _handler: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        cls.py()
            .import("ptpd_monitoring._pydantic")?
            .call_method1("core_schema", (cls,))
    }
}
