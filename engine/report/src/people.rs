//! What waits for people, as the last block of a run that was left and as a part of what is shown.

use firedrill_run::{Ask, CommandId};
use serde::Serialize;

use crate::console::{to_type, who};
use crate::diagnostics::Colour;
use crate::foreign::harmless;
use crate::ink::{Ink, Tone};
use crate::text::wrap_prose;
use crate::view::{Told, View};

/// A question that waits for people, for machines.
#[derive(Serialize)]
pub(crate) struct Question {
    command: CommandId,
    ask: &'static str,
    told: Option<Told>,
    by: Vec<String>,
    excluded: Option<String>,
    min: u32,
    approved: Vec<String>,
    answer_with: Vec<String>,
}

/// Returns what waits for people, for machines.
pub(crate) fn questions(view: &View) -> Vec<Question> {
    let questions = view.waiting_for().into_iter().map(|waiting| Question {
        ask: match waiting.ask {
            Ask::Manual => "manual",
            Ask::Approve => "approve",
        },
        told: view.told(&waiting.command),
        answer_with: to_type(view, &waiting),
        command: waiting.command,
        by: waiting.by,
        excluded: waiting.excluded,
        min: waiting.min,
        approved: waiting.approved,
    });
    questions.collect()
}

/// Returns what waits for people and what to type; nothing if nobody is asked.
pub(crate) fn waiting(view: &View, columns: usize, ink: Ink) -> Option<String> {
    let questions = view.waiting_for();
    let blocks = questions.iter().map(|waiting| {
        let command = &waiting.command;
        let name = command.step().map(ToString::to_string).unwrap_or_default();
        let name = if command.is_hook() { format!("{name}, {}", command.role) } else { name };
        let told = view.told(command).map(|told| told.text).unwrap_or_default();
        let mut lines = vec![format!("  {}", ink.paint(Tone::Strong, &harmless(&name)))];
        lines.extend(
            wrap_prose(&harmless(&told), columns.saturating_sub(4)).into_iter().map(|line| format!("    {line}")),
        );
        lines.extend(who(waiting).map(|who| format!("    {}", harmless(&who))));
        lines.extend(to_type(view, waiting).iter().map(|typed| format!("    {}", ink.paint(Tone::Typed, typed))));
        lines.join("\n") + "\n"
    });
    let blocks: String = blocks.collect();
    let head = ink.paint(Tone::Strong, "people are asked");
    (!questions.is_empty()).then(|| format!("{head}\n{blocks}"))
}

/// Returns the last block of a run that is left while it waits for people.
pub fn left_waiting(view: &View, columns: usize, colour: Colour) -> String {
    let ink = Ink::new(colour);
    let head = ink.paint(Tone::Warning, "WAITING FOR PEOPLE");
    let run = ink.paint(Tone::Quiet, &format!("run {}", view.id()));
    let resume = ink.paint(Tone::Typed, &format!("firedrill resume {}", view.id()));
    let questions = waiting(view, columns, ink).unwrap_or_default();
    format!(
        "\n{head}  {run}\n  Nothing can happen before they have answered; nobody waits for them here.\n\n{questions}\ngo on when they have: {resume}\n"
    )
}
