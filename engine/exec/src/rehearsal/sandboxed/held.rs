//! Commands without a process: their end is known and put off.

use std::time::Duration;

use firedrill_run::{CommandId, Exit};

use super::super::pretence::Took;
use super::{Played, Sandboxed};
use crate::world::Happening;

/// An end that is put off: the time it says that it took, or for ever.
pub(super) struct Held {
    pub(super) exit: Exit,
    pub(super) until: Option<Duration>,
    /// When it reaches milestones, in order.
    milestones: Vec<(Duration, String)>,
    /// How many of them were told to the present engine.
    told: usize,
}

impl Sandboxed<'_> {
    /// Has a command end by itself after the time that it took, unless something ends it before.
    pub(super) fn hold(&mut self, id: &CommandId, exit: Exit, took: Took) {
        let now = self.scene.now();
        let milestones = took.milestones.into_iter().map(|(after, name)| (now + after, name)).collect();
        if let Some(played) = self.commands.get_mut(id) {
            played.held = Some(Held { exit, until: Some(now + took.length), milestones, told: 0 });
        }
    }

    /// Returns when the next command without a process reaches a milestone, ends or exceeds its time limit.
    pub(super) fn next_held(&self) -> Option<(Duration, CommandId)> {
        let held = self.commands.iter().filter_map(|(id, played)| {
            let held = played.held.as_ref()?;
            let limit = played.spawn.time_limit_ms.map(|ms| played.began + Duration::from_millis(ms));
            let milestone = held.milestones.get(held.told).map(|(moment, _)| *moment);
            let moment = [milestone, held.until, limit].into_iter().flatten().min()?;
            Some((moment, id.clone()))
        });
        held.min_by_key(|(moment, id)| (*moment, self.commands[id].began))
    }

    /// Has happen what was due of a command without a process.
    pub(super) fn pass_held(&mut self, id: CommandId) {
        let now = self.scene.now();
        let held = self.commands.get_mut(&id).and_then(|played| played.held.as_mut());
        let Some(held) = held else { return };
        match held.milestones.get(held.told) {
            Some((moment, milestone)) if *moment <= now => {
                let milestone = milestone.clone();
                held.told += 1;
                self.remember_milestone(&id, &milestone);
                self.happenings.push_back(Happening::Reached { command: id, milestone });
            }
            Some(_) | None => self.end_held(id),
        }
    }

    /// Tells a new engine again what a running command has reached.
    pub(super) fn tell_again(&mut self, id: &CommandId) {
        let held = self.commands.get_mut(id).and_then(|played| played.held.as_mut());
        if let Some(held) = held {
            held.told = 0;
        }
    }

    fn end_held(&mut self, id: CommandId) {
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
