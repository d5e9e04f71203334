//! `firedrill rollback`

use firedrill_exec::{Locks, Patience};
use firedrill_run::Event;

use super::run::{Manner, to_rest};
use super::settle::say;
use crate::args::RollbackArgs;
use crate::failure::{Failure, Status};
use crate::home::Home;
use crate::terminal::Terminal;

pub(super) fn rollback(args: RollbackArgs, home: &Home, terminal: &Terminal) -> Result<Status, Failure> {
    let dir = home.run(Some(&args.run))?;
    let lock = dir.lock()?;
    Locks::of(&home.store()?)?.take_again(&dir, &lock)?;
    say(&dir, &lock, Event::RollbackRequested { by: args.by, note: args.note })?;
    let manner = Manner { format: args.json.format(), patience: Patience::Wait };
    to_rest(&dir, &lock, home, manner, terminal)
}
