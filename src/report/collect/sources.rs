//! Where reports come from: a monitor and a tracker, and the histories that they record to.

use std::sync::Arc;

use super::{
    endpoints::{RecordedEndpoint, endpoints, routes},
    operations::{InMemory, RecordedOperation, operations},
    requests::{errors, routes_of_several},
    samples::Origin,
};
use crate::{
    history::{Attachment, Found, History, Reading},
    monitor::{Monitor, OwnSamples},
    requests::{Errors, Group, Grouping, OwnErrors, Requests, Routes},
    rollup::Key,
    time::TimeRange,
};

/// Whoever asks for a report, and may have to let others go on meanwhile.
pub trait Caller {
    /// Runs work that may wait, as reading a file does.
    fn wait<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T;

    /// Runs work on so many samples.
    fn compute<T: Send>(&self, samples: usize, work: impl FnOnce() -> T + Send) -> T;
}

/// A tracker, and the history that it records to.
#[derive(Debug, Clone, Copy)]
pub struct TrackerSource<'a> {
    /// Its requests.
    pub requests: &'a Requests,
    /// Its history, if it has one.
    pub history: Option<&'a Attachment>,
}

/// What reports are made from.
#[derive(Debug)]
pub struct Sources<'a, M> {
    /// The operations.
    pub monitor: &'a Monitor<M>,
    /// The history that they are recorded to, if there is one.
    pub history: Option<&'a Attachment>,
    /// The requests, if there is a tracker.
    pub tracker: Option<TrackerSource<'a>>,
}

/// Operations or endpoints, and the history that was asked for them, if there is one.
#[derive(Debug)]
pub(super) struct Collection<T> {
    pub items: Vec<T>,
    pub history: Option<Consultation>,
}

/// A history that was asked.
#[derive(Debug)]
pub(super) struct Consultation {
    pub history: Arc<History>,
    /// What counts of its rows, where that is not the period.
    pub counted: Option<TimeRange>,
    /// The readings of resources in the period, as far as they were asked for.
    pub resources: Vec<Found>,
    pub problem: Option<String>,
}

impl Consultation {
    /// The one to tell of: the first one, unless only the other could not be read.
    pub fn either(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) => {
                let counted = one.counted.or(other.counted);
                let is_other = one.problem.is_none() && other.problem.is_some();
                let (told, untold) = if is_other { (other, one) } else { (one, other) };
                let resources = if told.resources.is_empty() {
                    untold.resources
                } else {
                    told.resources
                };
                Some(Self {
                    counted,
                    resources,
                    ..told
                })
            }
            (one, other) => one.or(other),
        }
    }

    /// Of samples from `origins`: where none is the disk, none of its rows counted.
    fn for_samples_of(mut self, mut origins: impl Iterator<Item = Origin>) -> Self {
        if origins.all(|origin| origin == Origin::Memory) {
            self.counted = None;
        }
        self
    }
}

/// Which of the samples in memory are wanted.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub range: TimeRange,
    /// Of one session alone.
    pub session: Option<&'a str>,
    /// With their times, for charts.
    pub timed: bool,
}

impl<M> Sources<'_, M> {
    /// The operations of memory and the history together.
    pub(super) fn operations(
        &self,
        caller: &impl Caller,
        wanted: Wanted<'_>,
    ) -> Collection<RecordedOperation> {
        let Wanted {
            range,
            session,
            timed,
        } = wanted;
        let all = || self.monitor.operations().into_iter();
        let Some(attachment) = self.history else {
            let memory = all().map(|operation| InMemory {
                samples: OwnSamples {
                    measured: operation.measured(range, session, timed),
                    alone: None,
                    complete: true,
                },
                name: Arc::clone(operation.name()),
            });
            return Collection {
                items: operations(memory.collect(), &[], session),
                history: None,
            };
        };
        let (found, consultation) = consult(caller, attachment, range, |key| match key {
            Key::Operation { session: of, .. } | Key::Failures { session: of, .. } => {
                of.as_deref() == session
            }
            Key::Resource { .. } => session.is_none(),
            Key::Endpoint { .. } | Key::Error(_) => false,
        });
        // Only now: what is recorded between the two readings is in memory.
        let memory = all().map(|operation| InMemory {
            samples: operation.own(range, session, timed),
            name: Arc::clone(operation.name()),
        });
        let items = operations(memory.collect(), &found, session);
        let origins = items.iter().map(|operation| operation.origin);
        Collection {
            history: Some(consultation.for_samples_of(origins)),
            items,
        }
    }

    /// The requests of each of two periods, each method apart: of the tracker, or else what the monitor's
    /// history has of any tracker, if that is anything.
    pub(super) fn requests_of_both(
        &self,
        caller: &impl Caller,
        periods: [TimeRange; 2],
    ) -> Option<[Collection<RecordedEndpoint>; 2]> {
        if let Some(tracker) = &self.tracker {
            return Some(periods.map(|range| tracker.routes(caller, range)));
        }
        let attachment = self.history?;
        let collections = periods.map(|range| {
            let (found, consultation) = consult(caller, attachment, range, is_of_requests);
            Collection::of_requests(routes((Vec::new(), true), &found), consultation)
        });
        let is_any = collections.iter().any(|it| !it.items.is_empty());
        is_any.then_some(collections)
    }
}

