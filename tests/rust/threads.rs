use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
        mpsc,
    },
    time::{Duration, Instant},
};

use ptpd_monitoring::threads::{Bell, Going, Worker};

/// Longer than anything takes that does not hang.
const DEADLINE: Duration = Duration::from_mins(1);

fn sleeper(bell: &Arc<Bell>) -> (Worker, u32) {
    let (bell, (says, hears)) = (Arc::clone(bell), mpsc::channel());
    let worker = Worker::spawn("sleeper", None, move |told| {
        let id = rustix::thread::gettid().as_raw_nonzero().get();
        says.send(id.cast_unsigned()).unwrap();
        loop {
            let rung = bell.rung();
            if told.is_to_end() {
                break;
            }
            bell.wait(rung, DEADLINE);
        }
    });
    (worker.unwrap(), hears.recv_timeout(DEADLINE).unwrap())
}

#[test]
fn whoever_waits_is_woken_by_a_ring_also_by_one_that_came_before() {
    let bell = Arc::new(Bell::new());
    let begun = Instant::now();
    let seen = bell.rung();
    bell.ring();
    bell.wait(seen, DEADLINE);
    let (worker, _) = sleeper(&bell);
    worker.tell_to_end();
    bell.ring();
    assert!(worker.join(DEADLINE, || ()));
    assert!(begun.elapsed() < DEADLINE);
}

#[test]
fn a_thread_that_was_waited_for_is_not_the_systems_any_more() {
    let bell = Arc::new(Bell::new());
    for _ in 0..200 {
        let (worker, id) = sleeper(&bell);
        let place = format!("/proc/self/task/{id}");
        assert!(Path::new(&place).exists() && !worker.has_ended());
        worker.tell_to_end();
        bell.ring();
        assert!(worker.join(DEADLINE, || ()));
        assert!(!Path::new(&place).exists());
    }
}

#[test]
fn a_thread_that_does_not_end_is_not_waited_for_longer_than_one_has_patience() {
    let bell = Arc::new(Bell::new());
    let (worker, _) = sleeper(&bell);
    let mut looks = 0;
    assert!(!worker.join(Duration::from_millis(20), || looks += 1));
    assert!(looks > 0);
}

#[test]
fn a_thread_does_not_wait_for_itself() {
    let (gives, gets) = mpsc::channel::<Worker>();
    let (says, hears) = mpsc::channel();
    let worker = Worker::spawn("itself", None, move |_| {
        let (own, mut looks) = (gets.recv_timeout(DEADLINE).unwrap(), 0);
        let patience = Duration::from_secs(1);
        says.send((own.join(patience, || looks += 1), looks))
            .unwrap();
    });
    gives.send(worker.unwrap()).unwrap();
    assert_eq!(hears.recv_timeout(DEADLINE), Ok((false, 0)));
}

#[test]
fn a_fork_does_not_wait_for_a_thread_that_may_wait_for_it() {
    static GOING: Going = Going::new();
    let (calls, called) = mpsc::channel();
    let (forks, forked) = mpsc::channel();
    let worker = Worker::spawn("away", None, move |told| {
        told.while_away(|| {
            calls.send(()).unwrap();
            assert_eq!(forked.recv_timeout(2 * DEADLINE), Ok(()));
        });
    });
    called.recv_timeout(DEADLINE).unwrap();
    let begun = Instant::now();
    GOING.wait_for(vec![worker.unwrap()]).wait(DEADLINE, || ());
    assert!(begun.elapsed() < DEADLINE);
    forks.send(()).unwrap();
}

#[test]
fn each_of_several_forks_waits_for_threads_that_another_has_told_to_end() {
    static GOING: Going = Going::new();
    let bell = Arc::new(Bell::new());
    let (worker, id) = sleeper(&bell);
    worker.tell_to_end();
    let first = GOING.wait_for(vec![worker]);
    let second = GOING.wait_for(Vec::new());
    let looks = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&looks);
    let other = std::thread::spawn(move || {
        second.wait(DEADLINE, || {
            seen.fetch_add(1, SeqCst);
        });
        assert!(!Path::new(&format!("/proc/self/task/{id}")).exists());
    });
    while looks.load(SeqCst) == 0 {
        std::thread::yield_now();
    }
    bell.ring();
    first.wait(DEADLINE, || ());
    other.join().unwrap();
}
