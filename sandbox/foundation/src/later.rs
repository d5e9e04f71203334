//! Situations that come about, or end, while a run goes on.

use serde::{Deserialize, Serialize};

use crate::clock::Moment;
use crate::platform::services;
use crate::scripts;
use crate::situation::Situation;
use crate::tasks;
use crate::world::{Part, World, WorldError};

/// The two things that can happen to a situation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Turn {
    Break,
    Mend,
}

impl Turn {
    /// Makes it happen.
    pub(crate) fn take(self, situation: &Situation, world: &World) -> Result<(), WorldError> {
        match self {
            Turn::Break => situation.bring_about(world),
            Turn::Mend => situation.mend(world),
        }
    }
}

/// What happens to a situation at a moment.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Appointment {
    /// In milliseconds since 1970.
    due_ms: i64,
    turn: Turn,
    situation: Situation,
}

impl Appointment {
    pub(crate) fn new(due: Moment, turn: Turn, situation: Situation) -> Appointment {
        Appointment { due_ms: due.timestamp().as_millisecond(), turn, situation }
    }

    fn due(&self) -> Moment {
        Moment::from_millis(self.due_ms)
    }
}

/// What has not happened yet, in the order in which it will.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Agenda(Vec<Appointment>);

impl Part for Agenda {
    const FILE: &'static str = "agenda.json";
}

impl Agenda {
    pub(crate) fn add(&mut self, appointment: Appointment) {
        self.0.push(appointment);
        self.0.sort_by_key(|appointment| appointment.due_ms);
    }

    fn take_due(&mut self, now: Moment) -> Vec<Appointment> {
        let now_ms = now.timestamp().as_millisecond();
        let due = self.0.partition_point(|appointment| appointment.due_ms <= now_ms);
        self.0.drain(..due).collect()
    }
}

/// Makes happen what is due, the director's work included. Stand-ins look when they start, and bbr again where it looks at the director's VM.
pub(crate) fn catch_up(world: &World) -> Result<(), WorldError> {
    if world.read::<Agenda>()?.0.is_empty() {
        return go_on(world);
    }
    let now = Moment::now();
    let due = world.update(|agenda: &mut Agenda| agenda.take_due(now))?;
    for appointment in &due {
        // The director and bbr's scripts have gone on until then.
        tasks::advance_until(world, appointment.due())?;
        scripts::settle(world, appointment.due())?;
        appointment.turn.take(&appointment.situation, world)?;
    }
    go_on(world)
}

/// The director works, scripts of a dead bbr end, and the platform learns of it.
fn go_on(world: &World) -> Result<(), WorldError> {
    tasks::advance(world)?;
    scripts::settle_due(world)?;
    services::settle(world)
}
