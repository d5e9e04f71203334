//! What people decide when the run of a rehearsal has come to rest: about what it needs, or that it is undone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use firedrill_model::rehearsal::{Decision, DecisionWord, Meaning, OwedHook};
use firedrill_run::{DebtKind, Done, Event, Open, Ruling, Run};

use super::Stage;
use super::sandboxed::Sandboxed;
use crate::driver::DriveError;
use crate::world::World as _;

impl Stage<'_> {
    /// Has people say what they decide about what is open in a run at rest, or about the run itself. Returns whether anybody
    /// said anything: then it is to be driven again.
    pub(super) fn decide(&mut self, decisions: &[Decision]) -> Result<bool, DriveError> {
        let envelopes = self.world.journal().iter().map(|envelope| &envelope.event);
        let mut run = Run::replay(Arc::clone(&self.plan), envelopes)?;
        let began = self.world.now();
        let mut asked = subjects(&run);
        // What the run needs is said first.
        if self.next_decision(decisions, &asked).is_none() {
            asked.insert(Subject::Run);
        }
        let mut has_spoken = false;
        while let Some(at) = self.next_decision(decisions, &asked) {
            let decision = &decisions[at];
            self.world.pass_until(began + decision.after)?;
            let event = event(decision);
            run.apply(&event).map_err(|illegal| {
                DriveError::Rehearsal(format!("nobody can decide `{}`: {}", decision.line(), illegal.why))
            })?;
            let recorded = self.world.append(event.clone());
            if recorded.is_ok() || self.world.journal().last().is_some_and(|last| last.event == event) {
                self.said.insert(at);
                has_spoken = true;
            }
            recorded?;
            asked.remove(&subject(decision));
            asked.retain(|subject| *subject == Subject::Run || subjects(&run).contains(subject));
        }
        Ok(has_spoken)
    }

    /// Returns the decisions that nobody had to make.
    pub(super) fn unneeded(&self, decisions: &[Decision]) -> Vec<Decision> {
        let left = decisions.iter().enumerate().filter(|(at, _)| !self.said.contains(at));
        left.map(|(_, decision)| decision.clone()).collect()
    }

    /// Returns the decision that is made next: of those about one thing the first that was not made yet.
    fn next_decision(&self, decisions: &[Decision], asked: &BTreeSet<Subject>) -> Option<usize> {
        let mut first: BTreeMap<Subject, usize> = BTreeMap::new();
        for (at, decision) in decisions.iter().enumerate().filter(|(at, _)| !self.said.contains(at)) {
            first.entry(subject(decision)).or_insert(at);
        }
        let due = first.into_iter().filter(|(subject, _)| asked.contains(subject));
        due.map(|(_, at)| at).min_by_key(|&at| (decisions[at].after, at))
    }
}

impl Sandboxed<'_> {
    /// Lets time pass while no engine has the run. What comes meanwhile reaches nobody.
    fn pass_until(&mut self, moment: std::time::Duration) -> Result<(), DriveError> {
        while self.wait(Some(moment))?.is_some() {}
        Ok(())
    }
}

/// What a decision is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Failure(String),
    Doubt(String),
    Debt(String, &'static str),
    Run,
}

fn subject(decision: &Decision) -> Subject {
    match &decision.says {
        DecisionWord::Decide { step, .. } => Subject::Failure(step.value.clone()),
        DecisionWord::Settle { step, hook: None, .. } => Subject::Doubt(step.value.clone()),
        DecisionWord::Settle { step, hook: Some(hook), .. } => {
            Subject::Debt(step.value.clone(), debt(hook.value).word())
        }
        DecisionWord::RollBack => Subject::Run,
    }
}

/// Returns everything about which something can be said.
fn subjects(run: &Run) -> BTreeSet<Subject> {
    run.open().iter().filter_map(subject_of).collect()
}

/// Returns what a human must see to, unless nothing can be said about it.
fn subject_of(open: &Open) -> Option<Subject> {
    match open {
        Open::Undecided { step } => Some(Subject::Failure(step.to_string())),
        Open::InDoubt { step, .. } => Some(Subject::Doubt(step.to_string())),
        Open::Owed { step, debt } => Some(Subject::Debt(step.to_string(), debt.word())),
        Open::Invariant { .. } => None,
    }
}

fn event(decision: &Decision) -> Event {
    let outputs = decision.outputs.iter().map(|(name, value)| (name.clone(), value.value.clone())).collect();
    let by = decision.by.clone().unwrap_or_else(|| "operator-1".to_owned());
    let note = "as the scenario says".to_owned();
    match &decision.says {
        DecisionWord::Decide { step, meaning } => {
            let ruling = match meaning {
                Meaning::Retry => Ruling::Retry,
                Meaning::Done => Ruling::Done,
                Meaning::Rollback => Ruling::Rollback,
                Meaning::Stop => Ruling::Stop,
            };
            Event::Ruled { step: step.value.as_str().into(), ruling, outputs, by, note }
        }
        DecisionWord::Settle { step, hook, is_done } => {
            let done = if *is_done { Done::Done } else { Done::NotDone };
            let debt = hook.map(|hook| debt(hook.value));
            Event::Settled { step: step.value.as_str().into(), debt, done, outputs, by, note }
        }
        DecisionWord::RollBack => Event::RollbackRequested { by, note },
    }
}

fn debt(hook: OwedHook) -> DebtKind {
    match hook {
        OwedHook::Cleanup => DebtKind::Cleanup,
        OwedHook::Rollback => DebtKind::Rollback,
        OwedHook::Release => DebtKind::Release,
    }
}
