//! Python objects as keys of a cache: matched as a `dict` matches them, yet no Python code runs
//! while the cache is locked.

use pyo3::{
    exceptions::PyRuntimeError,
    prelude::*,
    types::{PyBytes, PyInt, PyString},
};

use crate::bindings::python::code::PythonCode;
use crate::cache::{Handle, Undecided, Verdict};

/// A key in the cache. The first three kinds can be compared without running Python code.
pub enum Key {
    /// An exact `str` whose UTF-8 form exists, because [`Query::new`] asked for it: a later
    /// `to_str` neither fails nor allocates.
    Text(Py<PyString>),
    /// An exact `bytes`.
    Bytes(Py<PyBytes>),
    /// An exact `int` of 64 bits.
    Int(i64, Py<PyAny>),
    /// Anything else, also a `str` with lone surrogates and a longer `int`.
    Other(Py<PyAny>),
}

impl Key {
    pub fn object(&self) -> &Py<PyAny> {
        match self {
            Self::Text(object) => object.as_any(),
            Self::Bytes(object) => object.as_any(),
            Self::Int(_, object) | Self::Other(object) => object,
        }
    }
}

enum Content<'a, 'py> {
    Text(&'a str, &'a Bound<'py, PyString>),
    Bytes(&'a [u8], &'a Bound<'py, PyBytes>),
    Int(i64),
    Other,
}

/// A key to look up.
pub struct Query<'a, 'py> {
    pub hash: u64,
    object: &'a Bound<'py, PyAny>,
    content: Content<'a, 'py>,
}

impl<'a, 'py> Query<'a, 'py> {
    /// Raises what `__hash__` raises.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a third of a look-up's time otherwise"
    )]
    pub fn new(object: &'a Bound<'py, PyAny>) -> PyResult<Self> {
        let content = Content::of(object);
        let hash = match content {
            Content::Other => hash_of(object)?,
            _ => object.hash()?,
        };
        Ok(Self {
            hash: hash.cast_unsigned() as u64,
            object,
            content,
        })
    }

    #[inline]
    pub fn to_key(&self) -> Key {
        match self.content {
            Content::Text(_, text) => Key::Text(text.clone().unbind()),
            Content::Bytes(_, bytes) => Key::Bytes(bytes.clone().unbind()),
            Content::Int(value) => Key::Int(value, self.object.clone().unbind()),
            Content::Other => Key::Other(self.object.clone().unbind()),
        }
    }

    /// Whether `key` is the key looked for, as far as that can be said without Python code; the
    /// rest is up to `memory`.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a third of a look-up's time otherwise"
    )]
    pub fn judge(&self, handle: Handle, key: &Key, memory: &mut impl Memory) -> Verdict {
        if key.object().is(self.object) {
            return Verdict::Same;
        }
        match self.same_content(key) {
            Some(true) => Verdict::Same,
            Some(false) => Verdict::Different,
            None => memory.recall(self.object.py(), handle, key),
        }
    }

    #[inline]
    fn same_content(&self, key: &Key) -> Option<bool> {
        let py = self.object.py();
        match (key, &self.content) {
            (Key::Text(stored), Content::Text(wanted, _)) => stored
                .bind(py)
                .to_str()
                .ok()
                .map(|stored| stored == *wanted),
            (Key::Bytes(stored), Content::Bytes(wanted, _)) => {
                Some(stored.bind(py).as_bytes() == *wanted)
            }
            (Key::Int(stored, _), Content::Int(wanted)) => Some(stored == wanted),
            (Key::Other(_), _) | (_, Content::Other) => None,
            // Exact built-in objects of different types.
            _ => Some(false),
        }
    }

    /// Runs `operation`, which locks the cache, lets the store judge keys with the memory passed in
    /// and unlocks again, until it comes to a result. Between two runs the keys in question are
    /// compared with `==`.
    ///
    /// Raises what `__eq__` raises, and `RuntimeError` when the candidates were exchanged by
    /// others during each of many rounds of comparing; a `dict` would go on for ever.
    #[inline]
    pub fn decide<T>(
        &self,
        mut operation: impl FnMut(&mut Option<&mut Answers>) -> Result<T, Undecided>,
    ) -> PyResult<T> {
        match operation(&mut None) {
            Ok(result) => Ok(result),
            Err(Undecided) => self.ask_and_repeat(|answers| operation(&mut Some(answers))),
        }
    }

    /// [`Query::decide`] after a first run without memory that came to no result.
    #[cold]
    #[inline(never)]
    pub fn ask_and_repeat<T>(
        &self,
        mut operation: impl FnMut(&mut Answers) -> Result<T, Undecided>,
    ) -> PyResult<T> {
        const ROUNDS: usize = 100;
        let mut answers = Answers::default();
        for _ in 0..ROUNDS {
            if let Ok(result) = operation(&mut answers) {
                return Ok(result);
            }
            answers.ask(self.object)?;
        }
        Err(PyRuntimeError::new_err(
            "the cache's keys kept changing while they were compared",
        ))
    }
}

