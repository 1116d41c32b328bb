//! Verdicts on a period and on its parts.

use std::ops::Range;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::{
    Frame,
    subjects::{Hour, Identity, Pair, Subject, grouped},
    variation::{Chance, Residual, Variation},
};
use crate::{
    report::compare::{
        evidence::{Evidence, Least, Unmoved, could_change},
        failures::{FailureEvidence, Failures},
        verdict::{Judged, Judgement, Reason, Thresholds, Verdict, judgements},
    },
    stats::{Distribution, Figures},
};

/// How many hours the parts have that a period is divided into. A change of some hours is seen best in
/// a part of about as many. Each is a multiple of the one before.
const LENGTHS: [usize; 6] = [1, 3, 6, 24, 7 * 24, 28 * 24];

/// No period is divided into more.
const MOST_PARTS: usize = 200;

/// What a verdict is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Durations,
    Failures,
}

/// A verdict of a change that holds.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub subject: usize,
    pub what: What,
    pub verdict: Verdict,
    pub reason: Option<Reason>,
    /// The parts in which it holds, the longest first.
    pub parts: Vec<Range<usize>>,
}

/// What holds, and of how many subjects there was enough to judge.
pub(super) struct Verdicts {
    pub held: Vec<Held>,
    pub subjects: usize,
}

/// The numbers of subjects.
pub(super) type Numbers = HashMap<Identity, usize, RandomState>;

/// The parts of a period of so many hours, by their length: first all of it.
fn divisions(hours: usize) -> Vec<Vec<Range<usize>>> {
    let lengths = LENGTHS.iter().rev().copied();
    let fits = |length: &usize| *length < hours && hours.div_ceil(*length) <= MOST_PARTS;
    std::iter::once(hours)
        .chain(lengths.filter(fits))
        .map(|length| {
            let starts = (0..hours).step_by(length.max(1));
            starts
                .map(|start| start..(start + length).min(hours))
                .collect()
        })
        .collect()
}

/// One that is judged.
struct Part {
    subject: usize,
    division: usize,
    slots: Range<usize>,
    sides: Sides,
    evidence: Box<dyn Judged>,
}

/// What a part came to before, and in the period.
enum Sides {
    Durations(Box<[Distribution; 2]>),
    /// Durations that could not have changed.
    Unmoved,
    Failures([Failures; 2]),
}

impl Part {
    fn what(&self) -> What {
        match self.sides {
            Sides::Durations(_) | Sides::Unmoved => What::Durations,
            Sides::Failures(_) => What::Failures,
        }
    }
}

/// The verdicts on `subjects` against their `recorded` periods before. `apart` gives some of them with
/// each of these by itself.
pub(super) fn judge(
    subjects: &[Subject],
    recorded: &[usize],
    frame: &Frame,
    thresholds: &Thresholds,
    apart: impl FnOnce(&Numbers) -> Vec<Subject>,
) -> Verdicts {
    let divisions = divisions(frame.hours());
    let mut parts = parts(subjects, &divisions, thresholds);
    let mut judged: Vec<usize> = parts.iter().map(|part| part.subject).collect();
    judged.dedup();
    let of = |number: usize| thresholds.significance / number.max(1) as f64;
    let chance = Chance {
        of_a_part: of(parts.len()),
        // Its parts of any length, durations and failures, ask about the same few periods.
        of_a_period: of(judged.len() * 2 * divisions.len()),
    };
    // What does not hold here would not if more were asked of it.
    let candidates = changes(&parts, thresholds);
    let candidates: Vec<usize> = candidates.into_iter().map(|(at, _)| at).collect();
    let mut varied = Varied {
        subjects: asked_apart(subjects, candidates.iter().map(|&at| &parts[at]), apart),
        recorded,
        divisions: &divisions,
        chance,
        thresholds,
        known: Vec::new(),
    };
    for at in candidates {
        if let Some(evidence) = varied.evidence(&parts[at]) {
            parts[at].evidence = evidence;
        }
    }
    let mut held: Vec<Held> = Vec::new();
    for (at, judgement) in changes(&parts, thresholds) {
        let part = &parts[at];
        let same = held.iter_mut().find(|held| {
            (held.subject, held.what, held.verdict)
                == (part.subject, part.what(), judgement.verdict)
        });
        match same {
            Some(held) => held.parts.push(part.slots.clone()),
            None => held.push(Held {
                subject: part.subject,
                what: part.what(),
                verdict: judgement.verdict,
                reason: judgement.reason,
                parts: vec![part.slots.clone()],
            }),
        }
    }
    Verdicts {
        held,
        subjects: judged.len(),
    }
}

