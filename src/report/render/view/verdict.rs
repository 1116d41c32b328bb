//! Verdicts, as people read them.

/// What became of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It takes more.
    Degraded,
    /// It takes less.
    Improved,
    /// Neither.
    Unchanged,
    /// There is too little to tell.
    NotEnoughData,
    /// Its figures are no numbers.
    Unknown,
}

impl Verdict {
    pub(super) const ALL: [Self; 5] = [
        Self::Degraded,
        Self::Improved,
        Self::Unchanged,
        Self::NotEnoughData,
        Self::Unknown,
    ];

    /// The words that reports use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Degraded => "degraded",
            Self::Improved => "improved",
            Self::Unchanged => "unchanged",
            Self::NotEnoughData => "not enough data",
            Self::Unknown => "unknown",
        }
    }

    /// A sign for those who see no colours.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Self::Degraded => "▲",
            Self::Improved => "▼",
            Self::Unchanged => "=",
            Self::NotEnoughData | Self::Unknown => "?",
        }
    }

    /// One word, for style sheets.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::Degraded => "bad",
            Self::Improved => "good",
            Self::Unchanged | Self::NotEnoughData | Self::Unknown => "neutral",
        }
    }

    pub(super) fn heading(self) -> &'static str {
        match self {
            Self::Degraded => "Degraded",
            Self::Improved => "Improved",
            Self::Unchanged => "Unchanged",
            Self::NotEnoughData => "Not enough data",
            Self::Unknown => "Unknown",
        }
    }

    pub(super) fn parse(words: &str) -> Self {
        let known = Self::ALL
            .into_iter()
            .find(|verdict| verdict.as_str() == words);
        known.unwrap_or(Self::Unknown)
    }
}
