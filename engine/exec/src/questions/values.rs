//! The values of names: a text names the steps beside it, those beside the groups around it, and what they publish.

use std::collections::BTreeMap;

use firedrill_model::expression::{Reference, Scope};
use firedrill_model::plan::{Group, Guard, Step, Text, Used, instance_key, own_name};
use firedrill_model::value::Value;
use firedrill_run::{Outcome, Stage, StepId};

use super::Known;

/// Where a text stands, which decides what its names mean.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// Among what belongs to no step.
    Playbook,
    /// In a step.
    Step(usize),
    /// Among the outputs of a group.
    Outputs(usize),
    /// In what is said of a group from outside: its condition, the inputs of the playbook that it uses.
    Around(usize),
}

impl Known<'_> {
    /// Returns where the texts of a step stand, or those of no step.
    pub(super) fn place(&self, step: Option<&StepId>) -> Place {
        step.and_then(|step| self.run.plan().step_index(step.as_str())).map_or(Place::Playbook, Place::Step)
    }

    /// Returns the values of these names as a step uses them.
    pub(super) fn scope<'r>(
        &self,
        references: impl IntoIterator<Item = &'r Reference>,
        step: Option<&StepId>,
    ) -> Scope {
        self.scope_at(references, self.place(step))
    }

    pub(super) fn scope_at<'r>(&self, references: impl IntoIterator<Item = &'r Reference>, place: Place) -> Scope {
        self.add_names(Scope::new(), references, place)
    }

    /// Adds the values of names as they mean it in a place.
    pub(super) fn add_names<'r>(
        &self,
        mut scope: Scope,
        references: impl IntoIterator<Item = &'r Reference>,
        place: Place,
    ) -> Scope {
        for reference in references {
            match self.value(reference, place) {
                Some(Value::None) if self.is_in_file(reference, place) => scope.withhold(reference),
                Some(value) => scope.set(reference, value),
                None => {}
            }
        }
        scope
    }

    /// Returns everything that can be named, for those who do not say beforehand what they name.
    pub(super) fn all_names(&self, place: Place) -> Scope {
        let plan = self.run.plan();
        let mut scope = self.inputs_and_vars(place);
        for (at, name) in self.visible(place) {
            for output in output_names(plan.steps.as_slice(), at) {
                if let Some(value) = self.output(at, output).filter(|value| *value != Value::None) {
                    scope = scope.with_step_output(name, output, value);
                }
            }
        }
        for (guard, output, value) in self.all_seen(place) {
            scope = scope.with_guard_output(guard, output, value);
        }
        scope
    }

    /// Iterates over the steps that can be named in a place, with their names there.
    fn visible(&self, place: Place) -> impl Iterator<Item = (usize, &str)> {
        let plan = self.run.plan();
        let (own, block) = match place {
            Place::Playbook => (None, None),
            Place::Step(own) | Place::Around(own) => (Some(own), plan.steps[own].group),
            Place::Outputs(group) => (None, Some(group)),
        };
        let blocks = plan.blocks_around(block);
        let around: Vec<usize> = std::iter::successors(block, |&group| plan.steps[group].group).collect();
        let steps = plan.steps.iter().enumerate().map(|(at, step)| (at, own_name(&step.id)));
        steps.filter(move |&(at, name)| match own {
            Some(own) if own_name(&plan.steps[own].id) == name => at == own,
            Some(_) | None => blocks.contains(&plan.steps[at].group) && !around.contains(&at),
        })
    }

    fn inputs_and_vars(&self, place: Place) -> Scope {
        let plan = self.run.plan();
        let Some((_, used)) = self.used_around(place) else {
            return Scope::new().with_inputs(plan.inputs.clone()).with_vars(plan.vars.clone());
        };
        let inputs = used.inputs.keys().chain(used.late.keys()).map(|name| Reference::Input(name.clone()));
        let vars = used.vars.keys().chain(used.late_vars.keys()).map(|name| Reference::Var(name.clone()));
        self.scope_at(&inputs.chain(vars).collect::<Vec<_>>(), place)
    }

    /// Returns the innermost used playbook around a place, with its group.
    fn used_around(&self, place: Place) -> Option<(usize, &Used)> {
        let plan = self.run.plan();
        let first = match place {
            Place::Playbook => None,
            Place::Step(at) | Place::Outputs(at) => Some(at),
            Place::Around(at) => plan.steps[at].group,
        };
        let mut groups = std::iter::successors(first, |&at| plan.steps[at].group);
        groups.find_map(|at| Some((at, plan.steps[at].as_group()?.used.as_ref()?)))
    }

    fn input_of(&self, group: usize, used: &Used, name: &str) -> Option<Value> {
        let Some(late) = used.late.get(name) else { return used.inputs.get(name).cloned() };
        late.r#type.check(&self.text_value(&late.text, Place::Around(group))?).ok()
    }

    fn var_of(&self, group: usize, used: &Used, name: &str) -> Option<Value> {
        match used.late_vars.get(name) {
            Some(text) => self.text_value(text, Place::Outputs(group)),
            None => used.vars.get(name).cloned(),
        }
    }

    fn text_value(&self, text: &Text, place: Place) -> Option<Value> {
        match text {
            Text::Known(text) => Some(Value::from(text.as_str())),
            Text::Deferred { template, .. } => template.render(&self.scope_at(template.references(), place)).ok(),
        }
    }

    /// Returns the value of a name: `none` for what a step that was skipped or failed would have published.
    fn value(&self, reference: &Reference, place: Place) -> Option<Value> {
        let plan = self.run.plan();
        match reference {
            Reference::Input(name) => match self.used_around(place) {
                Some((group, used)) => self.input_of(group, used, name),
                None => plan.inputs.get(name).cloned(),
            },
            Reference::Var(name) => match self.used_around(place) {
                Some((group, used)) => self.var_of(group, used, name),
                None => plan.vars.get(name).cloned(),
            },
            Reference::StepOutput { step, output } => match self.named(step, place) {
                Some(at) => self.output(at, output),
                None => Some(Value::None),
            },
            Reference::StepOutcome(step) => {
                let at = self.named(step, place)?;
                Some(outcome(self.run.summary(at).stage).map_or(Value::None, Value::from))
            }
            Reference::StepExitCode(step) => {
                let at = self.named(step, place)?;
                Some(self.run.summary(at).exit_code.map_or(Value::None, |code| Value::Int(code.into())))
            }
            Reference::Run(field) => self.of_run(*field),
            Reference::Attempt(field) => match place {
                Place::Step(own) => Some(self.of_attempt(*field, own)),
                Place::Playbook | Place::Outputs(_) | Place::Around(_) => None,
            },
            Reference::GuardOutput { guard, output } => Some(self.seen(guard, output, place)),
            Reference::Last(name) => plan.last.get(name).cloned(),
            Reference::Target(_) => Scope::new().with_target(plan.target.as_ref()).get(reference).cloned(),
            Reference::Item(name) => self.item(name, place),
            Reference::StepFile { step, output } => {
                Some(self.file(step, output, place).map_or(Value::None, Value::from))
            }
            Reference::Sandbox(_) => None,
        }
    }

    /// Returns the item of the innermost repetition of this name around a text.
    fn item(&self, name: &str, place: Place) -> Option<Value> {
        let plan = self.run.plan();
        let (Place::Step(at) | Place::Outputs(at) | Place::Around(at)) = place else { return None };
        let around = std::iter::once(at).chain(plan.groups_of(at));
        let mut items = around.filter_map(|at| plan.steps[at].item.as_ref());
        items.find(|(own, _)| own == name).map(|(_, value)| value.clone())
    }

    /// Returns the path of the file in which an output is kept, if the step has published it.
    fn file(&self, step: &str, output: &str, place: Place) -> Option<String> {
        let at = self.named(step, place)?;
        let id = StepId::from(self.run.plan().steps[at].id.as_str());
        self.run.output(&id, output)?;
        let path = self.dir.output_file(&id, output);
        path.is_file().then(|| path.display().to_string())
    }

    /// Returns whether a name stands for an output that is too large for a value.
    fn is_in_file(&self, reference: &Reference, place: Place) -> bool {
        matches!(reference, Reference::StepOutput { step, output } if self.file(step, output, place).is_some())
    }

    /// Returns what a guard has seen: one of the step, of a group around it, or of the playbook; none if it was not asked.
    fn seen(&self, guard: &str, output: &str, place: Place) -> Value {
        let owner = self.guarded(place).find(|owner| self.guards(*owner).iter().any(|known| known.id == guard));
        let step = owner.flatten().map(|at| StepId::from(self.run.plan().steps[at].id.as_str()));
        self.run.seen(step.as_ref(), guard, output).cloned().unwrap_or(Value::None)
    }

    /// Returns everything that can be named as seen by guards, those of the playbook first.
    fn all_seen(&self, place: Place) -> Vec<(&str, &str, Value)> {
        let mut owners: Vec<Option<usize>> = self.guarded(place).collect();
        owners.reverse();
        let mut seen = Vec::new();
        for guard in owners.into_iter().flat_map(|owner| self.guards(owner)) {
            let rules = guard.probe.command.outputs.iter();
            seen.extend(rules.map(|rule| {
                let value = self.seen(&guard.id, &rule.name, place);
                (guard.id.as_str(), rule.name.as_str(), value)
            }));
        }
        seen
    }

    /// Returns whose guards can be read: those of the step, of the groups around it, and of the playbook, unless a
    /// playbook that is used lies between.
    fn guarded(&self, place: Place) -> impl Iterator<Item = Option<usize>> {
        let steps = &self.run.plan().steps;
        let own = match place {
            Place::Playbook => None,
            Place::Step(own) | Place::Outputs(own) => Some(own),
            Place::Around(group) => steps[group].group,
        };
        let is_used = |at: usize| steps[at].as_group().is_some_and(|group| group.used.is_some());
        let chain: Vec<usize> = std::iter::successors(own, |&at| steps[at].group).collect();
        let end = chain.iter().position(|&at| is_used(at));
        let playbook = end.is_none().then_some(None);
        let inside = end.map_or(chain.len(), |end| end + 1);
        chain.into_iter().take(inside).map(Some).chain(playbook)
    }

    fn guards(&self, owner: Option<usize>) -> &[Guard] {
        let plan = self.run.plan();
        owner.map_or(plan.guards.as_slice(), |at| plan.steps[at].guards.as_slice())
    }

    fn named(&self, step: &str, place: Place) -> Option<usize> {
        match place {
            Place::Playbook => self.run.plan().named_in(step, None),
            Place::Step(own) | Place::Around(own) => self.run.plan().named(step, own),
            Place::Outputs(group) => self.run.plan().named_in(step, Some(group)),
        }
    }

    /// Returns an output of a step or group; nothing if it cannot be told.
    fn output(&self, at: usize, output: &str) -> Option<Value> {
        let step = &self.run.plan().steps[at];
        match step.as_group() {
            None => Some(self.run.output(&step.id.as_str().into(), output).cloned().unwrap_or(Value::None)),
            Some(_) if matches!(self.run.summary(at).stage, Stage::Settled(Outcome::Skipped)) => Some(Value::None),
            Some(group) if group.each.is_some() => self.of_instances(at, output),
            Some(group) => self.of_group(at, group, output),
        }
    }

    /// Returns an output of all instances of a repetition, by their keys.
    fn of_instances(&self, each: usize, output: &str) -> Option<Value> {
        let plan = self.run.plan();
        let instances =
            plan.members(each).map(|at| Some((instance_key(&plan.steps[at].id)?, self.output(at, output)?)));
        instances.collect::<Option<BTreeMap<_, _>>>().map(Value::Map)
    }

    fn of_group(&self, at: usize, group: &Group, output: &str) -> Option<Value> {
        self.text_value(group.outputs.get(output)?, Place::Outputs(at))
    }
}

/// Returns the names of what a step or group publishes.
fn output_names(steps: &[Step], at: usize) -> Vec<&str> {
    let step = &steps[at];
    match (step.command(), step.as_group()) {
        (Some(command), _) => {
            let rules = command.outputs.iter().map(|rule| rule.name.as_str());
            rules.chain(step.looks.iter().map(|look| look.name.as_str())).collect()
        }
        (None, Some(group)) if group.each.is_some() => {
            let instance = (at + 1..steps.len()).find(|&instance| steps[instance].group == Some(at));
            instance.map_or_else(Vec::new, |instance| output_names(steps, instance))
        }
        (None, Some(group)) => group.outputs.keys().map(String::as_str).collect(),
        (None, None) => Vec::new(),
    }
}

fn outcome(stage: &Stage) -> Option<&'static str> {
    match stage {
        Stage::Settled(Outcome::Succeeded) => Some("succeeded"),
        Stage::Settled(Outcome::Failed(_)) => Some("failed"),
        Stage::Settled(Outcome::Skipped) => Some("skipped"),
        _ => None,
    }
}
