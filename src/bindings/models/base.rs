//! What the four models have in common, in terms of their fields' names alone.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::{PyBool, PyDict, PyIterator, PyList, PySet, PyTuple, PyType},
};

use crate::bindings::{
    arguments::{
        Flag, Text, Whole, iso_text,
        names::{Deep, ExcludeDefaults, ExcludeNone, ExcludeUnset, Indent, Mode},
    },
    output::json::PyJson,
    python::{code::PythonCode, errors::wrong_type},
};
use crate::{error::Error, time::Times};

/// The Python module with what is made of the methods here.
pub const MODELS: &str = "ptpd_monitoring._models";

/// The base of the four models. Its methods carry the names that pydantic's models have; those that
/// are made of others are in ``_models.py``.
///
/// The fields' names, in order, are in ``__match_args__``.
#[pyclass(frozen, subclass, weakref, module = "ptpd_monitoring")]
pub struct Model {
    /// The fields that were given or set; none of them is named where all were.
    set: Mutex<Option<BTreeSet<String>>>,
}

impl Model {
    /// One of which all fields were given.
    pub const fn whole() -> Self {
        Self {
            set: Mutex::new(None),
        }
    }

    /// One of which the fields with these names were given.
    pub fn with(names: BTreeSet<String>) -> Self {
        Self {
            set: Mutex::new(Some(names)),
        }
    }

    /// Takes note of a field that was assigned.
    pub fn note(&self, name: &str) {
        if let Some(set) = &mut *self.set.lock()
            && !set.contains(name)
        {
            set.insert(name.to_owned());
        }
    }
}

fn names_of(model: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    let names = model.get_type().getattr("__match_args__")?;
    let names = names.cast_into::<PyTuple>()?;
    names.iter().map(|name| name.extract()).collect()
}

fn fields<'py>(model: &Bound<'py, PyAny>) -> PyResult<Vec<(String, Bound<'py, PyAny>)>> {
    let names = names_of(model)?.into_iter();
    names
        .map(|name| {
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

/// What ``include`` or ``exclude`` says of one field.
enum Named<'py> {
    /// All of it.
    Whole,
    /// These keys of a field that is a dict.
    Keys(Vec<Bound<'py, PyAny>>),
}

/// The names in `include` or `exclude`, which may be any iterable of strings, or a dict of what is meant
/// of each.
fn named<'py>(
    argument: &str,
    names: Option<&Bound<'py, PyAny>>,
) -> PyResult<Option<Vec<(String, Named<'py>)>>> {
    let Some(names) = names.filter(|names| !names.is_none()) else {
        return Ok(None);
    };
    let refused = |_| wrong_type(argument, "a set or dict of field names", names);
    let _python = PythonCode::begin(names.py());
    let dict = names.cast::<PyDict>().ok();
    let collected = names
        .try_iter()
        .map_err(refused)?
        .map(|name| {
            let name = name?;
            let of_it = match dict {
                Some(dict) => dict.get_item(&name)?,
                None => None,
            };
            let name: String = name.extract()?;
            let of_it = of_it.filter(|of_it| !of_it.is_instance_of::<PyBool>());
            Ok(match of_it.and_then(|of_it| of_it.try_iter().ok()) {
                Some(keys) => (name, Named::Keys(keys.collect::<PyResult<_>>()?)),
                None => (name, Named::Whole),
            })
        })
        .collect::<PyResult<_>>();
    collected.map(Some).map_err(refused)
}

/// What is `named` of the field `name`, if anything is.
fn of<'a, 'py>(named: &'a [(String, Named<'py>)], name: &str) -> Option<&'a Named<'py>> {
    named
        .iter()
        .find_map(|(other, of_it)| (other == name).then_some(of_it))
}

/// Whether `value` is the default of a field, by what the class shows as its fields.
fn is_default(model: &Bound<'_, Model>, name: &str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    let _python = PythonCode::begin(model.py());
    let field = model.get_type().getattr("model_fields")?.get_item(name)?;
    if field.call_method0("is_required")?.extract()? {
        return Ok(false);
    }
    let default = field.call_method1("get_default", (true,))?;
    value.eq(default)
}

fn note_set(model: &Bound<'_, PyAny>, set: Option<BTreeSet<String>>) -> PyResult<()> {
    *model.cast::<Model>()?.get().set.lock() = set;
    Ok(())
}