/// The hash of what may have a `__hash__` of its own.
#[cold]
fn hash_of(object: &Bound<'_, PyAny>) -> PyResult<isize> {
    let _python = PythonCode::begin(object.py());
    object.hash()
}

impl<'a, 'py> Content<'a, 'py> {
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a third of a look-up's time otherwise"
    )]
    fn of(object: &'a Bound<'py, PyAny>) -> Self {
        if let Ok(text) = object.cast_exact::<PyString>() {
            // Lone surrogates have no UTF-8 form; `==` compares them all the same.
            return text
                .to_str()
                .map_or(Content::Other, |content| Content::Text(content, text));
        }
        if let Ok(bytes) = object.cast_exact::<PyBytes>() {
            return Content::Bytes(bytes.as_bytes(), bytes);
        }
        if let Ok(int) = object.cast_exact::<PyInt>() {
            return int.extract().map_or(Content::Other, Content::Int);
        }
        Content::Other
    }
}

/// What is known about keys that cannot be compared without Python code. A trait, so that the usual
/// look-up, which knows nothing and needs nothing, carries none of its weight.
pub trait Memory {
    /// A former answer about the key, or [`Verdict::Ask`].
    fn recall(&mut self, py: Python<'_>, handle: Handle, key: &Key) -> Verdict;
}

impl Memory for () {
    #[inline]
    fn recall(&mut self, _: Python<'_>, _: Handle, _: &Key) -> Verdict {
        Verdict::Ask
    }
}

/// What `==` said about the candidates for one query, and which are still to be compared.
#[derive(Default)]
pub struct Answers {
    known: Vec<(Handle, bool)>,
    open: Vec<(Handle, Py<PyAny>)>,
}

impl Memory for Answers {
    fn recall(&mut self, py: Python<'_>, handle: Handle, key: &Key) -> Verdict {
        match self.known.binary_search_by_key(&handle, |answer| answer.0) {
            Ok(at) if self.known[at].1 => Verdict::Same,
            Ok(_) => Verdict::Different,
            Err(_) => {
                self.open.push((handle, key.object().clone_ref(py)));
                Verdict::Ask
            }
        }
    }
}

impl<M: Memory> Memory for &mut M {
    fn recall(&mut self, py: Python<'_>, handle: Handle, key: &Key) -> Verdict {
        (**self).recall(py, handle, key)
    }
}

impl<M: Memory> Memory for Option<M> {
    #[inline]
    fn recall(&mut self, py: Python<'_>, handle: Handle, key: &Key) -> Verdict {
        match self {
            Some(memory) => memory.recall(py, handle, key),
            None => Verdict::Ask,
        }
    }
}

impl Answers {
    fn ask(&mut self, wanted: &Bound<'_, PyAny>) -> PyResult<()> {
        let _python = PythonCode::begin(wanted.py());
        for (handle, key) in std::mem::take(&mut self.open) {
            let same = key.bind(wanted.py()).eq(wanted)?;
            self.known.push((handle, same));
            if same {
                break;
            }
        }
        self.known.sort_unstable();
        Ok(())
    }
}
