//! The session that a sample belongs to.

use std::{
    cell::RefCell,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use parking_lot::Mutex;
use pyo3::{
    PyTraverseError, PyVisit,
    prelude::*,
    types::{PyString, PyTuple},
};

use super::PerformanceMonitor;
use crate::bindings::{
    arguments::{SessionText, names::SessionId},
    logging::warn,
    python::{
        code::PythonCode,
        objects::{attribute, loaded},
        once::intern,
        owner::owner,
        pickling,
    },
};
use crate::recording::{
    blocks::{Entered, Left, MAX_ENTERED},
    sessions,
    timers::Owner,
};

/// The flags of the code of generators and of async ones, as Python's `inspect` has them.
const GENERATORS: u32 = 0x20 | 0x200;

/// How many of the blocks around one are looked at. However many somebody leaves open, to enter one
/// more costs the same.
const MOST: usize = 256;

/// The sessions that are entered, by context: a thread has its own, a task its own, and a task starts
/// with its parent's. Costs nothing until there is a first session.
#[derive(Default)]
pub struct Sessions {
    /// A context variable, which holds the block that was entered last.
    last: OnceLock<Py<PyAny>>,
    /// Whether the log has been told of one that had no effect.
    told: AtomicBool,
}

impl Sessions {
    /// The id of the session here, if there is any.
    #[inline]
    pub fn current(&self, py: Python<'_>) -> PyResult<Option<Arc<str>>> {
        match self.last.get() {
            None => Ok(None),
            Some(variable) => Self::read(variable.bind(py)),
        }
    }

    #[cold]
    fn read(variable: &Bound<'_, PyAny>) -> PyResult<Option<Arc<str>>> {
        let Some(mut block) = not_over(last(variable)?)? else {
            return Ok(None);
        };
        if !block.get().beside.is_empty() {
            block = resumed(block)?;
        }
        block.get().is_used.store(true, Relaxed);
        Ok(Some(Arc::clone(&block.get().id)))
    }

    fn variable<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyAny>> {
        if self.last.get().is_none() {
            py.import(intern!(py, "gc"))?;
            let new = py
                .import("contextvars")?
                .getattr("ContextVar")?
                .call1(("ptpd_monitoring_session",))?;
            // Another thread may have been first; then its variable is the one.
            self.last.get_or_init(|| new.unbind());
        }
        Ok(self
            .last
            .get()
            .map_or_else(|| unreachable!(), |variable| variable.bind(py)))
    }
}

/// The block of a session that was entered last in this context, over or not.
fn last<'py>(variable: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, Block>>> {
    let py = variable.py();
    let last = variable.call_method1(intern!(py, "get"), (py.None(),))?;
    Ok(last.extract()?)
}

/// Has `block` be the one that was entered last in this context.
fn set(variable: &Bound<'_, PyAny>, block: Option<&Bound<'_, Block>>) -> PyResult<()> {
    // Before 3.12 the garbage collector may run in the middle of that. Where what it runs sets a variable
    // as well, CPython frees the map of variables that it is just copying.
    static COLLECTS_ANYWHERE: OnceLock<bool> = OnceLock::new();
    let py = variable.py();
    let set = || {
        variable
            .call_method1(intern!(py, "set"), (block,))
            .map(drop)
    };
    if !*COLLECTS_ANYWHERE.get_or_init(|| py.version_info() < (3, 12)) {
        return set();
    }
    // At the end of the interpreter nothing can be imported any more.
    let gc = |name| loaded(py, intern!(py, "gc"), name);
    let (Some(is_enabled), Some(disable), Some(enable)) = (
        gc(intern!(py, "isenabled"))?,
        gc(intern!(py, "disable"))?,
        gc(intern!(py, "enable"))?,
    ) else {
        return set();
    };
    if !is_enabled.call0()?.is_truthy()? {
        return set();
    }
    disable.call0()?;
    let result = set();
    enable.call0()?;
    result
}

