//! The ledger of a world: who started and who ended, in the order in which it happened.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::world::{World, WorldError};

/// The environment variable in which a driver names the command that it starts.
const COMMAND_VARIABLE: &str = "FIREDRILL_COMMAND";

/// Returns the driver's name for this process, as one word.
pub(crate) fn command() -> Option<String> {
    let command = std::env::var(COMMAND_VARIABLE).ok().filter(|command| !command.is_empty());
    command.map(|command| command.replace(char::is_whitespace, "_"))
}

/// Returns how many stand-ins were started by this key.
pub(crate) fn starts(world: &World, key: &str) -> Result<usize, WorldError> {
    let path = world.ledger();
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        read => read.map_err(|source| WorldError::io("read", &path, source))?,
    };
    let start = format!("start {key} ");
    Ok(text.lines().filter(|line| line.starts_with(&start)).count())
}

/// The two lines of one stand-in. Each is one write to a file opened for appending, so lines never mix.
pub(crate) struct Ledger {
    file: File,
    line: String,
    ended: AtomicBool,
}

impl Ledger {
    pub(crate) fn start(world: &World, key: &str) -> Result<Ledger, WorldError> {
        let path = world.ledger();
        let open = OpenOptions::new().append(true).create(true).open(&path);
        let file = open.map_err(|source| WorldError::io("open", &path, source))?;
        let command = command().unwrap_or_else(|| "-".into());
        let line = format!("{key} {command} pid={}", std::process::id());
        let ledger = Ledger { file, line, ended: AtomicBool::new(false) };
        ledger.append(&format!("start {}\n", ledger.line))?;
        Ok(ledger)
    }

    /// Appends the second line; only the first caller does, since an answered interrupt may race with a normal end.
    pub(crate) fn end(&self, exit: u8) -> Result<(), WorldError> {
        if self.ended.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        self.append(&format!("end {} exit={exit}\n", self.line))
    }

    fn append(&self, line: &str) -> Result<(), WorldError> {
        (&self.file).write_all(line.as_bytes()).map_err(|source| WorldError::io("append to", "ledger".as_ref(), source))
    }
}
