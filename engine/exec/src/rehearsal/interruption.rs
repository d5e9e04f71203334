//! Ending all rehearsals of this process at a signal.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::signals;

static IS_INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on a signal that asks this process to end makes every rehearsal end what it started and return
/// `DriveError::Interrupted`.
pub fn end_on_signals() -> io::Result<()> {
    signals::listen(|_| IS_INTERRUPTED.store(true, Ordering::Relaxed))
}

/// Returns whether such a signal has come.
pub fn is_interrupted() -> bool {
    IS_INTERRUPTED.load(Ordering::Relaxed)
}
