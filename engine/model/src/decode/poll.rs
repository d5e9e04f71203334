//! The keys of what polls.

use super::fields::Fields;
use super::{Block, Decoder};
use crate::diagnostic::{Code, Diagnostic};
use crate::playbook::Poll;

impl Decoder<'_> {
    /// Returns how a probe, or a step that only looks, is looked at again.
    pub(super) fn poll(&mut self, fields: &Fields<'_>) -> Option<Poll> {
        let every = fields.get("every").and_then(|field| self.given_duration(field));
        let after = fields.get("after").and_then(|field| self.given_duration(field));
        let Some(within) = fields.get("within") else {
            self.check_lone(fields);
            return None;
        };
        Some(Poll { every, within: self.given_duration(within)?, after })
    }

    /// Reports waits of a poll that has no end.
    fn check_lone(&mut self, fields: &Fields<'_>) {
        if fields.block == Block::Final {
            return;
        }
        for key in ["every", "after"] {
            if let Some(span) = fields.key_span(key) {
                let message = format!("`{key}` needs `within` beside it");
                let help = "`within` is how long it may take until the probe holds";
                self.report(Diagnostic::error(Code::Incomplete, span, message).help(help));
            }
        }
    }
}
