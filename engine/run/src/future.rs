//! What of a state decides the future. Two runs whose futures hash alike can do the same things and end alike, although
//! their pasts differ: an exploration that tells states apart by this alone visits each future once.
//!
//! Left out, because nothing that is still to come depends on it: the numbers of tries (only how many have failed counts, and
//! of looks the first three), exit codes, why a step failed (only whether a guard said so), how many attempts a settled step took, texts and
//! outputs, counters that follow from the steps, and the order of completion once nothing is left to take back, or if there
//! is always room to start everything that is due: it only says what starts first.

use std::hash::Hasher;

use firedrill_model::plan::Plan;

use crate::machine::Run;
use crate::state::{
    Asking, Cause, Conclusion, Debt, Outcome, Phase, Polling, Recheck, Stage, StepState, Task, TaskAt, Wish,
};
use crate::task::TaskEnd;

impl Run {
    /// Feeds everything that decides what can still happen, and how the run can end, to a hasher.
    pub fn hash_future(&self, hasher: &mut impl Hasher) {
        let state = &self.state;
        let is_over = matches!(state.phase, Phase::Unwinding | Phase::Resting | Phase::AtRest);
        let is_asking = state.recheck == Recheck::Asking;
        let recheck = if is_over { u64::from(is_asking) } else { 2 + state.recheck as u64 };
        let head = (state.phase as u64) << 16
            | (state.undoing as u64) << 12
            | (state.cancel as u64) << 8
            | u64::from(state.rests.min(1));
        hasher.write_u64(recheck << 32 | head);
        let guards = state.guards.iter().filter(|_| self.counts_guards());
        for asking in guards.chain(&state.invariants) {
            hasher.write_u64(asking.code());
        }
        hasher.write_u64((state.finals.at as u64) << 32 | state.finals.task.map_or(0, |task| 1 + task.code()));
        let is_ordered = self.shape.is_cramped && !matches!(state.phase, Phase::Resting | Phase::AtRest);
        for (at, (step, planned)) in state.steps.iter().zip(&self.plan.steps).enumerate() {
            hasher.write_u64(step.life());
            hasher.write_u64(step.debts());
            if planned.deadline.is_some() {
                hasher.write_u8(u8::from(step.clock.is_over && !step.stage.is_settled()));
            }
            if !planned.milestones.is_empty() {
                hasher.write_u32(if step.stage.is_settled() { 0 } else { step.reached.0 });
            }
            if !self.shape.secret_users(at).is_empty() {
                hasher.write_u32(step.attempts);
            }
            if is_ordered {
                hasher.write_u32(step.completed);
            }
        }
    }

    /// Returns whether the answers of the playbook's guards still decide something: while they are asked, and if they
    /// refused the run.
    fn counts_guards(&self) -> bool {
        let is_refused = self.state.phase == Phase::AtRest && self.state.rests == 0;
        self.state.phase == Phase::Guarding || self.state.recheck == Recheck::Asking || is_refused
    }
}

/// Returns how many commands of a plan may be due at once at the most.
///
/// Steps under way at the same time do not need one another, neither while they run nor while they unwind, so there are no
/// more of them than chains that cover the plan; releases come on top, and so do guards that are asked again.
pub(crate) fn most_at_once(plan: &Plan) -> usize {
    let mut is_last = vec![false; plan.steps.len()];
    let mut chains = 0;
    for (at, step) in plan.steps.iter().enumerate() {
        match step.needs.iter().find(|&&need| need < at && is_last[need]) {
            Some(&need) => is_last[need] = false,
            None => chains += 1,
        }
        is_last[at] = true;
    }
    let releases = plan.steps.iter().filter(|step| step.release.is_some()).count();
    (chains + releases + plan.guards.len()).max(plan.invariants.len())
}

impl StepState {
    /// Returns where the step stands, in a word.
    fn life(&self) -> u64 {
        let is_settled = self.stage.is_settled();
        let attempts = if is_settled { 0 } else { u64::from(self.attempts) };
        let is_verified = self.is_verified && !is_settled;
        let flags = u64::from(self.is_effective())
            | u64::from(is_verified) << 1
            | u64::from(self.is_unwound) << 2
            | u64::from(self.is_passed_on) << 3
            | (self.course as u64) << 4;
        u64::from(self.wish == Wish::LeaveOut && !is_settled) << 63 | attempts << 40 | self.stage.code() << 7 | flags
    }

