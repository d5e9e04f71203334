//! Injected faults in words.

use firedrill_model::plan::Plan;
use firedrill_model::rehearsal::{FaultKind, Side};
use firedrill_run::injection::{Injection, Moment, Starts};
use firedrill_run::{Role, StepId, Subject};

use crate::words;

/// Returns what an injection does, and the line of the playbook that it is about.
pub(super) fn told(injection: &Injection, plan: &Plan) -> (String, Option<u32>) {
    match &injection.at {
        Moment::Start(starts) => {
            let (place, line) = place(starts, plan);
            let line_text = line.map(|line| format!(" (line {line})")).unwrap_or_default();
            (at_command(&injection.kind, &format!("{place}{line_text}"), &times(starts)), line)
        }
        Moment::Record { number, side: Side::Before } => {
            (format!("the engine crashes before record {number} is durable"), None)
        }
        Moment::Record { number, side: Side::After } => (format!("the engine crashes after record {number}"), None),
        Moment::Age(age) => (at_age(&injection.kind, &words::length(*age)), None),
    }
}

fn at_command(kind: &FaultKind, place: &str, times: &str) -> String {
    match kind {
        FaultKind::Exit(code) => format!("{place} does nothing and exits with {code}{times}"),
        FaultKind::LateFailure(code) => format!("{place} does its work and then exits with {code}{times}"),
        FaultKind::Timeout => format!("{place} hangs{times}"),
        FaultKind::Killed => format!("{place} is killed half-way{times}"),
        FaultKind::NotStarted => format!("{place} cannot be started{times}"),
        FaultKind::WrongOutput(_) => format!("{place} prints something else{times}"),
        FaultKind::DoesNotHold => format!("{place} does not hold{times}"),
        FaultKind::CouldNotTell => format!("{place} could not tell{times}"),
        FaultKind::Crash => format!("the engine crashes at the start of {place}{times}"),
        FaultKind::LostSupervisor => format!("engine and supervisor die at the start of {place}{times}"),
        FaultKind::Cancel => format!("the run is cancelled at the start of {place}{times}"),
        FaultKind::NoAnswer => format!("nobody answers {place}{times}"),
        FaultKind::Declined => format!("whoever is asked by {place} declines{times}"),
    }
}

fn at_age(kind: &FaultKind, age: &str) -> String {
    let what = match kind {
        FaultKind::Cancel => "the run is cancelled",
        FaultKind::Crash => "the engine crashes",
        FaultKind::LostSupervisor => "engine and supervisor die",
        FaultKind::Exit(_)
        | FaultKind::LateFailure(_)
        | FaultKind::Timeout
        | FaultKind::Killed
        | FaultKind::NotStarted
        | FaultKind::WrongOutput(_)
        | FaultKind::DoesNotHold
        | FaultKind::CouldNotTell
        | FaultKind::NoAnswer
        | FaultKind::Declined => "what runs fails",
    };
    format!("after {age}, {what}")
}

fn times(starts: &Starts) -> String {
    match (starts.nth, starts.times) {
        (1, Some(1)) => String::new(),
        (1, Some(times)) => format!(", the first {times} times"),
        (1, None) => ", every time".to_owned(),
        (nth, Some(1)) => format!(", the {} time", ordinal(nth)),
        (nth, Some(times)) => format!(", {times} times from the {} time on", ordinal(nth)),
        (nth, None) => format!(", every time from the {} time on", ordinal(nth)),
    }
}

fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (1, teen) if teen != 11 => "st",
        (2, teen) if teen != 12 => "nd",
        (3, teen) if teen != 13 => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

fn place(starts: &Starts, plan: &Plan) -> (String, Option<u32>) {
    match &starts.subject {
        Subject::Playbook => of_playbook(&starts.role, plan),
        Subject::Step(step) => of_step(&starts.role, step, plan),
    }
}

fn of_playbook(role: &Role, plan: &Plan) -> (String, Option<u32>) {
    match role {
        Role::Guard(id) => {
            let guard = plan.guards.iter().find(|guard| *guard.id == **id);
            (format!("guard `{id}`"), guard.map(|guard| guard.line))
        }
        Role::Invariant(id) => {
            let invariant = plan.invariants.iter().find(|invariant| *invariant.id == **id);
            (format!("invariant `{id}`"), invariant.map(|invariant| invariant.line))
        }
        Role::Final(id) => (format!("`{id}` of finally"), None),
        Role::Attempt | Role::Look(_) | Role::Verify | Role::Cleanup | Role::Rollback | Role::Release => {
            (role.to_string(), None)
        }
    }
}

fn of_step(role: &Role, step: &StepId, plan: &Plan) -> (String, Option<u32>) {
    let line = plan.step_index(step.as_str()).map(|at| plan.steps[at].line);
    let what = match role {
        Role::Attempt => format!("`{step}`"),
        Role::Guard(id) => format!("guard `{id}` of `{step}`"),
        Role::Look(name) => format!("the look for output `{name}` of `{step}`"),
        Role::Verify | Role::Cleanup | Role::Rollback | Role::Release => format!("the {role} of `{step}`"),
        Role::Invariant(_) | Role::Final(_) => role.to_string(),
    };
    (what, line)
}
