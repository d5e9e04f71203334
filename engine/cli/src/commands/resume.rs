//! `firedrill resume`

use firedrill_exec::Locks;

use super::run::{Manner, patience, to_rest};
use crate::args::ResumeArgs;
use crate::failure::{Failure, Status};
use crate::home::Home;
use crate::terminal::Terminal;

pub(super) fn resume(args: &ResumeArgs, home: &Home, terminal: &Terminal) -> Result<Status, Failure> {
    let dir = home.run(args.run.as_deref())?;
    let lock = dir.lock()?;
    Locks::of(&home.store()?)?.take_again(&dir, &lock, None)?;
    let manner = Manner { format: args.json.format(), patience: patience(args.no_wait) };
    to_rest(&dir, &lock, home, manner, terminal)
}