/// The subjects of `parts` with each period before by itself, by their numbers.
fn asked_apart<'a>(
    subjects: &[Subject],
    parts: impl Iterator<Item = &'a Part>,
    apart: impl FnOnce(&Numbers) -> Vec<Subject>,
) -> HashMap<usize, Subject, RandomState> {
    let numbers: Numbers = parts
        .map(|part| (subjects[part.subject].identity(), part.subject))
        .collect();
    if numbers.is_empty() {
        return HashMap::default();
    }
    let found = apart(&numbers).into_iter();
    found
        .filter_map(|found| Some((*numbers.get(&found.identity())?, found)))
        .collect()
}

/// The parts that there are enough samples of.
fn parts(
    subjects: &[Subject],
    divisions: &[Vec<Range<usize>>],
    thresholds: &Thresholds,
) -> Vec<Part> {
    let mut parts = Vec::new();
    for (number, subject) in subjects.iter().enumerate() {
        if !subject.is_present() || !subject.is_of_one_unit() {
            continue;
        }
        // Those of a length are made of whole ones of the next shorter length.
        let mut pairs = vec![subject.pairs()];
        for ranges in divisions.iter().rev() {
            pairs.push(grouped(&pairs[pairs.len() - 1], ranges));
        }
        for (division, pairs) in pairs.into_iter().skip(1).rev().enumerate() {
            for pair in pairs.into_iter().filter(Pair::is_alike) {
                add(&mut parts, [number, division], pair, thresholds);
            }
        }
    }
    parts
}

/// Adds what can be judged of `pair`, which is of that subject and division.
fn add(
    parts: &mut Vec<Part>,
    [subject, division]: [usize; 2],
    pair: Pair,
    thresholds: &Thresholds,
) {
    let Pair { slots, hours, .. } = pair;
    if !(hours.iter()).all(|hour| hour.numbers() >= thresholds.min_samples) {
        return;
    }
    let mut add = |sides: Sides, evidence: Box<dyn Judged>| {
        if !evidence.is_too_little(thresholds) {
            parts.push(Part {
                subject,
                division,
                slots: slots.clone(),
                sides,
                evidence,
            });
        }
    };
    let failures = hours.each_ref().map(|hour| hour.failures);
    if failures.iter().all(|failures| failures.requests > 0) {
        let evidence = FailureEvidence::of(failures[0], failures[1]);
        add(Sides::Failures(failures), Box::new(evidence));
    }
    let samples = hours.map(Hour::distribution);
    if could_change(&samples, thresholds) {
        let evidence = Evidence::of(&samples[0], &samples[1], thresholds);
        add(Sides::Durations(Box::new(samples)), Box::new(evidence));
    } else {
        add(Sides::Unmoved, Box::new(Unmoved::of(&samples)));
    }
}

/// Which of `parts` changed, and how, as far as that holds among all of them.
fn changes(parts: &[Part], thresholds: &Thresholds) -> Vec<(usize, Judgement)> {
    let all: Vec<&dyn Judged> = parts.iter().map(|part| &*part.evidence).collect();
    let judgements = judgements(&all, thresholds).into_iter().enumerate();
    let changes = judgements.filter(|(_, judgement)| judgement.is_change());
    changes.collect()
}

/// How much the parts of a subject vary, as far as it has been asked.
struct Varied<'a> {
    subjects: HashMap<usize, Subject, RandomState>,
    recorded: &'a [usize],
    divisions: &'a [Vec<Range<usize>>],
    chance: Chance,
    thresholds: &'a Thresholds,
    /// Of a subject and a division.
    known: Vec<((usize, usize), Variations)>,
}