/// The innermost block from `block` on that is not over. One that has been left is over for whoever
/// entered it, in whatever context; tasks that were started inside of it keep it.
fn not_over(block: Option<Bound<'_, Block>>) -> PyResult<Option<Bound<'_, Block>>> {
    let mut next = block;
    while let Some(block) = next {
        if !block.get().is_left.load(Relaxed) || block.get().owner != owner(block.py())? {
            return Ok(Some(block));
        }
        next = block.get().outer(block.py());
    }
    Ok(None)
}

/// Those of `block` and the blocks around it that are not over, [`MOST`] of them.
fn all_from(block: Option<Bound<'_, Block>>) -> PyResult<Vec<Bound<'_, Block>>> {
    let mut all = Vec::new();
    let mut next = not_over(block)?;
    while let Some(block) = next.filter(|_| all.len() < MOST) {
        next = not_over(block.get().outer(block.py()))?;
        all.push(block);
    }
    Ok(all)
}

/// The block that counts where a generator has gone on that entered one before `last`.
#[cold]
fn resumed(last: Bound<'_, Block>) -> PyResult<Bound<'_, Block>> {
    let py = last.py();
    let mut blocks = all_from(Some(last))?;
    let at = sessions::current(
        &blocks,
        |at| blocks[at].get().runs(py),
        |among| {
            let mut frame = caller(py);
            while let Some(one) = frame {
                let is_of = |at: &&usize| blocks[**at].get().is_of(&one);
                if let Some(at) = among.iter().find(is_of) {
                    return Some(*at);
                }
                frame = back(&one);
            }
            None
        },
    );
    Ok(blocks.swap_remove(at))
}

/// The frame of the Python code that called into here.
fn caller(py: Python<'_>) -> Option<Bound<'_, PyAny>> {
    let getframe = loaded(py, intern!(py, "sys"), intern!(py, "_getframe")).ok()??;
    getframe.call0().ok()
}

/// The frame that a frame was called from; of a generator that stands still none.
fn back<'py>(frame: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    attribute(frame, "f_back").filter(|back| !back.is_none())
}

/// A session that was entered.
#[pyclass(frozen, module = "ptpd_monitoring")]
struct Block {
    /// The session's; the same object in all of its blocks.
    id: Arc<str>,
    number: u64,
    /// Who entered it.
    owner: Owner,
    /// The frame of the generator that entered it, until it is left.
    frame: Mutex<Option<Py<PyAny>>>,
    beside: Vec<u64>,
    /// The block that it was entered in.
    outer: Mutex<Option<Py<Block>>>,
    is_left: AtomicBool,
    /// Whether a sample was recorded in it.
    is_used: AtomicBool,
}

impl sessions::Block for Bound<'_, Block> {
    fn number(&self) -> u64 {
        self.get().number
    }

    fn beside(&self) -> &[u64] {
        &self.get().beside
    }
}

impl Block {
    fn enter<'py>(id: &Arc<str>, variable: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Self>> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let py = variable.py();
        let outer = all_from(last(variable)?)?;
        // What is over between two of them would be kept for as long as the inner one.
        let links = outer.len() - usize::from(outer.len() == MOST);
        for (at, block) in outer.iter().take(links).enumerate() {
            let beyond = outer.get(at + 1).map(|beyond| beyond.clone().unbind());
            let passed = std::mem::replace(&mut *block.get().outer.lock(), beyond);
            drop(passed);
        }
        let stands_still = |block: &&Bound<'py, Self>| {
            let frame = block.get().frame.lock().is_some();
            frame && !block.get().runs(py)
        };
        let beside = outer
            .iter()
            .filter(stands_still)
            .map(sessions::Block::number);
        let frame = caller(py).filter(|frame| {
            let code = attribute(frame, "f_code");
            let flags = code.and_then(|code| attribute(&code, "co_flags")?.extract::<u32>().ok());
            flags.is_some_and(|flags| flags & GENERATORS != 0)
        });
        let block = Self {
            id: Arc::clone(id),
            number: NEXT.fetch_add(1, Relaxed),
            owner: owner(py)?,
            frame: Mutex::new(frame.map(Bound::unbind)),
            beside: beside.collect(),
            outer: Mutex::new(outer.first().map(|outer| outer.clone().unbind())),
            is_left: AtomicBool::new(false),
            is_used: AtomicBool::new(false),
        };
        let block = Bound::new(py, block)?;
        set(variable, Some(&block))?;
        Ok(block)
    }

    /// Whether the generator that entered it is running.
    fn runs(&self, py: Python<'_>) -> bool {
        let frame = self.frame.lock().as_ref().map(|frame| frame.clone_ref(py));
        frame.is_some_and(|frame| back(frame.bind(py)).is_some())
    }

    fn is_of(&self, frame: &Bound<'_, PyAny>) -> bool {
        let own = self.frame.lock();
        own.as_ref().is_some_and(|own| own.is(frame))
    }

    fn outer<'py>(&self, py: Python<'py>) -> Option<Bound<'py, Self>> {
        let outer = self.outer.lock();
        outer.as_ref().map(|outer| outer.bind(py).clone())
    }

    /// Leaves it. In this context the one around it is then the last one, if it is not over as well.
    fn leave(&self, variable: &Bound<'_, PyAny>) -> PyResult<()> {
        self.is_left.store(true, Relaxed);
        let frame = self.frame.lock().take();
        drop(frame);
        let last = last(variable)?;
        let next = not_over(last.clone())?;
        let address = |block: &Option<Bound<'_, Self>>| block.as_ref().map(Bound::as_ptr);
        if address(&last) != address(&next) {
            set(variable, next.as_ref())?;
        }
        Ok(())
    }
}

#[pymethods]
impl Block {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Some(frame) = self.frame.try_lock() {
            visit.call(&*frame)?;
        }
        match self.outer.try_lock() {
            Some(outer) => visit.call(&*outer),
            None => Ok(()),
        }
    }

    fn __clear__(&self) {
        let cleared = (self.frame.lock().take(), self.outer.lock().take());
        drop(cleared);
    }
}

