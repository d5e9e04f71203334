//! What the events alone say of a step: no stages, no queue, no phases.

use std::collections::BTreeMap;

use firedrill_model::judge::Judgement;
use firedrill_model::plan::{Command, Condition, InDoubt, Rollback, Step};
use firedrill_run::{Answer, Done, Exit};

/// What one try came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Met,
    Unmet,
    Unclear,
    /// Ended by us; of an attempt also: lost.
    Doubt,
    /// Lost: hooks and probes are tried again.
    Lost,
    /// Nothing was ever started.
    Nothing,
}

/// Whether a command does something or answers a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    Deed,
    Probe,
}

/// Everything the events say of a step.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Facts {
    pub(crate) guards: BTreeMap<String, End>,
    pub(crate) when: Option<Answer>,
    pub(crate) is_skipped: bool,
    /// It failed before anything of it was started.
    pub(crate) is_refused: bool,
    pub(crate) rounds: Vec<Round>,
    pub(crate) is_rolled_back: bool,
    pub(crate) is_released: bool,
}

/// Everything the events say of one attempt.
#[derive(Clone, Debug, Default)]
pub(crate) struct Round {
    pub(crate) number: u32,
    pub(crate) attempt: Option<End>,
    /// A look of it has ended, although another one is to follow.
    pub(crate) has_looked: bool,
    pub(crate) looks: BTreeMap<String, End>,
    pub(crate) verify: Option<End>,
    /// The outputs of an attempt in doubt were read.
    pub(crate) salvage: Option<End>,
    pub(crate) cleanup_when: Option<Answer>,
    pub(crate) cleanup: Option<End>,
    pub(crate) cleanup_failures: u32,
    pub(crate) retry_when: Option<Answer>,
    pub(crate) said: Option<Done>,
}

impl Facts {
    /// Returns whether the step may have had an effect.
    pub(crate) fn is_effective(&self) -> bool {
        self.rounds.iter().any(Round::is_effective)
    }

    /// Returns the attempt that counts, if one was made.
    pub(crate) fn last(&self) -> Option<&Round> {
        self.rounds.last()
    }

    pub(crate) fn has_succeeded(&self, step: &Step) -> bool {
        self.last().is_some_and(|round| round.has_succeeded(step))
    }

    /// Returns whether a step that is over has failed.
    pub(crate) fn has_failed(&self, step: &Step) -> bool {
        self.is_refused || self.last().is_some_and(|round| round.has_failed(step))
    }

    /// Returns whether its attempts are used up.
    pub(crate) fn is_spent(&self, step: &Step) -> bool {
        let spent = self.rounds.iter().filter(|round| round.said != Some(Done::NotDone)).count();
        spent >= step.retry.max_attempts.get() as usize
    }

    pub(crate) fn may_try_again(&self, step: &Step) -> bool {
        let is_allowed = self.last().is_some_and(|round| round.licence(step).is_some());
        !self.is_refused && !self.is_spent(step) && is_allowed
    }

    pub(crate) fn is_in_doubt(&self, step: &Step) -> bool {
        self.last().is_some_and(|round| round.is_in_doubt(step))
    }

    /// Returns whether the last attempt that had an effect failed and was made harmless.
    pub(crate) fn is_cleaned(&self, step: &Step) -> bool {
        let last = self.rounds.iter().rfind(|round| round.is_effective());
        last.is_some_and(|round| round.has_failed(step) && round.cleanup == Some(End::Met))
    }

    pub(crate) fn owes_cleanup(&self, step: &Step) -> bool {
        self.rounds.iter().any(|round| round.owes_cleanup(step))
    }

    pub(crate) fn owes_rollback(&self, step: &Step) -> bool {
        step.rollback_hook().is_some() && self.is_effective() && !self.is_rolled_back && !self.is_cleaned(step)
    }

    pub(crate) fn owes_release(&self, step: &Step) -> bool {
        step.release.is_some() && self.is_effective() && !self.is_released
    }

    /// Returns whether something of what the step did is still there.
    pub(crate) fn is_left_behind(&self, step: &Step) -> bool {
        let is_given_back = step.rollback == Rollback::Unsaid && self.is_released;
        let is_nothing = step.effect.read_only || step.rollback == Rollback::Nothing;
        self.is_effective() && !self.is_rolled_back && !self.is_cleaned(step) && !is_given_back && !is_nothing
    }
}

impl Round {
    pub(crate) fn is_effective(&self) -> bool {
        (self.has_looked || self.attempt.is_some_and(|end| end != End::Nothing)) && self.said != Some(Done::NotDone)
    }

