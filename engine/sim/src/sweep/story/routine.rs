//! What the probes of a playbook do by the dozen, told in one sentence.

use firedrill_model::judge::Judgement;
use firedrill_run::{CommandId, Event, Exit, Role, Run, Subject};

/// As many sentences are told one by one.
const FEW: usize = 4;

/// Sentences about probes of the playbook that do what they do in every run, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Routine {
    sentences: Vec<String>,
    kind: &'static str,
    starts: usize,
    holds: usize,
    runs_on: usize,
}

impl Routine {
    /// Takes the sentence about an event if it is routine; otherwise tells what was taken, and then the sentence.
    pub(super) fn tell(&mut self, run: &Run, event: &Event, sentence: String, told: &mut Vec<String>) {
        let kind = kind(run, event);
        if kind != Some(self.kind) {
            self.end(told);
        }
        let Some(kind) = kind else {
            told.push(sentence);
            return;
        };
        self.kind = kind;
        self.sentences.push(sentence);
        match event {
            Event::Started { .. } => self.starts += 1,
            Event::Adopted { .. } => self.runs_on += 1,
            _ => self.holds += 1,
        }
    }

    /// Tells what was taken: a few sentences as they are, many in one.
    pub(super) fn end(&mut self, told: &mut Vec<String>) {
        let routine = std::mem::take(self);
        if routine.sentences.len() <= FEW {
            told.extend(routine.sentences);
            return;
        }
        let did = [(routine.starts, "asked"), (routine.runs_on, "found running"), (routine.holds, "found to hold")];
        let did: Vec<String> =
            did.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        told.push(format!("the {} of the playbook: {}", routine.kind, did.join(", ")));
    }
}

/// Returns what the probe of an event is for, if it is one of the playbook and nothing is remarkable about the event.
fn kind(run: &Run, event: &Event) -> Option<&'static str> {
    let command = match event {
        Event::Ended { command, exit, .. } if is_met(run, command, exit) => command,
        Event::Started { command }
        | Event::Adopted { command, .. }
        | Event::Judged { command, judgement: Judgement::Met { .. } } => command,
        _ => return None,
    };
    match (&command.subject, &command.role) {
        (Subject::Playbook, Role::Guard(_)) => Some("guards"),
        (Subject::Playbook, Role::Invariant(_)) => Some("invariants"),
        _ => None,
    }
}

fn is_met(run: &Run, command: &CommandId, exit: &Exit) -> bool {
    let Exit::Code(code) = exit else { return false };
    run.command(command).is_some_and(|planned| planned.expect.exit.contains(code))
}
