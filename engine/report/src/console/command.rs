//! The lines about commands: what started, how it ended, and what it printed last if it did not go well.

use firedrill_run::{CommandId, Exit, Role};

use super::{Console, GUARDS, Line, TailOf, guards, subject, what};
use crate::ink::Tone;
use crate::view::{Execution, Finish, View};
use crate::words;

/// How many last lines of a command that did not go well are shown.
const TAIL_LINES: usize = 8;

impl Console {
    pub(super) fn started(&self, view: &View, at_ms: u64, command: &CommandId) -> String {
        if view.run().asks_people(command) {
            return self.asked(view, at_ms, command);
        }
        let text = match &command.role {
            Role::Attempt if command.r#try > 1 => return String::new(),
            Role::Attempt => attempt_started(view, command),
            Role::Cleanup | Role::Rollback | Role::Release if command.r#try > 1 => {
                format!("{} started, try {}", command.role, command.r#try)
            }
            Role::Cleanup | Role::Rollback | Role::Release => format!("{} started", command.role),
            Role::Guard(_) if guards::is_first_of_many(view, command) => guards::asked(view, command),
            Role::Guard(_) | Role::Look(_) | Role::Verify | Role::Invariant(_) | Role::Final(_) => {
                return String::new();
            }
        };
        self.line(at_ms, subject(command), &Line::new(Tone::Plain, &text))
    }

    pub(super) fn finished(&self, view: &View, at_ms: u64, command: &CommandId, tail: TailOf<'_>) -> String {
        let Some(execution) = view.execution(command) else {
            return String::new();
        };
        let Some(finish) = &execution.finish else {
            return String::new();
        };
        if view.run().looks_on(command) {
            return self.waits(view, at_ms, command, finish);
        }
        match finish.why() {
            None if guards::is_one_of_many(view, command) => self.guard_holds(view, at_ms, execution),
            None => self.finished_well(at_ms, execution),
            Some(why) => {
                let text = unwell(view, execution, finish, why);
                let mut lines = self.line(at_ms, subject(command), &Line::new(tone(command, finish), &text));
                advice(view, command, finish).for_each(|text| lines += &self.prose(&text));
                if !matches!(execution.exit, Some(Exit::NotSpawned(_))) && !view.run().asks_people(command) {
                    lines += &self.printed(command, tail);
                }
                lines
            }
        }
    }

