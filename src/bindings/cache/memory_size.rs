//! How much memory an object keeps alive, as far as that shows without importing what it is made of.

use std::collections::HashSet;

use pyo3::{
    prelude::*,
    types::{
        PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyFrozenSet, PyInt, PyIterator, PyList,
        PyMemoryView, PySet, PyString, PyTuple, PyType,
    },
};

use crate::bindings::{
    arguments::arrays::as_array,
    profiler::images::pillow_bytes,
    python::{
        objects::{attribute, loaded},
        once::{Once, intern},
    },
};

/// How deep containers are looked into.
const DEPTH: u32 = 8;

/// How many objects are looked at. Of a container that has more items, the others count as much as
/// those on average.
const MOST: usize = 10_000;

/// The bytes of `object` and of what it keeps alive: what `sys.getsizeof` says, and beyond that the
/// pixels of Pillow images, the memory behind arrays and views of them, and the items of containers and
/// of data classes, each object once.
pub fn memory_size(object: &Bound<'_, PyAny>) -> PyResult<u64> {
    if is_plain(object) {
        return getsizeof(object);
    }
    let mut sum = Sum {
        seen: HashSet::new(),
        left: MOST,
    };
    sum.of(object, DEPTH)
}

struct Sum {
    /// The addresses of what has been counted.
    seen: HashSet<usize>,
    /// How many objects are still to be looked at.
    left: usize,
}

impl Sum {
    fn of(&mut self, object: &Bound<'_, PyAny>, depth: u32) -> PyResult<u64> {
        self.left = self.left.saturating_sub(1);
        if !self.seen.insert(object.as_ptr() as usize) {
            return Ok(0);
        }
        let own = getsizeof(object)?;
        if is_plain(object) {
            return Ok(own);
        }
        if let Some(root) = memory_of_array(object)? {
            return Ok(match root {
                Memory::Own(bytes) => own.max(bytes),
                Memory::Of(root) => own.saturating_add(self.of(&root, depth)?),
            });
        }
        let items = if depth == 0 {
            0
        } else {
            self.of_items(object, depth - 1)?
        };
        Ok(own.saturating_add(items))
    }

    fn of_items(&mut self, object: &Bound<'_, PyAny>, depth: u32) -> PyResult<u64> {
        if object.is_instance_of::<PyDict>() {
            let keys = self.of_each(object, object.try_iter(), depth)?;
            let values = object.call_method0(intern!(object.py(), "values"))?;
            return Ok(keys.saturating_add(self.of_each(&values, values.try_iter(), depth)?));
        }
        if is_sequence_or_set(object)? {
            return self.of_each(object, object.try_iter(), depth);
        }
        match fields(object) {
            Some(fields) => self.of_each(fields.as_any(), fields.try_iter(), depth),
            None => Ok(0),
        }
    }

    fn of_each(
        &mut self,
        container: &Bound<'_, PyAny>,
        items: PyResult<Bound<'_, PyIterator>>,
        depth: u32,
    ) -> PyResult<u64> {
        let count = container.len()? as u64;
        let (mut sum, mut looked_at) = (0_u64, 0_u64);
        for item in items? {
            // Somebody else changes it; what was seen so far stands for the rest.
            let Ok(item) = item else { break };
            sum = sum.saturating_add(self.of(&item, depth)?);
            looked_at += 1;
            if self.left == 0 {
                break;
            }
        }
        Ok(if looked_at == 0 || looked_at >= count {
            sum
        } else {
            let of_all = u128::from(sum) * u128::from(count) / u128::from(looked_at);
            u64::try_from(of_all).unwrap_or(u64::MAX)
        })
    }
}

/// Whether its own size is all there is to it, as of most keys.
fn is_plain(object: &Bound<'_, PyAny>) -> bool {
    object.is_exact_instance_of::<PyString>()
        || object.is_exact_instance_of::<PyBytes>()
        || object.is_exact_instance_of::<PyInt>()
        || object.is_exact_instance_of::<PyFloat>()
        || object.is_exact_instance_of::<PyBool>()
        || object.is_exact_instance_of::<PyByteArray>()
        || object.is_none()
}

