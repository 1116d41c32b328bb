//! What histories have to know of forks and of the end of the process.

use pyo3::{
    prelude::*,
    types::{PyDict, PyInt},
};

use super::python::{code, once::Once};
use crate::{history, system::peak};

/// The Python module with the hook for worker processes.
const WORKERS: &str = "ptpd_monitoring._workers";

/// The numbers that the system has for the signal and for the default action.
const SIGTERM: i32 = 15;
const SIG_DFL: i32 = 0;

/// Filled when the process makes its first history.
static FIRST: Once<()> = Once::new();

/// Before a fork: waits until our threads are gone and no history is in use, and closes the files.
#[pyfunction]
fn before_fork(py: Python<'_>) {
    let sampler = peak::begin_fork();
    let fork = history::begin_fork();
    py.detach(|| {
        peak::wait_for_fork(sampler);
        history::wait_for_fork(fork);
    });
    // Attached, or another thread could fork in the middle of it.
    history::close_for_fork();
}

/// After a fork, in the parent.
#[pyfunction]
fn after_fork_in_parent() {
    history::after_fork_in_parent();
    peak::after_fork_in_parent();
}

/// After a fork, in the child.
#[pyfunction]
fn after_fork_in_child(py: Python<'_>) -> PyResult<()> {
    code::begin_anew();
    history::after_fork_in_child();
    if FIRST.is_made() {
        at_exit_of_worker(py, "flush_at_exit_of_child")?;
    }
    Ok(())
}

fn at_exit_of_worker(py: Python<'_>, register: &str) -> PyResult<()> {
    let shut_down = wrap_pyfunction!(shut_down, py)?;
    py.import(WORKERS)?.call_method1(register, (shut_down,))?;
    Ok(())
}

/// At the end of the process: writes what is left.
#[pyfunction]
fn shut_down(py: Python<'_>) {
    py.detach(history::shut_down);
}

/// At the end of the interpreter.
#[pyfunction]
fn end(py: Python<'_>) {
    shut_down(py);
    code::wait_for_others(py);
}

/// Registers the hook of worker processes, once, when the first history is made.
pub fn install_for_workers(py: Python<'_>) -> PyResult<()> {
    FIRST.get_or_try_init(py, || at_exit_of_worker(py, "flush_at_exit_of_this"))?;
    Ok(())
}

/// What `_signal.signal` was, by which `signal.signal` sets an action, once it is ours.
static SET_ACTION: Once<Py<PyAny>> = Once::new();

/// Sets what is done at a signal, as `signal.signal` does, and has what waits be written before SIGTERM
/// ends the process by the default action.
#[pyfunction]
#[pyo3(name = "signal", signature = (signalnum, handler, /))]
fn set_action<'py>(
    signalnum: &Bound<'py, PyAny>,
    handler: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = signalnum.py();
    let set = SET_ACTION.get_or_try_init(py, || current_set_action(py))?;
    let before = set.bind(py).call1((signalnum, handler))?;
    if is(signalnum, SIGTERM) && is(handler, SIG_DFL) && history::takes_sigterm() {
        history::take_sigterm();
    }
    Ok(before)
}

fn is(value: &Bound<'_, PyAny>, number: i32) -> bool {
    value.cast::<PyInt>().is_ok() && value.extract::<i32>().is_ok_and(|value| value == number)
}

fn current_set_action(py: Python<'_>) -> PyResult<Py<PyAny>> {
    Ok(py.import("_signal")?.getattr("signal")?.unbind())
}

/// Has what waits be written before SIGTERM ends the process, for a history that wants that: now, and
/// whenever the program returns to the default action, as servers do to end by the signal at last.
pub fn take_sigterm(py: Python<'_>) -> PyResult<()> {
    history::take_sigterm();
    if !cfg!(target_os = "linux") || SET_ACTION.is_made() {
        return Ok(());
    }
    SET_ACTION.get_or_try_init(py, || current_set_action(py))?;
    py.import("_signal")?
        .setattr("signal", wrap_pyfunction!(set_action, py)?)
}

/// Registers the hooks of forks and of the end: early, so that what other hooks record is written
/// as well. Hooks registered still earlier find histories closed during a fork.
pub fn install(py: Python<'_>) -> PyResult<()> {
    let end = wrap_pyfunction!(end, py)?;
    py.import("atexit")?.call_method1("register", (end,))?;
    let Some(register) = py.import("os")?.getattr_opt("register_at_fork")? else {
        // A system without forks.
        return Ok(());
    };
    let hooks = PyDict::new(py);
    hooks.set_item("before", wrap_pyfunction!(before_fork, py)?)?;
    let in_parent = wrap_pyfunction!(after_fork_in_parent, py)?;
    hooks.set_item("after_in_parent", in_parent)?;
    let in_child = wrap_pyfunction!(after_fork_in_child, py)?;
    hooks.set_item("after_in_child", in_child)?;
    register.call((), Some(&hooks))?;
    Ok(())
}
