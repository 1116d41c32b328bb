use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use ptpd_monitoring::history::{Gate, Inherited, Reader};

use super::Place;

#[test]
fn a_fork_waits_until_nobody_is_inside() {
    let gate = Gate::new();
    let pass = gate.enter().unwrap();
    gate.close();
    assert!(gate.is_closed() && !gate.is_empty());
    assert!(gate.enter().is_none());
    drop(pass);
    assert!(gate.is_empty());
    gate.open();
    assert!(!gate.is_closed());
    assert!(gate.enter().is_some());
}

#[test]
fn nobody_gets_in_before_the_last_of_several_forks_is_over() {
    let gate = Gate::new();
    gate.close();
    gate.close();
    gate.open();
    assert!(gate.enter().is_none());
    gate.open();
    assert!(gate.enter().is_some());
    // One time too many does no harm.
    gate.open();
    assert!(gate.is_empty() && !gate.is_closed());
}

#[test]
fn whoever_waits_gets_in_when_the_fork_is_over() {
    let gate = Gate::new();
    gate.close();
    let inside = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let pass = gate.enter_or_wait();
            inside.store(pass.is_some(), Ordering::SeqCst);
        });
        assert!(!inside.load(Ordering::SeqCst));
        gate.open();
    });
    assert!(inside.load(Ordering::SeqCst));
}

#[test]
fn a_fork_gives_up_waiting_for_a_disk_that_does_not_answer() {
    let gate = Gate::new();
    let _pass = gate.enter().unwrap();
    gate.close();
    gate.wait_until_empty(Duration::ZERO);
    assert!(!gate.is_empty());
}

#[test]
fn a_child_begins_with_an_open_gate() {
    let gate = Gate::new();
    assert!(gate.is_in_its_process());
    gate.close();
    assert_eq!(gate.begin_anew(), Inherited::Nothing);
    assert!(!gate.is_broken());
    assert!(gate.enter().is_some());
}

#[test]
fn a_child_of_a_fork_that_did_not_ask_uses_nothing() {
    let gate = Gate::new();
    std::mem::forget(gate.enter());
    assert_eq!(gate.begin_anew(), Inherited::Open);
    assert!(gate.is_broken());
    assert!(gate.enter_or_wait().is_none());
}

#[test]
fn an_open_file_keeps_a_child_from_using_anything() {
    let place = Place::new();
    place.writer().write();
    let access = Place::access();
    let reader = Reader::open(&place.path, &access).unwrap();
    assert_eq!(access.gate.begin_anew(), Inherited::Open);
    drop(reader);
    let access = Place::access();
    drop(Reader::open(&place.path, &access).unwrap());
    assert_eq!(access.gate.begin_anew(), Inherited::Nothing);
}

#[test]
fn a_thread_that_forks_does_not_wait_for_itself() {
    let (gate, other) = (Gate::new(), Gate::new());
    gate.close();
    gate.close();
    assert!(gate.enter_or_wait().is_none());
    assert!(other.enter_or_wait().is_some());
    gate.open();
    assert!(gate.is_closed_here() && gate.enter_or_wait().is_none());
    gate.open();
    assert!(gate.enter_or_wait().is_some());
    gate.close();
    assert_eq!(gate.begin_anew(), Inherited::Nothing);
    assert!(gate.enter_or_wait().is_some());
}
