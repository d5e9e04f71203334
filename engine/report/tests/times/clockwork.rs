//! Runs whose commands take as long as a test says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use firedrill_model::judge::Judgement;
use firedrill_model::plan::Plan;
use firedrill_model::value::{Type, Value};
use firedrill_run::journal::Envelope;
use firedrill_run::{Answer, CommandId, Done, Effect, Event, Exit, Rendered, Rendering, Role, Run, Verdict};

/// 2026-01-05 02:00:00 UTC.
pub(crate) const BEGIN_MS: u64 = 1_767_578_400_000;

/// A run under way: its records, and how long its commands take.
pub(crate) struct History {
    run: Run,
    envelopes: Vec<Envelope>,
    now_ms: u64,
    /// Seconds and end by the name of the command, or by a part of it.
    lengths: BTreeMap<String, (u64, Exit)>,
    ends: BTreeSet<(u64, CommandId)>,
}

impl History {
    /// Starts a run. `lengths` is a list of `COMMAND SECONDS [END]`; a step's name stands for its first attempt, an end
    /// is an exit code, `timeout` or `lost`. Everything else takes no time and exits with 0.
    pub(crate) fn new(plan: &Arc<Plan>, lengths: &str) -> History {
        let lengths = lengths.split(", ").filter(|length| !length.is_empty()).map(length).collect();
        let run = Run::new(Arc::clone(plan));
        let mut history = History { run, envelopes: Vec::new(), now_ms: BEGIN_MS, lengths, ends: BTreeSet::new() };
        history.record(Event::RunStarted { run: "r".into(), plan: plan.digest(), by: None, skips: BTreeMap::new() });
        history.engine();
        history
    }

    /// Plays a run to its rest.
    pub(crate) fn play(plan: &Arc<Plan>, lengths: &str) -> History {
        let mut history = History::new(plan, lengths);
        while history.advance() {}
        history
    }

    /// Plays until the first attempt of a step is in flight.
    pub(crate) fn until(&mut self, step: &str) {
        let attempt: CommandId = format!("{step}.attempt.1.1").parse().expect("a command's name");
        while !self.run.in_flight().contains(&attempt) {
            assert!(self.advance(), "{step} is never attempted");
        }
    }

    /// Lets some seconds pass, then another engine goes on; what was in flight has ended when it was to.
    pub(crate) fn resume(&mut self, after: u64) {
        self.now_ms += after * 1000;
        self.engine();
        while self.advance() {}
    }

    /// The same, but the attempt of a step turns out never to have been started.
    pub(crate) fn resume_without(&mut self, step: &str, after: u64) {
        self.now_ms += after * 1000;
        self.ends.clear();
        self.engine();
        let command = format!("{step}.attempt.1.1").parse().expect("a command's name");
        self.record(Event::NotStarted { command });
        self.lengths.insert(format!("{step}.attempt.2"), self.lengths[&format!("{step}.attempt.1")].clone());
        while self.advance() {}
    }

    /// Records after some seconds what a human says of a doubt.
    pub(crate) fn say(&mut self, step: &str, done: Done, after: u64) {
        self.now_ms += after * 1000;
        let outputs = BTreeMap::from([("artifact".to_owned(), Value::from("/said"))]);
        let is_named = self
            .run
            .plan()
            .steps
            .iter()
            .any(|it| it.id == step && it.command().is_some_and(|command| !command.outputs.is_empty()));
        let outputs = if is_named { outputs } else { BTreeMap::new() };
        let (by, note) = ("kim".to_owned(), "looked".to_owned());
        self.record(Event::Settled { step: step.into(), debt: None, done, outputs, by, note });
    }

    pub(crate) fn plan(&self) -> &Arc<Plan> {
        self.run.plan()
    }

    pub(crate) fn envelopes(&self) -> &[Envelope] {
        &self.envelopes
    }

    pub(crate) fn verdict(&self) -> Option<Verdict> {
        self.run.verdict()
    }

    fn engine(&mut self) {
        self.record(Event::EngineStarted { boot: String::new(), engine: String::new() });
    }

    fn record(&mut self, event: Event) {
        self.run.apply(&event).expect("a legal event");
        let sequence = self.envelopes.len() as u64 + 1;
        self.envelopes.push(Envelope { sequence, at_ms: self.now_ms, event });
    }

    /// Does what is due, else lets time pass; returns whether there was anything to do.
    fn advance(&mut self) -> bool {
        let known = |effect: &Effect| matches!(effect, Effect::Settle(_));
        if let Some(effect) = self.run.next().into_iter().find(|effect| !known(effect)) {
            self.perform(effect);
            return true;
        }
        if let Some((at_ms, command)) = self.ends.pop_first() {
            self.now_ms = self.now_ms.max(at_ms);
            let (seconds, exit) = self.length(&command);
            self.record(Event::Ended { command, exit, ms: seconds * 1000 });
            return true;
        }
        let pause = self.run.pauses().into_iter().next();
        if let Some(pause) = &pause {
            self.now_ms += u64::try_from(pause.length.as_millis()).expect("a short wait");
            self.record(Event::Elapsed { wait: pause.wait.clone() });
        }
        pause.is_some()
    }

    fn perform(&mut self, effect: Effect) {
        let event = match effect {
            Effect::Decide(question) => Event::Decided { question, answer: Answer::Yes },
            Effect::Render(command) => {
                let text = Rendered { argv: vec!["x".into()], env: BTreeMap::new(), dir: None, stdin: None };
                Event::Rendered { command, outcome: Rendering::Text(text) }
            }
            Effect::Judge(command) => {
                let judgement = Judgement::Met { outputs: self.outputs(&command) };
                Event::Judged { command, judgement }
            }
            Effect::Start(command) => {
                self.ends.insert((self.now_ms + self.length(&command).0 * 1000, command.clone()));
                Event::Started { command }
            }
            other => unreachable!("{other:?}"),
        };
        self.record(event);
    }

    fn outputs(&self, command: &CommandId) -> BTreeMap<String, Value> {
        let rules = self.run.command(command).map(|command| command.outputs.as_slice()).unwrap_or_default();
        let value = |name: &str, r#type| match r#type {
            Type::Path => Value::from(format!("/made/{name}").as_str()),
            _ => Value::from("text"),
        };
        rules.iter().map(|rule| (rule.name.clone(), value(&rule.name, rule.r#type))).collect()
    }

    fn length(&self, command: &CommandId) -> (u64, Exit) {
        let role =
            if command.role == Role::Attempt { format!("attempt.{}", command.round) } else { command.role.to_string() };
        let name = format!("{}.{role}", command.subject);
        self.lengths.get(&name).cloned().unwrap_or((0, Exit::Code(0)))
    }
}

fn length(text: &str) -> (String, (u64, Exit)) {
    let mut words = text.split(' ');
    let name = words.next().expect("a command");
    let name = if name.contains('.') { name.to_owned() } else { format!("{name}.attempt.1") };
    let seconds = words.next().and_then(|seconds| seconds.parse().ok()).expect("seconds");
    let exit = match words.next() {
        None => Exit::Code(0),
        Some("timeout") => Exit::TimedOut,
        Some("lost") => Exit::Lost,
        Some(code) => Exit::Code(code.parse().expect("an exit code")),
    };
    (name, (seconds, exit))
}
