//! Samples, each or counted, and which of them count where memory and a history overlap.

use crate::{
    rollup::Rollup,
    stats::{Distribution, Histogram, Summary, histogram::RELATIVE_ERROR_TEXT, sum},
};

/// The accuracy of figures that are no estimates.
pub const EXACT: &str = "exact";

/// Where figures come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Samples in memory.
    Memory,
    /// The history on disk.
    History,
    /// Samples in memory, and others on disk.
    Both,
}

impl Origin {
    /// The word that reports use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::History => "history",
            Self::Both => "memory and history",
        }
    }
}

/// Samples: each of them, or counted by a histogram.
#[derive(Debug, Clone, PartialEq)]
pub enum Samples {
    /// Each value, in order of time.
    Each(Vec<f64>),
    /// How many fell where.
    Counted(Box<Histogram>),
}

impl Default for Samples {
    /// None.
    fn default() -> Self {
        Self::Each(Vec::new())
    }
}

impl Samples {
    /// Their figures, or `None` of none.
    #[must_use]
    pub fn summary(&self) -> Option<Summary> {
        match self {
            Self::Each(values) => Summary::of(values),
            Self::Counted(histogram) => Summary::of_histogram(histogram),
        }
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Each(values) => values.len() as u64,
            Self::Counted(histogram) => histogram.len(),
        }
    }

    /// How many have to be worked on one by one.
    #[must_use]
    pub fn single(&self) -> usize {
        match self {
            Self::Each(values) => values.len(),
            Self::Counted(_) => 0,
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Their sum; NaN if any is.
    #[must_use]
    pub fn sum(&self) -> f64 {
        match self {
            Self::Each(values) => sum(values),
            Self::Counted(histogram) if histogram.nans() > 0 => f64::NAN,
            Self::Counted(histogram) => histogram.sum(),
        }
    }

    /// How close percentiles are to the exact ones.
    #[must_use]
    pub fn accuracy(&self) -> String {
        match self {
            Self::Each(_) => EXACT.to_owned(),
            Self::Counted(_) => format!("histogram, {RELATIVE_ERROR_TEXT}"),
        }
    }

    /// Where they fell.
    #[must_use]
    pub fn histogram(&self) -> Histogram {
        match self {
            Self::Each(values) => values.iter().copied().collect(),
            Self::Counted(histogram) => (**histogram).clone(),
        }
    }

    /// Adds the other's.
    pub fn append(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Each(values), Self::Each(more)) => values.extend_from_slice(more),
            (Self::Counted(histogram), Self::Each(more)) => {
                histogram.extend(more.iter().copied());
            }
            (Self::Counted(histogram), Self::Counted(more)) => histogram.merge(more),
            (Self::Each(values), Self::Counted(more)) => {
                let mut histogram = more.clone();
                histogram.extend(values.iter().copied());
                *self = Self::Counted(histogram);
            }
        }
    }

    /// Those of `memory`, and what was found on disk beside them.
    pub(super) fn joined(memory: Vec<f64>, disk: Histogram) -> (Self, Origin) {
        let mut samples = Self::Counted(Box::new(disk));
        if samples.is_empty() {
            return (Self::Each(memory), Origin::Memory);
        }
        let origin = if memory.is_empty() {
            Origin::History
        } else {
            Origin::Both
        };
        samples.append(&Self::Each(memory));
        (samples, origin)
    }
}

/// Where the samples count that a source's history took. Those that it did not count in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    InMemory,
    OnDisk,
}

impl Taken {
    /// `left` of them are in memory, which is `complete` or not.
    pub(super) fn of(left: usize, complete: bool, own: &Rollup) -> Self {
        // A disk that could not be written may have fewer than are left in memory.
        if complete || left as u64 > own.len() {
            Self::InMemory
        } else {
            Self::OnDisk
        }
    }

    /// What counts of the disk.
    pub(super) fn on_disk(self, own: &Rollup, others: Rollup) -> Histogram {
        let mut disk = others.histogram;
        if self == Self::OnDisk {
            disk.merge(&own.histogram);
        }
        disk
    }
}

impl From<Samples> for Distribution {
    fn from(samples: Samples) -> Self {
        match samples {
            Samples::Each(values) => values.into(),
            Samples::Counted(histogram) => (*histogram).into(),
        }
    }
}
