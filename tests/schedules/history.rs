use std::sync::Arc;

use ptpd_monitoring::{monitor::Monitor, rollup::Source, stats::Histogram, time::TimeRange};

use crate::{
    at_once, each_at_once, explore,
    ledger::{Ledger, histogram_of},
    monitor::{LABEL, held, monitor, record},
};

#[test]
fn every_sample_recorded_after_a_history_was_attached_is_handed_over() {
    explore(|| {
        let (shared, history) = (Arc::new(monitor(10)), Ledger::new());
        let (attaching, sink) = (Arc::clone(&shared), Arc::clone(&history));
        let recording = Arc::clone(&shared);
        let jobs: [Box<dyn FnOnce() + Send>; 2] = [
            Box::new(move || {
                assert!(attaching.roll_up_for(sink));
                record(&attaching, "new", 7);
            }),
            Box::new(move || {
                record(&recording, "new", 8);
                record(&recording, "new", 9);
            }),
        ];
        at_once(jobs);
        history.drain(&*shared);
        // From one sample on all of them, in the order in which they were recorded.
        let kept = held(&shared.operation("new").unwrap());
        let handed_over = history.histogram(|_| true);
        let seven = kept.iter().position(|&value| value == 7).unwrap();
        assert!(
            (0..=seven).any(|from| handed_over == histogram_of(&kept[from..])),
            "{handed_over:?} of {kept:?}"
        );
    });
}

#[test]
fn what_a_history_took_before_it_was_closed_and_what_is_in_memory_alone_are_all() {
    explore(|| {
        let (shared, history) = (Arc::new(monitor(10)), Ledger::new());
        assert!(shared.roll_up_for(history.clone()));
        record(&shared, "a", 1);
        let (closing, taker) = (Arc::clone(&shared), Arc::clone(&history));
        let recording = Arc::clone(&shared);
        let draining = (Arc::clone(&shared), Arc::clone(&history));
        let jobs: [Box<dyn FnOnce() + Send>; 3] = [
            Box::new(move || {
                taker.drain(&*closing);
                closing.detach();
            }),
            Box::new(move || {
                for (name, value) in [("a", 2), ("new", 3), ("a", 4)] {
                    record(&recording, name, value);
                }
            }),
            Box::new(move || draining.1.drain(&*draining.0)),
        ];
        at_once(jobs);
        let mut known = history.histogram(|_| true);
        for operation in shared.operations() {
            let alone = operation.own(TimeRange::ALL, None, false).alone;
            known.extend(alone.into_iter().flat_map(|measured| measured.values));
        }
        assert_eq!(known, histogram_of(&[1, 2, 3, 4]));
    });
}

#[test]
fn a_forked_child_hands_over_what_it_calls_its_own_and_no_more() {
    explore(|| {
        let (shared, history) = (Arc::new(monitor(10)), Ledger::new());
        assert!(shared.roll_up_for(history.clone()));
        record(&shared, "a", 1);
        let works: [fn(&Monitor<u64>); 3] = [
            Source::forget,
            |shared| {
                for value in [2, 3] {
                    record(shared, "a", value);
                }
            },
            |shared| drop(shared.record_many("new", &[4.0, 5.0], LABEL)),
        ];
        each_at_once(&shared, works, |shared, work| work(shared));
        history.drain(&*shared);
        let own: Histogram = shared
            .operations()
            .iter()
            .filter_map(|operation| operation.own(TimeRange::ALL, None, false).measured)
            .flat_map(|measured| measured.values)
            .collect();
        assert_eq!(history.histogram(|_| true), own);
    });
}
