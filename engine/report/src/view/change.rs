//! What an event has changed: facts it states and what follows from them for steps and the run as a whole.

use std::time::Duration;

use firedrill_run::{CommandId, Debt, DebtKind, Outcome, Phase, Run, Stage, StepId, TaskAt, Wait};

use super::{Reply, Word};

/// Something to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The run has started.
    Opened,
    /// Another engine has taken the run.
    TakenOver,
    /// A command was started.
    Started(CommandId),
    /// A command of an earlier engine turned out never to have been started.
    NotStarted(CommandId),
    /// The secrets of a step died with the engine that had them, so it is attempted again.
    SecretsLost(StepId),
    /// A command of an earlier engine is still running.
    Adopted(CommandId),
    /// A running attempt has reached a milestone of its step.
    Reached(CommandId, String),
    /// A step has its locks, after it waited this many milliseconds for other runs.
    Locked(StepId, u64),
    /// It is known what the end of a command means.
    Finished(CommandId),
    /// Something about a step, or the run, in words.
    Remarked(Option<StepId>, String),
    /// Somebody asked for the run to stop, for the first, second, ... time.
    CancelRequested(u32),
    /// Somebody answered what people were asked.
    Replied(Reply),
    /// Somebody said what became of a doubt, an obligation or a failure.
    Said(Word),
    /// A step, or one of its hooks, waits before its next try.
    Pauses(Wait, Duration),
    /// A step has settled.
    StepSettled(usize),
    /// A step is in doubt, or undecided.
    StepInDoubt(usize),
    /// An obligation stays open: its tries are used up.
    DebtOpen(usize, DebtKind),
    /// Nothing new starts any more; attempts are waited for.
    Halting,
    /// What was done is being cleaned up, rolled back and released.
    Unwinding,
    /// The run has come to rest.
    Rested,
}

/// As much of a run as is needed to see what an event changed.
#[derive(Clone, Debug)]
pub(super) struct Glance {
    phase: Phase,
    steps: Vec<StepGlance>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct StepGlance {
    stage: Mark,
    debts: [Mark; 3],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Other,
    Pausing,
    Open,
    Settled,
}

impl Glance {
    pub(super) fn of(run: &Run) -> Glance {
        let steps = (0..run.plan().steps.len()).map(|step| StepGlance::of(run, step));
        Glance { phase: run.phase(), steps: steps.collect() }
    }

    /// Returns what has changed since the last look.
    pub(super) fn look_again(&mut self, run: &Run) -> Vec<Change> {
        let mut changes = Vec::new();
        self.steps.resize(run.plan().steps.len(), StepGlance { stage: Mark::Other, debts: [Mark::Other; 3] });
        // A group is told of after its members.
        let is_group = |step: &usize| run.plan().steps[*step].as_group().is_some();
        let (groups, single): (Vec<usize>, Vec<usize>) = (0..self.steps.len()).partition(is_group);
        for step in single.into_iter().chain(groups.into_iter().rev()) {
            let after = StepGlance::of(run, step);
            let seen = std::mem::replace(&mut self.steps[step], after);
            if seen != after {
                changes.extend(seen.changes(after, step, run));
            }
        }
        changes.extend(self.phase_change(run.phase()));
        self.phase = run.phase();
        changes
    }

    fn phase_change(&self, phase: Phase) -> Option<Change> {
        if self.phase == phase {
            return None;
        }
        match phase {
            Phase::Halting => Some(Change::Halting),
            Phase::Unwinding => Some(Change::Unwinding),
            Phase::AtRest => Some(Change::Rested),
            Phase::New | Phase::Guarding | Phase::Working | Phase::Resting => None,
        }
    }
}

impl StepGlance {
    fn of(run: &Run, step: usize) -> StepGlance {
        let summary = run.summary(step);
        let stage = match summary.stage {
            Stage::Pausing(_) => Mark::Pausing,
            Stage::InDoubt(_) | Stage::Undecided(_) => Mark::Open,
            Stage::Settled(Outcome::Succeeded | Outcome::Failed(_) | Outcome::Skipped) => Mark::Settled,
            _ => Mark::Other,
        };
        StepGlance { stage, debts: [summary.cleanup, summary.rollback, summary.release].map(debt_mark) }
    }

    fn changes(self, after: StepGlance, step: usize, run: &Run) -> Vec<Change> {
        let mut changes = Vec::new();
        let id = || StepId::from(run.plan().steps[step].id.as_str());
        for (at, kind) in DebtKind::ALL.into_iter().enumerate() {
            match after.debts[at] {
                mark if mark == self.debts[at] => {}
                Mark::Open => changes.push(Change::DebtOpen(step, kind)),
                Mark::Pausing => changes.extend(pause(run, Wait::Hook(id(), kind))),
                Mark::Other | Mark::Settled => {}
            }
        }
        match after.stage {
            mark if mark == self.stage => {}
            Mark::Settled => changes.push(Change::StepSettled(step)),
            Mark::Open => changes.push(Change::StepInDoubt(step)),
            Mark::Pausing => changes.extend(pause(run, Wait::Attempt(id()))),
            Mark::Other => {}
        }
        changes
    }
}

fn debt_mark(debt: &Debt) -> Mark {
    match debt {
        Debt::Open => Mark::Open,
        Debt::Discharging(task) if task.at == TaskAt::Pausing => Mark::Pausing,
        Debt::None | Debt::Owed | Debt::Deciding | Debt::Discharging(_) | Debt::Discharged | Debt::Off => Mark::Other,
    }
}

fn pause(run: &Run, wait: Wait) -> Option<Change> {
    let pause = run.pauses().into_iter().find(|pause| pause.wait == wait)?;
    Some(Change::Pauses(wait, pause.length))
}
