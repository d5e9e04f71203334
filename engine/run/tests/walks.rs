//! Random walks through random plans with everything that the language has: groups that go on or ask, people, deadlines,
//! polls, milestones. What must hold of every event, whatever the plan.
//!
//! `FIREDRILL_CASES` says how many walks are tried, `FIREDRILL_SEED` which ones.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use firedrill_model::plan::Plan;
use firedrill_run::{CommandId, Event, Exit, Open, Outcome, Phase, Role, Run, Stage, Verdict};
use firedrill_sim::sketch;
use proptest::prelude::*;
use proptest::sample::subsequence;
use proptest::test_runner::{RngSeed, TestRunner};

mod moves;

use moves::{engine, moves, start, words};

const SETTINGS: &[&str] = &[
    "@stop",
    "@ask",
    "@max 1",
    "@max 2",
    "@guard one",
    "@guard two skip",
    "@guard three+",
    "@invariant up",
    "@invariant well+",
    "@finally note",
];

const MARKS: &[&str] = &[
    "!",
    "!none",
    "!man",
    "~",
    "~man",
    "~?",
    "?",
    "?+",
    "^",
    "^?",
    "x2",
    "ro",
    "ro+",
    "idem",
    "irr",
    "when?",
    "text?",
    "out?",
    "val?",
    "look",
    "retry?",
    "g",
    "g+",
    "*m",
    "due",
    "finish",
    "rerun",
    "fail",
    "off",
    "man",
    "yes2",
    "on:ask",
    "on:stop",
    "on:continue",
];

const GROUPS: &[&str] = &["", "on:continue", "on:stop", "on:ask", "due", "g", "off", "when?"];

/// No walk takes more steps at random; then everything goes well until the end.
const WALK: usize = 250;

/// No way to the end is longer.
const LONGEST: usize = 2_000;

#[test]
fn every_walk_keeps_what_holds_of_all_plans() {
    let config = ProptestConfig {
        cases: setting("FIREDRILL_CASES", 1_500),
        rng_seed: RngSeed::Fixed(u64::from(setting("FIREDRILL_SEED", 20))),
        failure_persistence: None,
        max_shrink_iters: 5_000,
        ..ProptestConfig::default()
    };
    let chances = prop::collection::vec(any::<u8>(), 0..WALK);
    let tried = TestRunner::new(config).run(&(plans(), chances), |(plan, chances)| {
        let mut walk = Walk::new(&plan);
        walk.whole(&chances).map_err(|why| TestCaseError::fail(format!("{why}\n{plan}\n{}", walk.journal())))
    });
    if let Err(error) = tried {
        panic!("{error}");
    }
}

