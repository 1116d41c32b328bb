//! The rollups of one operation that wait to be taken.

use std::sync::Arc;

use super::{Delta, Key, MINUTE, Rollup, Sink, minute_of};
use crate::series::Label;

/// How many rollups of one operation wait at most until the history takes them by itself, which it
/// does every few seconds. More are handed over at once: where samples of very many sessions mix.
/// Few, since they are looked through one by one.
pub const MAX_OPEN: usize = 256;

#[derive(Debug)]
struct Open {
    minute: i64,
    unit: Arc<str>,
    session: Option<Arc<str>>,
    rollup: Rollup,
}

/// The rollups of one operation that wait to be taken.
#[derive(Debug)]
pub struct OpenRollups {
    name: Arc<str>,
    sink: Arc<dyn Sink>,
    open: Vec<Open>,
    last: Option<Last>,
}

/// Where the last sample went, which is mostly where the next one goes.
#[derive(Debug)]
struct Last {
    /// The first nanosecond of the minute.
    start: i64,
    label: Arc<Label>,
    all: usize,
    session: Option<usize>,
}

impl OpenRollups {
    /// None yet, of the operation `name` and for the history behind `sink`.
    #[must_use]
    pub fn new(name: &Arc<str>, sink: &Arc<dyn Sink>) -> Self {
        Self {
            name: Arc::clone(name),
            sink: Arc::clone(sink),
            open: Vec::new(),
            last: None,
        }
    }

    /// Adds a sample that carries `label`.
    #[inline]
    pub fn record(&mut self, time: i64, value: f64, label: &Arc<Label>) {
        let (all, session) = match &self.last {
            Some(last) if last.holds(time, label) => (last.all, last.session),
            _ => self.find(time, label),
        };
        self.open[all].rollup.record(time, value);
        if let Some(session) = session {
            self.open[session].rollup.record(time, value);
        }
    }

    #[cold]
    fn find(&mut self, time: i64, label: &Arc<Label>) -> (usize, Option<usize>) {
        let minute = minute_of(time);
        if self.open.len() + 2 > MAX_OPEN {
            self.hand_over();
        }
        if self.open.is_empty() {
            self.sink.begin();
        }
        let all = self.place(minute, &label.unit, None);
        let session = label.session.as_ref();
        let session = session.map(|session| self.place(minute, &label.unit, Some(session)));
        self.last = Some(Last {
            start: minute.saturating_mul(MINUTE),
            label: Arc::clone(label),
            all,
            session,
        });
        (all, session)
    }

    fn position(&self, minute: i64, unit: &str, session: Option<&str>) -> Option<usize> {
        self.open.iter().rposition(|open| {
            open.minute == minute && *open.unit == *unit && open.session.as_deref() == session
        })
    }

    fn place(&mut self, minute: i64, unit: &Arc<str>, session: Option<&Arc<str>>) -> usize {
        self.position(minute, unit, session.map(|session| &**session))
            .unwrap_or_else(|| {
                self.open.push(Open {
                    minute,
                    unit: Arc::clone(unit),
                    session: session.cloned(),
                    rollup: Rollup::default(),
                });
                self.open.len() - 1
            })
    }

    /// How many samples wait: the newest of all.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        // The sessions' shares are on top.
        let all = self.open.iter().filter(|open| open.session.is_none());
        all.map(|open| open.rollup.len()).sum()
    }

    /// Hands what waits over to the sink.
    pub fn hand_over(&mut self) {
        let mut deltas = Vec::new();
        self.drain(&mut deltas);
        if !deltas.is_empty() {
            self.sink.absorb(deltas);
        }
    }

    /// Forgets what waits.
    pub fn forget(&mut self) {
        self.last = None;
        self.open.clear();
    }

    /// Hands what waits over.
    pub fn drain(&mut self, out: &mut Vec<Delta>) {
        self.last = None;
        out.extend(self.open.drain(..).map(|open| Delta {
            key: Key::Operation {
                name: Arc::clone(&self.name),
                unit: open.unit,
                session: open.session,
            },
            minute: open.minute,
            rollup: open.rollup,
        }));
    }
}

impl Last {
    #[inline]
    fn holds(&self, time: i64, label: &Arc<Label>) -> bool {
        time.wrapping_sub(self.start).cast_unsigned() < MINUTE.cast_unsigned()
            && Arc::ptr_eq(&self.label, label)
    }
}
