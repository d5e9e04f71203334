//! Blocks of steps become the flat list of a plan: groups before their members, ids as paths.

use std::collections::BTreeMap;

use super::{Resolver, on_failure, owned};
use crate::diagnostic::{Code, Diagnostic};
use crate::plan::{self, Deed, Group, OnFailure, Text};
use crate::playbook::{self, Body, Published};
use crate::source::Spanned;
use crate::template::Template;

/// Where a step is put, and what it inherits there.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The group of the plan to which it belongs.
    pub(super) group: Option<usize>,
    /// What its failure does unless it says otherwise.
    pub(super) on_failure: OnFailure,
    /// The part of the work to which it belongs unless it says otherwise.
    pub(super) phase: Option<String>,
}

impl<'a> Resolver<'a> {
    /// Returns all steps of the playbook.
    pub(super) fn all_steps(&mut self, on_failure: OnFailure) -> Vec<plan::Step> {
        self.blocks.push((None, String::new()));
        self.block(None, &Place { group: None, on_failure, phase: None });
        self.blocks.pop();
        self.resolve_until();
        let mut steps = std::mem::take(&mut self.steps);
        plan::add_holds(&mut steps);
        steps
    }

    /// Adds the steps of the innermost block; `parent` is its group in the playbook.
    pub(super) fn block(&mut self, parent: Option<usize>, place: &Place) {
        let playbook = self.playbook;
        let here = self.names.block(parent).to_vec();
        let places: BTreeMap<usize, usize> =
            here.into_iter().map(|at| (at, self.node(at, &playbook.steps[at], place))).collect();
        for (at, &index) in &places {
            let needs: Vec<usize> = self.needs[*at].iter().map(|need| places[need]).collect();
            self.steps[index].needs = match (needs.as_slice(), place.group) {
                ([], group) => group.into_iter().collect(),
                (needs, _) => self.with_sinks(needs),
            };
            self.steps[index].after = self.signals(index, &playbook.steps[*at], &places);
        }
    }

    /// Returns the milestones for which a step waits, given where the steps of its block are in the plan. Those of steps
    /// that it needs are reached anyway.
    fn signals(&self, own: usize, step: &playbook::Step, places: &BTreeMap<usize, usize>) -> Vec<plan::Signal> {
        let beside = |name: &str| places.keys().copied().find(|&at| self.playbook.steps[at].id.value == name);
        let signals = step.needs.iter().flat_map(|needs| &needs.value).filter_map(|id| {
            let (name, Some(milestone)) = playbook::split_milestone(&id.value) else { return None };
            signal(&self.steps, places[&beside(name)?], milestone)
        });
        let mut signals: Vec<plan::Signal> = signals.collect();
        signals.retain(|signal| !self.steps[own].needs.contains(&signal.step));
        signals.sort_unstable();
        signals.dedup();
        signals
    }