/// The requests of a period, with methods and errors.
pub(super) struct RequestsOfPeriod {
    pub endpoints: Collection<RecordedEndpoint>,
    /// Those of each method, where an endpoint has several.
    pub methods: Vec<RecordedEndpoint>,
    pub errors: Errors,
}

impl TrackerSource<'_> {
    /// The requests of a period, each method apart.
    fn routes(&self, caller: &impl Caller, range: TimeRange) -> Collection<RecordedEndpoint> {
        let requests = self.requests;
        let Some(attachment) = self.history else {
            return Collection::in_memory(routes(grouped(requests, range, Grouping::Route), &[]));
        };
        let (found, consultation) = consult(caller, attachment, range, is_of_requests);
        let items = routes(requests.own_grouped(range, Grouping::Route), &found);
        Collection::of_requests(items, consultation)
    }

    /// The requests of a period, with methods and errors.
    pub(super) fn of_period(&self, caller: &impl Caller, range: TimeRange) -> RequestsOfPeriod {
        let requests = self.requests;
        let Some(attachment) = self.history else {
            let memory = OwnErrors {
                all: requests.errors_in(range),
                alone: Errors::new(),
                complete: true,
            };
            let by = |grouping| grouped(requests, range, grouping);
            return RequestsOfPeriod {
                endpoints: Collection::in_memory(endpoints(by(Grouping::Endpoint), &[])),
                methods: methods_apart(requests.routes(range), &[], || {
                    routes(by(Grouping::Route), &[])
                }),
                errors: errors(memory, Vec::new()),
            };
        };
        let (found, consultation) = consult(caller, attachment, range, is_of_requests);
        let own: Vec<_> = attachment.identity().into_iter().collect();
        let failed = caller
            .wait(|| attachment.history().errors(range, &own))
            .found;
        let by = |grouping| requests.own_grouped(range, grouping);
        let items = endpoints(by(Grouping::Endpoint), &found);
        RequestsOfPeriod {
            endpoints: Collection::of_requests(items, consultation),
            methods: methods_apart(requests.routes(range), &found, || {
                routes(by(Grouping::Route), &found)
            }),
            errors: errors(requests.own_errors_in(range), failed),
        }
    }
}

/// The requests in memory of each method, where an endpoint has several.
#[must_use]
pub fn methods_in_memory(requests: &Requests) -> Vec<(Arc<str>, Group)> {
    let several = routes_of_several(&requests.routes(TimeRange::ALL), &[]);
    if several.is_empty() {
        return Vec::new();
    }
    let mut methods = requests.grouped(TimeRange::ALL, Grouping::Route);
    methods.retain(|(name, _)| several.contains(name));
    methods
}

fn grouped(
    requests: &Requests,
    range: TimeRange,
    by: Grouping,
) -> super::endpoints::EndpointsInMemory {
    let groups = requests.grouped(range, by).into_iter();
    (
        groups.map(|(name, group)| (name, group.into())).collect(),
        true,
    )
}

fn methods_apart(
    in_memory: Routes,
    found: &[Found],
    all: impl FnOnce() -> Vec<RecordedEndpoint>,
) -> Vec<RecordedEndpoint> {
    let several = routes_of_several(&in_memory, found);
    if several.is_empty() {
        return Vec::new();
    }
    let mut methods = all();
    methods.retain(|method| several.contains(&method.endpoint));
    methods
}

/// Requests, and resources: whichever of a report's sources has a history tells of them.
fn is_of_requests(key: &Key) -> bool {
    matches!(key, Key::Endpoint { .. } | Key::Resource { .. })
}

impl Collection<RecordedEndpoint> {
    fn in_memory(items: Vec<RecordedEndpoint>) -> Self {
        Self {
            items,
            history: None,
        }
    }

    fn of_requests(items: Vec<RecordedEndpoint>, consultation: Consultation) -> Self {
        let origins = items.iter().map(|endpoint| endpoint.origin);
        Self {
            history: Some(consultation.for_samples_of(origins)),
            items,
        }
    }
}

fn consult(
    caller: &impl Caller,
    attachment: &Attachment,
    range: TimeRange,
    is_wanted: impl Fn(&Key) -> bool + Send + Sync,
) -> (Vec<Found>, Consultation) {
    let history = attachment.history();
    let own: Vec<_> = attachment.identity().into_iter().collect();
    let Reading {
        found,
        counted,
        problem,
    } = caller.wait(|| history.read(range, is_wanted, &own));
    let is_resource = |found: &Found| matches!(found.key, Key::Resource { .. });
    let (resources, found) = found.into_iter().partition(is_resource);
    let consultation = Consultation {
        history: Arc::clone(history),
        counted,
        resources,
        problem: problem.map(|problem| problem.to_string()),
    };
    (found, consultation)
}
