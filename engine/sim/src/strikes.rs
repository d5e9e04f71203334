//! The strikes of the sandbox level: every fault at every command of a plan, counted from the plan alone.
//!
//! | kind | attempt | hook | look, `finally` | guard, verify, invariant |
//! |---|---|---|---|---|
//! | exit | once; every time, if there are retries | the same | once | |
//! | timeout | with a time limit | with a time limit | with a time limit | |
//! | late failure | once; every time, if there are retries | the same | | |
//! | killed, not started | once | once | once | |
//! | wrong output | if what it prints is judged | the same | the same | |
//! | does not hold | | | | if it has a way to say so |
//! | could not tell | | | | once |
//! | crash | three times: before the intent, after it, while it runs | the same | the same | the same |
//! | lost supervisor | once | once | | |
//! | cancel | once | | | |
//!
//! Where people are asked nothing is started, and other things go wrong: nobody answers (with a time limit), whoever is asked
//! declines or says that it failed, the engine crashes, the run is cancelled.
//!
//! For a probe a time-out, a kill and a program that cannot be started are all "could not tell": the machine does not tell
//! them apart. Steps and hooks whose `when` is known to be false have no strikes, nor has a rollback that no failure asks for,
//! because every step that could fail says `on_failure: stop`: they never run.
//!
//! A hook that runs only after a failure has to be provoked first, by faults that leave the rest of the run alone:
//! - a cleanup by an attempt that does its work and then fails, once, so that there is something to clean up;
//! - a rollback by the first step that needs the step and does not say `on_failure: stop`, whose program cannot be started, ever: so it did nothing, owes
//!   nothing itself, and takes back nothing by being irreversible;
//! - the rollback of a step that no step needs by its own attempt, which does its work and then fails, every time; if it has
//!   a cleanup, that cannot be started either, because a cleanup that succeeds leaves nothing to roll back.
//!
//! A release needs no provocation: it is due in every run.

use firedrill_model::plan::{Command, Condition, Hook, OnFailure, Plan, Step, topological};
use firedrill_model::rehearsal::{FaultKind, Side, SweptKind};
use firedrill_run::injection::{Injection, Moment, Starts};
use firedrill_run::{Event, Role, Subject};

use crate::place::place;
use crate::sweep::{Nature, bad, can_be_unmet, can_run, is_judged};

/// One fault, with what must go wrong before it can strike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strike {
    /// Which kind of fault it is.
    pub kind: SweptKind,
    /// What makes the struck hook run; empty if it runs anyway.
    pub provoke: Vec<Injection>,
    /// The fault.
    pub injection: Injection,
    /// Where exactly it strikes.
    pub aim: Aim,
    /// What happens, as a sentence: "the cleanup of `backup` (line 12) is killed half-way".
    pub what: String,
}

/// Where exactly a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// The command, as the injection says.
    Command,
    /// The record of the command's intent, on this side: the engine crashes there. Which record that is, only a journal
    /// can say: see [`Strike::aimed`].
    Intent(Side),
}

impl Strike {
    /// Returns the fault as it is injected into a run that begins like the one with this journal: the run with
    /// [`Strike::provoke`] and without the fault. None if the struck command does not start there.
    pub fn aimed(&self, journal: &[Event]) -> Option<Injection> {
        let Moment::Start(starts) = &self.injection.at else {
            return Some(self.injection.clone());
        };
        let intents = journal.iter().enumerate().filter(|(_, event)| is_start(event, starts));
        let (at, _) = intents.skip(starts.nth as usize - 1).min_by_key(|(at, _)| *at)?;
        match self.aim {
            Aim::Command => Some(self.injection.clone()),
            Aim::Intent(side) => {
                let number = at as u64 + 1;
                Some(Injection { at: Moment::Record { number, side }, kind: FaultKind::Crash })
            }
        }
    }

    /// Iterates over everything that is injected, in the order in which it strikes.
    pub fn injections(&self) -> impl Iterator<Item = &Injection> {
        self.provoke.iter().chain([&self.injection])
    }
}

fn is_start(event: &Event, starts: &Starts) -> bool {
    matches!(event, Event::Started { command } if command.subject == starts.subject && command.role == starts.role)
}

