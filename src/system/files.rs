//! Small kernel files: kept open, read in one go, parsed as bytes.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use crate::error::{Error, Result};

/// A file of procfs that is opened once and read again and again from its start.
pub struct KeptFile {
    path: &'static str,
    file: OnceLock<Option<File>>,
}

impl KeptFile {
    pub const fn new(path: &'static str) -> Self {
        Self {
            path,
            file: OnceLock::new(),
        }
    }

    /// What `parse` makes of the first bytes of the file, as many as `buffer` holds.
    ///
    /// Programs that turn themselves into daemons close every descriptor they can find, and the
    /// number may then stand for another file. So whatever does not parse is read afresh by
    /// path, and the kept descriptor is never closed by us.
    pub fn read<T>(&self, buffer: &mut [u8], parse: impl Fn(&[u8]) -> Option<T>) -> Result<T> {
        let kept = self.file.get_or_init(|| File::open(self.path).ok());
        if let Some(file) = kept
            && let Ok(length) = file.read_at(buffer, 0)
            && let Some(value) = parse(&buffer[..length])
        {
            return Ok(value);
        }
        let length = File::open(self.path)
            .and_then(|mut file| file.read(buffer))
            .map_err(|source| Error::io(self.path, source))?;
        parse(&buffer[..length]).ok_or_else(|| unexpected(self.path))
    }
}

/// The error for a kernel file whose content is not what the kernel's documentation says.
pub fn unexpected(path: impl Into<PathBuf>) -> Error {
    let source = io::Error::new(io::ErrorKind::InvalidData, "unexpected content");
    Error::io(path, source)
}

/// The first whole number in the file at `path`.
pub fn number_at(path: &Path) -> Result<u64> {
    let text = contents(path)?;
    numbers(&text).next().ok_or_else(|| unexpected(path))
}

/// The file at `path`.
pub fn contents(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|source| Error::io(path, source))
}

/// The leading numbers of `text`, split at white space; ends at the first other word.
pub fn numbers(text: &[u8]) -> impl Iterator<Item = u64> {
    text.split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
        .map_while(number)
}

fn number(word: &[u8]) -> Option<u64> {
    word.iter().try_fold(0_u64, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

/// The number behind `key` on the line that starts with it.
pub fn field(text: &[u8], key: &[u8]) -> Option<u64> {
    text.split(|&byte| byte == b'\n')
        .find_map(|line| numbers(line.strip_prefix(key)?).next())
}
