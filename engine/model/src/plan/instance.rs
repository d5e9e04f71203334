//! An instance of a repetition whose items are known only when the run is on: the template with an item written into it.

use std::collections::BTreeSet;

use super::{
    After, Command, Condition, Deed, Group, Guard, Hook, Items, Program, Retry, Rollback, Step, Text, instance_id, path,
};
use crate::expression::{EvalError, Expression, Reference, Scope};
use crate::template::Template;
use crate::value::Value;

/// Where an instance is put.
#[derive(Clone, Copy, Debug)]
pub struct Spot<'a> {
    /// The id of the repetition.
    pub each: &'a str,
    /// Its index in the plan.
    pub group: usize,
    /// The index that the instance's first step will have.
    pub first: usize,
}

/// Returns the steps of one instance: `name` is what expressions call the item, `key` makes the instance's id.
///
/// # Errors
/// An expression that has no value with this item.
pub fn instance(
    template: &[Step],
    spot: Spot<'_>,
    name: &str,
    key: &str,
    item: &Value,
) -> Result<Vec<Step>, EvalError> {
    let reference = Reference::Item(name.to_owned());
    let ids = template.iter().map(|step| step.id.as_str()).collect();
    let writer = Writer {
        scope: Scope::new().with(&reference, item.clone()),
        reference,
        instance: instance_id(spot.each, key),
        ids,
    };
    template.iter().map(|step| Ok(placed(writer.step(step.clone())?, &writer.instance, spot))).collect()
}

/// Puts a step of the template at its place in the plan.
fn placed(step: Step, instance: &str, spot: Spot<'_>) -> Step {
    let shifted = |steps: Vec<usize>| steps.into_iter().map(|at| at + spot.first).collect::<Vec<_>>();
    let needs = if step.group.is_none() { vec![spot.group] } else { shifted(step.needs) };
    let release = step.release.map(|release| super::Release {
        until: shifted(release.until),
        hold: shifted(release.hold),
        ..release
    });
    let group = Some(step.group.map_or(spot.group, |group| group + spot.first));
    let id = if step.id.is_empty() { instance.to_owned() } else { path(instance, &step.id) };
    Step { id, group, needs, release, ..step }
}

/// Writes an item into what names it.
struct Writer<'a> {
    scope: Scope,
    reference: Reference,
    /// The id of the instance.
    instance: String,
    /// The ids of the template, which are paths below the instance.
    ids: BTreeSet<&'a str>,
}

impl Writer<'_> {
    fn step(&self, mut step: Step) -> Result<Step, EvalError> {
        step.when.iter_mut().try_for_each(|when| self.condition(when))?;
        step.guards.iter_mut().try_for_each(|guard: &mut Guard| self.command(&mut guard.probe.command))?;
        match &mut step.deed {
            Deed::Command(command) => self.command(command)?,
            Deed::Group(group) => self.group(group)?,
        }
        self.retry(&mut step.retry);
        step.looks.iter_mut().try_for_each(|look| self.command(&mut look.command))?;
        step.verify.iter_mut().try_for_each(|verify| self.command(&mut verify.command))?;
        step.cleanup.iter_mut().try_for_each(|hook| self.hook(hook))?;
        if let Rollback::Hook(hook) = &mut step.rollback {
            self.hook(hook)?;
        }
        step.release.iter_mut().try_for_each(|release| self.hook(&mut release.hook))?;
        Ok(step)
    }

    fn group(&self, group: &mut Group) -> Result<(), EvalError> {
        group.outputs.values_mut().try_for_each(|text| self.text(text))?;
        if let Some(used) = &mut group.used {
            used.late.values_mut().try_for_each(|late| self.text(&mut late.text))?;
            used.late_vars.values_mut().try_for_each(|text| self.text(text))?;
        }
        let Some(each) = &mut group.each else { return Ok(()) };
        if let Items::Deferred { list, key, after, template, .. } = &mut each.items {
            *list = self.bound(list);
            *key = key.as_ref().map(|key| self.bound(key));
            self.after(after);
            *template = template.iter().map(|step| self.step(step.clone())).collect::<Result<_, _>>()?;
        }
        Ok(())
    }

    fn hook(&self, hook: &mut Hook) -> Result<(), EvalError> {
        hook.when.iter_mut().try_for_each(|when| self.condition(when))?;
        self.retry(&mut hook.retry);
        self.command(&mut hook.command)
    }

    fn retry(&self, retry: &mut Retry) {
        retry.when = retry.when.as_ref().map(|when| self.bound(when));
    }

    fn command(&self, command: &mut Command) -> Result<(), EvalError> {
        match &mut command.program {
            Program::Argv(arguments) => arguments.iter_mut().try_for_each(|text| self.text(text))?,
            Program::Script { script, .. } => self.text(script)?,
        }
        let around = command.env.values_mut().chain(&mut command.dir).chain(&mut command.stdin);
        around.into_iter().try_for_each(|text| self.text(text))
    }

    fn text(&self, text: &mut Text) -> Result<(), EvalError> {
        let Text::Deferred { template, after } = text else { return Ok(()) };
        let folded: Template = template.fold(&self.scope, |name| *name == self.reference)?;
        let folded = folded.bind(|name| self.value(name));
        self.after(after);
        *text = match folded.as_literal() {
            Some(known) => Text::Known(known.to_owned()),
            None => Text::Deferred { template: folded, after: std::mem::take(after) },
        };
        Ok(())
    }

    fn condition(&self, condition: &mut Condition) -> Result<(), EvalError> {
        let Condition::Deferred { expression, after } = condition else { return Ok(()) };
        if expression.references.iter().all(|name| *name == self.reference) {
            *condition = Condition::Known(expression.eval_condition(&self.scope)?);
            return Ok(());
        }
        *expression = self.bound(expression);
        self.after(after);
        Ok(())
    }

    fn bound(&self, expression: &Expression) -> Expression {
        expression.bind(|name| self.value(name))
    }

    fn value(&self, name: &Reference) -> Option<Value> {
        (*name == self.reference).then(|| self.scope.get(name).cloned()).flatten()
    }

    fn after(&self, after: &mut [After]) {
        for moment in after {
            if let After::Step(id) = moment
                && self.ids.contains(id.as_str())
            {
                *id = if id.is_empty() { self.instance.clone() } else { path(&self.instance, id) };
            }
        }
    }
}
