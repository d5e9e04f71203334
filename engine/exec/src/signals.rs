//! Signals to the engine, as messages.

use std::io;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// What a signal to the engine means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Somebody wants the run to stop.
    Stop,
    /// The terminal is gone: the run goes on without it.
    HangUp,
}

/// Hands every signal to `report`, from a thread of its own, for as long as the process lives.
pub(crate) fn listen(report: impl Fn(Signal) + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    thread::spawn(move || {
        for signal in signals.forever() {
            report(if signal == SIGHUP { Signal::HangUp } else { Signal::Stop });
        }
    });
    Ok(())
}