fn is_sequence_or_set(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = object.py();
    if object.is_instance_of::<PyList>()
        || object.is_instance_of::<PyTuple>()
        || object.is_instance_of::<PySet>()
        || object.is_instance_of::<PyFrozenSet>()
    {
        return Ok(true);
    }
    match loaded(py, intern!(py, "collections"), intern!(py, "deque"))? {
        Some(deque) => object.is_instance(&deque),
        None => Ok(false),
    }
}

/// The memory behind something like an array.
enum Memory<'py> {
    /// So many bytes, of its own.
    Own(u64),
    /// That of another object.
    Of(Bound<'py, PyAny>),
}

/// The memory behind `object`, if that is an array, a view or an image.
fn memory_of_array<'py>(object: &Bound<'py, PyAny>) -> PyResult<Option<Memory<'py>>> {
    let py = object.py();
    if as_array(object)?.is_some() {
        // A view has an array as its base; an array in the memory of something else has that.
        return Ok(match attribute(object, "base") {
            Some(base) if as_array(&base)?.is_some() => Some(Memory::Of(base)),
            Some(base) => nbytes(object).max(Some(getsizeof(&base)?)).map(Memory::Own),
            None => nbytes(object).map(Memory::Own),
        });
    }
    if object.is_instance_of::<PyMemoryView>() {
        return Ok(attribute(object, "obj").map(Memory::Of));
    }
    if let Some(bytes) = pillow_bytes(object) {
        return Ok(Some(Memory::Own(bytes)));
    }
    if object.is_instance_of::<PyType>() || attribute(object, "__dask_graph__").is_some() {
        // The first has none of it, and the second computes it when it is asked to.
        return Ok(None);
    }
    // A view of PyTorch's keeps all of its storage.
    if let Some(storage) = attribute(object, "untyped_storage")
        && let Ok(storage) = storage.call0()
        && let Some(bytes) = storage.call_method0(intern!(py, "nbytes")).ok()
        && let Ok(bytes) = bytes.extract()
    {
        return Ok(Some(Memory::Own(bytes)));
    }
    Ok(nbytes(object).map(Memory::Own))
}

fn nbytes(object: &Bound<'_, PyAny>) -> Option<u64> {
    attribute(object, "nbytes").and_then(|bytes| bytes.extract().ok())
}

/// The values of the fields of an instance of a data class: `dataclasses`', attrs' or pydantic's.
fn fields<'py>(object: &Bound<'py, PyAny>) -> Option<Bound<'py, PyList>> {
    let py = object.py();
    let class = object.get_type();
    let is_one = [
        "__dataclass_fields__",
        "__attrs_attrs__",
        "__pydantic_fields__",
    ];
    let declared = is_one.iter().find_map(|name| attribute(&class, name))?;
    let values = PyList::empty(py);
    for field in declared.try_iter().ok()? {
        let field = field.ok()?;
        // Those of attrs are objects that have a name, the others names.
        let name = attribute(&field, "name").unwrap_or(field);
        if let Ok(name) = name.extract::<String>()
            && let Some(value) = attribute(object, &name)
        {
            values.append(value).ok()?;
        }
    }
    Some(values)
}

fn getsizeof(object: &Bound<'_, PyAny>) -> PyResult<u64> {
    static GETSIZEOF: Once<Py<PyAny>> = Once::new();
    let py = object.py();
    let look_up = || {
        let function = py.import("sys")?.getattr(intern!(py, "getsizeof"))?;
        PyResult::Ok(function.unbind())
    };
    let getsizeof = GETSIZEOF.get_or_try_init(py, look_up)?;
    getsizeof.bind(py).call1((object,))?.extract()
}
