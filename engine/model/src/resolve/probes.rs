//! Guards, invariants, verifies and the commands of the very end.

use super::{PROBE_LIMIT, Resolver, Surroundings, owned};
use crate::plan;
use crate::playbook;

impl<'a> Resolver<'a> {
    pub(super) fn guards(
        &mut self,
        guards: &'a [playbook::Guard],
        around: Option<&Surroundings<'a>>,
    ) -> Vec<plan::Guard> {
        let playbook = self.playbook;
        let fallback = Surroundings::of(playbook);
        guards.iter().map(|guard| self.guard(guard, around.unwrap_or(&fallback))).collect()
    }

    pub(super) fn guard(&mut self, guard: &'a playbook::Guard, around: &Surroundings<'a>) -> plan::Guard {
        plan::Guard {
            id: guard.id.value.clone(),
            line: self.line(guard.id.span),
            probe: self.sight(guard, around),
            message: owned(guard.message.as_ref()),
            why: owned(guard.why.as_ref()),
            on_unmet: match guard.on_unmet {
                playbook::OnUnmet::Abort => plan::OnUnmet::Abort,
                playbook::OnUnmet::Skip => plan::OnUnmet::Skip,
            },
        }
    }

    pub(super) fn sight(&mut self, guard: &'a playbook::Guard, around: &Surroundings<'a>) -> plan::Probe {
        let mut probe = self.probe(&guard.probe, around, None);
        probe.command.outputs = self.rules(&guard.outputs, None, false);
        probe
    }

    pub(super) fn invariant(&mut self, invariant: &'a playbook::Invariant) -> plan::Invariant {
        plan::Invariant {
            id: invariant.id.value.clone(),
            line: self.line(invariant.id.span),
            probe: self.probe(&invariant.probe, &Surroundings::of(self.playbook), None),
            message: owned(invariant.message.as_ref()),
        }
    }

    pub(super) fn last(&mut self, last: &'a playbook::Step) -> plan::Final {
        let around = Surroundings::of(self.playbook);
        let invocation = last.invocation().expect("a step of `finally` is a command");
        plan::Final {
            id: last.id.value.clone(),
            title: owned(last.title.as_ref()),
            when: last.when.as_ref().map(|when| self.condition(when, None)),
            command: self.deed(invocation, &last.expect, &around, &[], None),
        }
    }

    pub(super) fn probe(
        &mut self,
        probe: &'a playbook::Probe,
        around: &Surroundings<'a>,
        step: Option<&str>,
    ) -> plan::Probe {
        let mut command = self.deed(&probe.invocation, &probe.expect, around, &[], step);
        command.time_limit = command.time_limit.or(Some(PROBE_LIMIT));
        command.poll = probe.poll.as_ref().and_then(|poll| self.poll(poll));
        plan::Probe { command }
    }
}
