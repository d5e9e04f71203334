//! The people around a run without a world: what they can answer.

use std::collections::BTreeMap;

use firedrill_model::value::Value;
use firedrill_run::{Ask, CommandId, Event, Response, Ruling, Run, Wait, Waiting};

/// Returns the answer with which a question goes on; of a decision, one more approval.
pub(crate) fn yes(run: &Run, question: &Waiting) -> Event {
    match question.ask {
        Ask::Manual => answer(question, Response::Done, outputs(run, &question.command)),
        Ask::Approve => answer(question, Response::Approved, BTreeMap::new()),
    }
}

/// Returns the answer with which it has failed.
pub(crate) fn no(question: &Waiting) -> Event {
    let response = if question.ask == Ask::Manual { Response::Failed } else { Response::Declined };
    answer(question, response, BTreeMap::new())
}

/// Returns that nobody answers in time, if there is a time limit.
pub(crate) fn silence(run: &Run, question: &Waiting) -> Option<Event> {
    let limit = run.command(&question.command)?.time_limit;
    limit.map(|_| Event::Elapsed { wait: Wait::Answer(question.command.clone()) })
}

/// Returns everything that somebody may say about what the failures of steps mean.
pub(crate) fn rulings(run: &Run) -> Vec<Event> {
    let said = run.undecided().flat_map(|step| {
        let rulings = [Ruling::Retry, Ruling::Done, Ruling::Rollback, Ruling::Stop];
        let (outputs, by, note) = (BTreeMap::new(), "somebody", "");
        rulings.map(|ruling| Event::Ruled {
            step: step.clone(),
            ruling,
            outputs: outputs.clone(),
            by: by.to_owned(),
            note: note.to_owned(),
        })
    });
    said.filter(|event| run.clone().apply(event).is_ok()).collect()
}

fn answer(question: &Waiting, response: Response, outputs: BTreeMap<String, Value>) -> Event {
    Event::Answered {
        command: question.command.clone(),
        response,
        outputs,
        by: next_name(question),
        note: String::new(),
        shown: String::new(),
    }
}

/// Returns somebody who may answer and has not.
fn next_name(question: &Waiting) -> String {
    let is_free = |name: &&String| !question.approved.contains(name) && question.excluded.as_ref() != Some(name);
    let named = question.by.iter().find(is_free).cloned();
    named.unwrap_or_else(|| format!("operator-{}", question.approved.len() + 1))
}

/// Returns something for every value that is asked for: what it is makes no difference without a world.
fn outputs(run: &Run, id: &CommandId) -> BTreeMap<String, Value> {
    let rules = run.command(id).map_or(&[][..], |command| command.outputs.as_slice());
    rules.iter().map(|rule| (rule.name.clone(), Value::None)).collect()
}
