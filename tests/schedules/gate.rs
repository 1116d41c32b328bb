use std::sync::Arc;

use ptpd_monitoring::{
    history::{Gate, Inherited},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};
use shuttle::thread;

use super::{at_once, explore};

/// What must not be in use during a fork, and whether one is under way.
#[derive(Default)]
struct World {
    gate: Gate,
    users: AtomicUsize,
    forking: AtomicUsize,
    /// Stands for the interpreter, which one thread at a time has.
    interpreter: Mutex<()>,
    worked: AtomicUsize,
}

impl World {
    /// Uses a file, waiting for forks.
    fn work(&self) {
        let pass = self.gate.enter_or_wait().unwrap();
        self.users.fetch_add(1, SeqCst);
        assert_eq!(
            self.forking.load(SeqCst),
            0,
            "a fork caught the file in use"
        );
        thread::yield_now();
        assert_eq!(
            self.forking.load(SeqCst),
            0,
            "a fork caught the file in use"
        );
        self.users.fetch_sub(1, SeqCst);
        drop(pass);
        self.worked.fetch_add(1, SeqCst);
    }

    /// Forks as the hooks do, with hooks of others around them that use the file.
    fn fork(&self) {
        self.gate.close();
        self.work_unless_forking();
        while !self.gate.is_empty() {
            thread::yield_now();
        }
        {
            let _attached = self.interpreter.lock();
            self.work_unless_forking();
            self.forking.fetch_add(1, SeqCst);
            assert_eq!(
                self.users.load(SeqCst),
                0,
                "the file is in use during a fork"
            );
            thread::yield_now();
            assert_eq!(
                self.users.load(SeqCst),
                0,
                "the file is in use during a fork"
            );
            self.forking.fetch_sub(1, SeqCst);
        }
        self.work_unless_forking();
        self.gate.open();
        self.work();
    }

    fn work_unless_forking(&self) {
        assert!(
            self.gate.enter_or_wait().is_none(),
            "let in during its own fork"
        );
    }
}

fn job(world: &Arc<World>, what: fn(&World)) -> Box<dyn FnOnce() + Send> {
    let world = Arc::clone(world);
    Box::new(move || what(&world))
}

#[test]
fn no_fork_catches_anybody_inside_and_everybody_gets_in_again() {
    explore(|| {
        let world = Arc::new(World::default());
        at_once([
            job(&world, World::work),
            job(&world, World::work),
            job(&world, World::fork),
            job(&world, World::fork),
        ]);
        assert_eq!(world.worked.load(SeqCst), 4);
        assert!(world.gate.is_empty() && !world.gate.is_closed());
    });
}

#[test]
fn what_a_child_inherits_is_told_by_who_was_inside() {
    explore(|| {
        let gate = Arc::new(Gate::new());
        let other = Arc::clone(&gate);
        let inside = thread::spawn(move || drop(other.enter()));
        gate.close();
        let was_empty = gate.is_empty();
        // The child has this thread alone, and all that the others have done until now.
        let inherited = gate.begin_anew();
        if was_empty {
            assert_eq!(inherited, Inherited::Nothing);
        }
        // Not the child's any more, so what becomes of the count does not matter.
        let _ = inside.join();
    });
}
