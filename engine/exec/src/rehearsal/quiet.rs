//! Nothing is started while an executable file is written.
//!
//! A child that is just being started holds every descriptor of this process until it has become its program, and the system
//! refuses to start a file that somebody holds open for writing ("Text file busy"). Rehearsals write and start side by side.

use std::sync::{PoisonError, RwLock};

static STARTS: RwLock<()> = RwLock::new(());

/// Writes files that will be started, while no rehearsal of this process starts anything.
pub fn while_nothing_starts<R>(write: impl FnOnce() -> R) -> R {
    // What the lock guards holds no data that a panic could have left half-changed.
    let _held = STARTS.write().unwrap_or_else(PoisonError::into_inner);
    write()
}

/// Starts something, beside other starts.
pub(super) fn starting<R>(start: impl FnOnce() -> R) -> R {
    let _held = STARTS.read().unwrap_or_else(PoisonError::into_inner);
    start()
}
