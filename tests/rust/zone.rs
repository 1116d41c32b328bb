//! Checks that depend on the process's time zone, each in a process of its own.

use std::{any::type_name, env, path::Path, process::Command};

const ZONE: &str = "PTPD_TEST_ZONE";

/// Runs `check`, a closure written in the test itself, with `TZ` set to `zone`: starts the test
/// binary again for this test alone, and there runs only the check of that zone.
///
/// Without the system's zone files it says so and skips, except in CI, which has to have them.
#[expect(
    clippy::print_stdout,
    reason = "what the child did has to reach its parent"
)]
#[expect(clippy::print_stderr, reason = "what is skipped is told")]
pub fn in_zone<F: Fn()>(zone: &str, check: F) {
    if let Some(mine) = env::var_os(ZONE) {
        if mine == zone {
            check();
            println!("checked {zone}");
        }
        return;
    }
    if !Path::new("/usr/share/zoneinfo").join(zone).exists() {
        assert!(env::var_os("CI").is_none(), "CI has no zone file of {zone}");
        eprintln!("skipped: this machine has no zone file of {zone}");
        return;
    }
    let closure = type_name::<F>();
    let test = closure
        .split_once("::")
        .and_then(|(_, path)| path.strip_suffix("::{{closure}}"))
        .unwrap();
    let child = Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env("TZ", zone)
        .env(ZONE, zone)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(
        child.status.success() && said.contains(&format!("checked {zone}")),
        "{zone}: {said}{}",
        String::from_utf8_lossy(&child.stderr)
    );
}
