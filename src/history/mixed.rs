//! Whether a log is that of the file that it lies beside. The database takes any log for that: if somebody
//! put another file in the place of one whose log was left, it would mix both.
//!
//! That they are of each other is true at any time. That they are not is only true for who has the lock of
//! the log alone: others may be in the middle of writing to both.

use rusqlite::{Connection, ErrorCode};

use super::{
    connected::Connected,
    edition::{self, Alone, Edition},
    files::Paths,
    log::{Frames, Log},
    schema::{self, Refusal},
    store::Access,
};

/// What a file and the log beside it are.
#[derive(Debug)]
pub enum Fit {
    /// File and log are of each other.
    Together {
        /// What the file alone is; `None` if nothing is in it yet.
        alone: Option<Edition>,
        /// How often rows have been added to both.
        writes: i64,
    },
    /// Pages of the file are missing, or cannot be, and why. The log has them where it is written back in
    /// part, since somebody reads what was there before, or was ended meanwhile: then [all is
    /// sound](is_sound).
    Incomplete(Refusal),
    /// The log was written for another file.
    Anothers {
        /// What the file is; likewise.
        alone: Option<Edition>,
    },
}

/// What the file at `paths` and its `log` are, which `connection` reads together, and may have read before;
/// or why the file cannot be used with any log.
pub fn fit(
    log: &Log,
    connection: &Connection,
    paths: &Paths,
    access: &Access,
) -> Result<Fit, Refusal> {
    let earlier = of_both(connection);
    // Of how many additions the file may lack, each transaction in the log counting for one at most. In this
    // order: whatever others write meanwhile, the file has no fewer then.
    //
    // (A log begins when all before it is in the file, which nothing takes back from there. What is written
    // back in part is no measure: of each page it is the newest state or nothing.)
    let missing = if is_written_back(connection) {
        0
    } else {
        log.transactions()
    };
    let alone = match Alone::of(&paths.main, access) {
        Alone::History(alone) => Some(alone),
        Alone::Empty => None,
        Alone::Refused(refusal) if edition::is_incomplete(&refusal) => {
            return Ok(Fit::Incomplete(refusal));
        }
        Alone::Refused(refusal) => return Err(refusal),
    };
    // Others may have written back more meanwhile.
    match earlier.and_then(|earlier| Ok((earlier, of_both(connection)?))) {
        Ok((earlier, both)) => {
            let before = alone.unwrap_or_default();
            let is_own = both.follows(&before) && before.writes() >= earlier.writes() - missing;
            Ok(if is_own {
                Fit::Together {
                    alone,
                    writes: both.writes(),
                }
            } else {
                Fit::Anothers { alone }
            })
        }
        // Each is whole, as a log always is, and together they are not.
        Err(Refusal::Database(error)) if is_corrupt(&error) && is_sound_alone(paths, access)? => {
            Ok(Fit::Anothers { alone })
        }
        Err(refusal) => Err(refusal),
    }
}

/// Whether all of the log is known to be in the file. The log is only looked for when something is read.
fn is_written_back(connection: &Connection) -> bool {
    Frames::of(connection).is_ok_and(Frames::are_written_back)
}

/// The edition that file and log come to.
fn of_both(connection: &Connection) -> Result<Edition, Refusal> {
    match schema::version(connection, schema::STEPS)? {
        0 => Ok(Edition::default()),
        _ => Ok(Edition::of(connection)?),
    }
}

fn is_sound_alone(paths: &Paths, access: &Access) -> rusqlite::Result<bool> {
    is_sound(Connected::open_alone(&paths.main, access)?.get())
}

/// Whether all pages are in order. Those that `connection` has read before it remembers.
pub fn is_sound(connection: &Connection) -> rusqlite::Result<bool> {
    let check = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    match check {
        Ok(said) => Ok(said == "ok"),
        Err(error) if is_corrupt(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

fn is_corrupt(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt)
}