    /// Returns steps together with the last members of those that are groups.
    fn with_sinks(&self, steps: &[usize]) -> Vec<usize> {
        let sinks = steps.iter().flat_map(|&step| plan::sinks(&self.steps, step));
        let mut all: Vec<usize> = steps.iter().copied().chain(sinks).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Adds a step of the innermost block with all that belongs to it, and returns its index.
    fn node(&mut self, at: usize, step: &'a playbook::Step, place: &Place) -> usize {
        let (_, around) = self.blocks.last().expect("a step stands in a block");
        let id = plan::path(around, &step.id.value);
        let when = step.when.as_ref().map(|when| self.condition(when, Some(&id)));
        let index = match &step.for_each {
            None => self.single(at, step, id, place),
            Some(for_each) => self.each(at, step, for_each, &id, place),
        };
        let added = &mut self.steps[index];
        added.when = when;
        added.why = owned(step.why.as_ref());
        added.caution = owned(step.caution.as_ref());
        if let Some(own) = &step.on_failure {
            added.on_failure = on_failure(own.value);
        }
        index
    }

    /// Adds a step or an instance of it; what is said of all instances together is left out.
    pub(super) fn single(&mut self, at: usize, step: &'a playbook::Step, id: String, place: &Place) -> usize {
        let added = match &step.body {
            Body::Command(invocation) => self.step(step, invocation, id.clone()),
            Body::Group(_) | Body::Use(_) => self.group(step, id.clone(), Group::default()),
        };
        let index = self.push(added, place);
        self.remember_until(index, step);
        match &step.body {
            Body::Command(_) => {}
            Body::Group(outputs) => self.members(at, step, outputs, index, id),
            Body::Use(used) => self.used(step, used, index, &id),
        }
        index
    }

    fn members(&mut self, at: usize, step: &'a playbook::Step, outputs: &'a [Published], index: usize, id: String) {
        let inner = self.inside(index, step);
        self.blocks.push((Some(at), id));
        self.block(Some(at), &inner);
        let outputs = outputs.iter().map(|output| self.published(output)).collect();
        self.blocks.pop();
        self.steps[index].deed = Deed::Group(Box::new(Group { outputs, ..Group::default() }));
    }

    /// Returns what the members of an added group inherit.
    pub(super) fn inside(&self, group: usize, step: &playbook::Step) -> Place {
        let said = step.on_failure.as_ref().map_or(self.steps[group].on_failure, |own| on_failure(own.value));
        let on_failure = if said == OnFailure::Continue { OnFailure::Rollback } else { said };
        Place { group: Some(group), on_failure, phase: self.steps[group].phase.clone() }
    }

    pub(super) fn push(&mut self, step: plan::Step, place: &Place) -> usize {
        let phase = step.phase.clone().or_else(|| place.phase.clone());
        let needs = place.group.into_iter().collect();
        self.steps.push(plan::Step { group: place.group, on_failure: place.on_failure, phase, needs, ..step });
        self.steps.len() - 1
    }

    /// Returns a group that has nothing yet.
    pub(super) fn group(&mut self, step: &'a playbook::Step, id: String, group: Group) -> plan::Step {
        let guards = self.guards(&step.guards, None);
        let deadline = step.deadline.as_ref().and_then(|deadline| self.positive_duration(deadline));
        plan::Step { guards, deadline, deed: Deed::Group(Box::new(group)), ..self.bare(step, id) }
    }

    /// Returns a step that does nothing, with what people are told about it.
    pub(super) fn bare(&mut self, step: &playbook::Step, id: String) -> plan::Step {
        plan::Step {
            id,
            item: None,
            group: None,
            line: self.line(step.id.span),
            title: owned(step.title.as_ref()),
            why: None,
            caution: None,
            phase: owned(step.phase.as_ref()),
            typical: None,
            needs: Vec::new(),
            after: Vec::new(),
            milestones: Vec::new(),
            when: None,
            guards: Vec::new(),
            deed: Deed::Group(Box::default()),
            on_failure: OnFailure::Rollback,
            retry: self.retry(None, std::num::NonZeroU32::MIN, std::time::Duration::ZERO),
            deadline: None,
            conduct: plan::Conduct::default(),
            effect: plan::StepEffect::default(),
            looks: Vec::new(),
            verify: None,
            cleanup: None,
            rollback: plan::Rollback::Unsaid,
            release: None,
        }
    }

    /// Resolves an output of a group; what is not a text keeps its type.
    pub(super) fn published(&mut self, output: &'a Published) -> (String, Text) {
        (output.name.value.clone(), self.typed_text(&output.value))
    }

    fn typed_text(&mut self, template: &Spanned<Template>) -> Text {
        let folded = self.fold(template);
        if folded.as_single().is_some_and(|expression| expression.references.is_empty()) {
            return Text::Deferred { template: folded, after: Vec::new() };
        }
        self.text(template, None)
    }

    /// Puts the steps for which releases wait into the plan; of a group all that ends it.
    pub(super) fn resolve_until(&mut self) {
        for (at, id) in std::mem::take(&mut self.until) {
            let (name, milestone) = playbook::split_milestone(&id.value);
            let Some(found) = plan::named_in(&self.steps, name, self.steps[at].group) else {
                let message = format!("`{}` is not an instance of the same item", id.value);
                self.faults.push(Diagnostic::error(Code::NoValue, id.span, message));
                continue;
            };
            let ends = if milestone.is_none() { self.with_sinks(&[found]) } else { Vec::new() };
            let reached = milestone.and_then(|milestone| signal(&self.steps, found, milestone));
            let release = self.steps[at].release.as_mut().expect("a step that waits has a release");
            release.until_reached.extend(reached);
            release.until_reached.sort_unstable();
            release.until_reached.dedup();
            release.until.extend(ends);
            release.until.sort_unstable();
            release.until.dedup();
        }
    }

    /// Remembers for which steps the release of the latest step waits.
    pub(super) fn remember_until(&mut self, at: usize, step: &'a playbook::Step) {
        let until = step.release.iter().filter_map(|release| release.until.as_ref());
        self.until.extend(until.flat_map(|until| &until.value).map(|id| (at, id)));
    }
}

/// Returns a milestone of a step by its name.
fn signal(steps: &[plan::Step], step: usize, name: &str) -> Option<plan::Signal> {
    let milestone = steps[step].milestones.iter().position(|milestone| milestone.name == name)?;
    Some(plan::Signal { step, milestone })
}
