//! What people were asked and what they answered.

use firedrill_model::plan::{Program, Text};
use firedrill_model::template::Piece;
use firedrill_run::journal::Envelope;
use firedrill_run::{CommandId, Event, Response, TaskAt, Wait, Waiting};
use serde::Serialize;

use super::{Change, Finish, View};
use crate::words;

/// What somebody answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reply {
    /// The command that asked.
    pub command: CommandId,
    /// The answer.
    pub response: Response,
    /// Who answered.
    pub by: String,
    /// What they remarked.
    pub note: String,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
}

/// What people are told when they are asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// What to do, or what is decided.
    pub text: String,
    /// What is asked when it should be done.
    pub confirm: Option<String>,
}

impl View {
    /// Returns what waits for people.
    pub fn waiting_for(&self) -> Vec<Waiting> {
        self.run.waiting_for()
    }

    /// Returns what people have answered, in order.
    pub fn replies(&self) -> &[Reply] {
        &self.replies
    }

    /// Returns what people are told by a command that asks them; nothing of any other command.
    pub fn told(&self, id: &CommandId) -> Option<Told> {
        let command = self.run.command(id).filter(|command| command.program.asks_people())?;
        let rendered = self.run.rendered(id).map(|rendered| rendered.argv.clone());
        let texts = rendered.unwrap_or_else(|| command.program.texts().map(planned).collect());
        let mut texts = texts.into_iter();
        Some(Told { text: texts.next()?, confirm: texts.next() })
    }

    /// Takes an answer.
    pub(super) fn replied(&mut self, envelope: &Envelope) -> Option<Change> {
        let Event::Answered { command, response, by, note, .. } = &envelope.event else { return None };
        let reply = Reply {
            command: command.clone(),
            response: *response,
            by: by.clone(),
            note: note.clone(),
            at_ms: envelope.at_ms,
        };
        self.replies.push(reply.clone());
        Some(Change::Replied(reply))
    }

    /// Finishes the questions that are over since this event.
    pub(super) fn closed_questions(&mut self, envelope: &Envelope) -> Vec<Change> {
        let is_out = |id: &CommandId| matches!(self.run.task(id).map(|task| task.at), Some(TaskAt::Asked(_)));
        let (open, closed): (Vec<_>, Vec<_>) = self.questions.drain(..).partition(is_out);
        self.questions = open;
        let changes = closed.into_iter().filter_map(|id| {
            let finish = self.end_of(&id, &envelope.event);
            let execution = self.executions.get_mut(&id)?;
            execution.ms = Some(envelope.at_ms.saturating_sub(execution.started_ms));
            self.finished(&id, finish)
        });
        changes.collect()
    }

    fn end_of(&self, id: &CommandId, event: &Event) -> Finish {
        let command = self.run.command(id);
        let is_decision = command.is_some_and(|command| matches!(command.program, Program::Approve { .. }));
        let nobody = match (event, command.and_then(|command| command.time_limit)) {
            (Event::Answered { command, response, by, note, .. }, _) if command == id => {
                return answered(*response, by, note);
            }
            (Event::Elapsed { wait: Wait::Answer(asked) }, Some(limit)) if asked == id => {
                format!("nobody answered within {}", words::length(limit))
            }
            _ => "nobody had answered when the run stopped".to_owned(),
        };
        if is_decision { Finish::Bad(nobody) } else { Finish::InDoubt(nobody) }
    }
}

fn answered(response: Response, by: &str, note: &str) -> Finish {
    let note = if note.is_empty() { String::new() } else { format!(": {note}") };
    match response {
        Response::Done | Response::Approved => Finish::Well,
        Response::Failed => Finish::Bad(format!("{by} says that it failed{note}")),
        Response::Declined => Finish::Bad(format!("{by} declined{note}")),
    }
}

/// Returns a text of the plan with what is not known in braces.
fn planned(text: &Text) -> String {
    match text {
        Text::Known(text) => text.clone(),
        Text::Deferred { template, .. } => {
            let pieces = template.pieces().iter().map(|piece| match piece {
                Piece::Literal(text) => text.clone(),
                Piece::Expression(expression) => format!("${{{{ {} }}}}", expression.source),
            });
            pieces.collect()
        }
    }
}