/// Returns every strike of a plan, in the plan's order.
pub fn strikes(plan: &Plan, kinds: &[SweptKind]) -> Vec<Strike> {
    let mut strikes = Vec::new();
    for site in sites(plan) {
        let Some(provoke) = provocation(plan, &site) else { continue };
        for kind in SweptKind::ALL.into_iter().filter(|kind| kinds.contains(kind)) {
            let blows = site.blows(kind).into_iter();
            strikes.extend(blows.map(|blow| site.strike(plan, kind, blow, provoke.clone())));
        }
    }
    strikes
}

/// Iterates over all pairs of strikes that can both happen in one run: those that do not want the same start of a command.
pub fn pairs(strikes: &[Strike]) -> impl Iterator<Item = (&Strike, &Strike)> {
    let each = strikes.iter().enumerate();
    each.flat_map(move |(at, one)| strikes[at + 1..].iter().map(move |other| (one, other)))
        .filter(|(one, other)| !are_at_odds(one, other))
}

fn are_at_odds(one: &Strike, other: &Strike) -> bool {
    let clash = |a: &Injection| other.injections().any(|b| a != b && is_same_start(a, b));
    one.injections().any(clash) || is_same_start(&one.injection, &other.injection)
}

/// Returns whether two faults want the same start of the same command.
fn is_same_start(a: &Injection, b: &Injection) -> bool {
    let (Moment::Start(a), Moment::Start(b)) = (&a.at, &b.at) else {
        return false;
    };
    let is_before = |a: &Starts, b: &Starts| a.times.is_some_and(|times| a.nth + times <= b.nth);
    a.subject == b.subject && a.role == b.role && !is_before(a, b) && !is_before(b, a)
}

/// A command of a plan that can run.
struct Site<'a> {
    subject: Subject,
    role: Role,
    command: &'a Command,
    /// How often it is tried if it fails.
    tries: u32,
    /// Its step.
    step: Option<usize>,
}

/// One fault at a site.
struct Blow {
    kind: FaultKind,
    times: Option<u32>,
    aim: Aim,
}

fn sites(plan: &Plan) -> Vec<Site<'_>> {
    let mut sites = Vec::new();
    let of_playbook = |role, command| Site { subject: Subject::Playbook, role, command, tries: 1, step: None };
    let guards = plan.guards.iter();
    sites.extend(guards.map(|guard| of_playbook(Role::Guard(guard.id.as_str().into()), &guard.probe.command)));
    for (at, step) in plan.steps.iter().enumerate().filter(|(_, step)| can_run(step.when.as_ref())) {
        sites.extend(of_step(at, step));
    }
    let invariants = plan.invariants.iter();
    sites.extend(invariants.map(|probe| of_playbook(Role::Invariant(probe.id.as_str().into()), &probe.probe.command)));
    let finally = plan.finally.iter().filter(|last| can_run(last.when.as_ref()));
    sites.extend(finally.map(|last| of_playbook(Role::Final(last.id.as_str().into()), &last.command)));
    sites
}

fn of_step(at: usize, step: &Step) -> impl Iterator<Item = Site<'_>> {
    let site = move |role, command, tries| Site {
        subject: Subject::Step(step.id.as_str().into()),
        role,
        command,
        tries,
        step: Some(at),
    };
    let guards =
        step.guards.iter().map(move |guard| site(Role::Guard(guard.id.as_str().into()), &guard.probe.command, 1));
    let attempt = step.command().map(|command| site(Role::Attempt, command, step.retry.max_attempts.get()));
    let looks = step.looks.iter().map(move |look| site(Role::Look(look.name.as_str().into()), &look.command, 1));
    let verify = step.verify.iter().map(move |verify| site(Role::Verify, &verify.command, 1));
    let hooks = [
        (Role::Cleanup, step.cleanup.as_ref()),
        (Role::Rollback, step.rollback_hook()),
        (Role::Release, step.release.as_ref().map(|release| &release.hook)),
    ];
    let hooks = hooks.into_iter().filter_map(|(role, hook)| Some((role, hook?)));
    let hooks = hooks.filter(|(_, hook)| can_run(hook.when.as_ref()));
    let hooks = hooks.map(move |(role, hook): (Role, &Hook)| site(role, &hook.command, hook.retry.max_attempts.get()));
    guards.chain(attempt).chain(looks).chain(verify).chain(hooks)
}

