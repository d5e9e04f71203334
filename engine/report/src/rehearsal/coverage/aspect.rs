//! What can happen in a run of a plan, and what has happened in one.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use firedrill_model::plan::{Condition, Guard, Hook, Plan, Step};
use firedrill_run::journal::Envelope;
use firedrill_run::{Answer, DebtKind, Event, Exit, Outcome, Question, Role, Stage};

use crate::rehearsal::course::role_of;
use crate::view::{Execution, Finish, View};

/// Whose aspect it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Playbook,
    Step(usize),
}

/// Something that can happen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Aspect {
    LeftOut,
    Ran,
    Failed,
    TriedAgain,
    GivenUp,
    InDoubt,
    Met(Arc<str>),
    Unmet(Arc<str>),
    Read(Arc<str>),
    Verified,
    NotVerified,
    HookRan(DebtKind),
    HookTriedAgain(DebtKind),
    HookNotNeeded(DebtKind),
    Held(Arc<str>),
    FinalRan(Arc<str>),
    FinalLeftOut(Arc<str>),
}

type Line = Option<u32>;

/// Returns everything that can happen, in the order of the plan.
pub(super) fn all(plan: &Plan) -> Vec<(Place, Aspect, Line)> {
    let guards = plan.guards.iter().flat_map(of_guard).map(|(aspect, line)| (Place::Playbook, aspect, line));
    let steps =
        plan.steps.iter().enumerate().flat_map(|(at, step)| {
            of_step(step).into_iter().map(move |(aspect, line)| (Place::Step(at), aspect, line))
        });
    let invariants =
        plan.invariants.iter().map(|it| (Place::Playbook, Aspect::Held(it.id.as_str().into()), Some(it.line)));
    let finals = plan.finally.iter().flat_map(|last| {
        let id: Arc<str> = last.id.as_str().into();
        let left_out = last.when.as_ref().map(|_| Aspect::FinalLeftOut(Arc::clone(&id)));
        [Some(Aspect::FinalRan(id)), left_out].into_iter().flatten().map(|aspect| (Place::Playbook, aspect, None))
    });
    guards.chain(steps).chain(invariants).chain(finals).collect()
}

fn of_guard(guard: &Guard) -> [(Aspect, Line); 2] {
    let id: Arc<str> = guard.id.as_str().into();
    [(Aspect::Met(Arc::clone(&id)), Some(guard.line)), (Aspect::Unmet(id), Some(guard.line))]
}

fn of_step(step: &Step) -> Vec<(Aspect, Line)> {
    let line = Some(step.line);
    let mut aspects: Vec<(Aspect, Line)> = Vec::new();
    aspects.extend(step.when.as_ref().map(|_| (Aspect::LeftOut, line)));
    aspects.extend(step.guards.iter().flat_map(of_guard));
    aspects.extend([(Aspect::Ran, line), (Aspect::Failed, line)]);
    let has_retry = step.retry.max_attempts.get() > 1;
    aspects.extend(has_retry.then_some((Aspect::TriedAgain, line)));
    aspects.extend(step.retry.when.as_ref().filter(|_| has_retry).map(|_| (Aspect::GivenUp, line)));
    aspects.extend(step.command().and_then(|command| command.time_limit).map(|_| (Aspect::InDoubt, line)));
    aspects.extend(step.looks.iter().map(|look| (Aspect::Read(look.name.as_str().into()), line)));
    aspects.extend(step.verify.iter().flat_map(|_| [(Aspect::Verified, line), (Aspect::NotVerified, line)]));
    let hooks = DebtKind::ALL.into_iter().filter_map(|kind| Some((kind, hook_of(step, kind)?)));
    aspects.extend(hooks.flat_map(|(kind, hook)| of_hook(kind, hook)).map(|aspect| (aspect, line)));
    aspects
}

fn hook_of(step: &Step, kind: DebtKind) -> Option<&Hook> {
    match kind {
        DebtKind::Cleanup => step.cleanup.as_ref(),
        DebtKind::Rollback => step.rollback_hook(),
        DebtKind::Release => step.release.as_ref().map(|release| &release.hook),
    }
}

fn of_hook(kind: DebtKind, hook: &Hook) -> impl Iterator<Item = Aspect> {
    let again = (hook.retry.max_attempts.get() > 1).then_some(Aspect::HookTriedAgain(kind));
    let not_needed = hook.when.as_ref().map(|_| Aspect::HookNotNeeded(kind));
    [Some(Aspect::HookRan(kind)), again, not_needed].into_iter().flatten()
}

/// Returns what has happened in a run.
pub(super) fn seen(view: &View, envelopes: &[Envelope]) -> BTreeSet<(Place, Aspect)> {
    let executed = view.executions().flat_map(|it| executed(it).into_iter().map(|aspect| (place(view, it), aspect)));
    let decided = envelopes.iter().filter_map(|envelope| decided(view, &envelope.event));
    let steps = view.plan().steps.iter().enumerate();
    let known = steps.flat_map(|(at, step)| known(view, at, step).map(move |aspect| (Place::Step(at), aspect)));
    executed.chain(decided).chain(known).collect()
}

