//! `firedrill rollback`

use firedrill_exec::{Locks, people};
use firedrill_run::Event;

use super::run::{Manner, patience, to_rest};
use super::settle::refused;
use crate::args::RollbackArgs;
use crate::failure::{Failure, Status};
use crate::home::Home;
use crate::terminal::Terminal;

pub(super) fn rollback(args: RollbackArgs, home: &Home, terminal: &Terminal) -> Result<Status, Failure> {
    let dir = home.run(Some(&args.run))?;
    let lock = dir.lock()?;
    Locks::of(&home.store()?)?.take_again(&dir, &lock)?;
    people::record(&dir, &lock, Event::RollbackRequested { by: args.by, note: args.note })
        .map_err(|error| refused(&dir, error))?;
    let manner = Manner { format: args.json.format(), patience: patience(args.no_wait) };
    to_rest(&dir, &lock, home, manner, terminal)
}
