//! What the system tells of the resources that processes used.

/// An RSS as getrusage(2) tells it, in bytes: Apple counts in those, everybody else in KiB.
#[cfg(unix)]
pub(super) fn bytes_of_max_rss(told: i64) -> Option<u64> {
    const UNIT: u64 = if cfg!(target_vendor = "apple") {
        1
    } else {
        1024
    };
    u64::try_from(told).ok()?.checked_mul(UNIT)
}
