//! Classes of HTTP statuses.

/// Whether requests whose status is of this class count as errors.
pub fn is_error(status_class: u8) -> bool {
    status_class >= 4
}

/// Whether they count as errors of the server, and not of whoever asked.
pub fn is_server_error(status_class: u8) -> bool {
    status_class >= 5
}

/// The hundreds of a status, as keys have them.
pub fn status_class(status: u16) -> u8 {
    u8::try_from(status / 100).map_or(6, |class| class.min(6))
}
