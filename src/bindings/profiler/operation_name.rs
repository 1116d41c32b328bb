//! The names that profiles go by.

use pyo3::{
    prelude::*,
    types::{PyModule, PyType},
};

use crate::bindings::python::{
    code::PythonCode,
    objects::{attribute, type_name},
    once::{CALLERS, Once},
};

/// The name that a callable's profile goes by: its own, or that of the function or class behind it.
///
/// Where that alone would mix what is different, it says more: a method's class, and where a lambda
/// was written.
pub fn operation_name(function: &Bound<'_, PyAny>) -> String {
    let _python = PythonCode::begin(function.py());
    let mut function = function.clone();
    // A partial of a partial, and so on; a few levels are more than anybody nests.
    for _ in 0..16 {
        if let Some(name) = text(&function, "__name__") {
            return told_apart(&function, name);
        }
        match attribute(&function, "func") {
            Some(inner) if inner.is_callable() => function = inner,
            _ => break,
        }
    }
    type_name(&function)
}

fn told_apart(function: &Bound<'_, PyAny>, name: String) -> String {
    if function.is_instance_of::<PyType>() {
        return name;
    }
    if name == "<lambda>"
        && let Some(place) = place(function)
    {
        return format!("{name} ({place})");
    }
    if let Some(class) = class_of_bound(function, &name) {
        return format!("{class}.{name}");
    }
    match text(function, "__qualname__") {
        Some(qualified) if is_of_class(&qualified, &name) => qualified,
        _ => name,
    }
}

/// The class of the object that a method is bound to, also where the method is one of a base class. Not
/// where the class has another method of that name, which calls this one of its base.
fn class_of_bound(method: &Bound<'_, PyAny>, name: &str) -> Option<String> {
    // To be refused an attribute costs an exception.
    if is_function(method).ok()? {
        return None;
    }
    let owner = attribute(method, "__self__")?;
    if owner.is_none() || owner.is_instance_of::<PyModule>() {
        return None;
    }
    let class = owner
        .cast::<PyType>()
        .map_or_else(|_| owner.get_type(), Clone::clone);
    let function = |method| attribute(method, "__func__");
    if let Some(own) = function(method) {
        let found = attribute(&class, name)?;
        let found = function(&found).unwrap_or(found);
        if !found.is(&own) {
            return None;
        }
    }
    text(&class, "__qualname__")
}

/// Whether it is a plain function, which is bound to nothing.
fn is_function(callable: &Bound<'_, PyAny>) -> PyResult<bool> {
    static FUNCTION: Once<Py<PyAny>> = Once::new();
    let py = callable.py();
    let function = FUNCTION.get_or_try_init(py, || {
        py.import(CALLERS)?.getattr("FUNCTION").map(Bound::unbind)
    })?;
    Ok(callable.get_type().is(function))
}

/// Whether a qualified name is that of a function in a class, and not of one in a module or a function.
fn is_of_class(qualified: &str, name: &str) -> bool {
    qualified
        .rsplit_once('.')
        .is_some_and(|(outer, last)| last == name && !outer.ends_with("<locals>"))
}

/// Where a lambda was written: its module or script, line, and column where Python tells it.
fn place(function: &Bound<'_, PyAny>) -> Option<String> {
    let code = attribute(function, "__code__")?;
    let file = match text(function, "__module__") {
        Some(module) if module != "__main__" => module,
        _ => {
            let path = text(&code, "co_filename")?;
            path.rsplit(['/', '\\']).next()?.to_owned()
        }
    };
    if let Some((line, column)) = place_of_body(&code) {
        return Some(format!("{file}:{line}:{}", column + 1));
    }
    let line: u32 = attribute(&code, "co_firstlineno")?.extract().ok()?;
    Some(format!("{file}:{line}"))
}

/// The line and the column from 0 at which the body of a lambda begins, by which those of one line can
/// be told apart. Its first instructions stand at column 0, where no body can.
fn place_of_body(code: &Bound<'_, PyAny>) -> Option<(u32, u32)> {
    const ENOUGH: usize = 16;
    let positions = attribute(code, "co_positions")?.call0().ok()?;
    let positions = positions.try_iter().ok()?.take(ENOUGH);
    positions
        .filter_map(|position| {
            let (line, _, column, _): (Option<u32>, Option<u32>, Option<u32>, Option<u32>) =
                position.ok()?.extract().ok()?;
            Some((line?, column.filter(|column| *column > 0)?))
        })
        .min()
}

fn text(object: &Bound<'_, PyAny>, name: &str) -> Option<String> {
    attribute(object, name)?.extract().ok()
}
