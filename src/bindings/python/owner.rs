//! Where a call comes from: its thread, and within that its task or greenlet.

use pyo3::prelude::*;

use super::{
    code::PythonCode,
    objects::{attribute, loaded},
    once::intern,
    thread::thread_number,
};
use crate::recording::timers::Owner;

/// The calling thread, and within it the task of asyncio or trio, or else the greenlet.
pub fn owner(py: Python<'_>) -> PyResult<Owner> {
    // A task may well call from a greenlet, as SQLAlchemy does; not so the other way round.
    let within = match asyncio_task(py)? {
        Some(task) => Some(task),
        None => match trio_task(py)? {
            Some(task) => Some(task),
            None => greenlet(py)?,
        },
    };
    let address = within.map_or(0, |within| within.as_ptr() as usize as u64);
    Ok((thread_number(), address))
}

// Who has not imported a library is in none of its tasks.

/// The running asyncio task.
fn asyncio_task(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
    let asyncio = intern!(py, "asyncio");
    let Some(running_loop) = loaded(py, asyncio, intern!(py, "_get_running_loop"))? else {
        return Ok(None);
    };
    let running = running_loop.call0()?;
    if running.is_none() {
        return Ok(None);
    }
    let Some(current_task) = loaded(py, asyncio, intern!(py, "current_task"))? else {
        return Ok(None);
    };
    let task = current_task.call1((running,))?;
    Ok((!task.is_none()).then_some(task))
}

/// The running trio task.
fn trio_task(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
    let trio = intern!(py, "trio.lowlevel");
    let Some(in_trio_task) = loaded(py, trio, intern!(py, "in_trio_task"))? else {
        return Ok(None);
    };
    let _python = PythonCode::begin(py);
    if !in_trio_task.call0()?.is_truthy()? {
        return Ok(None);
    }
    let current_task = loaded(py, trio, intern!(py, "current_task"))?;
    current_task
        .map(|current_task| current_task.call0())
        .transpose()
}

/// The running greenlet, which gevent and eventlet have for each of their tasks; not a thread's first.
fn greenlet(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
    let Some(current) = loaded(py, intern!(py, "greenlet"), intern!(py, "getcurrent"))? else {
        return Ok(None);
    };
    let current = current.call0()?;
    let has_parent = attribute(&current, "parent").is_some_and(|parent| !parent.is_none());
    Ok(has_parent.then_some(current))
}