    /// Returns whether it did what it is for, its cleanup not counted.
    fn is_done(&self, step: &Step) -> bool {
        let is_verified = self.verify == Some(End::Met);
        let is_made = match self.attempt {
            Some(End::Met) => true,
            Some(End::Doubt) => {
                is_verified
                    && (step.command().is_none_or(|command| command.outputs.is_empty())
                        || self.salvage == Some(End::Met))
            }
            Some(End::Unmet | End::Unclear | End::Lost | End::Nothing) | None => false,
        };
        let has_looked = step.looks.iter().all(|look| self.looks.get(&look.name) == Some(&End::Met));
        self.said == Some(Done::Done) || (is_made && has_looked && (step.verify.is_none() || is_verified))
    }

    fn needs_cleanup(&self, step: &Step) -> bool {
        let when = step.cleanup.as_ref().map(|hook| &hook.when);
        match when {
            None => false,
            Some(None) => !self.is_done(step),
            Some(Some(Condition::Known(is_needed))) => *is_needed,
            Some(Some(Condition::Deferred { .. })) => self.cleanup_when != Some(Answer::No),
        }
    }

    fn has_succeeded(&self, step: &Step) -> bool {
        self.is_done(step) && (self.was_cleaned_in_time(step) || !self.needs_cleanup(step))
    }

    /// Returns whether its cleanup succeeded before its tries were used up and the step failed for good.
    fn was_cleaned_in_time(&self, step: &Step) -> bool {
        let tries = step.cleanup.as_ref().map_or(1, |hook| hook.retry.max_attempts.get());
        self.cleanup == Some(End::Met) && self.cleanup_failures < tries
    }

    pub(crate) fn is_in_doubt(&self, step: &Step) -> bool {
        let is_harmless =
            step.effect.read_only || step.effect.idempotent || step.cleanup.is_some() || step.rollback_hook().is_some();
        let is_harmless = is_harmless || step.conduct.in_doubt != InDoubt::Ask;
        let is_there = self.verify == Some(End::Met);
        let is_unread = self.salvage.is_some_and(|end| end != End::Met);
        let is_open = if is_there { is_unread } else { !is_harmless };
        self.attempt == Some(End::Doubt) && self.said.is_none() && is_open
    }

    pub(crate) fn has_failed(&self, step: &Step) -> bool {
        self.attempt.is_some()
            && self.said != Some(Done::NotDone)
            && !self.is_in_doubt(step)
            && !self.has_succeeded(step)
    }

    fn owes_cleanup(&self, step: &Step) -> bool {
        let is_over = self.attempt.is_some() && self.is_effective();
        is_over && !self.is_in_doubt(step) && self.needs_cleanup(step) && self.cleanup != Some(End::Met)
    }

    /// Returns what allows another attempt after this one, if anything does.
    pub(crate) fn licence(&self, step: &Step) -> Option<&'static str> {
        let retry = step.retry.when.is_none() || self.retry_when == Some(Answer::Yes);
        match (self.attempt, self.said) {
            (_, Some(Done::NotDone)) => Some("a human said that it was not done"),
            (None | Some(End::Met), None) if !self.has_failed(step) => None,
            _ if !retry || self.is_in_doubt(step) => None,
            (Some(End::Nothing), _) => Some("nothing was started"),
            _ if self.needs_cleanup(step) && !self.was_cleaned_in_time(step) => None,
            _ if step.effect.read_only || step.effect.idempotent => Some("the step may be repeated"),
            (Some(End::Doubt), _) if step.conduct.in_doubt == InDoubt::Rerun && self.verify != Some(End::Met) => {
                Some("a doubt may be repeated")
            }
            _ => self.was_cleaned_in_time(step).then_some("its cleanup succeeded"),
        }
    }
}

/// Returns what an exit says, or `None` if what was printed must be held against what was expected.
pub(crate) fn meaning(command: &Command, sort: Sort, exit: &Exit) -> Option<End> {
    let expect = &command.expect;
    Some(match exit {
        Exit::Code(code) if expect.exit.contains(code) => {
            return (expect.is_by_exit() && command.outputs.is_empty()).then_some(End::Met);
        }
        Exit::Code(1) if sort == Sort::Probe && expect.is_by_exit() => End::Unmet,
        Exit::Code(_) | Exit::Signal(_) if sort == Sort::Probe => End::Unclear,
        Exit::Code(_) | Exit::Signal(_) => End::Unmet,
        Exit::TimedOut | Exit::Cancelled => End::Doubt,
        Exit::Lost => End::Lost,
        Exit::NotSpawned(_) => End::Nothing,
    })
}

/// Returns what a judgement says.
pub(crate) fn judged(judgement: &Judgement) -> End {
    match judgement {
        Judgement::Met { .. } => End::Met,
        Judgement::Unmet { .. } => End::Unmet,
        Judgement::Unclear { .. } => End::Unclear,
    }
}