impl Site<'_> {
    /// Returns every fault of a kind that can strike here.
    fn blows(&self, kind: SweptKind) -> Vec<Blow> {
        if self.command.program.asks_people() {
            return self.blows_on_people(kind);
        }
        let nature = Nature::of(&self.role);
        let is_deed = nature != Nature::Probe;
        let is_of_step = matches!(nature, Nature::Attempt | Nature::Hook);
        let code = bad(self.command, 1);
        match kind {
            SweptKind::Exit if is_deed => self.once_and_always(FaultKind::Exit(code)),
            SweptKind::Timeout if is_deed && self.command.time_limit.is_some() => once(FaultKind::Timeout),
            SweptKind::LateFailure if is_of_step => self.once_and_always(FaultKind::LateFailure(code)),
            SweptKind::Killed if is_deed => once(FaultKind::Killed),
            SweptKind::NotStarted if is_deed => once(FaultKind::NotStarted),
            SweptKind::WrongOutput if is_deed && is_judged(self.command) => once(FaultKind::WrongOutput(String::new())),
            SweptKind::DoesNotHold if !is_deed && can_be_unmet(self.command) => once(FaultKind::DoesNotHold),
            SweptKind::CouldNotTell if !is_deed => once(FaultKind::CouldNotTell),
            SweptKind::Crash => crashes(),
            SweptKind::LostSupervisor if is_of_step => once(FaultKind::LostSupervisor),
            SweptKind::Cancel if nature == Nature::Attempt => once(FaultKind::Cancel),
            SweptKind::Exit
            | SweptKind::Timeout
            | SweptKind::LateFailure
            | SweptKind::Killed
            | SweptKind::NotStarted
            | SweptKind::WrongOutput
            | SweptKind::DoesNotHold
            | SweptKind::CouldNotTell
            | SweptKind::LostSupervisor
            | SweptKind::Cancel
            | SweptKind::NoAnswer
            | SweptKind::Declined => Vec::new(),
        }
    }

    /// Returns every fault of a kind where people are asked.
    fn blows_on_people(&self, kind: SweptKind) -> Vec<Blow> {
        match kind {
            SweptKind::NoAnswer if self.command.time_limit.is_some() => once(FaultKind::NoAnswer),
            SweptKind::Declined => once(FaultKind::Declined),
            SweptKind::Crash => crashes(),
            SweptKind::Cancel if self.role == Role::Attempt => once(FaultKind::Cancel),
            _ => Vec::new(),
        }
    }

    fn once_and_always(&self, kind: FaultKind) -> Vec<Blow> {
        let mut blows = once(kind.clone());
        if self.tries > 1 {
            blows.push(Blow { kind, times: None, aim: Aim::Command });
        }
        blows
    }

    fn strike(&self, plan: &Plan, kind: SweptKind, blow: Blow, provoke: Vec<Injection>) -> Strike {
        let mut what = blow.words(&place(plan, &self.subject, &self.role));
        for cause in &provoke {
            what = format!("{what}, after {}", caused(plan, cause));
        }
        let injection = injected(&self.subject, &self.role, blow.kind, blow.times);
        Strike { kind, provoke, injection, aim: blow.aim, what }
    }
}

fn crashes() -> Vec<Blow> {
    let aims = [Aim::Intent(Side::Before), Aim::Intent(Side::After), Aim::Command];
    aims.map(|aim| Blow { kind: FaultKind::Crash, times: Some(1), aim }).into()
}

fn once(kind: FaultKind) -> Vec<Blow> {
    vec![Blow { kind, times: Some(1), aim: Aim::Command }]
}

fn injected(subject: &Subject, role: &Role, kind: FaultKind, times: Option<u32>) -> Injection {
    let starts = Starts { subject: subject.clone(), role: role.clone(), nth: 1, times, wait: None };
    Injection { at: Moment::Start(starts), kind }
}

/// Returns what makes a command run; none if nothing can.
fn provocation(plan: &Plan, site: &Site<'_>) -> Option<Vec<Injection>> {
    let Some(step) = site.step else { return Some(Vec::new()) };
    match site.role {
        Role::Cleanup if runs_always(plan.steps[step].cleanup.as_ref()) => Some(Vec::new()),
        Role::Cleanup => Some(vec![late(&plan.steps[step], Some(1))]),
        Role::Rollback => failure_after(plan, step),
        Role::Guard(_)
        | Role::Attempt
        | Role::Look(_)
        | Role::Verify
        | Role::Release
        | Role::Invariant(_)
        | Role::Final(_) => Some(Vec::new()),
    }
}

fn runs_always(cleanup: Option<&Hook>) -> bool {
    cleanup.is_some_and(|hook| hook.when == Some(Condition::Known(true)))
}

