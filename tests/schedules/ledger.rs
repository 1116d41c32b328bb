use std::sync::{Arc, Mutex};

use ptpd_monitoring::{
    rollup::{Delta, Key, Sink, Source},
    stats::Histogram,
};

/// All that a history was handed over. Its lock is a real one, at which nothing is decided.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<Vec<Delta>>);

impl Sink for Ledger {
    fn absorb(&self, deltas: Vec<Delta>) {
        self.0.lock().unwrap().extend(deltas);
    }
}

impl Ledger {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Takes what `source` has to hand over, as the thread that writes does.
    pub fn drain(&self, source: &impl Source) {
        let mut deltas = Vec::new();
        source.drain(&mut deltas);
        self.absorb(deltas);
    }

    /// The samples of those keys.
    pub fn histogram(&self, wanted: impl Fn(&Key) -> bool) -> Histogram {
        let mut all = Histogram::new();
        for delta in self.0.lock().unwrap().iter() {
            if wanted(&delta.key) {
                all.merge(&delta.rollup.histogram);
            }
        }
        all
    }
}

/// Of values that are whole numbers, so that the sum is the same in any order.
pub fn histogram_of<'a>(values: impl IntoIterator<Item = &'a u64>) -> Histogram {
    values.into_iter().map(|&value| value as f64).collect()
}
