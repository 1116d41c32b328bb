//! Histories as a process has them, with the thread that writes.

use std::{
    fs,
    path::Path,
    sync::{Arc, OnceLock, Weak, mpsc},
    time::Duration,
};

use ptpd_monitoring::{
    history::{Access, Attachment, GATE, History, Identity, Options},
    monitor::Monitor,
    recording::series::{LabelRef, Outcome},
    rollup::{Delta, Sink, Source},
    time::Clock,
};

use super::{FakeSource, HOUR, NOON, Place, counts, everything, notice, operation, range, sample};

fn open(place: &Place, path: &Path, interval: Duration) -> Arc<History> {
    History::open(path, || Options {
        flush_interval: interval,
        notice: Some(notice),
        ..place.options(Access::new(&GATE))
    })
}

const LONG: Duration = Duration::from_hours(1);

fn push(source: &FakeSource, name: &str) {
    source.push(sample(&operation(name), NOON, 1.0));
}

fn weak(source: &Arc<FakeSource>) -> Weak<dyn Source> {
    Arc::downgrade(source) as _
}

#[test]
fn the_thread_writes_by_itself() {
    /// Tells when it was asked.
    struct Asked(mpsc::Sender<()>, FakeSource);

    impl Source for Asked {
        fn drain(&self, out: &mut Vec<Delta>) {
            self.1.drain(out);
            // Nobody may listen any more.
            let _ = self.0.send(());
        }

        fn forget(&self) {
            self.1.forget();
        }
    }

    let place = Place::new();
    let history = open(&place, &place.path, Duration::from_millis(4));
    let (asked, told) = mpsc::channel();
    let source = Arc::new(Asked(asked, FakeSource::default()));
    push(&source.1, "op");
    let weak: Weak<dyn Source> = Arc::downgrade(&source) as _;
    let _attachment = history.attach("test", weak).unwrap();
    // Once the second question has come, the first answer is on disk.
    for _ in 0..2 {
        told.recv_timeout(Duration::from_mins(1)).unwrap();
    }
    assert_eq!(place.samples(), 1);
}

#[test]
fn handles_of_one_file_share_it_and_each_has_sources_of_its_own() {
    let place = Place::new();
    let link = place.path.with_file_name("link.db");
    let one = open(&place, &place.path, LONG);
    assert!(one.flush());
    #[cfg(unix)]
    std::os::unix::fs::symlink(&place.path, &link).unwrap();
    #[cfg(not(unix))]
    fs::hard_link(&place.path, &link).unwrap();
    let other = open(&place, &link, LONG);
    assert_eq!(other.path(), fs::canonicalize(&place.path).unwrap());
    let (first, second) = (
        Arc::new(FakeSource::default()),
        Arc::new(FakeSource::default()),
    );
    let first_attachment = one.attach("test", weak(&first)).unwrap();
    let second_attachment = other.attach("test", weak(&second)).unwrap();
    push(&first, "first");
    push(&second, "second");
    assert!(one.flush());
    assert_eq!(place.samples(), 2);

    one.close();
    one.close();
    assert!(one.is_closed() && one.flush());
    // By which its rows are still known.
    assert!(first_attachment.identity().is_some());
    push(&first, "first");
    first_attachment.absorb(vec![sample(&operation("first"), NOON, 1.0)]);
    push(&second, "second");
    assert!(other.flush());
    assert_eq!(place.samples(), 3);
    let reading = other.read(
        range(NOON, NOON + HOUR),
        everything,
        &[second_attachment.identity().unwrap()],
    );
    assert_eq!(
        counts(&reading.found),
        [("first".to_owned(), 0, 1), ("second".to_owned(), 2, 0)]
    );
    assert!(one.attach("test", weak(&first)).is_err());
}

#[test]
fn what_a_source_hands_over_until_it_is_detached_is_taken() {
    /// Hands over while it is being detached, as another thread may that has too much.
    #[derive(Default)]
    struct Late(OnceLock<Arc<Attachment>>);

    impl Late {
        fn hand_over(&self) {
            let attachment = self.0.get().unwrap();
            attachment.absorb(vec![sample(&operation("op"), NOON, 1.0)]);
        }
    }

    impl Source for Late {
        fn drain(&self, _: &mut Vec<Delta>) {}

        fn forget(&self) {}

        fn detach(&self) {
            self.hand_over();
        }
    }

    let place = Place::new();
    let history = open(&place, &place.path, LONG);
    let source = Arc::new(Late::default());
    let weak: Weak<dyn Source> = Arc::<Late>::downgrade(&source);
    assert!(source.0.set(history.attach("test", weak).unwrap()).is_ok());
    history.close();
    source.hand_over();
    assert!(history.flush());
    assert_eq!(place.samples(), 1);
}

