//! What a driver does about secrets that steps have published and that died with an earlier engine.

use firedrill_model::plan::secret_key;
use firedrill_run::{Effect, Event, StepId};

use super::{DriveError, Driver};

impl Driver<'_> {
    /// Returns the next effect that was not begun, after what is lost has been recorded.
    pub(super) fn due(&mut self) -> Result<Option<Effect>, DriveError> {
        self.miss_secrets()?;
        Ok(self.run.next().into_iter().find(|effect| !self.is_under_way(effect)))
    }

    /// Records the loss of every published secret that is needed and that this engine does not have.
    fn miss_secrets(&mut self) -> Result<(), DriveError> {
        let plan = self.run.plan();
        let has = |step: &StepId| {
            let mut names = plan.step_index(step.as_str()).into_iter().flat_map(|at| plan.steps[at].secrets());
            names.all(|name| self.world.vault().get(&secret_key(step.as_str(), name)).is_some())
        };
        let missing: Vec<StepId> = self.run.secrets_needed().filter(|step| !has(step)).cloned().collect();
        missing.into_iter().try_for_each(|step| self.record(Event::SecretsLost { step }))
    }
}
