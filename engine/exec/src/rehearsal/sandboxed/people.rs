//! What people answer in a rehearsal: what the scenario says, when it says so.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use firedrill_model::rehearsal::{Answer, FaultKind, Says};
use firedrill_model::value::Value;
use firedrill_run::{Ask, CommandId, Event, Response, Role, Waiting};

use super::Sandboxed;
use crate::people::Word;
use crate::signals::Signal;
use crate::world::Happening;

/// The people of a rehearsal.
pub(super) struct People {
    answers: BTreeMap<String, Answer>,
    /// Questions that were put to them.
    asked: BTreeSet<CommandId>,
    /// What they will say, and when.
    due: Vec<(Duration, Event)>,
    /// What they have said to the present engine.
    said: Vec<Event>,
}

impl People {
    pub(super) fn new(answers: &BTreeMap<String, Answer>) -> People {
        People { answers: answers.clone(), asked: BTreeSet::new(), due: Vec::new(), said: Vec::new() }
    }

    /// Has a question answered as the scenario says, unless nobody does.
    fn hear(&mut self, question: &Waiting, now: Duration, fault: Option<&FaultKind>) {
        let answer = match (fault, self.answers.get(&name(&question.command))) {
            (Some(FaultKind::NoAnswer), _) | (None, None) => return,
            (Some(FaultKind::Declined), answer) => {
                let says = if question.ask == Ask::Approve { Says::Declined } else { Says::Failed };
                (Some(says), answer.cloned().unwrap_or_default())
            }
            (_, Some(answer)) => (answer.says.as_ref().map(|says| says.value), answer.clone()),
            (Some(_), None) => return,
        };
        let response = response(question.ask, answer.0);
        let many = if response == Response::Approved { question.min as usize } else { 1 };
        for by in names(question, &answer.1.by).into_iter().take(many) {
            let event = Event::Answered {
                command: question.command.clone(),
                response,
                outputs: outputs(response, &answer.1),
                by,
                note: String::new(),
                shown: String::new(),
            };
            self.due.push((now + answer.1.after, event));
        }
    }

    /// Returns when somebody says something next.
    pub(super) fn next(&self) -> Option<Duration> {
        self.due.iter().map(|(moment, _)| *moment).min()
    }
}

impl Sandboxed<'_> {
    /// Puts a question to the people of the rehearsal, once.
    pub(super) fn put(&mut self, question: &Waiting) {
        if !self.people.asked.insert(question.command.clone()) {
            return;
        }
        self.remember_question(&question.command);
        let fault = self.strikes.at_start(&question.command).map(|(fault, _)| fault);
        match fault {
            Some(FaultKind::Crash | FaultKind::LostSupervisor) => self.is_crashing = true,
            Some(FaultKind::Cancel) => self.happenings.push_back(Happening::Signal(Signal::Stop)),
            _ => {}
        }
        let now = self.scene.now();
        let is_of_people = |fault: &&FaultKind| matches!(fault, FaultKind::NoAnswer | FaultKind::Declined);
        self.people.hear(question, now, fault.as_ref().filter(is_of_people));
    }

    /// Has people say what is due. Returns whether anybody did.
    pub(super) fn speak(&mut self) -> bool {
        let now = self.scene.now();
        let (due, later): (Vec<_>, Vec<_>) = self.people.due.drain(..).partition(|(moment, _)| *moment <= now);
        self.people.due = later;
        let has_spoken = !due.is_empty();
        self.people.said.extend(due.iter().map(|(_, event)| event.clone()));
        let words = due.into_iter().map(|(_, event)| Happening::Word(Word { event, ear: None }));
        self.happenings.extend(words);
        has_spoken
    }

    /// People whose engine has crashed before it wrote down what they said say it again.
    pub(super) fn speak_again(&mut self) {
        let now = self.scene.now();
        let is_recorded = |said: &Event| self.journal.iter().any(|envelope| is_same_answer(&envelope.event, said));
        let lost: Vec<Event> = self.people.said.drain(..).filter(|said| !is_recorded(said)).collect();
        self.people.due.extend(lost.into_iter().map(|event| (now, event)));
    }

    /// Returns the questions that nobody answers.
    pub(super) fn unanswered_questions(&self) -> impl Iterator<Item = String> {
        let answered = |id: &CommandId| self.people.answers.contains_key(&name(id));
        let open = self.people.asked.iter().filter(move |id| !answered(id));
        open.map(|id| {
            let name = name(id);
            format!("nobody answers `{name}`, and it has no time limit: say under `answers` what people answer")
        })
    }
}

/// Returns whether two answers are one; what was shown is found out when it is recorded.
fn is_same_answer(one: &Event, other: &Event) -> bool {
    match (one, other) {
        (Event::Answered { command: a, by, .. }, Event::Answered { command: b, by: also, .. }) => a == b && by == also,
        _ => false,
    }
}

/// Returns how a question is called in a scenario.
fn name(id: &CommandId) -> String {
    let step = id.step().map(ToString::to_string).unwrap_or_default();
    if id.role == Role::Attempt { step } else { format!("{step}.{}", id.role) }
}

fn response(ask: Ask, says: Option<Says>) -> Response {
    match (says, ask) {
        (Some(Says::Approved), _) | (None, Ask::Approve) => Response::Approved,
        (Some(Says::Declined), _) => Response::Declined,
        (Some(Says::Done), _) | (None, Ask::Manual) => Response::Done,
        (Some(Says::Failed), _) => Response::Failed,
    }
}

fn outputs(response: Response, answer: &Answer) -> BTreeMap<String, Value> {
    let outputs = answer.outputs.iter().filter(|_| response == Response::Done);
    outputs.map(|(name, value)| (name.clone(), value.value.clone())).collect()
}

/// Returns who answers: those whom the scenario names, else those who may, else somebody.
fn names(question: &Waiting, by: &[String]) -> Vec<String> {
    let may: Vec<String> =
        question.by.iter().filter(|name| question.excluded.as_ref() != Some(name)).cloned().collect();
    match (by, may.as_slice()) {
        ([], []) => (1..=question.min).map(|nth| format!("operator-{nth}")).collect(),
        ([], may) => may.to_vec(),
        (by, _) => by.to_vec(),
    }
}
