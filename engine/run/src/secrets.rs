//! Secrets that steps publish. They are in memory only, so an engine that has died may have taken them along: a step whose
//! secrets are still needed is executed again, and what needs them waits.

use crate::command::{CommandId, Role, StepId};
use crate::machine::Run;
use crate::state::{Outcome, Phase, Stage};

impl Run {
    /// Iterates over the steps that have succeeded and published secrets which something that is not over needs.
    pub fn secrets_needed(&self) -> impl Iterator<Item = &StepId> {
        let publishers = self.shape.publishers().iter().copied();
        publishers.filter(|&step| self.is_needed_again(step)).map(|step| self.shape.id(step))
    }

    fn is_needed_again(&self, step: usize) -> bool {
        let is_done = self.state.steps[step].stage == Stage::Settled(Outcome::Succeeded);
        let mut users = self.shape.secret_users(step).iter();
        is_done && self.phase_of(step) == Phase::Working && users.any(|&user| !self.is_settled(user))
    }

    /// The secrets of a step are gone: it is attempted again, as a step that has not settled.
    pub(crate) fn publish_again(&mut self, id: &StepId) -> Result<(), &'static str> {
        let step = self.shape.index(id).ok_or("the plan has no such step")?;
        if !self.is_needed_again(step) {
            return Err("nothing needs a secret of this step");
        }
        self.state.settled -= 1;
        if let Some(group) = self.planned(step).group {
            self.state.steps[group].members_left += 1;
        }
        self.attempt(step);
        self.place(step);
        Ok(())
    }

    /// Returns whether a command waits for a step that is under way again: it names its secret, or needs it.
    pub(crate) fn awaits_publisher(&self, command: &CommandId) -> bool {
        let Some(step) = command.step().and_then(|step| self.shape.index(step)) else { return false };
        match command.role {
            Role::Attempt => self.lacks_publisher(step),
            Role::Look(_) | Role::Verify | Role::Guard(_) => self.lacks_secret(step),
            Role::Cleanup | Role::Rollback | Role::Release | Role::Invariant(_) | Role::Final(_) => false,
        }
    }

    /// Returns whether an attempt of a step waits for one that is under way again.
    pub(crate) fn lacks_publisher(&self, step: usize) -> bool {
        let mut again = self.shape.publishers().iter().filter(|&&publisher| !self.is_settled(publisher));
        again.any(|publisher| {
            self.planned(step).needs.contains(publisher) || self.shape.secrets_of(step).contains(publisher)
        })
    }

    /// Returns whether a step names a secret of one that is under way again.
    fn lacks_secret(&self, step: usize) -> bool {
        self.shape.secrets_of(step).iter().any(|&publisher| !self.is_settled(publisher))
    }

    fn is_settled(&self, step: usize) -> bool {
        self.state.steps[step].stage.is_settled()
    }
}
