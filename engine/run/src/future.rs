//! What of a state decides the future. Two runs whose futures hash alike can do the same things and end alike, although
//! their pasts differ: an exploration that tells states apart by this alone visits each future once.
//!
//! Left out, because nothing that is still to come depends on it: the numbers of tries (only how many have failed counts, and
//! of looks the first three), exit codes, why a step failed (only whether a guard said so), how many attempts a settled step
//! took, attempts beyond those that are made unasked, texts and outputs, counters that follow from the steps, and the order
//! of completion once nothing is left to take back, or if there is always room to start everything that is due: it only says
//! what starts first.

use std::hash::Hasher;

use firedrill_model::plan::{Plan, Step};

use crate::machine::Run;
use crate::state::{
    Asking, Cause, Conclusion, Debt, Outcome, Phase, Polling, Recheck, Stage, StepState, Task, TaskAt, Wish,
};
use crate::task::TaskEnd;

/// What of a step of the plan decides which of its numbers count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weighed {
    max_attempts: u32,
    /// Whether others use its secrets.
    is_publisher: bool,
    /// Whether it has neither a deadline nor milestones, and nobody uses a secret of it.
    is_plain: bool,
}

impl Weighed {
    pub(crate) fn new(step: &Step, is_publisher: bool) -> Weighed {
        Weighed {
            max_attempts: step.retry.max_attempts.get(),
            is_publisher,
            is_plain: step.deadline.is_none() && step.milestones.is_empty() && !is_publisher,
        }
    }
}

impl Run {
    /// Feeds everything that decides what can still happen, and how the run can end, to a hasher.
    pub fn hash_future(&self, hasher: &mut impl Hasher) {
        let state = &self.state;
        let is_over = matches!(state.phase, Phase::Unwinding | Phase::Resting | Phase::AtRest) && !self.awaits_ruling();
        let is_asking = state.recheck == Recheck::Asking;
        let recheck = if is_over { u64::from(is_asking) } else { 2 + state.recheck as u64 };
        let head = Word::of(3, state.phase as u64)
            .with(2, state.undoing as u64)
            .with(2, state.cancel as u64)
            .with(1, u64::from(state.rests > 0))
            .with(3, recheck)
            .flag(state.is_told);
        hasher.write_u64(head.0);
        if self.counts_guards() {
            // Of the answers only what they say together against the run decides anything.
            let refusal = self.refusal().map_or(0, |unmet| 1 + unmet as u64);
            hasher.write_u64(Word::of(2, refusal).0);
            state.guards.iter().for_each(|guard| hasher.write_u64(guard.progress().0));
        }
        state.invariants.iter().for_each(|invariant| hasher.write_u64(invariant.code().0));
        let last = state.finals.task.map_or(Word::of(1, 0), |task| Word::of(1, 1).with(Task::BITS, task.code().0));
        hasher.write_u64(last.with(32, state.finals.at as u64).0);
        let is_resting = matches!(state.phase, Phase::Resting | Phase::AtRest) && !self.awaits_ruling();
        let is_ordered = self.shape.is_cramped && !is_resting;
        for (at, (step, &weighed)) in state.steps.iter().zip(self.shape.weighed()).enumerate() {
            let (life, debts) = (step.life(weighed), step.debts());
            hasher.write_u128(u128::from(life.0) << 64 | u128::from(debts.0));
            if weighed.is_plain {
                continue;
            }
            let is_settled = step.stage.is_settled();
            hasher.write_u8(u8::from(!is_settled && self.clock(at).is_over));
            hasher.write_u32(if is_settled { 0 } else { step.reached.0 });
            if weighed.is_publisher {
                hasher.write_u32(step.attempts_that_count(weighed));
            }
        }
        if is_ordered {
            state.steps.iter().for_each(|step| hasher.write_u32(step.completed));
        }
    }

    /// Returns whether the run can go on from its rest because somebody says, or has said, what a failure means.
    fn awaits_ruling(&self) -> bool {
        self.state.is_told || self.undecided().next().is_some()
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
    /// Returns how many attempts were made, up to one more than are made without anybody asking for it.
    fn attempts_that_count(&self, weighed: Weighed) -> u32 {
        self.attempts.min(self.voided + weighed.max_attempts + 1)
    }

    /// Returns where the step stands and what it forbids.
    fn life(&self, weighed: Weighed) -> Word {
        let is_settled = self.stage.is_settled();
        let is_left_out = self.wish == Wish::LeaveOut;
        let attempts = if is_settled { 0 } else { u64::from(self.attempts_that_count(weighed)) };
        Word::of(22, attempts)
            .with(Stage::BITS, self.stage.code().0)
            .with(2, self.block as u64)
            .with(3, self.course as u64)
            .flag(self.is_effective())
            .flag(self.is_verified && !is_settled)
            .flag(is_left_out && !is_settled)
            .flag(self.is_unwound)
            .flag(self.is_passed_on)
    }

    /// Returns what the step owes.
    fn debts(&self) -> Word {
        let debts = [&self.debts.cleanup, &self.debts.rollback, &self.debts.release];
        debts.iter().fold(Word(0), |word, debt| word.with(Debt::BITS, debt.code().0))
    }
}

/// Small numbers, packed into one: a hasher takes one number faster than many.
#[derive(Clone, Copy, Debug)]
struct Word(u64);

impl Word {
    fn of(bits: u32, number: u64) -> Word {
        Word(0).with(bits, number)
    }