/// The variations of the figures that verdicts are made by.
#[derive(Debug, Clone)]
struct Variations {
    median: Option<Variation>,
    mean: Option<Variation>,
    tails: [Option<Variation>; 2],
    failures: Option<Variation>,
}

impl Varied<'_> {
    /// The evidence on `part`, if it could have changed, where a change has to be beyond what periods
    /// differ by.
    fn evidence(&mut self, part: &Part) -> Option<Box<dyn Judged>> {
        let key = (part.subject, part.division);
        let at = self.known.iter().rposition(|(known, _)| *known == key);
        let at = at.unwrap_or_else(|| {
            let variations = self.variations(part.subject, part.division);
            self.known.push((key, variations));
            self.known.len() - 1
        });
        let variations = &self.known[at].1;
        let chance = self.chance;
        // Where nothing tells how much they differ, nothing is beyond it.
        let reach = |variation: &Option<Variation>, samples: u64| {
            variation
                .as_ref()
                .map_or(f64::INFINITY, |it| it.reach(samples as f64, chance))
        };
        match &part.sides {
            Sides::Unmoved => None,
            Sides::Failures([before, after]) => {
                let least = reach(&variations.failures, after.requests);
                Some(Box::new(FailureEvidence::beyond(*before, *after, least)))
            }
            Sides::Durations(samples) => {
                let [before, after] = &**samples;
                let percent = |variation: &Option<Variation>| {
                    let reach = reach(variation, after.figures().numbers()).exp_m1() * 100.0;
                    reach.max(self.thresholds.min_change)
                };
                let least = Least {
                    typical: percent(&variations.median),
                    mean: percent(&variations.mean),
                    tails: variations.tails.each_ref().map(percent),
                };
                Some(Box::new(Evidence::beyond(before, after, least)))
            }
        }
    }

    fn variations(&self, subject: usize, division: usize) -> Variations {
        let mut cells = Vec::new();
        if let Some(subject) = self.subjects.get(&subject) {
            for (part, slots) in self.divisions[division].iter().enumerate() {
                let all = Cell::of(subject.before(slots));
                for &period in self.recorded {
                    let one = Cell::of(subject.before_in(period, slots));
                    cells.push((period, part, one, all));
                }
            }
        }
        let of = |figure: fn(&Figures) -> f64| {
            let residuals = cells.iter().filter_map(|(period, part, one, all)| {
                let [one_is, all_is] = [one, all].map(|it| figure(&it.figures));
                let value = relative(one_is, all_is);
                value.is_finite().then_some(Residual {
                    period: *period,
                    part: *part,
                    samples: one.figures.numbers() as f64,
                    value,
                })
            });
            Variation::of(residuals.collect())
        };
        let failures = cells.iter().filter_map(|(period, part, one, all)| {
            let value = one.failures.rate() - all.failures.rate();
            value.is_finite().then_some(Residual {
                period: *period,
                part: *part,
                samples: one.failures.requests as f64,
                value,
            })
        });
        Variations {
            median: of(|figures| figures.median),
            mean: of(|figures| figures.mean),
            tails: [of(|figures| figures.p95), of(|figures| figures.p99)],
            failures: Variation::of(failures.collect()),
        }
    }
}

/// How far a figure is from another one, of which it is a part: by the logarithm, since twice as much is
/// as far as half as much. Where that means nothing, in parts of it.
fn relative(one: f64, all: f64) -> f64 {
    let ratio = one / all;
    if ratio > 0.0 {
        ratio.ln()
    } else {
        (one - all) / all.abs()
    }
}

/// What residuals are made of.
#[derive(Clone, Copy)]
struct Cell {
    figures: Figures,
    failures: Failures,
}

impl Cell {
    fn of(hour: Hour) -> Self {
        Self {
            failures: hour.failures,
            figures: *hour.distribution().figures(),
        }
    }
}