    /// Returns what the step owes and what it forbids, in a word.
    fn debts(&self) -> u64 {
        let debts = [&self.debts.cleanup, &self.debts.rollback, &self.debts.release];
        debts.iter().fold(self.block as u64, |word, debt| word << 20 | debt.code())
    }
}

impl Stage {
    fn code(&self) -> u64 {
        let (tag, rest) = match self {
            Stage::Waiting => (0, 0),
            Stage::Inside => (0, 1),
            Stage::Expanding => (0, 2),
            Stage::Deciding => (1, 0),
            Stage::Guarding(at, task) => (2, (*at as u64) << 16 | task.code()),
            Stage::Attempting(task) => (3, task.code()),
            Stage::Looking(at, task) => (4, (*at as u64) << 16 | task.code()),
            Stage::Verifying(task, None) => (5, task.code()),
            Stage::Verifying(task, Some(_)) => (6, task.code()),
            Stage::Salvaging(_) => (7, 0),
            Stage::Concluding(conclusion) => (8, conclusion.code()),
            Stage::Cleaning(conclusion) => (9, conclusion.code()),
            Stage::Choosing(cause) => (10, cause.code()),
            Stage::Pausing(cause) => (11, cause.code()),
            Stage::InDoubt(_) => (12, 0),
            Stage::Undecided(_) => (12, 1),
            Stage::Settled(Outcome::Succeeded) => (13, 0),
            Stage::Settled(Outcome::Failed(cause)) => (14, cause.code()),
            Stage::Settled(Outcome::Skipped) => (15, 0),
            Stage::Settled(Outcome::Unreached) => (15, 1),
        };
        rest << 4 | tag
    }
}

impl Conclusion {
    fn code(self) -> u64 {
        match self {
            Conclusion::Succeeded => 0,
            Conclusion::Failed(cause) => 1 + cause.code(),
        }
    }
}

impl Cause {
    fn code(self) -> u64 {
        u64::from(self == Cause::Guard)
    }
}

impl Debt {
    fn code(&self) -> u64 {
        match self {
            Debt::None => 0,
            Debt::Owed => 1,
            Debt::Deciding => 2,
            Debt::Open => 3,
            Debt::Discharged => 4,
            Debt::Off => 5,
            Debt::Discharging(task) => 6 + task.code(),
        }
    }
}

impl Asking {
    fn code(&self) -> u64 {
        match self {
            Asking::Idle => 0,
            Asking::Answered(answer) => 1 + *answer as u64,
            Asking::Asked(task) => 4 + task.code(),
        }
    }
}

impl Task {
    /// Returns how far the try is, how many have failed or approved, and how far its poll is, in 16 bits.
    fn code(&self) -> u64 {
        let at = match self.at {
            TaskAt::Rendering => 0,
            TaskAt::Due => 1,
            TaskAt::InFlight => 2,
            TaskAt::Unsure => 3,
            TaskAt::Judging(_) => 4,
            TaskAt::Pausing => 5,
            TaskAt::Unasked => 6,
            TaskAt::Asked(_) => 7,
        };
        let count = match self.at {
            TaskAt::Asked(approved) => self.failures.min(0x1F) << 8 | approved.min(0xFF),
            _ => self.failures.min(0xFF) << 5 | self.poll_code(),
        };
        u64::from(count) << 3 | at
    }

    /// Returns what is known of a poll: whether it goes on, what its last look said, and how many looks there were up to three.
    fn poll_code(&self) -> u32 {
        let seen = match self.seen {
            None => 0,
            Some(TaskEnd::Unmet) => 1,
            Some(TaskEnd::Met | TaskEnd::Unclear | TaskEnd::Doubt(_) | TaskEnd::Texts | TaskEnd::NotSpawned) => 2,
        };
        match self.poll {
            Polling::Over => seen,
            Polling::Open => self.r#try.min(3) << 3 | 1 << 2 | seen,
        }
    }
}
