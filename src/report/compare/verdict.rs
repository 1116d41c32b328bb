//! Whether a change is one, among others.
//!
//! What one operation's samples say is [`super::evidence`]'s matter. Of many operations that are
//! compared at once some change by chance: of twenty, each at 5 %, in two comparisons of three. So the
//! verdicts of a comparison are those of Holm's step-down procedure: of `m` operations the clearest
//! changes have to hold at 1/m of what is allowed, both as the level of tests and as what intervals may
//! miss; once `k` of them have, the others at 1/(m - k). Chance alone then makes a verdict in no more
//! comparisons than it would of one operation, whatever the operations have to do with each other
//! (Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics
//! 6, 1979).

use crate::error::{Error, Result};

/// What an operation's change comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It got less, significantly, by what matters.
    Improved,
    /// It got more, significantly, by what matters.
    Degraded,
    /// Nothing that is both significant and matters.
    Unchanged,
    /// So few samples that no change could be told from chance.
    NotEnoughData,
}

impl Verdict {
    /// The words that reports use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Improved => "improved",
            Self::Degraded => "degraded",
            Self::Unchanged => "unchanged",
            Self::NotEnoughData => "not enough data",
        }
    }

    /// That of a change that is one.
    pub(in crate::report) fn towards(change: f64) -> Self {
        if change < 0.0 {
            Self::Improved
        } else {
            Self::Degraded
        }
    }
}

/// What a verdict takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// How often intervals hold what they are about, above 0 and below 1.
    pub confidence: f64,
    /// The p-value below which ranks are no chance, above 0 and below 1.
    pub significance: f64,
    /// The least change that matters, in percent of what it was before.
    pub min_change: f64,
    /// How many samples each period has to have.
    pub min_samples: u64,
    /// Whether chance is held down over all operations of a comparison, or over each alone.
    pub adjust: bool,
}

impl Thresholds {
    /// Unless asked otherwise.
    pub const DEFAULT: Self = Self {
        confidence: 0.95,
        significance: 0.05,
        min_change: 5.0,
        min_samples: 10,
        adjust: true,
    };

    /// The same, if each is within its range.
    pub fn validated(self) -> Result<Self> {
        for (name, probability) in [
            ("confidence", self.confidence),
            ("significance", self.significance),
        ] {
            if !(probability > 0.0 && probability < 1.0) {
                let expected = "above 0 and below 1";
                return Err(Error::argument(name, format!("{probability:?}"), expected));
            }
        }
        if !(self.min_change >= 0.0 && self.min_change.is_finite()) {
            let given = format!("{:?}", self.min_change);
            let expected = "a number of percent, 0 or more";
            return Err(Error::argument("min_change", given, expected));
        }
        if self.min_samples == 0 {
            return Err(Error::argument("min_samples", 0, "at least 1"));
        }
        Ok(self)
    }

    /// The same where one of `operations` has to hold what is asked of all.
    fn shared_by(self, operations: usize) -> Self {
        if operations <= 1 {
            return self;
        }
        let operations = operations as f64;
        Self {
            confidence: 1.0 - (1.0 - self.confidence) / operations,
            significance: self.significance / operations,
            ..self
        }
    }
}

/// Which way a change shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The typical sample changed, by ranks and median.
    Typical,
    /// The mean changed.
    Mean,
    /// The share of samples changed that lie beyond the first period's high percentiles.
    Tail,
}

impl Reason {
    /// The word that reports use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Typical => "typical",
            Self::Mean => "mean",
            Self::Tail => "tail",
        }
    }
}

/// A verdict, and what made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Which way the change shows, if there is one.
    pub reason: Option<Reason>,
}

impl Judgement {
    /// Nothing can be told.
    pub const NOT_ENOUGH_DATA: Self = Self::without_reason(Verdict::NotEnoughData);

    /// A verdict that has no reason to be told.
    #[must_use]
    pub const fn without_reason(verdict: Verdict) -> Self {
        Self {
            verdict,
            reason: None,
        }
    }

    /// Whether it is one of a change.
    pub fn is_change(self) -> bool {
        matches!(self.verdict, Verdict::Improved | Verdict::Degraded)
    }
}

/// What can be judged by itself or together with others.
pub(in crate::report) trait Judged {
    /// The judgement where it is the only one. With stricter thresholds a change may become none, but
    /// never one the other way.
    fn judge(&self, thresholds: &Thresholds) -> Judgement;

    /// Whether no samples of these numbers could show a change.
    fn is_too_little(&self, thresholds: &Thresholds) -> bool;
}

/// The judgements on all that one comparison is about.
pub(in crate::report) fn judgements(
    all: &[&dyn Judged],
    thresholds: &Thresholds,
) -> Vec<Judgement> {
    let mut judgements: Vec<Judgement> = all.iter().map(|one| one.judge(thresholds)).collect();
    if !thresholds.adjust {
        return judgements;
    }
    // Those whose change has yet to hold, and how many share what is allowed.
    let mut open: Vec<usize> = (0..all.len())
        .filter(|&at| judgements[at].is_change())
        .collect();
    let judged = judgements.iter();
    let mut sharing = judged
        .filter(|judgement| judgement.verdict != Verdict::NotEnoughData)
        .count();
    let strict = loop {
        let strict = thresholds.shared_by(sharing);
        let before = open.len();
        open.retain(|&at| !all[at].judge(&strict).is_change());
        sharing -= before - open.len();
        if open.len() == before || open.is_empty() {
            break thresholds.shared_by(sharing);
        }
    };
    for at in open {
        judgements[at] = Judgement::without_reason(Verdict::Unchanged);
    }
    for (judgement, one) in judgements.iter_mut().zip(all) {
        if judgement.is_change() {
            // Which way it holds at what is asked of all, not only of one.
            *judgement = one.judge(&strict);
        } else if judgement.verdict == Verdict::Unchanged && one.is_too_little(&strict) {
            *judgement = Judgement::NOT_ENOUGH_DATA;
        }
    }
    judgements
}
