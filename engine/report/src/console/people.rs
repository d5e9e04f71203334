//! The lines about people: what they are asked, who may answer, and what to type.

use firedrill_run::{Ask, CommandId, Response, Role, Waiting};

use super::{Console, Line, subject, what};
use crate::ink::Tone;
use crate::view::{Reply, View};

impl Console {
    /// Returns the lines with which people are asked.
    pub(super) fn asked(&self, view: &View, at_ms: u64, command: &CommandId) -> String {
        let waiting = view.waiting_for().into_iter().find(|waiting| waiting.command == *command);
        let (Some(waiting), Some(told)) = (waiting, view.told(command)) else { return String::new() };
        let mut lines = self.line(at_ms, subject(command), &Line::new(Tone::Warning, &lead(&waiting)));
        let texts = told.text.lines().chain(told.confirm.iter().flat_map(|confirm| confirm.lines()));
        texts.for_each(|text| lines += &self.prose(text));
        lines += &who(&waiting).map(|who| self.prose(&who)).unwrap_or_default();
        for typed in to_type(view, &waiting) {
            lines += &self.indented(Tone::Typed, &typed);
        }
        lines
    }

    /// Returns the lines with which people are asked again whom an earlier engine has asked.
    pub(super) fn asked_again(&self, view: &View, at_ms: u64) -> String {
        view.waiting_for().iter().map(|waiting| self.asked(view, at_ms, &waiting.command)).collect()
    }

    /// Returns the lines of an answer.
    pub(super) fn replied(&self, view: &View, at_ms: u64, reply: &Reply) -> String {
        let still = view.waiting_for().into_iter().find(|waiting| waiting.command == reply.command);
        let text = match (reply.response, still) {
            (Response::Approved, Some(waiting)) => {
                format!("approved by {} ({} of {})", reply.by, waiting.approved.len(), waiting.min)
            }
            (response, _) => format!("{} says: {}", reply.by, response.words()),
        };
        let tone = match reply.response {
            Response::Done | Response::Approved => Tone::Good,
            Response::Failed | Response::Declined => Tone::Bad,
        };
        let note = if reply.note.is_empty() { String::new() } else { format!("\n{}", reply.note) };
        self.line(at_ms, subject(&reply.command), &Line::new(tone, &format!("{text}{note}")))
    }
}

fn lead(waiting: &Waiting) -> String {
    match (waiting.ask, &waiting.command.role) {
        (Ask::Approve, _) => "waits for approval".to_owned(),
        (Ask::Manual, Role::Attempt) => "waits for a human to do this".to_owned(),
        (Ask::Manual, _) => format!("the {} waits for a human to do this", what(&waiting.command)),
    }
}

/// Returns who may answer, and how many have, if that is worth a line.
pub(crate) fn who(waiting: &Waiting) -> Option<String> {
    let mut parts = Vec::new();
    if !waiting.by.is_empty() {
        parts.push(format!("to be decided by {}", waiting.by.join(", ")));
    }
    parts.extend(waiting.excluded.iter().map(|starter| format!("not by {starter}, who started the run")));
    if waiting.min > 1 {
        parts.push(format!("{} of {} have approved", waiting.approved.len(), waiting.min));
    }
    if !waiting.approved.is_empty() {
        parts.push(format!("approved by {}", waiting.approved.join(", ")));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Returns what answers a question, typed anywhere.
pub(crate) fn to_type(view: &View, waiting: &Waiting) -> Vec<String> {
    let (run, command) = (view.id(), &waiting.command);
    let place = match (command.step(), &command.role) {
        (Some(step), Role::Attempt) => step.to_string(),
        (Some(step), role) => format!("{step}.{role}"),
        (None, role) => role.to_string(),
    };
    match waiting.ask {
        Ask::Approve => vec![format!("firedrill approve {run} {place} --by NAME [--decline]")],
        Ask::Manual => {
            let rules = view.run().command(command).map_or(&[][..], |command| command.outputs.as_slice());
            let values = rules.iter().map(|rule| format!(" --output {}={}", rule.name, rule.r#type.name()));
            let values = values.collect::<Vec<_>>().concat();
            vec![
                format!("firedrill answer {run} {place} --done{values} --by NAME"),
                format!("firedrill answer {run} {place} --failed --by NAME"),
            ]
        }
    }
}
