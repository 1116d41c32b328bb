//! Operations by name: their recent samples and their running timers.

use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use crate::{
    bounds::{Beyond, Bound, DEFAULT_MAX_OPERATIONS, Notice, OTHER_OPERATIONS, at_least_one},
    calendar::TimeRange,
    clock::{Clock, Monotonic},
    error::Result,
    series::{LabelRef, Sample, Series},
    stats::{mean, percentiles, sum, validate_percentile},
    sync::{
        Mutex, RwLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    timers::{MAX_RUNNING, Owner, RunningTimers},
};

/// How many samples of each operation are kept unless asked otherwise.
pub const DEFAULT_MAX_HISTORY: usize = 10_000;

/// The unit of timers.
pub const SECONDS: &str = "seconds";

/// Values taken from an operation, to be looked at without holding it up.
#[derive(Debug, Clone)]
pub struct Measured {
    /// The values, oldest first.
    pub values: Vec<f64>,
    /// The unit of the oldest.
    pub unit: Arc<str>,
}

/// An operation's share of a session.
#[derive(Debug, Clone)]
pub struct SessionTotal {
    /// How many samples.
    pub count: usize,
    /// Their sum.
    pub total: f64,
    /// Their mean.
    pub mean: f64,
    /// The unit of the oldest of them.
    pub unit: Arc<str>,
}

/// One operation. It outlives its removal from the monitor while someone still holds it.
#[derive(Debug)]
pub struct Operation<M> {
    name: Arc<str>,
    state: Mutex<State<M>>,
}

#[derive(Debug)]
struct State<M> {
    series: Series<M>,
    /// Cleared away: a sample that comes late belongs to the operation's successor.
    retired: bool,
}

impl<M> Operation<M> {
    fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            state: Mutex::new(State {
                series: Series::default(),
                retired: false,
            }),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The number of samples kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state.lock().series.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values whose stamps lie in `range`, oldest first.
    #[must_use]
    pub fn values(&self, range: TimeRange) -> Vec<f64> {
        let mut values = Vec::new();
        self.state.lock().series.values_in(range, &mut values);
        values
    }

    /// The stamps, oldest first, in UTC nanoseconds since the Unix epoch.
    #[must_use]
    pub fn times(&self) -> Vec<i64> {
        self.state.lock().series.times().collect()
    }

    /// The values whose stamps lie in `range`, and the unit of the oldest; `None` of none.
    #[must_use]
    pub fn measured(&self, range: TimeRange) -> Option<Measured> {
        let state = self.state.lock();
        let unit = state.series.unit_in(range)?;
        let mut values = Vec::new();
        state.series.values_in(range, &mut values);
        Some(Measured { values, unit })
    }

    /// Its share of `session`, or `None` if it has none.
    #[must_use]
    pub fn session_total(&self, session: &str) -> Option<SessionTotal> {
        let (values, unit) = self.state.lock().series.session_values(session)?;
        Some(SessionTotal {
            count: values.len(),
            total: sum(&values),
            mean: mean(&values),
            unit,
        })
    }

    /// Changes the stamp of the sample numbered `sequence`; `false` if it has fallen off.
    pub fn set_time(&self, sequence: u64, time: i64) -> bool {
        self.state.lock().series.set_time(sequence, time)
    }

    /// Calls `visit` with each metadata kept, unless someone holds the lock just now.
    pub fn try_visit_metadata<E>(
        &self,
        visit: &mut impl FnMut(&M) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        match self.state.try_lock() {
            Some(state) => state.series.metadata().try_for_each(visit),
            None => Ok(()),
        }
    }
}

impl<M: Clone> Operation<M> {
    /// Copies of the samples whose stamps lie in `range`, oldest first.
    #[must_use]
    pub fn samples(&self, range: TimeRange) -> Vec<Sample<M>> {
        self.state.lock().series.samples_in(range)
    }

    /// A copy of the sample at `index`, 0 being the oldest.
    #[must_use]
    pub fn sample_at(&self, index: usize) -> Option<Sample<M>> {
        self.state.lock().series.sample_at(index)
    }
}

type Operations<M> = IndexMap<Arc<str>, Arc<Operation<M>>, RandomState>;

/// Samples by operation, in order of first use. `M` is what callers attach to single samples.
#[derive(Debug)]
pub struct Monitor<M> {
    clock: Clock,
    max_history: AtomicUsize,
    max_operations: AtomicUsize,
    operations: RwLock<Operations<M>>,
    /// Samples recorded under names beyond the bound.
    overflow: Beyond,
    running: Mutex<RunningTimers>,
    /// Running timers pushed out by later ones.
    forgotten: Beyond,
}

impl<M> Monitor<M> {
    /// A monitor that keeps the newest `max_history` samples of each of up to
    /// [`DEFAULT_MAX_OPERATIONS`].
    pub fn new(max_history: usize, clock: Clock) -> Result<Self> {
        Ok(Self {
            clock,
            max_history: AtomicUsize::new(at_least_one("max_history", max_history)?),
            max_operations: AtomicUsize::new(DEFAULT_MAX_OPERATIONS),
            operations: RwLock::default(),
            overflow: Beyond::new(Bound::Operations),
            running: Mutex::default(),
            forgotten: Beyond::new(Bound::RunningTimers),
        })
    }

    /// Has `notice` told of the first sample under a name too many, and of the first timer
    /// forgotten.
    #[must_use]
    pub fn telling(mut self, notice: Notice) -> Self {
        self.overflow.tell(notice);
        self.forgotten.tell(notice);
        self
    }

    /// Its clock.
    #[must_use]
    #[inline]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// How many samples of each operation are kept.
    #[must_use]
    pub fn max_history(&self) -> usize {
        self.max_history.load(Relaxed)
    }

    /// Changes how many samples of each operation are kept; the oldest go at once where there
    /// are more. Returns their metadata.
    pub fn set_max_history(&self, max_history: usize) -> Result<Vec<M>> {
        let bound = at_least_one("max_history", max_history)?;
        self.max_history.store(bound, Relaxed);
        Ok(self
            .operations()
            .iter()
            .flat_map(|operation| {
                let mut state = operation.state.lock();
                if state.retired {
                    // What was cleared away belongs to whoever cleared it.
                    return Vec::new();
                }
                // Read again: to cut down to a bound that another has replaced would lose samples.
                state.series.truncate(self.max_history())
            })
            .collect())
    }

    /// How many operations are kept apart.
    #[must_use]
    pub fn max_operations(&self) -> usize {
        self.max_operations.load(Relaxed)
    }

    /// Changes how many operations are kept apart. Those that are there stay, however many.
    pub fn set_max_operations(&self, max_operations: usize) -> Result<()> {
        let bound = at_least_one("max_operations", max_operations)?;
        self.max_operations.store(bound, Relaxed);
        Ok(())
    }

    /// How many samples went to [`OTHER_OPERATIONS`] because their names were too many.
    #[must_use]
    pub fn overflowed(&self) -> u64 {
        self.overflow.count()
    }

    /// How many running timers were forgotten because too many were left running.
    #[must_use]
    pub fn timers_forgotten(&self) -> u64 {
        self.forgotten.count()
    }

    /// Records a sample stamped with the wall time at `moment`. Returns the metadata of the
    /// sample that made room, for the caller to drop where that is safe.
    #[inline]
    pub fn record(
        &self,
        name: &str,
        moment: Monotonic,
        value: f64,
        label: LabelRef<'_>,
        metadata: Option<M>,
    ) -> Option<M> {
        let time = self.clock.wall_at(moment);
        self.with_series(name, 1, |series, bound| {
            series.push(time, value, label, metadata, bound)
        })
    }

    /// Records `values` in order, all with the wall time now. Returns the metadata that fell off.
    pub fn record_many(&self, name: &str, values: &[f64], label: LabelRef<'_>) -> Vec<M> {
        if values.is_empty() {
            return Vec::new();
        }
        let time = self.clock.wall();
        self.with_series(name, values.len(), |series, bound| {
            values
                .iter()
                .filter_map(|&value| series.push(time, value, label, None, bound))
                .collect()
        })
    }

    #[inline]
    fn with_series<T>(
        &self,
        name: &str,
        samples: usize,
        work: impl FnOnce(&mut Series<M>, usize) -> T,
    ) -> T {
        {
            // Nobody can take the operation out of the map while it is being read, so there is
            // neither a reference to count nor a retirement to look for.
            let operations = self.operations.read();
            if let Some(operation) = operations.get(name) {
                let mut state = operation.state.lock();
                return work(&mut state.series, self.max_history());
            }
        }
        self.with_new_series(name, samples, work)
    }

    #[cold]
    fn with_new_series<T>(
        &self,
        name: &str,
        samples: usize,
        work: impl FnOnce(&mut Series<M>, usize) -> T,
    ) -> T {
        loop {
            let (operation, beyond) = self.add(name);
            let mut state = operation.state.lock();
            if !state.retired {
                // The bound is read under the lock: one that is out of date is followed by the
                // truncation of whoever changed it.
                let result = work(&mut state.series, self.max_history());
                if beyond {
                    drop(state);
                    self.overflow
                        .add(samples as u64, self.max_operations(), name);
                }
                return result;
            }
        }
    }

    /// The operation for samples of a new name, and whether that is not its own.
    fn add(&self, name: &str) -> (Arc<Operation<M>>, bool) {
        let mut operations = self.operations.write();
        if let Some(operation) = operations.get(name) {
            return (Arc::clone(operation), false);
        }
        let others = operations.get(OTHER_OPERATIONS);
        let named = operations.len() - usize::from(others.is_some());
        let beyond = name != OTHER_OPERATIONS && named >= self.max_operations();
        if let Some(others) = others.filter(|_| beyond) {
            return (Arc::clone(others), true);
        }
        let operation = Arc::new(Operation::new(if beyond { OTHER_OPERATIONS } else { name }));
        operations.insert(Arc::clone(&operation.name), Arc::clone(&operation));
        (operation, beyond)
    }

    /// The operation called `name`, if it has samples.
    #[must_use]
    pub fn operation(&self, name: &str) -> Option<Arc<Operation<M>>> {
        self.operations.read().get(name).map(Arc::clone)
    }

    /// All operations, in order of first use.
    #[must_use]
    pub fn operations(&self) -> Vec<Arc<Operation<M>>> {
        self.operations.read().values().map(Arc::clone).collect()
    }

    /// Forgets the samples of `name`, or of all. Returns what was forgotten, for the caller to
    /// drop where that is safe.
    #[must_use]
    pub fn clear(&self, name: Option<&str>) -> Vec<Arc<Operation<M>>> {
        let removed: Vec<_> = {
            let mut operations = self.operations.write();
            match name {
                Some(name) => operations.shift_remove(name).into_iter().collect(),
                None => std::mem::take(&mut *operations).into_values().collect(),
            }
        };
        for operation in &removed {
            operation.state.lock().retired = true;
        }
        removed
    }

    /// The mean of an operation's values.
    #[must_use]
    pub fn average(&self, name: &str) -> Option<f64> {
        let values = self.operation(name)?.values(TimeRange::ALL);
        (!values.is_empty()).then(|| mean(&values))
    }

    /// The percentiles of an operation's values, in the order of asking; none if it is unknown.
    pub fn percentiles(&self, name: &str, asked: &[f64]) -> Result<Vec<f64>> {
        asked.iter().copied().try_for_each(validate_percentile)?;
        Ok(self.operation(name).map_or_else(Vec::new, |operation| {
            percentiles(&operation.values(TimeRange::ALL), asked)
        }))
    }

    /// Starts the timer `name` for `owner`.
    pub fn start_timer(&self, name: &str, owner: Owner) {
        let forgot = {
            let mut running = self.running.lock();
            // The clock is read last, so that waiting for the lock is not timed.
            running.start(name, owner, self.clock.monotonic())
        };
        if forgot {
            self.forgotten.add(1, MAX_RUNNING, name);
        }
    }

    /// Stops the timer `name` and returns the moment and the seconds since its start.
    pub fn stop_timer(&self, name: &str, owner: Owner) -> Option<(Monotonic, f64)> {
        let now = self.clock.monotonic();
        let start = self.running.lock().stop(name, owner)?;
        Some((now, now.seconds_since(start)))
    }

    /// Looks at the running timers.
    pub fn with_running<T>(&self, look: impl FnOnce(&RunningTimers) -> T) -> T {
        look(&self.running.lock())
    }

    /// Calls `visit` with each metadata kept, passing over what is locked just now.
    pub fn try_visit_metadata<E>(
        &self,
        mut visit: impl FnMut(&M) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        match self.operations.try_read() {
            Some(operations) => operations
                .values()
                .try_for_each(|operation| operation.try_visit_metadata(&mut visit)),
            None => Ok(()),
        }
    }
}
