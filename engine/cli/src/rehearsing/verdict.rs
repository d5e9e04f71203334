//! From what was played to what is judged.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use firedrill_exec::rehearsal::Performed;
use firedrill_exec::{DriveError, RunDir};
use firedrill_model::rehearsal::{Decision, Objectives};
use firedrill_report::Tail;
use firedrill_report::measure::measure;
use firedrill_report::rehearsal::{End, Measured, Told, WorldCommand};
use firedrill_run::{CommandId, Exit};

use super::Played;
use crate::screen;

/// Returns everything that is known of a case that was played.
pub(crate) fn told(played: &Played) -> Told {
    let rehearsed = &played.rehearsed;
    let (end, outputs) = match &rehearsed.end {
        Ok((verdict, outputs)) => (End::Rest(*verdict), outputs.clone()),
        Err(DriveError::StoodStill(why)) => (End::StoodStill(why.clone()), BTreeMap::new()),
        Err(DriveError::Hung(why)) => (End::Hung(why.clone()), BTreeMap::new()),
        Err(error) => (End::Broken(error.to_string()), BTreeMap::new()),
    };
    Told {
        plan: Arc::clone(&played.plan),
        envelopes: rehearsed.envelopes.clone(),
        end,
        outputs,
        unanswered: rehearsed.unanswered.clone(),
        unneeded: rehearsed.unneeded.iter().map(Decision::line).collect(),
        given_failed: rehearsed.unprepared.as_ref().map(command),
        world: rehearsed.examined.iter().map(command).collect(),
        unused_faults: rehearsed.unused.iter().map(ToString::to_string).collect(),
        objectives: played
            .plan
            .objectives
            .map_or_else(Objectives::default, |objectives| Objectives { rto: objectives.rto, rpo: objectives.rpo }),
        measured: measured(played),
    }
}

/// Measures a case; in a fresh world there is no earlier artifact.
fn measured(played: &Played) -> Measured {
    let Ok(measures) = measure(&played.plan, &played.rehearsed.envelopes, None) else {
        return Measured::default();
    };
    Measured {
        rto: Some(Duration::from_millis(measures.machine_ms)),
        rpo: measures.recovery_point_ms.map(Duration::from_millis),
    }
}

/// Returns how much virtual time passed.
pub(crate) fn virtual_time(played: &Played) -> Duration {
    let envelopes = &played.rehearsed.envelopes;
    let ends = envelopes.first().zip(envelopes.last());
    Duration::from_millis(ends.map_or(0, |(first, last)| last.at_ms - first.at_ms))
}

/// Returns what tells the last words of a command.
pub(crate) fn tail_of(dir: &RunDir) -> impl Fn(&CommandId) -> Tail {
    move |command| screen::tail(dir, command)
}

fn command(performed: &Performed) -> WorldCommand {
    let exit = match performed.exit {
        Exit::Code(code) => Some(code),
        Exit::Signal(_) | Exit::TimedOut | Exit::Cancelled | Exit::Lost | Exit::NotSpawned(_) => None,
    };
    let said = match &performed.exit {
        Exit::NotSpawned(why) => why,
        _ => &performed.said,
    };
    WorldCommand { words: performed.argv.clone(), exit, tail: Tail::of(said.as_bytes(), false) }
}