#[expect(clippy::disallowed_methods, reason = "whoever calls a test says how much it tries")]
fn setting(name: &str, otherwise: u32) -> u32 {
    env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

/// Draws sketches of up to six steps, in any needs, some of them in a group and some of those in a group inside.
fn plans() -> impl Strategy<Value = String> {
    let step = (any::<u8>(), subsequence(MARKS, 0..=4), 0..4_usize);
    let kind = prop::sample::select(&["{}", "{}", "{tol1}", "{par1}"][..]);
    let group = (kind, prop::sample::select(GROUPS));
    let groups = prop::collection::vec(group, 2);
    let settings = subsequence(SETTINGS, 0..=3);
    let last =
        prop::sample::select(&["", "", "", "list {each}\nlast list !", "list {each} on:continue\nlast list"][..]);
    (settings, prop::collection::vec(step, 1..=6), groups, last).prop_map(|(settings, steps, groups, last)| {
        let mut lines: Vec<String> = settings.into_iter().map(str::to_owned).collect();
        let places: Vec<&str> = steps.iter().map(|(.., place)| ["", "", "box/", "box/in/"][*place]).collect();
        let first = |prefix: &str| places.iter().position(|place| place.starts_with(prefix));
        for (at, (needs, marks, _)) in steps.iter().enumerate() {
            for (prefix, (kind, mark)) in ["box/", "box/in/"].into_iter().zip(&groups) {
                if first(prefix) == Some(at) {
                    lines.push(format!("{} {kind} {mark}", prefix.trim_end_matches('/')));
                }
            }
            lines.push(line(at, *needs, marks, &places));
        }
        lines.push(last.to_owned());
        lines.join("\n")
    })
}

/// Writes a step: it needs some of those before it that are in its own group.
fn line(at: usize, needs: u8, marks: &[&str], places: &[&str]) -> String {
    let name = |step: usize| format!("{}s{step}", places[step]);
    let needs = (0..at).filter(|&need| needs >> need & 1 == 1 && places[need] == places[at]).map(name);
    let words = needs.chain(sensible(marks));
    std::iter::once(name(at)).chain(words).collect::<Vec<_>>().join(" ")
}

/// Leaves out what the language refuses together.
fn sensible(marks: &[&str]) -> Vec<String> {
    let asks = marks.iter().any(|mark| matches!(*mark, "man" | "yes2"));
    let polls = marks.contains(&"ro+");
    let is_sensible = |mark: &&str| match *mark {
        "ro+" | "text?" | "out?" | "val?" | "*m" => !asks,
        "!" | "~" | "~?" | "!man" | "~man" | "irr" => !polls && !marks.contains(&"yes2"),
        "g" => !marks.contains(&"g+"),
        "yes2" => !marks.contains(&"man"),
        _ => true,
    };
    marks.iter().copied().filter(|mark| is_sensible(mark) && !(polls && *mark == "val?")).map(str::to_owned).collect()
}

/// A run on its way.
struct Walk {
    plan: Arc<Plan>,
    run: Run,
    events: Vec<Event>,
    started: BTreeSet<CommandId>,
    /// Hooks that have succeeded since the latest attempt of their step.
    done: BTreeSet<(String, Role)>,
    /// Requests to stop since the run last came to rest.
    cancels: u32,
    is_cancelled: bool,
    crashes: u32,
}

type Broken = Result<(), String>;

impl Walk {
    fn new(plan: &str) -> Walk {
        let plan = Arc::new(sketch(plan));
        Walk {
            run: Run::new(Arc::clone(&plan)),
            plan,
            events: Vec::new(),
            started: BTreeSet::new(),
            done: BTreeSet::new(),
            cancels: 0,
            is_cancelled: false,
            crashes: 0,
        }
    }

    fn journal(&self) -> String {
        let lines: Vec<String> = self.events.iter().filter_map(|event| serde_json::to_string(event).ok()).collect();
        lines.join("\n")
    }

    fn whole(&mut self, chances: &[u8]) -> Broken {
        self.take(&start())?;
        for chance in chances {
            let Some(event) = self.draw(usize::from(*chance)) else { break };
            self.take(&event)?;
        }
        while let Some(event) = moves(&self.run).harmless.into_iter().next() {
            self.take(&event)?;
            holds(self.events.len() < LONGEST, "it does not come to rest")?;
        }
        holds(self.run.phase() == Phase::AtRest, "nothing is due any more, and the run is not at rest")?;
        let again = Run::replay(Arc::clone(&self.plan), &self.events).map_err(|error| error.to_string())?;
        holds(again.state() == self.run.state(), "the same events led to another state")
    }

    fn draw(&mut self, chance: usize) -> Option<Event> {
        let moves = moves(&self.run);
        let pick = |mut events: Vec<Event>| {
            let at = (chance / 8) % events.len().max(1);
            (!events.is_empty()).then(|| events.swap_remove(at))
        };
        let is_at_rest = self.run.phase() == Phase::AtRest;
        let said = words(&self.run);
        match chance % 8 {
            0 | 1 => pick(moves.faults).or_else(|| pick(moves.harmless)),
            2 if chance > 200 && !is_at_rest => Some(Event::CancelRequested),
            3 if chance > 200 && self.crashes < 4 => {
                self.crashes += 1;
                Some(engine())
            }
            4 if chance > 150 && !said.is_empty() => pick(said),
            _ if is_at_rest && self.crashes < 4 => {
                self.crashes += 1;
                pick(said).filter(|_| chance < 80).or(Some(engine()))
            }
            _ => pick(moves.harmless),
        }
    }

    fn take(&mut self, event: &Event) -> Broken {
        let before = self.run.clone();
        self.events.push(event.clone());
        let applied = catch_unwind(AssertUnwindSafe(|| self.run.apply(event)));
        applied.map_err(|_| "it panics")?.map_err(|error| error.to_string())?;
        self.note(event, &before)?;
        holds(self.run.in_flight().len() <= self.run.plan().max_parallel.get() as usize, "max_parallel is exceeded")?;
        let is_at_rest = self.run.phase() == Phase::AtRest;
        holds(self.run.verdict().is_some() == is_at_rest, "a verdict is that of a run at rest")?;
        if is_at_rest {
            holds(self.run.next().is_empty() && self.run.pauses().is_empty(), "at rest, and something is due")?;
            holds(self.run.in_flight().is_empty(), "at rest, and something is in flight")?;
            self.stands_as_it_says()?;
        }
        Ok(())
    }

    fn note(&mut self, event: &Event, before: &Run) -> Broken {
        match event {
            Event::Started { command } => self.started(command, before)?,
            Event::Ended { command, exit: Exit::Code(0), .. } if command.is_hook() => {
                self.done.insert((command.subject.to_string(), command.role.clone()));
            }
            Event::CancelRequested if !matches!(before.phase(), Phase::Resting | Phase::AtRest) => {
                self.cancels += 1;
                self.is_cancelled = true;
            }
            Event::EngineStarted { .. } if before.phase() == Phase::AtRest => self.cancels = self.cancels.min(1),
            Event::RollbackRequested { .. } => (self.cancels, self.is_cancelled) = (0, false),
            _ => {}
        }
        Ok(())
    }

    fn started(&mut self, command: &CommandId, before: &Run) -> Broken {
        let is_again = self.events.iter().any(|it| matches!(it, Event::NotStarted { command: it } if it == command));
        holds(self.started.insert(command.clone()) || is_again, "a command was started twice")?;
        let Some(step) = command.step().and_then(|id| before.plan().step_index(id.as_str())) else { return Ok(()) };
        let hook = (command.subject.to_string(), command.role.clone());
        match command.role {
            Role::Attempt | Role::Guard(_) => {
                // Time for people is measured apart.
                let is_in_time = before.overdue(step).is_none() || before.asks_people(command);
                holds(is_in_time, "a deadline was over")?;
                self.may_begin(step, before).map_err(|why| format!("{command} was started although {why}"))?;
                if command.role == Role::Attempt {
                    self.done.retain(|(subject, _)| *subject != hook.0);
                }
            }
            Role::Rollback => {
                holds(self.cancels < 2, "a rollback began after a second request to stop")?;
                holds(!self.done.contains(&hook), "what was rolled back was rolled back again")?;
                comes_last(step, before)?;
            }
            Role::Release => holds(!self.done.contains(&hook), "what was given back was given back again")?,
            Role::Cleanup => holds(!self.done.contains(&hook), "what was cleaned up was cleaned up again")?,
            Role::Look(_) | Role::Verify | Role::Invariant(_) | Role::Final(_) => {}
        }
        Ok(())
    }

    /// Holds what begins something new against the steps around it.
    fn may_begin(&self, step: usize, run: &Run) -> Broken {
        let plan = run.plan();
        holds(!self.is_cancelled, "the run was cancelled")?;
        holds(run.phase() == Phase::Working, "the run is not working")?;
        holds(!run.open().iter().any(is_a_doubt), "somebody must say something first")?;
        for group in plan.groups_of(step) {
            holds(*run.summary(group).stage == Stage::Inside, "its group is not open")?;
        }
        let goes_on = |at: usize| std::iter::once(at).chain(plan.groups_of(at)).any(|scope| plan.goes_on_after(scope));
        for &need in plan.steps[step].needs.iter().filter(|&&need| plan.groups_of(step).all(|group| group != need)) {
            match run.summary(need).stage {
                Stage::Settled(Outcome::Succeeded | Outcome::Skipped) => {}
                Stage::Settled(_) => holds(goes_on(need), "a step that it needs has failed")?,
                _ => return Err("a step that it needs is not over".into()),
            }
        }
        for signal in &plan.steps[step].after {
            holds(run.has_reached(signal.step, signal.milestone), "a milestone was not reached")?;
        }
        let has_failed = |at: usize| matches!(run.summary(at).stage, Stage::Settled(Outcome::Failed(_)));
        holds(!(0..plan.steps.len()).any(|at| has_failed(at) && !goes_on(at)), "a step has failed for good")
    }

    fn stands_as_it_says(&self) -> Broken {
        let (run, verdict) = (&self.run, self.run.verdict().expect("a run at rest"));
        holds(run.open().is_empty() || verdict == Verdict::Stuck, "something is open, and the run is not stuck")?;
        holds(!run.is_over() || verdict != Verdict::Stuck, "a run that is stuck is not over")?;
        let is_done =
            |at: usize| matches!(run.summary(at).stage, Stage::Settled(Outcome::Succeeded | Outcome::Skipped));
        let left: BTreeMap<usize, &Stage> =
            (0..run.plan().steps.len()).filter(|&at| !is_done(at)).map(|at| (at, run.summary(at).stage)).collect();
        let goes_on = |at: usize| {
            std::iter::once(at).chain(run.plan().groups_of(at)).any(|scope| run.plan().goes_on_after(scope))
        };
        let is_whole = left.keys().all(|&at| goes_on(at));
        holds(verdict != Verdict::Succeeded || is_whole, "the run has succeeded, and not every step has")
    }
}

/// What began after a step is taken back before it.
fn comes_last(step: usize, run: &Run) -> Broken {
    let steps = run.plan().steps.iter().enumerate();
    for (after, _) in steps.filter(|(_, other)| other.begun_before().any(|before| before == step)) {
        let summary = run.summary(after);
        let is_busy = summary.rollback.is_under_way() || summary.stage.task().is_some();
        holds(!is_busy, "a step that began after it was still at something")?;
    }
    Ok(())
}

fn is_a_doubt(open: &Open) -> bool {
    matches!(open, Open::InDoubt { .. } | Open::Undecided { .. })
}

fn holds(is_so: bool, otherwise: &str) -> Broken {
    if is_so { Ok(()) } else { Err(otherwise.to_owned()) }
}
