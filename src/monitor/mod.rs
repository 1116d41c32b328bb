//! Operations by name: their recent samples and their running timers.

mod operation;

use std::sync::{Arc, OnceLock};

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use crate::{
    error::Result,
    recording::{
        blocks::MAX_ENTERED,
        overflow::{Beyond, Bound, DEFAULT_MAX_OPERATIONS, Notice, OTHER_OPERATIONS, at_least_one},
        series::LabelRef,
        timers::{MAX_RUNNING, Owner, RunningTimers},
    },
    rollup::{Delta, OpenRollups, Sink, Source},
    stats::{mean, percentiles, validate_percentile},
    sync::{
        Mutex, RwLock,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering::Relaxed},
    },
    text::short::Sought,
    time::{Clock, Monotonic, TimeRange},
};

use operation::State;
pub use operation::{Measured, Operation, OwnSamples};

/// How many samples of each operation are kept unless asked otherwise.
pub const DEFAULT_MAX_HISTORY: usize = 10_000;

type Operations<M> = IndexMap<Arc<str>, Arc<Operation<M>>, RandomState>;

/// Samples by operation, in order of first use. `M` is what callers attach to single samples.
#[derive(Debug)]
pub struct Monitor<M> {
    clock: Clock,
    max_history: AtomicUsize,
    max_operations: AtomicUsize,
    operations: RwLock<Operations<M>>,
    /// Held while operations are taken out or are gone through for a history, so that what is being
    /// cleared has been handed over or is still found. Comes before the locks of operations.
    clearing: Mutex<()>,
    /// Samples recorded under names beyond the bound.
    overflow: Beyond,
    running: Mutex<RunningTimers>,
    /// Running timers pushed out by later ones.
    forgotten: Beyond,
    /// Likewise blocks of one timer, and of one session.
    forgotten_blocks: Beyond,
    forgotten_sessions: Beyond,
    /// What a new operation begins with: when operations were last cleared, in UTC nanoseconds since the Unix epoch.
    cleared_until: AtomicI64,
    /// The history that the samples are rolled up for.
    sink: OnceLock<Arc<dyn Sink>>,
    /// Whether that one takes nothing any more.
    detached: AtomicBool,
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
            clearing: Mutex::default(),
            overflow: Beyond::new(Bound::Operations),
            running: Mutex::default(),
            forgotten: Beyond::new(Bound::RunningTimers),
            forgotten_blocks: Beyond::new(Bound::TimerBlocks),
            forgotten_sessions: Beyond::new(Bound::SessionBlocks),
            cleared_until: AtomicI64::new(i64::MIN),
            sink: OnceLock::new(),
            detached: AtomicBool::new(false),
        })
    }

    /// Has `notice` told of the first sample under a name too many, and of the first timer, the
    /// first block of a timer and the first of a session forgotten.
    #[must_use]
    pub fn telling(mut self, notice: Notice) -> Self {
        self.overflow.tell(notice);
        self.forgotten.tell(notice);
        self.forgotten_blocks.tell(notice);
        self.forgotten_sessions.tell(notice);
        self
    }

    /// From now on rolls samples up for a history, which drains this monitor; what would be lost
    /// to it goes to `sink`. `false` if there is one already, which stays.
    pub fn roll_up_for(&self, sink: Arc<dyn Sink>) -> bool {
        if self.sink.set(sink).is_err() {
            return false;
        }
        // Operations added from here on see the sink; those added before are in the map.
        for operation in self.operations() {
            let mut state = operation.state.lock();
            if let Some(sink) = self.taker()
                && !state.retired
            {
                let new = || OpenRollups::new(&operation.name, sink);
                state.rollups.get_or_insert_with(new);
            }
        }
        true
    }

    /// Who takes rollups, if anybody does.
    fn taker(&self) -> Option<&Arc<dyn Sink>> {
        self.sink.get().filter(|_| !self.detached.load(Relaxed))
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

    /// How many running timers were forgotten because too many were left running, blocks included.
    #[must_use]
    pub fn timers_forgotten(&self) -> u64 {
        self.forgotten.count() + self.forgotten_blocks.count()
    }

    /// How many blocks of sessions were forgotten because too many were not left.
    #[must_use]
    pub fn sessions_forgotten(&self) -> u64 {
        self.forgotten_sessions.count()
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
        // As `record_at`, but by a closure of its own: one that both share would not be inlined here.
        self.with_state(name, 1, |state, bound| {
            state.push(time, value, label, metadata, bound)
        })
    }

    /// Records a sample that was measured at `time`, in UTC nanoseconds since the Unix epoch, earlier or
    /// later than those that are there. Returns as [`Monitor::record`].
    pub fn record_at(
        &self,
        time: i64,
        name: &str,
        value: f64,
        label: LabelRef<'_>,
        metadata: Option<M>,
    ) -> Option<M> {
        self.with_state(name, 1, |state, bound| {
            state.push(time, value, label, metadata, bound)
        })
    }

    /// Records `values` in order, all with the wall time now. Returns the metadata that fell off.
    pub fn record_many(&self, name: &str, values: &[f64], label: LabelRef<'_>) -> Vec<M> {
        if values.is_empty() {
            return Vec::new();
        }
        let time = self.clock.wall();
        self.with_state(name, values.len(), |state, bound| {
            values
                .iter()
                .filter_map(|&value| state.push(time, value, label, None, bound))
                .collect()
        })
    }

    /// The same of samples that were measured at times of their own, in UTC nanoseconds since the Unix
    /// epoch, each with what `metadata` gives.
    pub fn record_measured(
        &self,
        name: &str,
        samples: impl ExactSizeIterator<Item = (i64, f64)>,
        label: LabelRef<'_>,
        mut metadata: impl FnMut() -> Option<M>,
    ) -> Vec<M> {
        if samples.len() == 0 {
            return Vec::new();
        }
        self.with_state(name, samples.len(), |state, bound| {
            samples
                .filter_map(|(time, value)| state.push(time, value, label, metadata(), bound))
                .collect()
        })
    }

    #[inline]
    fn with_state<T>(
        &self,
        name: &str,
        samples: usize,
        work: impl FnOnce(&mut State<M>, usize) -> T,
    ) -> T {
        {
            // Nobody can take the operation out of the map while it is being read, so there is
            // neither a reference to count nor a retirement to look for.
            let operations = self.operations.read();
            if let Some(operation) = operations.get(&Sought(name)) {
                let mut state = operation.state.lock();
                return work(&mut state, self.max_history());
            }
        }
        self.with_new_state(name, samples, work)
    }

    #[cold]
    fn with_new_state<T>(
        &self,
        name: &str,
        samples: usize,
        work: impl FnOnce(&mut State<M>, usize) -> T,
    ) -> T {
        loop {
            let (operation, beyond) = self.add(name);
            let mut state = operation.state.lock();
            if !state.retired {
                // The bound is read under the lock: one that is out of date is followed by the
                // truncation of whoever changed it.
                let result = work(&mut state, self.max_history());
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
        let name = if beyond { OTHER_OPERATIONS } else { name };
        let cleared_until = self.cleared_until.load(Relaxed);
        // Read once: either it gathers, or all of it is in memory alone.
        let detached = self.detached.load(Relaxed);
        let sink = self.sink.get().filter(|_| !detached);
        let alone_from = detached.then_some(0);
        let operation = Arc::new(Operation::new(name, sink, alone_from, cleared_until));
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
        let _clearing = self.clearing.lock();
        let removed: Vec<_> = {
            let mut operations = self.operations.write();
            self.cleared_until.fetch_max(self.clock.wall(), Relaxed);
            match name {
                Some(name) => operations.shift_remove(name).into_iter().collect(),
                None => std::mem::take(&mut *operations).into_values().collect(),
            }
        };
        for operation in &removed {
            let mut state = operation.state.lock();
            state.retired = true;
            let rollups = state.rollups.take();
            drop(state);
            // What was recorded stays in the history.
            if let Some(mut rollups) = rollups {
                rollups.hand_over();
            }
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

    /// Counts a block of the timer `name` that was forgotten for a later one of the same timer.
    #[cold]
    pub fn block_forgotten(&self, name: &str) {
        self.forgotten_blocks.add(1, MAX_ENTERED, name);
    }

    /// Counts a block of the session `id` that was forgotten for a later one of the same object.
    #[cold]
    pub fn session_forgotten(&self, id: &str) {
        self.forgotten_sessions.add(1, MAX_ENTERED, id);
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

impl<M: Send + Sync> Source for Monitor<M> {
    fn drain(&self, out: &mut Vec<Delta>) {
        let _clearing = self.clearing.lock();
        for operation in self.operations() {
            if let Some(rollups) = &mut operation.state.lock().rollups {
                rollups.drain(out);
            }
        }
    }

    fn forget(&self) {
        let _clearing = self.clearing.lock();
        for operation in self.operations() {
            let mut state = operation.state.lock();
            if let Some(rollups) = &mut state.rollups {
                rollups.forget();
            }
            // What its parent's history did not take, nobody but memory has.
            let next = state.series.next();
            state.own_from = state.alone_from.unwrap_or(next).max(state.own_from);
        }
    }

    fn detach(&self) {
        let _clearing = self.clearing.lock();
        // Operations added from here on see that; those added before are in the map.
        self.detached.store(true, Relaxed);
        for operation in self.operations() {
            let rollups = operation.state.lock().detach();
            drop(rollups);
        }
    }

    fn succeed(&self) {
        let now = self.clock.wall();
        self.cleared_until.fetch_max(now, Relaxed);
        for operation in self.operations() {
            let mut state = operation.state.lock();
            state.cleared_until = state.cleared_until.max(now);
        }
    }
}

impl<M> Drop for Monitor<M> {
    fn drop(&mut self) {
        for operation in self.operations() {
            let rollups = operation.state.lock().rollups.take();
            if let Some(mut rollups) = rollups {
                rollups.hand_over();
            }
        }
    }
}
