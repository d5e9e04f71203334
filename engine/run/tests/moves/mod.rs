//! Everything that can happen to a run next: how commands end, what is answered, what people say, what becomes of engines.
#![allow(dead_code, unreachable_pub)]

use std::collections::BTreeMap;

use firedrill_model::judge::Judgement;
use firedrill_model::plan::examples;
use firedrill_model::value::Value;
use firedrill_run::{
    Answer, Ask, CommandId, Done, Effect, Event, Exit, Open, Phase, Question, Rendered, Rendering, Response, Ruling,
    Run, Waiting,
};

/// What may happen next, the harmless ways first, and how many of them are harmless.
pub struct Moves {
    pub harmless: Vec<Event>,
    /// Failures, doubts and refusals.
    pub faults: Vec<Event>,
}

/// Returns what the world may do next; requests, words of people and crashes apart.
pub fn moves(run: &Run) -> Moves {
    let mut moves = Moves { harmless: Vec::new(), faults: Vec::new() };
    let (due, flights) = run.next_and_in_flight();
    let ended: Vec<&CommandId> =
        due.iter().filter_map(|effect| if let Effect::Terminate(id) = effect { Some(id) } else { None }).collect();
    for command in flights {
        for exit in [Exit::Code(1), Exit::Code(7), Exit::TimedOut, Exit::NotSpawned("gone".into())] {
            moves.faults.push(end(&command, exit));
        }
        if ended.contains(&&command) {
            moves.faults.push(end(&command, Exit::Cancelled));
        }
        let reached = run.unreached(&command).map(|milestone| milestone.name.clone());
        moves.faults.extend(reached.map(|milestone| Event::Reached { command: command.clone(), milestone }));
        moves.harmless.push(end(&command, Exit::Code(0)));
    }
    for effect in due {
        moves.answer(effect);
    }
    moves.harmless.extend(run.pauses().into_iter().map(|pause| Event::Elapsed { wait: pause.wait }));
    run.waiting_for().iter().for_each(|question| moves.ask(run, question));
    moves
}

impl Moves {
    fn answer(&mut self, effect: Effect) {
        match effect {
            Effect::Decide(question @ Question::Items(_)) => {
                for count in [2, 0] {
                    let answer = Answer::Items(examples(count));
                    self.harmless.push(Event::Decided { question: question.clone(), answer });
                }
                self.faults.push(Event::Decided { question, answer: Answer::Error("no value".into()) });
            }
            Effect::Decide(question) => {
                self.harmless.push(Event::Decided { question: question.clone(), answer: Answer::Yes });
                self.faults.push(Event::Decided { question: question.clone(), answer: Answer::No });
                self.faults.push(Event::Decided { question, answer: Answer::Error("no value".into()) });
            }
            Effect::Render(command) => {
                let text = Rendered { argv: vec!["x".into()], env: BTreeMap::new(), dir: None, stdin: None };
                let outcome = Rendering::Text(text);
                self.harmless.push(Event::Rendered { command: command.clone(), outcome });
                self.faults.push(Event::Rendered { command, outcome: Rendering::Error("no value".into()) });
            }
            Effect::Start(command) => self.harmless.push(Event::Started { command }),
            Effect::Judge(command) => {
                let judgement = Judgement::Met { outputs: [("value".to_owned(), Value::Int(7))].into() };
                self.harmless.push(Event::Judged { command: command.clone(), judgement });
                for judgement in [
                    Judgement::Unmet { reason: "not as expected".into() },
                    Judgement::Unclear { reason: "could not tell".into() },
                ] {
                    self.faults.push(Event::Judged { command: command.clone(), judgement });
                }
            }
            Effect::Settle(command) => {
                self.faults.push(end(&command, Exit::Lost));
                self.faults.push(end(&command, Exit::Code(1)));
                self.faults.push(Event::NotStarted { command: command.clone() });
                self.harmless.push(Event::Adopted { command, ms: 0 });
            }
            Effect::Terminate(_) => {}
            other => unreachable!("an effect that these moves do not know: {other:?}"),
        }
    }

    fn ask(&mut self, run: &Run, question: &Waiting) {
        let (yes, no) = match question.ask {
            Ask::Manual => (Response::Done, Response::Failed),
            Ask::Approve => (Response::Approved, Response::Declined),
        };
        let rules = run.command(&question.command).map_or(&[][..], |command| command.outputs.as_slice());
        let outputs = rules.iter().map(|rule| (rule.name.clone(), Value::None)).collect();
        let is_free = |name: &&&str| !question.approved.iter().any(|by| by == **name);
        let by = (*["ann", "bob", "kim"].iter().find(is_free).expect("no question needs more")).to_owned();
        let answer = |response, outputs| Event::Answered {
            command: question.command.clone(),
            response,
            outputs,
            by: by.clone(),
            note: String::new(),
            shown: String::new(),
        };
        self.harmless.push(answer(yes, if yes == Response::Done { outputs } else { BTreeMap::new() }));
        self.faults.push(answer(no, BTreeMap::new()));
    }
}

/// Returns what somebody may say of everything that is open.
pub fn words(run: &Run) -> Vec<Event> {
    let (by, note) = ("ann".to_owned(), "seen".to_owned());
    let said = |step, debt, done| Event::Settled {
        step,
        debt,
        done,
        outputs: BTreeMap::new(),
        by: by.clone(),
        note: note.clone(),
    };
    let mut words = Vec::new();
    for open in run.open() {
        match open {
            Open::InDoubt { step, .. } => {
                words.extend([Done::Done, Done::NotDone].map(|done| said(step.clone(), None, done)));
            }
            Open::Owed { step, debt } => {
                words.extend([Done::Done, Done::NotDone].map(|done| said(step.clone(), Some(debt), done)));
            }
            Open::Undecided { step } => {
                let rulings = [Ruling::Retry, Ruling::Done, Ruling::Rollback, Ruling::Stop];
                words.extend(rulings.map(|ruling| Event::Ruled {
                    step: step.clone(),
                    ruling,
                    outputs: BTreeMap::new(),
                    by: by.clone(),
                    note: note.clone(),
                }));
            }
            Open::Invariant { .. } => {}
        }
    }
    words.extend((run.phase() == Phase::AtRest).then_some(Event::RollbackRequested { by, note }));
    words.retain(|word| run.clone().apply(word).is_ok());
    words
}

pub fn engine() -> Event {
    Event::EngineStarted { boot: String::new(), engine: String::new() }
}

pub fn start() -> Event {
    Event::RunStarted { run: "r".into(), plan: String::new(), by: None, skips: BTreeMap::new() }
}

fn end(command: &CommandId, exit: Exit) -> Event {
    Event::Ended { command: command.clone(), exit, ms: 0 }
}