#[test]
fn closing_writes_what_was_recorded_and_leaves_one_file() {
    let place = Place::new();
    let history = open(&place, &place.path, LONG);
    let source = Arc::new(FakeSource::default());
    let _attachment = history.attach("test", weak(&source)).unwrap();
    push(&source, "op");
    history.close();
    let left: Vec<_> = fs::read_dir(place.path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["history.db"]);
    assert_eq!(place.samples(), 1);
}

#[test]
fn a_file_that_could_not_be_written_when_it_was_closed_is_written_later() {
    let place = Place::new();
    let folder = place.path.with_file_name("missing");
    let path = folder.join("history.db");
    let history = open(&place, &path, LONG);
    let source = Arc::new(FakeSource::default());
    let attachment = history.attach("test", weak(&source)).unwrap();
    push(&source, "op");
    history.close();
    assert!(!history.flush());
    drop(attachment);
    drop(history);
    fs::create_dir(&folder).unwrap();
    let again = open(&place, &path, LONG);
    assert!(again.flush());
    let reading = again.read(range(NOON, NOON + HOUR), everything, &[]);
    assert_eq!(counts(&reading.found), [("op".to_owned(), 0, 1)]);
}

#[test]
fn a_history_lives_as_long_as_its_sources_do() {
    let place = Place::new();
    let history = open(&place, &place.path, LONG);
    let source = Arc::new(FakeSource::default());
    let attachment = history.attach("test", weak(&source)).unwrap();
    drop(history);
    push(&source, "op");
    let again = open(&place, &place.path, LONG);
    assert!(again.flush());
    assert_eq!(place.samples(), 1);
    drop(attachment);
    push(&source, "op");
    assert!(again.flush());
    assert_eq!(place.samples(), 1);
}

/// What the file's rows of `writers` different sources come to.
fn rows_of(place: &Place, history: &Arc<History>, sources: u64) -> (i64, Vec<Arc<Identity>>) {
    let mut identities = Vec::new();
    for _ in 0..sources {
        let source = Arc::new(FakeSource::default());
        let attachment = history.attach("test", weak(&source)).unwrap();
        identities.push(attachment.identity().unwrap());
        push(&source, "op");
        assert!(history.flush());
    }
    (place.count("SELECT count(*) FROM hours"), identities)
}

#[test]
fn sources_that_come_and_go_do_not_make_more_and_more_rows() {
    let place = Place::new();
    let history = open(&place, &place.path, LONG);
    let (rows, mut identities) = rows_of(&place, &history, 100);
    assert_eq!(place.samples(), 100);
    assert_eq!(rows, 16);
    identities.sort();
    identities.dedup();
    assert_eq!(identities.len(), 16);
    // Those of another kind are others.
    let source = Arc::new(FakeSource::default());
    let other = history.attach("other", weak(&source)).unwrap();
    assert!(!identities.contains(&other.identity().unwrap()));
}

#[test]
fn a_source_that_writes_as_one_that_went_does_not_take_memory_for_all_of_it() {
    let place = Place::new();
    let history = open(&place, &place.path, LONG);
    rows_of(&place, &history, 16);
    let clock = Clock::Manual(Arc::clone(&place.clock));
    let complete = |history: &Arc<History>, later: i64| {
        let monitor: Arc<Monitor<()>> = Arc::new(Monitor::new(10, clock.clone()).unwrap());
        let weak: Weak<dyn Source> = Arc::downgrade(&monitor) as _;
        let attachment = history.attach("test", weak).unwrap();
        monitor.roll_up_for(attachment);
        let label = LabelRef {
            unit: "s",
            timer: false,
            outcome: Outcome::None,
            session: None,
        };
        monitor.record("op", monitor.clock().monotonic(), 1.0, label, None);
        let range = range(NOON + later, NOON + HOUR);
        monitor
            .operation("op")
            .unwrap()
            .own(range, None, false)
            .complete
    };
    assert!(!complete(&history, 0));
    assert!(complete(&history, 1));
    // Where nobody went before, memory has all.
    let fresh = open(&place, &place.path.with_file_name("fresh.db"), LONG);
    assert!(complete(&fresh, 0));
}

#[test]
fn a_path_that_names_nothing_is_not_written_to() {
    let place = Place::new();
    let history = open(&place, Path::new(""), LONG);
    let source = Arc::new(FakeSource::default());
    let _attachment = history.attach("test", weak(&source)).unwrap();
    push(&source, "op");
    assert!(!history.flush());
    assert!(history.problem().is_some());
    assert_eq!(history.waiting(), (1, 0));
}
