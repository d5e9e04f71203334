//! A run driven by outcomes that are said beforehand: no processes, no time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use firedrill_model::judge::Judgement;
use firedrill_model::plan::{Plan, examples};
use firedrill_run::{
    Answer, CommandId, Effect, Event, Exit, IllegalEvent, Question, Rendered, Rendering, Run, Waiting,
};

use crate::people;
use crate::waits::waits;

/// Outcomes by the name of the command; everything that is not named succeeds at once.
#[derive(Clone, Debug, Default)]
pub struct Script {
    exits: BTreeMap<String, Exit>,
    /// Milestones that commands reach as soon as they run.
    reaches: BTreeSet<(String, String)>,
    reactions: BTreeMap<String, Reaction>,
}

/// How people react who do not say yes.
#[derive(Clone, Copy, Debug)]
enum Reaction {
    No,
    Silence,
}

/// A run that has come to rest, with everything that happened.
#[derive(Clone, Debug)]
pub struct Played {
    /// The events in order.
    pub events: Vec<Event>,
    /// The run after the last of them.
    pub run: Run,
}

impl Script {
    /// Returns a script in which every command succeeds.
    pub fn new() -> Script {
        Script::default()
    }

    /// Says how commands end: `COMMAND END` separated by commas, an end being an exit code, `timeout`, `lost` or `missing`,
    /// of a question `no` or `silence`;
    /// `COMMAND reaches NAME` has it reach a milestone first.
    ///
    /// # Panics
    /// If an end means nothing: a list of faults is part of a test.
    #[must_use]
    pub fn faults(self, list: &str) -> Script {
        let faults = list.split(',').map(str::trim).filter(|fault| !fault.is_empty());
        faults.fold(self, |script, fault| {
            let (command, end) = fault.split_once(' ').expect("COMMAND END");
            if let Some(milestone) = end.strip_prefix("reaches ") {
                return script.reaches(command, milestone);
            }
            let exit = match end {
                "no" => return script.react(command, Reaction::No),
                "silence" => return script.react(command, Reaction::Silence),
                "timeout" => Exit::TimedOut,
                "lost" => Exit::Lost,
                "missing" => Exit::NotSpawned("`bbr` was not found in PATH (/usr/bin:/bin)".to_owned()),
                code => Exit::Code(code.parse().expect("an exit code")),
            };
            script.exit(command, exit)
        })
    }

    /// Says how people react to a question; they say yes if nothing is said.
    fn react(mut self, command: &str, reaction: Reaction) -> Script {
        self.reactions.insert(command.to_owned(), reaction);
        self
    }

    /// Says how a command ends, by its name such as `backup.attempt.1.1`.
    #[must_use]
    pub fn exit(mut self, command: &str, exit: Exit) -> Script {
        self.exits.insert(command.to_owned(), exit);
        self
    }

    /// Says that a command reaches a milestone as soon as it runs.
    #[must_use]
    pub fn reaches(mut self, command: &str, milestone: &str) -> Script {
        self.reaches.insert((command.to_owned(), milestone.to_owned()));
        self
    }

    /// Plays a plan to its rest: of the commands in flight, the one that started first ends first.
    pub fn play(&self, plan: Arc<Plan>) -> Result<Played, IllegalEvent> {
        let events = vec![
            Event::RunStarted { run: "scripted".into(), plan: String::new(), by: None, skips: BTreeMap::new() },
            Event::EngineStarted { boot: String::new(), engine: String::new() },
        ];
        let run = Run::replay(plan, &events)?;
        self.play_on(run, events)
    }

    /// Plays a run on to its next rest, from where these events have led it.
    pub fn play_on(&self, mut run: Run, mut events: Vec<Event>) -> Result<Played, IllegalEvent> {
        while let Some(event) = self.next_event(&run) {
            run.apply(&event)?;
            events.push(event);
        }
        Ok(Played { events, run })
    }

    fn next_event(&self, run: &Run) -> Option<Event> {
        let effect = run.next().into_iter().find(|effect| !matches!(effect, Effect::Terminate(_)));
        if let Some(effect) = effect {
            return Some(self.answer(effect));
        }
        if let Some((command, milestone)) = self.reached(run) {
            return Some(Event::Reached { command, milestone });
        }
        if let Some(command) = run.in_flight().into_iter().next() {
            return Some(self.end(command));
        }
        if let Some(question) = run.waiting_for().first() {
            return self.answer_of(run, question);
        }
        waits(run).into_iter().next().map(|wait| Event::Elapsed { wait })
    }

    fn reached(&self, run: &Run) -> Option<(CommandId, String)> {
        let is_meant = |id: &CommandId, name: &str| self.reaches.contains(&(id.to_string(), name.to_owned()));
        run.in_flight().into_iter().find_map(|id| {
            let name = run.unreached(&id).find(|milestone| is_meant(&id, &milestone.name))?.name.clone();
            Some((id, name))
        })
    }

    /// Returns what becomes of a question; nothing if it is never answered.
    fn answer_of(&self, run: &Run, question: &Waiting) -> Option<Event> {
        match self.reactions.get(&question.command.to_string()) {
            None => Some(people::yes(run, question)),
            Some(Reaction::No) => Some(people::no(question)),
            Some(Reaction::Silence) => people::silence(run, question),
        }
    }

    fn answer(&self, effect: Effect) -> Event {
        match effect {
            Effect::Decide(question @ Question::Items(_)) => {
                Event::Decided { question, answer: Answer::Items(examples(2)) }
            }
            Effect::Decide(question) => Event::Decided { question, answer: Answer::Yes },
            Effect::Render(command) => {
                let text = Rendered { argv: vec![command.to_string()], env: BTreeMap::new(), dir: None, stdin: None };
                Event::Rendered { command, outcome: Rendering::Text(text) }
            }
            Effect::Judge(command) => Event::Judged { command, judgement: Judgement::Met { outputs: BTreeMap::new() } },
            Effect::Settle(command) | Effect::Terminate(command) => self.end(command),
            Effect::Start(command) => Event::Started { command },
            other => unreachable!("an effect that no script knows: {other:?}"),
        }
    }

    fn end(&self, command: CommandId) -> Event {
        let exit = self.exits.get(&command.to_string()).cloned().unwrap_or(Exit::Code(0));
        Event::Ended { command, exit, ms: 0 }
    }
}
