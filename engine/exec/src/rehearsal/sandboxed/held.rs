//! Commands without a process: their end is known and put off.

use std::time::Duration;

use firedrill_run::{CommandId, Exit};

use super::{Played, Sandboxed};

/// An end that is put off: the time it says that it took, or for ever.
pub(super) struct Held {
    pub(super) exit: Exit,
    pub(super) until: Option<Duration>,
}

impl Sandboxed<'_> {
    /// Has a command end by itself after some time, unless something ends it before.
    pub(super) fn hold(&mut self, id: &CommandId, exit: Exit, takes: Duration) {
        let until = self.scene.now() + takes;
        if let Some(played) = self.commands.get_mut(id) {
            played.held = Some(Held { exit, until: Some(until) });
        }
    }

    /// Returns when the next command without a process ends or exceeds its time limit.
    pub(super) fn next_held(&self) -> Option<(Duration, CommandId)> {
        let held = self.commands.iter().filter_map(|(id, played)| {
            let held = played.held.as_ref()?;
            let limit = played.spawn.time_limit_ms.map(|ms| played.began + Duration::from_millis(ms));
            let moment = held.until.into_iter().chain(limit).min()?;
            Some((moment, id.clone()))
        });
        held.min_by_key(|(moment, id)| (*moment, self.commands[id].began))
    }

    pub(super) fn end_held(&mut self, id: CommandId) {
        let now = self.scene.now();
        let Some(Played { began, held: Some(held), is_lost, .. }) = self.commands.remove(&id) else {
            return;
        };
        let is_over = held.until.is_some_and(|until| until <= now);
        let exit = match (is_lost, is_over) {
            (true, _) => Exit::Lost,
            (false, true) => held.exit,
            (false, false) => Exit::TimedOut,
        };
        self.end(id, exit, began);
    }
}
