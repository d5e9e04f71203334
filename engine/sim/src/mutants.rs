//! Mutants: a plan with one of its safeguards taken away. A safeguard whose loss nothing notices is not proven.

use std::num::NonZeroU32;

use firedrill_model::judge::Expect;
use firedrill_model::plan::{Guard, Plan, Retry, Rollback, Step};
use firedrill_model::rehearsal::Target;

use crate::place::named;
use crate::sweep::can_run;

/// A plan with one safeguard less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutant {
    /// What is missing, as a noun: "the release of `block_api` (line 12)".
    pub what: String,
    /// What kind of safeguard it is.
    pub kind: MutantKind,
    /// The step whose safeguard it is; the playbook's if none.
    pub step: Option<String>,
    /// Where it stands in the playbook: the line of the guard or invariant, otherwise that of its step.
    pub line: u32,
    /// The command that is gone with it; none if a command is only judged or repeated otherwise.
    pub command: Option<Target>,
    /// The plan without it.
    pub plan: Plan,
}

/// A kind of safeguard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MutantKind {
    /// A guard, of the playbook or of a step.
    Guard,
    /// What a step expects of an attempt beyond its exit code.
    Expect,
    /// The attempts of a step after the first.
    Retry,
    /// The verify of a step.
    Verify,
    /// The cleanup of a step; its retries go with it if nothing else allows them.
    Cleanup,
    /// The rollback of a step.
    Rollback,
    /// The release of a step.
    Release,
    /// An invariant. Only a scenario that expects it to be broken can notice that it is gone.
    Invariant,
}

/// Returns every mutant of a plan, in the plan's order.
///
/// What can never have an effect is left alone: steps and hooks whose `when` is known to be false.
pub fn mutants(plan: &Plan) -> Vec<Mutant> {
    let mut mutants = Vec::new();
    for (at, guard) in plan.guards.iter().enumerate() {
        let command = Target::Guard(guard.id.clone());
        mutants.push(of_playbook(plan, MutantKind::Guard, command, (&guard.id, guard.line), |plan| {
            plan.guards.remove(at);
        }));
    }
    for (at, step) in plan.steps.iter().enumerate().filter(|(_, step)| can_run(step.when.as_ref())) {
        mutants.extend(of_guards(plan, at, &step.guards));
        mutants.extend(MutantKind::ALL.into_iter().filter_map(|kind| of_step(plan, at, kind)));
    }
    for (at, invariant) in plan.invariants.iter().enumerate() {
        let command = Target::Invariant(invariant.id.clone());
        mutants.push(of_playbook(plan, MutantKind::Invariant, command, (&invariant.id, invariant.line), |plan| {
            plan.invariants.remove(at);
        }));
    }
    mutants
}

fn of_playbook(
    plan: &Plan,
    kind: MutantKind,
    command: Target,
    (id, line): (&str, u32),
    change: impl FnOnce(&mut Plan),
) -> Mutant {
    let what = format!("the {} `{id}` (line {line})", kind.word());
    Mutant { what, kind, step: None, line, command: Some(command), plan: changed(plan, change) }
}

fn of_guards<'a>(plan: &'a Plan, step: usize, guards: &'a [Guard]) -> impl Iterator<Item = Mutant> + 'a {
    guards.iter().enumerate().map(move |(at, guard)| Mutant {
        what: format!("the guard `{}` (line {}) of `{}`", guard.id, guard.line, plan.steps[step].id),
        kind: MutantKind::Guard,
        step: Some(plan.steps[step].id.clone()),
        line: guard.line,
        command: Some(Target::StepGuard { step: plan.steps[step].id.clone(), guard: guard.id.clone() }),
        plan: changed(plan, |plan| {
            plan.steps[step].guards.remove(at);
        }),
    })
}

/// Returns the mutant without one safeguard of a step, if the step has it.
fn of_step(plan: &Plan, at: usize, kind: MutantKind) -> Option<Mutant> {
    let step = &plan.steps[at];
    let owner = named(plan, at);
    let what = match kind {
        MutantKind::Expect => format!("what {owner} expects beyond its exit code"),
        MutantKind::Retry => format!("the retries of {owner}"),
        _ => format!("the {} of {owner}", kind.word()),
    };
    has(step, kind).then(|| Mutant {
        what,
        kind,
        step: Some(step.id.clone()),
        line: step.line,
        command: command_of(step, kind),
        plan: changed(plan, |plan| take(&mut plan.steps[at], kind)),
    })
}

fn command_of(step: &Step, kind: MutantKind) -> Option<Target> {
    let id = step.id.clone();
    match kind {
        MutantKind::Verify => Some(Target::Verify(id)),
        MutantKind::Cleanup => Some(Target::Cleanup(id)),
        MutantKind::Rollback => Some(Target::Rollback(id)),
        MutantKind::Release => Some(Target::Release(id)),
        MutantKind::Guard | MutantKind::Expect | MutantKind::Retry | MutantKind::Invariant => None,
    }
}

fn has(step: &Step, kind: MutantKind) -> bool {
    let can_be_due = |hook: &firedrill_model::plan::Hook| can_run(hook.when.as_ref());
    match kind {
        MutantKind::Expect => step.command().is_some_and(|command| !command.expect.is_by_exit()),
        MutantKind::Retry => step.retry.max_attempts.get() > 1,
        MutantKind::Verify => step.verify.is_some(),
        MutantKind::Cleanup => step.cleanup.as_ref().is_some_and(can_be_due),
        MutantKind::Rollback => step.rollback_hook().is_some_and(can_be_due),
        MutantKind::Release => step.release.as_ref().is_some_and(|release| can_be_due(&release.hook)),
        MutantKind::Guard | MutantKind::Invariant => false,
    }
}

fn take(step: &mut Step, kind: MutantKind) {
    match kind {
        MutantKind::Expect => {
            if let Some(command) = step.command_mut() {
                let exit = std::mem::take(&mut command.expect.exit);
                command.expect = Expect { exit, ..Expect::default() };
            }
        }
        MutantKind::Retry => try_once(&mut step.retry),
        MutantKind::Verify => step.verify = None,
        MutantKind::Cleanup => {
            step.cleanup = None;
            if !step.effect.read_only && !step.effect.idempotent {
                try_once(&mut step.retry);
            }
        }
        MutantKind::Rollback => step.rollback = Rollback::Unsaid,
        MutantKind::Release => step.release = None,
        MutantKind::Guard | MutantKind::Invariant => {}
    }
}

fn try_once(retry: &mut Retry) {
    retry.max_attempts = NonZeroU32::MIN;
    retry.when = None;
}

fn changed(plan: &Plan, change: impl FnOnce(&mut Plan)) -> Plan {
    let mut plan = plan.clone();
    change(&mut plan);
    plan
}

impl MutantKind {
    /// Every kind, in the order in which a step has them.
    pub const ALL: [MutantKind; 8] = [
        MutantKind::Guard,
        MutantKind::Expect,
        MutantKind::Retry,
        MutantKind::Verify,
        MutantKind::Cleanup,
        MutantKind::Rollback,
        MutantKind::Release,
        MutantKind::Invariant,
    ];

    /// Returns the word of the playbook language.
    pub fn word(self) -> &'static str {
        match self {
            MutantKind::Guard => "guard",
            MutantKind::Expect => "expect",
            MutantKind::Retry => "retry",
            MutantKind::Verify => "verify",
            MutantKind::Cleanup => "cleanup",
            MutantKind::Rollback => "rollback",
            MutantKind::Release => "release",
            MutantKind::Invariant => "invariant",
        }
    }
}
