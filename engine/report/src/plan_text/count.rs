//! How much of a plan is exact.

use firedrill_model::plan::{After, Command, Items, Plan, Step, Text};

use crate::words;

/// How much of a command is known before the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exactness {
    /// What runs, with which arguments.
    Exact,
    /// Its arguments hold the run's id or folder.
    AtStart,
    /// Something waits for a step.
    AfterStep,
    /// Something waits for the verdict.
    AtRest,
}

impl Exactness {
    /// Returns how much of a command is known before the run.
    ///
    /// A command that only finds the run's id or folder in its environment, or starts there, is exact: what runs, with
    /// which arguments, is known.
    pub(crate) fn of(command: &Command) -> Exactness {
        let around = command.env.values().chain(&command.dir).flat_map(moments);
        let around = around.filter(|moment| *moment != Exactness::AtStart);
        let own = command.program.texts().chain(&command.stdin).flat_map(moments);
        own.chain(around).max().unwrap_or(Exactness::Exact)
    }
}

/// Returns the moments that a text waits for.
fn moments(text: &Text) -> impl Iterator<Item = Exactness> {
    let (after, is_open) = match text {
        Text::Known(_) => (&[][..], false),
        Text::Deferred { after, template } => (after.as_slice(), template.references().next().is_some()),
    };
    let moments = after.iter().map(|after| match after {
        After::Start | After::Guard(_) => Exactness::AtStart,
        After::Step(_) => Exactness::AfterStep,
        After::Rest => Exactness::AtRest,
    });
    // What waits for nothing else waits for the item of a list that a step yields.
    moments.chain((is_open && after.is_empty()).then_some(Exactness::AfterStep))
}

/// Returns the line that says how much of the plan is exact.
pub(super) fn counted(plan: &Plan) -> String {
    let all: Vec<Exactness> = commands(plan).map(Exactness::of).collect();
    let number = |exactness| all.iter().filter(|it| **it == exactness).count();
    let exact = words::count(number(Exactness::Exact), "command");
    let mut parts = vec![format!("{exact} exact"), format!("{} known after a step", number(Exactness::AfterStep))];
    for (exactness, moment) in
        [(Exactness::AtStart, "when the run starts"), (Exactness::AtRest, "when it has come to rest")]
    {
        let number = number(exactness);
        parts.extend((number > 0).then(|| format!("{number} known {moment}")));
    }
    parts.join(", ")
}

/// Iterates over every command of a plan.
pub(crate) fn commands(plan: &Plan) -> impl Iterator<Item = &Command> {
    let guards = plan.guards.iter().map(|guard| &guard.probe.command);
    let steps = plan.steps.iter().flat_map(with_template).flat_map(|step| {
        let guards = step.guards.iter().map(|guard| &guard.probe.command);
        let looks = step.looks.iter().map(|look| &look.command);
        let verify = step.verify.iter().map(|probe| &probe.command);
        let release = step.release.as_ref().map(|release| &release.hook);
        let hooks = step.cleanup.iter().chain(step.rollback_hook()).chain(release).map(|hook| &hook.command);
        guards.chain(step.command()).chain(looks).chain(verify).chain(hooks)
    });
    let invariants = plan.invariants.iter().map(|invariant| &invariant.probe.command);
    guards.chain(steps).chain(invariants).chain(plan.finally.iter().map(|last| &last.command))
}

/// Returns a step with what its items become if they are known only later.
fn with_template(step: &Step) -> Vec<&Step> {
    let each = step.as_group().and_then(|group| group.each.as_ref());
    match each.map(|each| &each.items) {
        Some(Items::Deferred { template, .. }) => {
            std::iter::once(step).chain(template.iter().flat_map(with_template)).collect()
        }
        Some(Items::Known(_)) | None => vec![step],
    }
}
