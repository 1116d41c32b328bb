//! What changed against the days before.
//!
//! A period is compared with those of the same length right before it: a day with each of the seven
//! days before, seven days with the weeks before. Each of them begins at the same time of day, so that
//! nights are compared with nights: a period shorter than a day with the same hours of the days before,
//! and a day that is not over with what the days before had come to by that hour.
//!
//! The verdicts are those of any comparison ([`super::compare::verdict`]). Two things are added.
//!
//! - A change may begin in the middle of a period, where it is small beside the whole. So the period is
//!   compared as a whole and in [parts](parts), down to its hours, each with the same hours of the
//!   periods before.
//! - Days differ from each other without anything being wrong, by more than their samples' number
//!   lets them. How much the periods before do, [is measured](variation), and what a part changed by
//!   has to be beyond that, too.
//!
//! How busy hours are may change, too, and slow hours make a day look slow where they are busier than
//! before. So parts are compared in which the samples are spread over the hours as before; an hour by
//! itself always is.
//!
//! All of these verdicts share what chance may do: where nothing has changed, nothing is told in at
//! least 95 of 100 reports, however many operations there are. In which hours a change shows
//! is [looked for](stretch) only once there is a verdict; one that no hours show is not told, since it is
//! a change of how many samples there are at which hours.

mod frame;
mod parts;
mod presence;
mod recorded;
mod stretch;
mod subjects;
mod variation;

use std::sync::Arc;

pub use frame::{Frame, LEAST_PERIODS, PERIODS};
pub use recorded::Recorded;
use subjects::{Hour, Subject, subject_of};
pub use subjects::{Kind, kind_of};

use super::compare::{
    difference::{difference, percent},
    failures::Failures,
    verdict::{Reason, Thresholds, Verdict},
};
use crate::{rollup::Key, stats::Figures};

/// What a period came to beside those before it.
#[derive(Debug, Clone, Default)]
pub struct Changed {
    /// Which of the periods before have anything recorded: 1 for the last one, and so on.
    pub periods: Vec<usize>,
    /// How many operations and endpoints could be judged.
    pub judged: usize,
    /// How many could not, for lack of samples.
    pub unjudged: usize,
    /// What changed: what fails more often, is slower, is gone, is new, and got better, in this order.
    pub entries: Vec<Entry>,
}

/// What became of an operation or endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It fails more often.
    FailsMore,
    /// Its samples are greater: of times, it is slower.
    Slower,
    /// It was there in the periods before, and is no more.
    Gone,
    /// It was not there before.
    New,
    /// It fails less often.
    FailsLess,
    /// Its samples are less.
    Faster,
}

impl Outcome {
    /// The reason that reports give where it is that of no comparison of samples.
    #[must_use]
    pub fn reason(self) -> Option<&'static str> {
        matches!(self, Self::FailsMore | Self::FailsLess).then_some("failures")
    }

    /// The word for its verdict that reports use.
    #[must_use]
    pub fn verdict(self) -> &'static str {
        match self {
            Self::FailsMore | Self::Slower => Verdict::Degraded.as_str(),
            Self::FailsLess | Self::Faster => Verdict::Improved.as_str(),
            Self::Gone => "gone",
            Self::New => "new",
        }
    }

    fn of_durations(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Improved => Self::Faster,
            _ => Self::Slower,
        }
    }

    fn of_failures(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Improved => Self::FailsLess,
            _ => Self::FailsMore,
        }
    }
}

/// What all of it comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Summary {
    /// Something changed.
    Changed,
    /// Nothing did.
    Unchanged,
    /// Too little is recorded to tell.
    NotEnoughData,
}

impl Summary {
    /// The words that reports use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Unchanged => Verdict::Unchanged.as_str(),
            Self::NotEnoughData => Verdict::NotEnoughData.as_str(),
        }
    }
}

impl Changed {
    /// What it comes to.
    #[must_use]
    pub fn summary(&self) -> Summary {
        if !self.entries.is_empty() {
            Summary::Changed
        } else if self.judged > 0 {
            Summary::Unchanged
        } else {
            Summary::NotEnoughData
        }
    }
}

/// An operation or endpoint that changed.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: Arc<str>,
    /// The unit of its samples.
    pub unit: Arc<str>,
    /// What became of it.
    pub outcome: Outcome,
    /// Which way that shows; `None` of what fails, is new or gone.
    pub reason: Option<Reason>,
    /// The start of the first hour in which it shows, in UTC nanoseconds since the Unix epoch.
    pub since: i64,
    /// The end of the last one, unless that is the last one with samples.
    pub until: Option<i64>,
    /// What it came to in these hours of the periods before; nothing of what is new.
    pub before: Option<Side>,
    /// What it came to in these hours; nothing of what is gone.
    pub after: Option<Side>,
}

