//! How often and how long something is looked at again.

use std::time::Duration;

use super::Resolver;
use crate::diagnostic::{Code, Diagnostic};
use crate::{plan, playbook};

/// The wait between two looks unless the playbook says otherwise.
const EVERY: Duration = Duration::from_secs(5);

impl Resolver<'_> {
    /// Resolves a poll; nothing if one of its lengths has no value.
    pub(super) fn poll(&mut self, poll: &playbook::Poll) -> Option<plan::Poll> {
        let within = self.positive_duration(&poll.within)?;
        let every = match &poll.every {
            Some(every) => self.positive_duration(every)?,
            None => EVERY,
        };
        let after = match &poll.after {
            Some(after) => self.duration(after)?,
            None => Duration::ZERO,
        };
        if let Some(given) = poll.after.as_ref().filter(|_| after >= within) {
            let message = "the first look comes when `within` is over";
            let help = "`within` is the whole time, `after` included";
            self.faults.push(Diagnostic::error(Code::NoValue, given.span, message).help(help));
        }
        Some(plan::Poll { every, within, after })
    }
}
