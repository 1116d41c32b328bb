//! The processor time and memory of child processes.

use std::{
    fs,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use proptest::prelude::*;
use ptpd_monitoring::system::{
    children::{ChildUsage, Process, Reaped, State, may_be_about_to_run, now, parse, readings},
    peak::Measurement,
};

const MB: u64 = 1 << 20;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn process(pid: u32, started: u64, seconds: u64, rss: u64, highest: u64) -> Process {
    Process {
        pid,
        started,
        cpu: secs(seconds),
        rss,
        highest,
    }
}

fn state(seconds: u64, highest: u64, faults: i64, living: Vec<Process>) -> State {
    State {
        tick: 1_000,
        reaped: Some(Reaped {
            cpu: secs(seconds),
            highest,
            faults,
        }),
        living,
    }
}

fn usage(seconds: u64, peak: Option<u64>) -> ChildUsage {
    ChildUsage {
        cpu: Some(secs(seconds)),
        peak,
    }
}

#[test]
fn without_children_nothing_was_taken() {
    let (start, end) = (state(7, 500, 9, Vec::new()), state(7, 500, 9, Vec::new()));
    assert_eq!(start.usage_until(&end, 0, 100), usage(0, Some(0)));
    assert_eq!(
        State::default().usage_until(&end, 5, 0),
        ChildUsage::default()
    );
}

#[test]
fn a_child_that_came_and_went_counts_with_what_the_account_rose_by() {
    let (start, end) = (state(7, 500, 9, Vec::new()), state(9, 600, 20, Vec::new()));
    assert_eq!(start.usage_until(&end, 0, 100), usage(2, Some(600)));
    // What it shared with this process before it ran a program is no memory of its own.
    assert_eq!(start.usage_until(&end, 0, 600), usage(2, None));
    assert_eq!(start.usage_until(&end, 250, 600), usage(2, Some(250)));
}

#[test]
fn a_child_smaller_than_an_earlier_one_has_the_peak_that_was_seen_or_none() {
    let (start, end) = (state(7, 500, 9, Vec::new()), state(7, 500, 20, Vec::new()));
    assert_eq!(start.usage_until(&end, 300, 100), usage(0, Some(300)));
    assert_eq!(start.usage_until(&end, 0, 100), usage(0, None));
}

#[test]
fn a_worker_that_goes_on_counts_with_what_it_did_meanwhile() {
    let start = state(0, 0, 0, vec![process(7, 500, 30, 10, 90)]);
    let after = |rss, highest| state(0, 0, 0, vec![process(7, 500, 34, rss, highest)]);
    // What it had before is not blamed on the call.
    assert_eq!(start.usage_until(&after(20, 90), 0, 0), usage(4, Some(20)));
    assert_eq!(start.usage_until(&after(20, 95), 0, 0), usage(4, Some(95)));
    assert_eq!(start.usage_until(&after(20, 90), 60, 0), usage(4, Some(60)));
}

#[test]
fn a_worker_that_ends_meanwhile_is_not_counted_with_what_it_did_before() {
    let start = state(0, 0, 0, vec![process(7, 500, 30, 10, 90)]);
    let end = state(34, 90, 5, Vec::new());
    assert_eq!(start.usage_until(&end, 15, 0), usage(4, Some(15)));
    // Nobody waited for it, so that its time is lost.
    assert_eq!(
        start.usage_until(&state(0, 0, 0, Vec::new()), 0, 0),
        usage(0, None)
    );
}

#[test]
fn another_process_of_the_same_number_is_another_one() {
    let start = state(0, 0, 0, vec![process(7, 500, 30, 10, 90)]);
    let end = state(31, 0, 5, vec![process(7, 1_000, 2, 20, 60)]);
    assert_eq!(start.usage_until(&end, 0, 0), usage(3, Some(60)));
}

proptest! {
    /// Whether a child lives on or has been waited for, what it took meanwhile is the same.
    #[test]
    fn the_time_of_children_counts_once(
        children in prop::collection::vec((0_u64..99, 0_u64..99, any::<bool>(), any::<bool>()), 0..6),
    ) {
        let (mut before, mut after) = (state(5, 0, 0, Vec::new()), state(5, 0, 0, Vec::new()));
        let mut expected = 0;
        for (pid, (earlier, later, was_there, lives)) in (1..).zip(children) {
            let earlier = if was_there { earlier } else { 0 };
            if was_there {
                before.living.push(process(pid, 500, earlier, 1, 1));
            }
            let total = earlier + later;
            if lives {
                after.living.push(process(pid, 500, total, 1, 1));
            } else {
                after.reaped.as_mut().unwrap().cpu += secs(total);
            }
            expected += later;
        }
        prop_assert_eq!(before.usage_until(&after, 0, 0).cpu, Some(secs(expected)));
    }
}

#[test]
fn a_forked_child_in_the_memory_of_its_parent_is_none_of_its_own() {
    assert!(may_be_about_to_run(8192, 8192, 8192));
    assert!(!may_be_about_to_run(4096, 8192, 8192));
    // Another thread changed the parent's while it was being read.
    for child in [4096, 8192, 12288] {
        assert!(may_be_about_to_run(child, 4096, 8192));
        assert!(may_be_about_to_run(child, 8192, 4096));
    }
}

#[test]
fn a_process_is_read_whatever_its_name() {
    let stat = b"7 (a) S (b\n) S 1 7 7 0 -1 64 5 0 0 0 11 12 13 14 20 0 1 0 4321 8192 3 99 1 1 0";
    let found = parse(7, stat).unwrap();
    assert_eq!((found.process.pid, found.process.started), (7, 4321));
    assert_eq!(found.process.cpu, Duration::from_millis(500));
    assert_eq!(found.process.rss % 3, 0);
    assert_eq!((found.has_run_program, found.size), (false, 8192));
    for wrong in [
        &b""[..],
        b"7 (a) S 1 7",
        b"7 (a",
        b"7 (a) S x x x x x x x x x x x x x x x",
    ] {
        assert_eq!(parse(7, wrong), None);
    }
}

/// A shell whose child sleeps, so that there are two generations.
struct Shell(Child);

impl Shell {
    fn start() -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 600 & wait"]).process_group(0);
        Self(command.stdout(Stdio::null()).spawn().unwrap())
    }

    /// The number of the child, once there is one.
    fn child(&self) -> Option<u32> {
        let path = format!("/proc/{0}/task/{0}/children", self.0.id());
        fs::read_to_string(path).unwrap().trim().parse().ok()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let group = Pid::from_raw(self.0.id().cast_signed());
        let _ = killpg(group, Signal::SIGKILL);
        let _ = self.0.wait();
    }
}

#[test]
fn children_of_children_are_found_and_seen_while_they_live() {
    let measurement = Measurement::begin().unwrap();
    let before = now();
    let shell = Shell::start();
    let patience = Instant::now() + Duration::from_mins(2);
    // Other tests have children as well.
    let own = loop {
        let found = readings();
        let find = |pid| found.iter().copied().find(|process| process.pid == pid);
        if measurement.children_sampled() > 0
            && let Some(child) = shell.child().and_then(find)
            && let Some(shell) = find(shell.0.id())
            && shell.highest > 0
        {
            break [shell, child];
        }
        assert!(Instant::now() < patience, "{found:?}");
        std::thread::yield_now();
    };
    for process in own {
        assert!(process.started >= before, "{process:?} {before}");
        assert!(process.highest >= process.rss, "{process:?}");
    }
    drop(shell);
    let children = measurement.finish().unwrap().children;
    assert!(children.cpu.is_some(), "{children:?}");
    assert!(children.peak >= Some(MB / 8), "{children:?}");
}