/// Returns the fault of an attempt that does its work and then fails.
fn late(step: &Step, times: Option<u32>) -> Injection {
    let kind = match step.command() {
        Some(command) if command.program.asks_people() => FaultKind::Declined,
        command => FaultKind::LateFailure(command.map_or(1, |command| bad(command, 1))),
    };
    injected(&Subject::Step(step.id.as_str().into()), &Role::Attempt, kind, times)
}

/// Returns the faults after which the rollback of a step runs; none if no failure asks for it.
fn failure_after(plan: &Plan, step: usize) -> Option<Vec<Injection>> {
    if let Some(dependent) = first_dependent(plan, step) {
        return Some(vec![never(&plan.steps[dependent], &Role::Attempt)]);
    }
    let own = Some(&plan.steps[step]).filter(|own| own.on_failure != OnFailure::Stop)?;
    let cleanup = own.cleanup.as_ref().filter(|hook| can_run(hook.when.as_ref()));
    let cleanup = cleanup.map(|_| never(own, &Role::Cleanup));
    Some([late(own, None)].into_iter().chain(cleanup).collect())
}

/// Returns the fault with which a command never does anything: what asks people is declined.
fn never(step: &Step, role: &Role) -> Injection {
    let command = match role {
        Role::Cleanup => step.cleanup.as_ref().map(|hook| &hook.command),
        _ => step.command(),
    };
    let asks_people = command.is_some_and(|command| command.program.asks_people());
    let kind = if asks_people { FaultKind::Declined } else { FaultKind::NotStarted };
    injected(&Subject::Step(step.id.as_str().into()), role, kind, None)
}

/// Returns the first step that runs after this one because it needs it, and after whose failure what was done is undone, with
/// nothing irreversible between them; one that runs in any case, if there is one.
fn first_dependent(plan: &Plan, step: usize) -> Option<usize> {
    let mut depends = vec![false; plan.steps.len()];
    depends[step] = true;
    let mut possible = None;
    for at in topological(&plan.steps) {
        let other = &plan.steps[at];
        depends[at] |= other.begun_before().any(|before| depends[before]);
        if at == step || !depends[at] || !can_run(other.when.as_ref()) {
            continue;
        }
        if other.on_failure != OnFailure::Stop {
            if !matches!(other.when, Some(Condition::Deferred { .. })) {
                return Some(at);
            }
            possible = possible.or(Some(at));
        }
        if other.effect.irreversible {
            return possible;
        }
    }
    possible
}

impl Blow {
    /// Returns what happens to a command, as a sentence.
    fn words(&self, place: &str) -> String {
        let every = if self.times.is_none() { " every time" } else { "" };
        match (&self.kind, self.aim) {
            (FaultKind::Exit(code), _) => format!("{place} does nothing and exits with {code}{every}"),
            (FaultKind::LateFailure(code), _) => format!("{place} does its work and then exits with {code}{every}"),
            (FaultKind::Timeout, _) => format!("{place} hangs until its time limit"),
            (FaultKind::Killed, _) => format!("{place} is killed half-way"),
            (FaultKind::NotStarted, _) => format!("{place} cannot be started"),
            (FaultKind::WrongOutput(_), _) => format!("{place} prints something else than expected"),
            (FaultKind::DoesNotHold, _) => format!("{place} does not hold"),
            (FaultKind::CouldNotTell, _) => format!("{place} could not tell"),
            (FaultKind::Crash, Aim::Intent(Side::Before)) => {
                format!("the engine crashes just before it starts {place}")
            }
            (FaultKind::Crash, Aim::Intent(Side::After)) => {
                format!("the engine crashes after noting the start of {place}, before starting it")
            }
            (FaultKind::Crash, Aim::Command) => format!("the engine crashes during {place}"),
            (FaultKind::LostSupervisor, _) => format!("engine and supervisor die during {place}"),
            (FaultKind::Cancel, _) => format!("somebody cancels the run during {place}"),
            (FaultKind::NoAnswer, _) => format!("nobody answers {place}"),
            (FaultKind::Declined, _) => format!("whoever is asked by {place} declines"),
        }
    }
}

/// Returns a provocation as the cause of what comes after it.
fn caused(plan: &Plan, cause: &Injection) -> String {
    let Moment::Start(starts) = &cause.at else { return cause.to_string() };
    let place = place(plan, &starts.subject, &starts.role);
    match cause.kind {
        FaultKind::NotStarted => format!("{place} could not be started"),
        FaultKind::Declined => format!("{place} was declined"),
        _ => format!("{place} had done its work and failed"),
    }
}