/// What an operation or endpoint came to in some hours.
#[derive(Debug, Clone, Copy)]
pub struct Side {
    /// Its samples.
    pub figures: Figures,
    /// How many failed, where that is known.
    pub failures: Option<Failures>,
}

impl Side {
    fn of(hour: Hour) -> Option<Self> {
        let failures = hour.failures;
        (!hour.samples.is_empty()).then(|| Self {
            figures: *hour.distribution().figures(),
            failures: (failures.requests > 0).then_some(failures),
        })
    }
}

impl Entry {
    /// The change in percent of what was before: of the figure that shows it best. `None` of what is new
    /// or gone.
    #[must_use]
    pub fn percentage(&self) -> Option<f64> {
        let (before, after) = (self.before?, self.after?);
        let figure = |side: Side| match (self.outcome, self.reason) {
            (Outcome::FailsMore | Outcome::FailsLess, _) => {
                side.failures.map_or(f64::NAN, |failures| failures.rate())
            }
            (_, Some(Reason::Mean)) => side.figures.mean,
            (_, Some(Reason::Tail)) => side.figures.p99,
            _ => side.figures.median,
        };
        let [before, after] = [before, after].map(figure);
        Some(percent(difference(before, after), before))
    }
}

/// Which keys are asked for.
pub type Wanted<'a> = &'a dyn Fn(&Key) -> bool;

/// Compares the period of `frame` with those before it.
///
/// `read` adds to a copy of its second argument what is recorded in the [ranges](Frame::ranges) of `frame`
/// of the keys that its first one wants: of all at first, and then of those alone that may have changed,
/// by the period.
#[must_use]
pub fn changed(
    frame: &Frame,
    read: impl Fn(Wanted<'_>, &Recorded) -> Recorded,
    thresholds: &Thresholds,
) -> Changed {
    let all = read(&|key| kind_of(key).is_some(), &Recorded::together(*frame));
    let (subjects, recorded) = all.settled();
    let mut changed = Changed {
        periods: recorded.clone(),
        ..Changed::default()
    };
    if recorded.len() < LEAST_PERIODS {
        changed.unjudged = subjects.len();
        return changed;
    }
    let apart = |asked: &parts::Numbers| {
        let is_asked = |key: &Key| subject_of(key).is_some_and(|it| asked.contains_key(&it));
        read(&is_asked, &Recorded::apart(*frame)).settled().0
    };
    let judged = parts::judge(&subjects, &recorded, frame, thresholds, apart);
    changed.judged = judged.subjects;
    changed.unjudged = subjects
        .iter()
        .filter(|subject| subject.is_present())
        .count()
        .saturating_sub(judged.subjects);
    for held in &judged.held {
        let subject = &subjects[held.subject];
        let found = stretch::stretch(subject, frame, held);
        let entry = found.map(|found| entry(subject, frame, held, found));
        changed.entries.extend(entry);
    }
    changed
        .entries
        .extend(presence::entries(&subjects, &recorded, frame, thresholds));
    changed.entries.sort_by(|a, b| {
        let size = |entry: &Entry| entry.percentage().map_or(0.0, f64::abs);
        let by_size = || size(b).total_cmp(&size(a));
        a.outcome.cmp(&b.outcome).then_with(by_size)
    });
    changed
}

/// What a verdict that holds comes to, in the hours in which it shows.
fn entry(
    subject: &Subject,
    frame: &Frame,
    held: &parts::Held,
    (slots, reason): (std::ops::Range<usize>, Option<Reason>),
) -> Entry {
    let outcome = match held.what {
        parts::What::Durations => Outcome::of_durations(held.verdict),
        parts::What::Failures => Outcome::of_failures(held.verdict),
    };
    let is_last = subject.last().is_none_or(|last| slots.end > last);
    Entry {
        kind: subject.kind,
        name: Arc::clone(&subject.name),
        unit: subject.unit(),
        outcome,
        reason,
        since: frame.moment(slots.start),
        until: (!is_last).then(|| frame.moment(slots.end)),
        before: Side::of(subject.before(&slots)),
        after: Side::of(subject.after(&slots)),
    }
}