    /// Returns the line with which a poll begins to wait; further looks are not worth one.
    fn waits(&self, view: &View, at_ms: u64, command: &CommandId, finish: &Finish) -> String {
        let poll = view.run().command(command).and_then(|command| command.poll);
        let Some(poll) = poll.filter(|_| command.r#try == 1) else { return String::new() };
        let goal = if command.role == Role::Attempt { "succeed" } else { "hold" };
        let why = finish.why().map(|why| format!(": {why}")).unwrap_or_default();
        let length = words::length(poll.within);
        let text = format!("waiting up to {length} for {} to {goal}{why}", what(command));
        self.line(at_ms, subject(command), &Line::new(Tone::Quiet, &text))
    }

    /// Returns a line for a guard of many that has kept the run waiting, and one when all of them hold.
    fn guard_holds(&self, view: &View, at_ms: u64, execution: &Execution) -> String {
        let command = &execution.command;
        let mut lines = String::new();
        if guards::is_slow(execution) {
            let text = format!("{} holds{}{}", what(command), looks(command), after(execution));
            lines += &self.line(at_ms, subject(command), &Line::new(Tone::Quiet, &text));
        }
        if guards::do_all_hold(view, command) {
            lines += &self.line(at_ms, GUARDS, &Line::new(Tone::Quiet, &guards::all_hold(view)));
        }
        lines
    }

    fn finished_well(&self, at_ms: u64, execution: &Execution) -> String {
        let command = &execution.command;
        let text = match command.role {
            Role::Guard(_) | Role::Invariant(_) => format!("{} holds{}", what(command), looks(command)),
            Role::Verify => format!("verified{}", looks(command)),
            Role::Cleanup | Role::Rollback | Role::Release | Role::Final(_) => {
                format!("{} done{}", what(command), after(execution))
            }
            Role::Attempt | Role::Look(_) => return String::new(),
        };
        let tone = if command.is_hook() { Tone::Good } else { Tone::Quiet };
        self.line(at_ms, subject(command), &Line::new(tone, &text))
    }

    fn printed(&self, command: &CommandId, tail: TailOf<'_>) -> String {
        let lines = tail(command).lines(TAIL_LINES);
        lines.iter().map(|line| self.indented(Tone::Quiet, &format!("| {line}"))).collect()
    }
}

fn attempt_started(view: &View, command: &CommandId) -> String {
    let at = command.step().and_then(|step| view.plan().step_index(step.as_str()));
    let step = at.map(|at| &view.plan().steps[at]);
    let most = step.map_or(1, |step| step.retry.max_attempts.get());
    let title = step.and_then(|step| step.title.as_deref()).map(|title| format!(": {title}")).unwrap_or_default();
    match (command.round, most) {
        (1, _) => format!("started{title}"),
        (round, most) if round > most => format!("attempt {round} started, as decided"),
        (round, most) => format!("attempt {round} of {most} started"),
    }
}

fn after(execution: &Execution) -> String {
    execution.ms.map(|ms| format!(" after {}", words::took(ms))).unwrap_or_default()
}

/// Returns how many looks a poll took, if it took more than one.
fn looks(command: &CommandId) -> String {
    if command.r#try > 1 { format!(", after {} looks", command.r#try) } else { String::new() }
}

fn unwell(view: &View, execution: &Execution, finish: &Finish, why: &str) -> String {
    let command = &execution.command;
    let is_probe = view.run().probe(command).is_some();
    let ended = match finish {
        Finish::Well => "done",
        Finish::Bad(_) if is_probe => "does not hold",
        Finish::Unclear(_) => "could not tell",
        Finish::Bad(_) => "failed",
        Finish::InDoubt(_) => "did not end by itself",
    };
    let is_polled = view.run().command(command).is_some_and(|command| command.poll.is_some());
    let after = match (is_polled, is_probe) {
        (true, _) => looks(command),
        (false, true) => String::new(),
        (false, false) => after(execution),
    };
    match command.role {
        Role::Attempt if is_only_attempt(view, command) => format!("{ended}{after}: {why}"),
        _ => format!("{} {ended}{after}: {why}", what(command)),
    }
}

fn is_only_attempt(view: &View, command: &CommandId) -> bool {
    let at = command.step().and_then(|step| view.plan().step_index(step.as_str()));
    at.is_some_and(|at| view.plan().steps[at].retry.max_attempts.get() == 1)
}

/// A command of the very end cannot change the verdict: its failure is no alarm.
fn tone(command: &CommandId, finish: &Finish) -> Tone {
    match (&command.role, finish) {
        (Role::Final(_), _) | (_, Finish::Unclear(_)) => Tone::Warning,
        _ => Tone::Bad,
    }
}

/// Returns what the playbook says to an operator about a guard or an invariant that does not hold. What it says then is
/// not said of one that could not tell.
fn advice(view: &View, command: &CommandId, finish: &Finish) -> impl Iterator<Item = String> {
    let plan = view.plan();
    let step = command.step().and_then(|step| plan.step_index(step.as_str()));
    let guards = step.map_or(&plan.guards, |step| &plan.steps[step].guards);
    let (message, why) = match &command.role {
        Role::Guard(id) => guards
            .iter()
            .find(|guard| guard.id == **id)
            .map_or((None, None), |guard| (guard.message.clone(), guard.why.clone())),
        Role::Invariant(id) => {
            let invariant = plan.invariants.iter().find(|invariant| invariant.id == **id);
            (invariant.and_then(|invariant| invariant.message.clone()), None)
        }
        _ => (None, None),
    };
    let message = message.filter(|_| matches!(finish, Finish::Bad(_)));
    message.into_iter().chain(why.map(|why| format!("why: {why}")))
}