impl Drop for Block {
    /// One after the other: however many are nested, the stack does not grow with them.
    fn drop(&mut self) {
        thread_local!(static WAITING: RefCell<Option<Vec<Py<Block>>>> = const { RefCell::new(None) });
        let Some(outer) = self.outer.get_mut().take() else {
            return;
        };
        let first = WAITING.with_borrow_mut(|waiting| {
            // Whoever drops a block within this thread drops this one, too.
            if let Some(waiting) = waiting {
                waiting.push(outer);
                return None;
            }
            *waiting = Some(Vec::new());
            Some(outer)
        });
        let mut next = first;
        while let Some(block) = next {
            drop(block);
            next = WAITING.with_borrow_mut(|waiting| {
                let last = waiting.as_mut().and_then(Vec::pop);
                if last.is_none() {
                    *waiting = None;
                }
                last
            });
        }
    }
}

/// The context manager that ``PerformanceMonitor.session`` returns. Entering gives the session id.
#[pyclass(frozen, module = "ptpd_monitoring")]
pub struct Session {
    monitor: Py<PerformanceMonitor>,
    id: Py<PyString>,
    text: Arc<str>,
    /// What was entered and is not left, by who entered.
    blocks: Mutex<Entered<Py<Block>>>,
}

impl Session {
    /// The session `id` of `monitor`, not entered yet.
    pub fn new(monitor: Py<PerformanceMonitor>, id: &Bound<'_, PyAny>) -> PyResult<Self> {
        let text = id.extract::<SessionText<SessionId>>()?.0;
        let id = match id.cast::<PyString>() {
            Ok(id) => id.clone(),
            Err(_) => PyString::new(id.py(), &text),
        };
        Ok(Self {
            monitor,
            id: id.unbind(),
            text: text.into(),
            blocks: Mutex::default(),
        })
    }

    fn variable<'a, 'py>(&'a self, py: Python<'py>) -> PyResult<&'a Bound<'py, PyAny>>
    where
        'py: 'a,
    {
        self.monitor.get().sessions().variable(py)
    }

    /// Tells the log, once, of a session that came to nothing.
    fn tell_if_lost(&self, block: &Bound<'_, Block>) -> PyResult<()> {
        if block.get().is_used.load(Relaxed) {
            return Ok(());
        }
        let py = block.py();
        let mut next = last(self.variable(py)?)?;
        while let Some(one) = next {
            if one.is(block) {
                return Ok(());
            }
            next = one.get().outer(py);
        }
        if self.monitor.get().sessions().told.swap(true, Relaxed) {
            return Ok(());
        }
        let message = "Session %r ended in another context than it began in, and nothing was \
                       recorded in it. A dependency of FastAPI that enters a session has to be \
                       async: a plain one runs in a context of its own";
        warn(py, message, &self.text)
    }
}

#[pymethods]
impl Session {
    /// The session's id.
    #[getter]
    fn session_id(&self, py: Python<'_>) -> Py<PyString> {
        self.id.clone_ref(py)
    }

    fn __enter__(&self, py: Python<'_>) -> PyResult<Py<PyString>> {
        let _python = PythonCode::begin(py);
        let block = Block::enter(&self.text, self.variable(py)?)?;
        let forgotten = {
            let mut blocks = self.blocks.lock();
            blocks.push(block.get().owner, block.unbind());
            (blocks.kept() > MAX_ENTERED)
                .then(|| blocks.forget_first())
                .flatten()
        };
        if let Some(forgotten) = forgotten {
            // Nothing is left of what was before it, which would be kept for as long as this one.
            let outer = forgotten.get().outer.lock().take();
            drop(outer);
            self.monitor.get().core().session_forgotten(&self.text);
        }
        Ok(self.id.clone_ref(py))
    }

    fn __exit__(
        &self,
        py: Python<'_>,
        _kind: &Bound<'_, PyAny>,
        _error: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        let _python = PythonCode::begin(py);
        let owner = owner(py)?;
        let variable = self.variable(py)?;
        let left = self.blocks.lock().pop(owner);
        match left {
            Left::Kept(block) => {
                self.tell_if_lost(block.bind(py))?;
                block.get().leave(variable)?;
            }
            // It is the innermost of this session here, if it was entered here.
            Left::Forgotten => {
                let mut all = all_from(last(variable)?)?.into_iter();
                let own = all.find(|block| Arc::ptr_eq(&block.get().id, &self.text));
                own.map_or(Ok(()), |block| block.get().leave(variable))?;
            }
            Left::Nothing => {}
        }
        Ok(false)
    }

    fn __reduce__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let arguments = (&self.id,).into_pyobject(py)?;
        pickling::to_made(self.monitor.bind(py), "session", arguments)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<Session {}>", self.id.bind(py).repr()?))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.monitor)?;
        // A `str` of a subclass may refer to anything.
        visit.call(&self.id)?;
        match self.blocks.try_lock() {
            Some(blocks) => blocks.things().try_for_each(|block| visit.call(block)),
            None => Ok(()),
        }
    }
}