/// Leaves in a `dict` what was chosen of its keys.
fn narrow<'py>(
    dict: &Bound<'py, PyDict>,
    included: Option<&Named<'py>>,
    excluded: Option<&Named<'py>>,
) -> PyResult<()> {
    if let Some(Named::Keys(chosen)) = included {
        let chosen = PyList::new(dict.py(), chosen)?;
        for key in dict.keys() {
            if !chosen.contains(&key)? {
                dict.del_item(key)?;
            }
        }
    }
    if let Some(Named::Keys(chosen)) = excluded {
        for key in chosen {
            if dict.contains(key)? {
                dict.del_item(key)?;
            }
        }
    }
    Ok(())
}

fn refuse_unknown(method: &str, others: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
    const KNOWN: [&str; 7] = [
        "context",
        "by_alias",
        "exclude_computed_fields",
        "round_trip",
        "warnings",
        "fallback",
        "serialize_as_any",
    ];
    for (name, _) in others.into_iter().flatten() {
        let name: String = name.extract()?;
        if !KNOWN.contains(&&*name) {
            return Err(PyTypeError::new_err(format!(
                "{method}() got an unexpected keyword argument '{name}'"
            )));
        }
    }
    Ok(())
}

#[pymethods]
impl Model {
    /// The fields as a dict, in order; dicts among them are copied.
    ///
    /// With ``mode="json"`` times become ISO 8601 text, with the offset from UTC where local clocks show
    /// them twice. ``include`` and ``exclude`` choose fields, or with a dict of sets, keys of the
    /// metadata, too. ``exclude_unset`` leaves out what was neither given nor assigned,
    /// ``exclude_defaults`` what equals its default, ``exclude_none`` what is None. The others are
    /// pydantic's and change nothing.
    #[pyo3(
        signature = (
            *, mode = Text::new("python"), include = None, exclude = None,
            exclude_unset = Flag::new(false), exclude_defaults = Flag::new(false),
            exclude_none = Flag::new(false), **others
        ),
        text_signature = "($self, *, mode='python', include=None, exclude=None, context=None, \
                          by_alias=None, exclude_unset=False, exclude_defaults=False, \
                          exclude_none=False, exclude_computed_fields=False, round_trip=False, \
                          warnings=True, fallback=None, serialize_as_any=False)"
    )]
    #[expect(clippy::too_many_arguments, reason = "pydantic's are as many")]
    fn model_dump<'py>(
        slf: &Bound<'py, Self>,
        mode: Text<'_, Mode>,
        include: Option<&Bound<'py, PyAny>>,
        exclude: Option<&Bound<'py, PyAny>>,
        exclude_unset: Flag<ExcludeUnset>,
        exclude_defaults: Flag<ExcludeDefaults>,
        exclude_none: Flag<ExcludeNone>,
        others: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        refuse_unknown("model_dump", others)?;
        let mode = mode.0;
        if !["python", "json"].contains(&mode) {
            return Err(
                Error::argument("mode", format!("{mode:?}"), "\"python\" or \"json\"").into(),
            );
        }
        let include = named("include", include)?;
        let exclude = named("exclude", exclude)?.unwrap_or_default();
        let unset = if exclude_unset.0 {
            slf.get().set.lock().clone()
        } else {
            None
        };
        let _python = PythonCode::begin(slf.py());
        let dump = PyDict::new(slf.py());
        for (name, value) in fields(slf)? {
            let included = include.as_ref().map(|include| of(include, &name));
            let excluded = of(&exclude, &name);
            let is_left_out = included.as_ref().is_some_and(Option::is_none)
                || matches!(excluded, Some(Named::Whole))
                || unset.as_ref().is_some_and(|set| !set.contains(&name))
                || (exclude_none.0 && value.is_none())
                || (exclude_defaults.0 && is_default(slf, &name, &value)?);
            if is_left_out {
                continue;
            }
            if let Ok(dict) = value.cast::<PyDict>() {
                let dict = dict.copy()?;
                narrow(&dict, included.flatten(), excluded)?;
                dump.set_item(name, dict)?;
            } else if mode == "json" && name == "timestamp" {
                dump.set_item(name, iso_text(&value, Times::Local)?)?;
            } else {
                dump.set_item(name, value)?;
            }
        }
        Ok(dump)
    }

    /// The fields as JSON; numbers that are not finite become ``null``. ``indent`` is from 0 to 255
    /// spaces; one line unless given. The others are those of ``model_dump``.
    #[pyo3(
        signature = (*, indent = None, **others),
        text_signature = "($self, *, indent=None, include=None, exclude=None, context=None, \
                          by_alias=None, exclude_unset=False, exclude_defaults=False, \
                          exclude_none=False, exclude_computed_fields=False, round_trip=False, \
                          warnings=True, fallback=None, serialize_as_any=False)"
    )]
    fn model_dump_json(
        slf: &Bound<'_, Self>,
        indent: Option<Whole<Indent>>,
        others: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<String> {
        let indent = indent
            .map(|width| {
                u8::try_from(width.0)
                    .map_err(|_| Error::argument("indent", width.0, "from 0 to 255"))
            })
            .transpose()?;
        let _python = PythonCode::begin(slf.py());
        let dump = slf.call_method("model_dump", (), others)?;
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

    /// The names of the fields that were given or assigned, as a set.
    #[getter]
    fn model_fields_set<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PySet>> {
        let set = slf.get().set.lock().clone();
        let names = match set {
            Some(names) => names.into_iter().collect(),
            None => names_of(slf)?,
        };
        PySet::new(slf.py(), names)
    }

    /// The names and values of the fields, in order.
    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyIterator>> {
        PyList::new(slf.py(), fields(slf)?)?.try_iter()
    }

    /// A model from a dict of its fields, or ``obj`` itself if it is one already.
    ///
    /// With ``strict`` a field is refused where text or another type stands for what it is; with
    /// ``from_attributes`` another object's attributes are taken; with ``extra="ignore"`` what is no
    /// field is left out. The others are pydantic's and change nothing.
    #[classmethod]
    #[pyo3(
        signature = (obj, **options),
        text_signature = "($cls, obj, *, strict=None, extra=None, from_attributes=None, context=None, \
                          by_alias=None, by_name=None)"
    )]
    fn model_validate<'py>(
        cls: &Bound<'py, PyType>,
        obj: &Bound<'py, PyAny>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if options.is_some_and(|options| !options.is_empty()) {
            let _python = PythonCode::begin(cls.py());
            let validate = cls.py().import(MODELS)?.getattr("validate")?;
            return validate.call((cls, obj), options);
        }
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
        let mut set = slf.get().set.lock().clone();
        if let Some(update) = update {
            values.update(update.as_mapping())?;
            if let Some(set) = &mut set {
                for name in update.keys() {
                    set.insert(name.extract()?);
                }
            }
        }
        let copy = slf.get_type().call((), Some(&values))?;
        note_set(&copy, set)?;
        Ok(copy)
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
        let copy = slf.get_type().call((), Some(copy.cast::<PyDict>()?))?;
        note_set(&copy, slf.get().set.lock().clone())?;
        Ok(copy)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let py = slf.py();
        let rebuild = slf.get_type().getattr("model_validate")?;
        let dump = PyDict::new(py);
        for (name, value) in fields(slf)? {
            match value.cast::<PyDict>() {
                Ok(dict) => dump.set_item(name, dict.copy()?)?,
                Err(_) => dump.set_item(name, value)?,
            }
        }
        let set = slf.get().set.lock().clone();
        match set {
            None => (rebuild, (dump,)).into_pyobject(py),
            Some(set) => (rebuild, (dump,), PySet::new(py, set)?).into_pyobject(py),
        }
    }

    /// Takes from a pickle which fields were given or assigned.
    fn __setstate__(slf: &Bound<'_, Self>, state: &Bound<'_, PySet>) -> PyResult<()> {
        let set = state.extract()?;
        note_set(slf, Some(set))
    }

    fn __eq__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        if !other.get_type().is(slf.get_type()) {
            return Ok(py.NotImplemented());
        }
        let _python = PythonCode::begin(py);
        for ((_, ours), (_, theirs)) in fields(slf)?.iter().zip(fields(other)?) {
            // Identity first, as in Python's own containers: a NaN equals itself.
            if !ours.is(&theirs) && !ours.eq(theirs)? {
                return Ok(false.into_pyobject(py)?.to_owned().into_any().unbind());
            }
        }
        Ok(true.into_pyobject(py)?.to_owned().into_any().unbind())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let _python = PythonCode::begin(slf.py());
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
