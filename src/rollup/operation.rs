//! The rollups of one operation that wait to be taken.

use std::sync::Arc;

use super::{Delta, Key, MINUTE, Rollup, Sink, minute_of};
use crate::recording::series::Label;

/// How many rollups of one operation wait at most until the history takes them by itself, which it
/// does every few seconds. More are handed over at once: where samples of very many sessions mix.
/// Few, since they are looked through one by one.
pub const MAX_OPEN: usize = 256;

#[derive(Debug)]
struct Open {
    minute: i64,
    unit: Arc<str>,
    share: Share,
    rollup: Rollup,
}

/// Which samples of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Share {
    session: Option<Arc<str>>,
    failures: bool,
}

impl Share {
    const ALL: Self = Self {
        session: None,
        failures: false,
    };

    /// Those that a sample with `label` belongs to, all samples first.
    fn of(label: &Label) -> impl Iterator<Item = Self> {
        let sessions = [None, label.session.clone()];
        let failures = [false, true]
            .into_iter()
            .take(1 + usize::from(label.outcome.is_failure()));
        let sessions = sessions
            .into_iter()
            .take(1 + usize::from(label.session.is_some()));
        sessions.flat_map(move |session| {
            let session = session.clone();
            failures.clone().map(move |failures| Self {
                session: session.clone(),
                failures,
            })
        })
    }
}

/// The most that one sample may belong to.
const MOST_SHARES: usize = 4;

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
    places: Places,
}

/// Where a sample goes: its shares' places, as many as there are.
#[derive(Debug, Clone, Copy, Default)]
struct Places {
    at: [usize; MOST_SHARES],
    count: usize,
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
        let places = match &self.last {
            Some(last) if last.holds(time, label) => last.places,
            _ => self.find(time, label),
        };
        for at in &places.at[..places.count] {
            self.open[*at].rollup.record(time, value);
        }
    }

    #[cold]
    fn find(&mut self, time: i64, label: &Arc<Label>) -> Places {
        let minute = minute_of(time);
        if self.open.len() + MOST_SHARES > MAX_OPEN {
            self.hand_over();
        }
        if self.open.is_empty() {
            self.sink.begin();
        }
        let mut places = Places::default();
        for share in Share::of(label) {
            places.at[places.count] = self.place(minute, &label.unit, share);
            places.count += 1;
        }
        self.last = Some(Last {
            start: minute.saturating_mul(MINUTE),
            label: Arc::clone(label),
            places,
        });
        places
    }

    fn place(&mut self, minute: i64, unit: &Arc<str>, share: Share) -> usize {
        let known = self
            .open
            .iter()
            .rposition(|open| open.minute == minute && *open.unit == **unit && open.share == share);
        known.unwrap_or_else(|| {
            self.open.push(Open {
                minute,
                unit: Arc::clone(unit),
                share,
                rollup: Rollup::default(),
            });
            self.open.len() - 1
        })
    }

    /// How many samples wait: the newest of all.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        // The other shares are on top.
        let all = self.open.iter().filter(|open| open.share == Share::ALL);
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
        let name = &self.name;
        out.extend(self.open.drain(..).map(|open| {
            let (name, unit) = (Arc::clone(name), open.unit);
            let Share { session, failures } = open.share;
            let key = if failures {
                Key::Failures {
                    name,
                    unit,
                    session,
                }
            } else {
                Key::Operation {
                    name,
                    unit,
                    session,
                }
            };
            Delta {
                key,
                minute: open.minute,
                rollup: open.rollup,
            }
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
