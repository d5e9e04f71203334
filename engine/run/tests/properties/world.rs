//! A world in which everything that can happen happens by chance: how commands end and in which order, what questions
//! are answered, when somebody cancels, when the engine dies, and what a human says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use firedrill_model::judge::Judgement;
use firedrill_model::plan::Plan;
use firedrill_run::{Answer, CommandId, DebtKind, Done, Effect, Event, Exit, Open, Phase, Rendered, Rendering, Run};

/// How often each of the rare things happens in one history at the most.
const RARE: u32 = 3;

/// More commands are not lost in one history, each of which may be tried again for it.
const LOSSES: u32 = 6;

/// Chances, drawn beforehand so that a history can be made smaller. The first way of everything is the harmless one.
struct Chances<'a> {
    drawn: &'a [u8],
    at: usize,
}

/// The world of one history.
pub(crate) struct World<'a> {
    chances: Chances<'a>,
    pub(crate) run: Run,
    /// Commands that were asked to end.
    ending: BTreeSet<CommandId>,
    /// Commands that an engine has seen running: they cannot turn out never to have been started.
    seen: BTreeSet<CommandId>,
    cancels: u32,
    crashes: u32,
    resumes: u32,
    losses: u32,
    /// What a human is about to say, before the next engine.
    words: Vec<Event>,
    has_engine: bool,
}

