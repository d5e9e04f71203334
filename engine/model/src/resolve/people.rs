//! What people are asked.

use std::num::NonZeroU32;

use super::Resolver;
use crate::diagnostic::{Code, Diagnostic};
use crate::plan::{Program, Starter, Text};
use crate::playbook::{self, Approve, Manual};
use crate::source::Spanned;
use crate::template::Template;

impl Resolver<'_> {
    /// Resolves what a human does.
    pub(super) fn manual(&mut self, manual: &Manual, step: Option<&str>) -> Program {
        Program::Manual {
            instructions: self.text(&manual.instructions, step),
            confirm: manual.confirm.as_ref().map(|confirm| self.text(confirm, step)),
        }
    }

    /// Resolves a decision.
    pub(super) fn approve(&mut self, approve: &Approve, step: Option<&str>) -> Program {
        let by: Vec<String> = approve.by.iter().flat_map(|name| self.names(name)).collect();
        let min = approve.min.as_ref().map_or(NonZeroU32::MIN, |min| min.value);
        self.check_enough(approve, &by, min);
        Program::Approve {
            prompt: self.text(&approve.prompt, step),
            by,
            min,
            starter: match approve.starter.as_ref().map(|starter| starter.value) {
                None | Some(playbook::Starter::Allowed) => Starter::Allowed,
                Some(playbook::Starter::Excluded) => Starter::Excluded,
            },
        }
    }

    /// Resolves who may decide; a list becomes several names.
    fn names(&mut self, name: &Spanned<Template>) -> Vec<String> {
        let texts = self.arguments(name, None).into_iter();
        let names = texts.map(|text| match text {
            Text::Known(name) => name,
            Text::Deferred { .. } => {
                let fault =
                    Diagnostic::error(Code::NoValue, name.span, "who may decide must be known before the run starts");
                self.faults.push(fault.help("use inputs and vars only"));
                String::new()
            }
        });
        names.collect()
    }

    /// Refuses a decision that can never be made.
    fn check_enough(&mut self, approve: &Approve, by: &[String], min: NonZeroU32) {
        let mut names: Vec<&str> = by.iter().map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() || names.len() >= min.get() as usize {
            return;
        }
        let span = approve.min.as_ref().map_or(approve.span, |min| min.span);
        let message = format!("{min} must approve, and `by` names {}", names.len());
        self.faults
            .push(Diagnostic::error(Code::OutOfRange, span, message).help("name more people, or ask fewer of them"));
    }
}