fn place(view: &View, execution: &Execution) -> Place {
    let at = execution.command.step().and_then(|step| view.plan().step_index(step.as_str()));
    at.map_or(Place::Playbook, Place::Step)
}

/// Returns what an execution has exercised.
fn executed(execution: &Execution) -> Vec<Aspect> {
    let Some(finish) = &execution.finish else {
        return Vec::new();
    };
    let is_well = *finish == Finish::Well;
    let is_again = execution.command.r#try > 1;
    let hook = |kind| [Some(Aspect::HookRan(kind)), is_again.then_some(Aspect::HookTriedAgain(kind))];
    match &execution.command.role {
        Role::Attempt => attempted(execution),
        Role::Guard(id) if is_well => vec![Aspect::Met(Arc::clone(id))],
        Role::Guard(id) => vec![Aspect::Unmet(Arc::clone(id))],
        Role::Look(name) => is_well.then_some(Aspect::Read(Arc::clone(name))).into_iter().collect(),
        Role::Verify if is_well => vec![Aspect::Verified],
        Role::Verify => vec![Aspect::NotVerified],
        Role::Cleanup => hook(DebtKind::Cleanup).into_iter().flatten().collect(),
        Role::Rollback => hook(DebtKind::Rollback).into_iter().flatten().collect(),
        Role::Release => hook(DebtKind::Release).into_iter().flatten().collect(),
        Role::Invariant(id) => is_well.then_some(Aspect::Held(Arc::clone(id))).into_iter().collect(),
        Role::Final(id) => vec![Aspect::FinalRan(Arc::clone(id))],
    }
}

fn attempted(execution: &Execution) -> Vec<Aspect> {
    let is_doubtful = matches!(execution.exit, Some(Exit::TimedOut | Exit::Cancelled | Exit::Lost));
    let has_run = !matches!(execution.exit, Some(Exit::NotSpawned(_)));
    let aspects = [
        has_run.then_some(Aspect::Ran),
        (execution.command.round > 1).then_some(Aspect::TriedAgain),
        is_doubtful.then_some(Aspect::InDoubt),
    ];
    aspects.into_iter().flatten().collect()
}

/// Returns which branch an answer took that starts no command.
fn decided(view: &View, event: &Event) -> Option<(Place, Aspect)> {
    let Event::Decided { question, answer: Answer::No } = event else {
        return None;
    };
    let (step, aspect) = match question {
        Question::When(step) => (step, Aspect::LeftOut),
        Question::CleanupWhen(step) => (step, Aspect::HookNotNeeded(DebtKind::Cleanup)),
        Question::ReleaseWhen(step) => (step, Aspect::HookNotNeeded(DebtKind::Release)),
        Question::RetryWhen(step) => (step, Aspect::GivenUp),
        Question::Items(_) => return None,
        Question::FinalWhen(id) => return Some((Place::Playbook, Aspect::FinalLeftOut(id.as_str().into()))),
    };
    Some((Place::Step(view.plan().step_index(step.as_str())?), aspect))
}

/// Returns what follows from how a step ended, and from conditions that inputs alone decide.
fn known(view: &View, at: usize, step: &Step) -> impl Iterator<Item = Aspect> {
    let is_off = step.when == Some(Condition::Known(false));
    let outcome = match view.run().summary(at).stage {
        Stage::Settled(Outcome::Failed(_)) => Some(Aspect::Failed),
        Stage::Settled(Outcome::Skipped) if is_off => Some(Aspect::LeftOut),
        _ => None,
    };
    let has_run = view.executions_of(&step.id).any(|it| it.command.role == Role::Attempt && it.finish.is_some());
    let needless = DebtKind::ALL.into_iter().filter(move |kind| {
        let hook = hook_of(step, *kind);
        has_run && hook.is_some_and(|hook| hook.when == Some(Condition::Known(false)))
    });
    outcome.into_iter().chain(needless.map(Aspect::HookNotNeeded))
}

impl fmt::Display for Aspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Aspect::LeftOut => f.write_str("left out by its when"),
            Aspect::Ran => f.write_str("ran"),
            Aspect::Failed => f.write_str("failed for good"),
            Aspect::TriedAgain => f.write_str("tried again"),
            Aspect::GivenUp => f.write_str("not tried again by the when of its retry"),
            Aspect::InDoubt => f.write_str("in doubt"),
            Aspect::Met(id) => write!(f, "guard {id} met"),
            Aspect::Unmet(id) => write!(f, "guard {id} unmet"),
            Aspect::Read(name) => write!(f, "output {name} read"),
            Aspect::Verified => f.write_str("verify held"),
            Aspect::NotVerified => f.write_str("verify did not hold"),
            Aspect::HookRan(kind) => write!(f, "{} ran", role_of(*kind)),
            Aspect::HookTriedAgain(kind) => write!(f, "{} tried again", role_of(*kind)),
            Aspect::HookNotNeeded(kind) => write!(f, "{} not needed", role_of(*kind)),
            Aspect::Held(id) => write!(f, "invariant {id} held"),
            Aspect::FinalRan(id) => write!(f, "{id} of finally ran"),
            Aspect::FinalLeftOut(id) => write!(f, "{id} of finally left out"),
        }
    }
}