impl<'a> World<'a> {
    pub(crate) fn new(plan: Arc<Plan>, drawn: &'a [u8]) -> World<'a> {
        World {
            chances: Chances { drawn, at: 0 },
            run: Run::new(plan),
            ending: BTreeSet::new(),
            seen: BTreeSet::new(),
            cancels: 0,
            crashes: 0,
            resumes: 0,
            losses: 0,
            words: Vec::new(),
            has_engine: false,
        }
    }

    /// Returns what happens next, or `None` if nothing will happen any more.
    pub(crate) fn happens(&mut self) -> Option<Event> {
        if self.run.phase() == Phase::New {
            return Some(Event::RunStarted {
                run: "drawn".into(),
                plan: String::new(),
                by: None,
                skips: BTreeMap::new(),
            });
        }
        if !self.has_engine {
            return Some(self.says().unwrap_or_else(|| self.engine()));
        }
        if self.run.phase() == Phase::AtRest {
            return self.after_rest();
        }
        if self.crashes < RARE && self.chances.is_rare() {
            self.crashes += 1;
            return Some(self.without_engine());
        }
        if self.cancels < RARE && self.chances.is_rare() {
            self.cancels += 1;
            return Some(Event::CancelRequested);
        }
        self.goes_on()
    }

    /// A run that is stuck is taken up again, perhaps after a human has said something.
    fn after_rest(&mut self) -> Option<Event> {
        if self.run.is_over() || self.resumes == RARE {
            return None;
        }
        self.resumes += 1;
        Some(self.without_engine())
    }

    /// Nobody drives the run: a human may say something, then the next engine comes.
    fn without_engine(&mut self) -> Event {
        self.has_engine = false;
        let open: Vec<Open> = self.run.open();
        for open in open {
            let done = [None, Some(Done::Done), Some(Done::NotDone)][self.chances.pick(3)];
            self.words.extend(done.and_then(|done| word(open, done)));
        }
        self.says().unwrap_or_else(|| self.engine())
    }

    /// Returns the next of a human's words that makes sense as the run stands.
    fn says(&mut self) -> Option<Event> {
        let is_taken = |word: &Event| self.run.clone().apply(word).is_ok();
        std::iter::from_fn(|| self.words.pop()).find(is_taken)
    }

    fn engine(&mut self) -> Event {
        self.has_engine = true;
        Event::EngineStarted { boot: String::new(), engine: String::new() }
    }

    fn goes_on(&mut self) -> Option<Event> {
        while let Some(effect) = self.run.next().into_iter().find(|effect| !self.is_being_done(effect)) {
            match effect {
                Effect::Terminate(command) => {
                    self.ending.insert(command);
                }
                effect => return Some(self.perform(effect)),
            }
        }
        let mut flights = self.run.in_flight();
        let mut pauses = self.run.pauses();
        let mut signals = self.signals(&flights);
        let mut locks = self.locks();
        let (ends, waits) = (flights.len(), flights.len() + pauses.len());
        match self.chances.pick(waits + signals.len() + locks.len()) {
            at if at < ends => Some(self.ends(flights.swap_remove(at))),
            at if at < waits => Some(Event::Elapsed { wait: pauses.swap_remove(at - ends).wait }),
            at if at < waits + signals.len() => Some(self.reaches(signals.swap_remove(at - waits))),
            at if !locks.is_empty() => Some(locks.swap_remove(at - waits - signals.len())),
            _ => None,
        }
    }

    /// Returns the milestones that can be reached next, each with its attempt.
    fn signals(&self, flights: &[CommandId]) -> Vec<(CommandId, String)> {
        let of = |command: &CommandId| -> Vec<(CommandId, String)> {
            self.run.unreached(command).map(|milestone| (command.clone(), milestone.name.clone())).collect()
        };
        flights.iter().flat_map(of).collect()
    }

    /// Returns which steps can have their locks next: other runs give them back when they like.
    fn locks(&self) -> Vec<Event> {
        let locked = |effect| if let Effect::Lock(step) = effect { Some(Event::Locked { step, ms: 0 }) } else { None };
        self.run.next().into_iter().filter_map(locked).collect()
    }

    fn reaches(&mut self, (command, milestone): (CommandId, String)) -> Event {
        self.seen.insert(command.clone());
        Event::Reached { command, milestone }
    }

    fn is_being_done(&self, effect: &Effect) -> bool {
        match effect {
            Effect::Terminate(command) => self.ending.contains(command),
            Effect::Lock(_) => true,
            _ => false,
        }
    }

    fn perform(&mut self, effect: Effect) -> Event {
        match effect {
            Effect::Decide(question) => Event::Decided {
                question,
                answer: [Answer::Yes, Answer::No, Answer::Error("no value".into())][self.chances.pick(3)].clone(),
            },
            Effect::Render(command) => Event::Rendered {
                command,
                outcome: [text(), Rendering::Error("no value".into())][self.chances.pick(2)].clone(),
            },
            Effect::Judge(command) => self.judges(command),
            Effect::Start(command) => Event::Started { command },
            Effect::Settle(command) => self.settles(command),
            other => unreachable!("an effect that this world does not know: {other:?}"),
        }
    }

    fn judges(&mut self, command: CommandId) -> Event {
        let (unmet, unclear) = ("not as expected".to_owned(), "could not tell".to_owned());
        let judgements = [
            Judgement::Met { outputs: BTreeMap::new() },
            Judgement::Unmet { reason: unmet },
            Judgement::Unclear { reason: unclear },
        ];
        Event::Judged { command, judgement: judgements[self.chances.pick(3)].clone() }
    }

    /// An earlier engine meant to start a command: it runs, has ended, was lost, or was never started.
    fn settles(&mut self, command: CommandId) -> Event {
        match self.chances.pick(4) {
            0 => {
                self.seen.insert(command.clone());
                Event::Adopted { command, ms: 0 }
            }
            1 if !self.seen.contains(&command) => Event::NotStarted { command },
            2 if self.losses < LOSSES => {
                self.losses += 1;
                Event::Ended { command, exit: Exit::Lost, ms: 0 }
            }
            _ => self.ends(command),
        }
    }

    fn ends(&mut self, command: CommandId) -> Event {
        let exit = if self.ending.remove(&command) && self.chances.pick(2) == 0 {
            Exit::Cancelled
        } else {
            self.exits(&command)
        };
        Event::Ended { command, exit, ms: 0 }
    }

    fn exits(&mut self, command: &CommandId) -> Exit {
        match self.chances.pick(6) {
            1 => Exit::Code(1),
            2 => Exit::Code(7),
            3 => Exit::TimedOut,
            4 => Exit::Signal(9),
            5 if !self.seen.contains(command) => Exit::NotSpawned("no such file".into()),
            _ => Exit::Code(0),
        }
    }
}

impl Chances<'_> {
    /// Returns a number below `ways`; 0 if there is none.
    fn pick(&mut self, ways: usize) -> usize {
        let drawn = self.drawn.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        usize::from(drawn) % ways.max(1)
    }

    fn is_rare(&mut self) -> bool {
        self.pick(16) == 15
    }
}

/// Returns what a human says of something open; nobody is asked about invariants.
fn word(open: Open, done: Done) -> Option<Event> {
    let (step, debt): (_, Option<DebtKind>) = match open {
        Open::InDoubt { step, .. } => (step, None),
        Open::Owed { step, debt } => (step, Some(debt)),
        Open::Undecided { .. } | Open::Invariant { .. } => return None,
    };
    Some(Event::Settled { step, debt, done, outputs: BTreeMap::new(), by: "somebody".into(), note: "looked".into() })
}

fn text() -> Rendering {
    Rendering::Text(Rendered { argv: vec!["/bin/true".into()], env: BTreeMap::new(), dir: None, stdin: None })
}
