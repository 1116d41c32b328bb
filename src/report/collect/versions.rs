//! The versions of the program that wrote a history.

use std::sync::Arc;

use super::{
    endpoints::{RecordedEndpoint, routes},
    operations::{RecordedOperation, operations},
    sources::{Caller, Collection, Consultation, Sources},
};
use crate::{
    error::{Error, Result},
    history::{History, Problem, Reader, Version},
    report::changes::{Kind, kind_of},
    time::TimeRange,
};

fn known(caller: &impl Caller, history: &History) -> std::result::Result<Vec<Version>, Problem> {
    caller.wait(|| history.inspect(Reader::versions))
}

/// Those that wrote in `range`.
pub(super) fn within(caller: &impl Caller, history: &History, range: TimeRange) -> Vec<Version> {
    // What keeps the file from being read is told elsewhere.
    let mut known = known(caller, history).unwrap_or_default();
    known.retain(|version| version.first <= range.end && range.start <= version.last);
    known
}

/// What the writers of a version recorded.
pub(super) struct OfVersion {
    pub operations: Collection<RecordedOperation>,
    pub requests: Collection<RecordedEndpoint>,
}

impl<M> Sources<'_, M> {
    /// What the writers of each of two versions recorded, which are named by their arguments. One that wrote
    /// nothing is an error.
    pub(super) fn of_versions(
        &self,
        caller: &impl Caller,
        asked: [(&str, &str); 2],
    ) -> Result<[OfVersion; 2]> {
        let Some(attachment) = self.history else {
            let message = "versions are compared in a history, and the monitor has none";
            return Err(Error::Versions(message.to_owned()));
        };
        let history = attachment.history();
        let known = known(caller, history);
        let known = known.as_ref().map_or(&[][..], Vec::as_slice);
        let is_read = !known.is_empty() || history.problem().is_none();
        for (argument, version) in asked {
            if is_read && !known.iter().any(|it| it.name == version) {
                return Err(unknown(argument, version, known));
            }
        }
        Ok(asked.map(|(_, version)| of_version(caller, history, version)))
    }
}

fn unknown(argument: &str, version: &str, known: &[Version]) -> Error {
    let names: Vec<String> = known.iter().map(|it| format!("{:?}", it.name)).collect();
    let there = match names.len() {
        0 => "which names none".to_owned(),
        _ => format!("one of {}", names.join(", ")),
    };
    Error::Versions(format!(
        "{argument} must be a version that wrote the history, {there}; got {version:?}"
    ))
}

fn of_version(caller: &impl Caller, history: &Arc<History>, version: &str) -> OfVersion {
    let reading = caller.wait(|| history.of_version(version, |key| kind_of(key).is_some()));
    let problem = reading.problem.map(|problem| problem.to_string());
    let consultation = || {
        Some(Consultation {
            history: Arc::clone(history),
            counted: None,
            resources: Vec::new(),
            problem: problem.clone(),
        })
    };
    let of = |kind| {
        let of_kind = reading
            .found
            .iter()
            .filter(|it| kind_of(&it.key) == Some(kind));
        of_kind.cloned().collect::<Vec<_>>()
    };
    OfVersion {
        operations: Collection {
            items: operations(Vec::new(), &of(Kind::Operation), None),
            history: consultation(),
        },
        requests: Collection {
            items: routes((Vec::new(), true), &of(Kind::Endpoint)),
            history: consultation(),
        },
    }
}
