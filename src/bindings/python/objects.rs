//! How objects read, and what is asked of them without failing the caller.

use pyo3::{
    prelude::*,
    types::{PyDict, PyString},
};

use super::{code::PythonCode, once::Once};

/// `value` as Python shows it, shortened; the type's name where its `__repr__` fails.
pub fn shown(value: &Bound<'_, PyAny>) -> String {
    const LONGEST: usize = 80;
    let _python = PythonCode::begin(value.py());
    let mut text = value.repr().map_or_else(
        |_| format!("<{}>", type_name(value)),
        |text| text.to_string_lossy().into_owned(),
    );
    if text.chars().count() > LONGEST {
        text = text.chars().take(LONGEST).chain("...".chars()).collect();
    }
    text
}

/// The name of `value`'s class.
pub fn type_name(value: &Bound<'_, PyAny>) -> String {
    value
        .get_type()
        .name()
        .map_or_else(|_| "object".to_owned(), |name| name.to_string())
}

/// An attribute of a user's object. One that raises, as those of lazy proxies may, is as good as
/// missing: what is only looked at must not fail the user's call.
pub fn attribute<'py>(value: &Bound<'py, PyAny>, name: &str) -> Option<Bound<'py, PyAny>> {
    let _python = PythonCode::begin(value.py());
    value.getattr_opt(name).ok().flatten()
}

/// The kind of its numbers, as `NumPy` calls it, of what has a type as its scalars and arrays do.
pub fn dtype_kind(value: &Bound<'_, PyAny>) -> Option<String> {
    attribute(&attribute(value, "dtype")?, "kind")?
        .extract()
        .ok()
}

/// The module `name` if it has been imported; does not import it.
fn loaded_module<'py>(
    py: Python<'py>,
    name: &Bound<'py, PyString>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    static MODULES: Once<Py<PyDict>> = Once::new();
    let modules = MODULES.get_or_try_init(py, || {
        let modules = py.import("sys")?.getattr("modules")?;
        Ok::<_, PyErr>(modules.cast_into::<PyDict>()?.unbind())
    })?;
    modules.bind(py).get_item(name)
}

/// What the module of that name holds under a name, if it has been imported so far: another thread
/// may be importing it. The module itself is not asked: where something is missing that runs Python
/// code, below which a daemon thread could end, see `_callers.py`.
pub fn loaded<'py>(
    py: Python<'py>,
    module: &Bound<'py, PyString>,
    name: &Bound<'py, PyString>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    match loaded_module(py, module)?.map(Bound::cast_into::<PyModule>) {
        Some(Ok(module)) => module.dict().get_item(name),
        _ => Ok(None),
    }
}
