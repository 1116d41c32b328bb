//! One operation's samples.

use std::sync::Arc;

use crate::{
    recording::{
        evicted::Uncounted,
        series::{LabelRef, Sample, Series},
    },
    rollup::{OpenRollups, Sink},
    sync::Mutex,
    time::TimeRange,
};

/// Values taken from an operation, to be looked at without holding it up.
#[derive(Debug, Clone)]
pub struct Measured {
    /// The values, oldest first.
    pub values: Vec<f64>,
    /// Their times in UTC nanoseconds since the Unix epoch, where these were asked for and the samples are
    /// not those of a session.
    pub times: Vec<i64>,
    /// The unit of the oldest.
    pub unit: Arc<str>,
    /// The units that others are in; mostly none.
    pub other_units: Vec<Arc<str>>,
    /// How many of them failed; `None` if none is of anything that could.
    pub failures: Option<u64>,
    /// What is missing of them.
    pub uncounted: Option<Uncounted>,
}

impl Measured {
    /// Times and values, where the times were asked for.
    #[must_use]
    pub fn points(&self) -> Vec<(i64, f64)> {
        let values = self.values.iter().copied();
        self.times.iter().copied().zip(values).collect()
    }
}

/// What memory has of the samples that this process recorded in a period.
#[derive(Debug, Clone)]
pub struct OwnSamples {
    /// The samples, unless there are none.
    pub measured: Option<Measured>,
    /// Those of them that are in memory alone: the history was closed before it took them.
    pub alone: Option<Measured>,
    /// Whether none of the period have fallen off or been cleared.
    pub complete: bool,
}

/// One operation. It outlives its removal from the monitor while someone still holds it.
#[derive(Debug)]
pub struct Operation<M> {
    pub(super) name: Arc<str>,
    pub(super) state: Mutex<State<M>>,
}

#[derive(Debug)]
pub(super) struct State<M> {
    pub(super) series: Series<M>,
    /// What a history has not taken yet, if there is one.
    pub(super) rollups: Option<OpenRollups>,
    /// The number of the first sample that is this process's own and not inherited by a fork.
    pub(super) own_from: u64,
    /// The number of the first sample that no history takes, once it takes nothing any more.
    pub(super) alone_from: Option<u64>,
    /// Until when an operation of this name may have had samples that memory does not have: they
    /// were cleared, or another monitor's.
    pub(super) cleared_until: i64,
    /// Cleared away: a sample that comes late belongs to the operation's successor.
    pub(super) retired: bool,
}

impl<M> State<M> {
    #[inline]
    pub(super) fn push(
        &mut self,
        time: i64,
        value: f64,
        label: LabelRef<'_>,
        metadata: Option<M>,
        bound: usize,
    ) -> Option<M> {
        let (label, dropped) = self.series.push(time, value, label, metadata, bound);
        if let Some(rollups) = &mut self.rollups {
            rollups.record(time, value, label);
        }
        dropped
    }

    /// Gathers nothing for a history any more. Returns what waited, for the caller to drop.
    pub(super) fn detach(&mut self) -> Option<OpenRollups> {
        let rollups = self.rollups.take();
        // Where nobody ever gathered, no history has any.
        let taken = |open: &OpenRollups| self.series.next().saturating_sub(open.waiting());
        self.alone_from
            .get_or_insert_with(|| rollups.as_ref().map_or(0, taken));
        rollups
    }

    /// The number of the first sample of this process's own that no history takes.
    fn own_alone_from(&self) -> Option<u64> {
        Some(self.alone_from?.max(self.own_from))
    }

    fn measured_from(
        &self,
        from: u64,
        range: TimeRange,
        session: Option<&str>,
        timed: bool,
    ) -> Option<Measured> {
        let (values, unit) = self.series.values_from(from, range, session)?;
        let other_units = self.series.other_units(&unit, from, range, session);
        let uncounted = match session {
            Some(session) => self.series.uncounted_of_session(session),
            None => self.series.uncounted(range),
        };
        Some(Measured {
            values,
            times: if timed && session.is_none() {
                self.series.times_from(from, range)
            } else {
                Vec::new()
            },
            unit,
            other_units,
            failures: self.series.failures(from, range, session),
            uncounted,
        })
    }
}

impl<M> Operation<M> {
    pub(super) fn new(
        name: &str,
        sink: Option<&Arc<dyn Sink>>,
        alone_from: Option<u64>,
        cleared_until: i64,
    ) -> Self {
        let name = name.into();
        Self {
            state: Mutex::new(State {
                series: Series::default(),
                rollups: sink.map(|sink| OpenRollups::new(&name, sink)),
                own_from: 0,
                alone_from,
                cleared_until,
                retired: false,
            }),
            name,
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

    /// The values of the newest samples, `most` of them at most, and the unit of the oldest of these.
    #[must_use]
    pub fn newest(&self, most: usize) -> Option<(Vec<f64>, Arc<str>)> {
        let state = self.state.lock();
        let from = state.series.next().saturating_sub(most as u64);
        let unit = state.series.unit_from(from, TimeRange::ALL)?;
        let points = state.series.points_from(from, TimeRange::ALL);
        Some((points.into_iter().map(|(_, value)| value).collect(), unit))
    }

    /// The stamps, oldest first, in UTC nanoseconds since the Unix epoch.
    #[must_use]
    pub fn times(&self) -> Vec<i64> {
        self.state.lock().series.times().collect()
    }

    /// The samples whose stamps lie in `range`, of `session` if one is named, with their times if they are to
    /// be `timed`; `None` of none.
    #[must_use]
    pub fn measured(
        &self,
        range: TimeRange,
        session: Option<&str>,
        timed: bool,
    ) -> Option<Measured> {
        let state = self.state.lock();
        state.measured_from(0, range, session, timed)
    }

    /// The same, as far as memory has them. Those that a process inherited when it was forked are left out: its parent's history
    /// has them.
    #[must_use]
    pub fn own(&self, range: TimeRange, session: Option<&str>, timed: bool) -> OwnSamples {
        let state = self.state.lock();
        let gone_until = state.series.gone_until().max(state.cleared_until);
        OwnSamples {
            measured: state.measured_from(state.own_from, range, session, timed),
            alone: state
                .own_alone_from()
                .and_then(|from| state.measured_from(from, range, session, timed)),
            complete: gone_until < range.start || gone_until == i64::MIN,
        }
    }

    /// Changes the stamp of the sample numbered `sequence`; `false` if it has fallen off.
    pub fn set_time(&self, sequence: u64, time: i64) -> bool {
        self.state.lock().series.set_time(sequence, time)
    }

    /// Calls `visit` with each metadata kept, unless someone holds the lock just now.
    pub fn try_visit_metadata<E>(
        &self,
        visit: &mut impl FnMut(&M) -> Result<(), E>,
    ) -> Result<(), E> {
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