    /// Adds a number that has no more bits than given.
    fn with(self, bits: u32, number: u64) -> Word {
        debug_assert!(u64::BITS - number.leading_zeros() <= bits, "{number} has more than {bits} bits");
        debug_assert!(self.0.leading_zeros() >= bits, "{:x} is full", self.0);
        Word(self.0 << bits | number)
    }

    fn flag(self, is_set: bool) -> Word {
        self.with(1, u64::from(is_set))
    }
}

impl Stage {
    const BITS: u32 = 4 + 8 + Task::BITS;

    fn code(&self) -> Word {
        let of = |tag, rest| Word::of(4, tag).with(8 + Task::BITS, rest);
        let of_list = |tag, at: usize, task: &Task| Word::of(4, tag).with(8, at as u64).with(Task::BITS, task.code().0);
        match self {
            Stage::Waiting => of(0, 0),
            Stage::Inside => of(0, 1),
            Stage::Expanding => of(0, 2),
            Stage::Locking => of(0, 3),
            Stage::Deciding => of(1, 0),
            Stage::Guarding(at, task) => of_list(2, *at, task),
            Stage::Attempting(task) => of(3, task.code().0),
            Stage::Looking(at, task) => of_list(4, *at, task),
            Stage::Verifying(task, None) => of(5, task.code().0),
            Stage::Verifying(task, Some(_)) => of(6, task.code().0),
            Stage::Salvaging(_) => of(7, 0),
            Stage::Concluding(conclusion) => of(8, conclusion.code()),
            Stage::Cleaning(conclusion) => of(9, conclusion.code()),
            Stage::Choosing(cause) => of(10, cause.code()),
            Stage::Pausing(cause) => of(11, cause.code()),
            Stage::InDoubt(_) => of(12, 0),
            Stage::Undecided(cause) => of(12, 1 + cause.code()),
            Stage::Settled(Outcome::Succeeded) => of(13, 0),
            Stage::Settled(Outcome::Failed(cause)) => of(14, cause.code()),
            Stage::Settled(Outcome::Skipped) => of(15, 0),
            Stage::Settled(Outcome::Unreached) => of(15, 1),
        }
    }
}

impl Conclusion {
    fn code(self) -> u64 {
        match self {
            Conclusion::Succeeded => 2,
            Conclusion::Failed(cause) => cause.code(),
        }
    }
}

impl Cause {
    fn code(self) -> u64 {
        u64::from(self == Cause::Guard)
    }
}

impl Debt {
    const BITS: u32 = 3 + Task::BITS;

    fn code(&self) -> Word {
        let of = |tag, rest| Word::of(3, tag).with(Task::BITS, rest);
        match self {
            Debt::None => of(0, 0),
            Debt::Owed => of(1, 0),
            Debt::Deciding => of(2, 0),
            Debt::Open => of(3, 0),
            Debt::Discharged => of(4, 0),
            Debt::Off => of(5, 0),
            Debt::Discharging(task) => of(6, task.code().0),
        }
    }
}

impl Asking {
    fn code(&self) -> Word {
        self.progress().with(2, self.answer().map_or(0, |answer| answer as u64))
    }

    /// Returns how far the asking is, without the answer.
    fn progress(&self) -> Word {
        let of = |tag, rest| Word::of(2, tag).with(Task::BITS, rest);
        match self {
            Asking::Idle => of(0, 0),
            Asking::Answered(_) => of(1, 0),
            Asking::Asked(task) => of(2, task.code().0),
        }
    }
}

impl Task {
    const BITS: u32 = 18;

    /// Returns how far the try is, how many have failed or approved, and how far its poll is.
    fn code(&self) -> Word {
        let (tag, approved) = match self.at {
            TaskAt::Rendering => (0, 0),
            TaskAt::Due => (1, 0),
            TaskAt::InFlight => (2, 0),
            TaskAt::Unsure => (3, 0),
            TaskAt::Judging(_) => (4, 0),
            TaskAt::Pausing => (5, 0),
            TaskAt::Unasked => (6, 0),
            TaskAt::Asked(approved) => (7, approved),
        };
        let seen = self.seen.map_or(0, |end| 1 + u64::from(end != TaskEnd::Unmet));
        let looks = if self.poll == Polling::Open { self.r#try.min(3) } else { 0 };
        Word::of(3, tag)
            .with(4, approved.min(0xF).into())
            .with(6, self.failures.min(0x3F).into())
            .with(2, seen)
            .with(2, looks.into())
            .flag(self.poll == Polling::Open)
    }
}

#[cfg(test)]
mod tests {
    use firedrill_sim::sketch;

    use super::*;

    #[test]
    fn as_much_is_due_at_once_as_chains_cover_the_plan() {
        for (plan, most) in [
            ("a\nb a", 1),
            ("a\nb a\nc", 2),
            ("a\nb a\nc a", 2),
            ("a\nb\nc a b", 2),
            ("a ^\nb", 3),
            ("@guard g\na", 2),
            ("@invariant i\n@invariant j\na", 2),
        ] {
            assert_eq!(most_at_once(&sketch(plan)), most, "{plan}");
        }
    }
}
