//! A checked playbook with inputs becomes a plan. The only function that makes a [`Plan`].

mod block;
mod command;
mod each;
mod hooks;
mod inputs;
mod known;
mod people;
mod poll;
mod probes;
mod used;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::time::Duration;

use self::command::Surroundings;
pub use self::inputs::{Given, GivenValue};
use self::used::Late;
use crate::check::{self, Checked, Names};
use crate::diagnostic::{Code, Diagnostic};
use crate::expression::{EvalError, Expression, Reference, Scope};
use crate::plan::{self, Condition, FORMAT, FileDigest, Plan, Text, hex};
use crate::playbook::{self, Playbook};
use crate::source::{Source, Span, Spanned};
use crate::template::Template;
use crate::value::Value;

/// How many commands run at once unless the playbook says otherwise.
const MAX_PARALLEL: u32 = 8;
/// The time limit of one look of a probe unless the playbook says otherwise.
const PROBE_LIMIT: Duration = Duration::from_mins(1);
/// How often a hook is tried unless the playbook says otherwise.
const HOOK_TRIES: u32 = 3;

/// What the caller found out about the world of the playbook.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The files of `bin/` beside the playbook, sorted by path.
    pub files: Vec<FileDigest>,
    /// The target, if one was chosen.
    pub target: Option<plan::Target>,
    /// What the last run of the playbook on the target that succeeded has published.
    pub last: BTreeMap<String, Value>,
}

/// Resolves a playbook with inputs into a plan.
///
/// Everything that inputs and vars decide is worked out here; the rest is deferred and says what it waits for. All
/// faults of the inputs are returned at once, placed at the declarations they break.
pub fn resolve(
    source: &Source,
    checked: &Checked<Playbook>,
    given: &BTreeMap<String, Given>,
    facts: Facts,
) -> Result<Plan, Vec<Diagnostic>> {
    let playbook: &Playbook = checked;
    let inputs = inputs::inputs(playbook, given)?;
    let last = read_of_last(playbook, &facts.last);
    let scope = Scope::new().with_inputs(inputs.values.clone()).with_last(last.clone());
    let scope = scope.with_target(facts.target.as_ref());
    let vars = inputs::vars(playbook, scope.clone())?;
    let scope = scope.with_vars(vars.clone());
    let mut resolver = Resolver {
        source,
        playbook,
        needs: check::needs(checked),
        names: Names::of(playbook),
        scope,
        late: Late::default(),
        folder: "",
        used_at: None,
        hoisted: Hoisted::default(),
        target_env: facts.target.as_ref().map(|target| target.env.clone()).unwrap_or_default(),
        secrets: inputs.secrets.keys().map(|name| (name.clone(), name.clone())).collect(),
        steps: Vec::new(),
        blocks: Vec::new(),
        until: Vec::new(),
        faults: Vec::new(),
    };
    let on_failure = playbook.on_failure.map_or(plan::OnFailure::Rollback, on_failure);
    let steps = resolver.all_steps(on_failure);
    let own_locks = resolver.own_locks();
    let own_guards = resolver.guards(&playbook.guards, None);
    let own_invariants = resolver.own_invariants();
    let plan = Plan {
        format: FORMAT,
        playbook: playbook.name.value.clone(),
        title: owned(playbook.title.as_ref()),
        description: owned(playbook.description.as_ref()),
        objectives: playbook.objectives.as_ref().map(objectives),
        text_sha256: sha256(source.text.as_bytes()),
        target: facts.target,
        origins: inputs.origins,
        inputs: inputs.values,
        secrets: inputs.secrets,
        last,
        vars,
        files: facts.files,
        locks: sorted(own_locks.into_iter().chain(std::mem::take(&mut resolver.hoisted.locks))),
        on_failure,
        max_parallel: playbook.max_parallel.as_ref().map_or(number(MAX_PARALLEL), |limit| limit.value),
        guards: own_guards.into_iter().chain(std::mem::take(&mut resolver.hoisted.guards)).collect(),
        steps,
        invariants: own_invariants.into_iter().chain(std::mem::take(&mut resolver.hoisted.invariants)).collect(),
        finally: in_order(checked.finally_needs()).map(|at| resolver.last(&playbook.finally[at])).collect(),
        outputs: resolver.outputs(),
    };
    if resolver.faults.is_empty() { Ok(plan) } else { Err(resolver.faults) }
}

/// Returns the indices of nodes so that each comes after those it needs, in the written order where that is open.
fn in_order(needs: &[Vec<usize>]) -> impl Iterator<Item = usize> {
    let mut left: Vec<usize> = (0..needs.len()).collect();
    let mut order: Vec<usize> = Vec::new();
    while let Some(next) = left.iter().position(|&at| needs[at].iter().all(|need| order.contains(need))) {
        order.push(left.remove(next));
    }
    order.into_iter()
}

/// Returns the SHA-256 of bytes, in hex.
pub fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    hex(&sha2::Sha256::digest(bytes))
}

/// Returns what a playbook reads of the outputs of an earlier run; none for what that run did not publish.
fn read_of_last(playbook: &Playbook, outputs: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let names = check::names_of_last(playbook).into_iter();
    names.map(|name| (name.to_owned(), outputs.get(name).cloned().unwrap_or(Value::None))).collect()
}

/// Returns the names of locks in the order in which every run takes them.
fn sorted(locks: impl Iterator<Item = String>) -> Vec<String> {
    locks.collect::<BTreeSet<_>>().into_iter().collect()
}

/// What used playbooks give to the whole run.
#[derive(Default)]
struct Hoisted {
    locks: Vec<String>,
    guards: Vec<plan::Guard>,
    invariants: Vec<plan::Invariant>,
}

/// Gathers faults while the parts of a plan are made.
struct Resolver<'a> {
    source: &'a Source,
    playbook: &'a Playbook,
    /// The steps of its own block that each step needs.
    needs: &'a [Vec<usize>],
    names: Names<'a>,
    scope: Scope,
    /// The secrets of the plan, by the names that the playbook has for them.
    secrets: BTreeMap<String, String>,
    /// What is known of a used playbook's inputs and vars only when it is reached.
    late: Late,
    /// The folder of the playbook, relative to that of the one that is run.
    folder: &'a str,
    /// The line of the `use` in the playbook that is run, if it is the playbook of one: there its steps are shown.
    used_at: Option<u32>,
    /// What used playbooks give to the whole run.
    hoisted: Hoisted,
    /// The steps so far; indices into this list are those of the plan.
    steps: Vec<plan::Step>,
    /// The blocks around what is resolved, outermost first: the group of the playbook, and its id in the plan.
    blocks: Vec<(Option<usize>, String)>,
    /// The steps for which the releases of steps of the plan wait, as they are written.
    until: Vec<(usize, &'a Spanned<String>)>,
    /// What every command finds in its environment unless the playbook says otherwise.
    target_env: BTreeMap<String, String>,
    faults: Vec<Diagnostic>,
}

impl<'a> Resolver<'a> {
    fn own_locks(&mut self) -> Vec<String> {
        self.locks(&self.playbook.locks)
    }

    /// Returns the names of locks in the order in which they are taken.
    fn locks(&mut self, locks: &[Spanned<Template>]) -> Vec<String> {
        let names: BTreeSet<String> = locks.iter().map(|lock| self.lock(lock)).collect();
        names.into_iter().collect()
    }

    fn own_invariants(&mut self) -> Vec<plan::Invariant> {
        let playbook = self.playbook;
        playbook.invariants.iter().map(|invariant| self.invariant(invariant)).collect()
    }

    fn lock(&mut self, lock: &Spanned<Template>) -> String {
        let folded = self.fold(lock);
        if let Some(late) = folded.references().next() {
            let message = format!("`{late}` is known only while the run goes on, and the name of a lock before");
            let help = "name the lock by inputs, vars, or items that are known before the run starts";
            self.faults.push(Diagnostic::error(Code::NoValue, lock.span, message).help(help));
            return String::new();
        }
        let value = self.known(&folded, lock.span);
        let name = self.exact(&value, lock.span);
        if name.trim().is_empty() || name.chars().any(char::is_control) {
            let message = "the name of a lock must be one line that is not empty";
            self.faults.push(Diagnostic::error(Code::Empty, lock.span, message));
        }
        name
    }

    fn step(&mut self, step: &'a playbook::Step, invocation: &'a playbook::Invocation, id: String) -> plan::Step {
        let defaults = Surroundings::of(self.playbook);
        let around = defaults.with(invocation);
        let own = Some(id.as_str());
        plan::Step {
            typical: step.typical.as_ref().and_then(|typical| self.positive_duration(typical)),
            milestones: step.milestones.iter().map(milestone).collect(),
            locks: self.locks(&step.locks),
            guards: self.guards(&step.guards, Some(&around)),
            deed: plan::Deed::Command(Box::new(self.own_command(step, invocation, &defaults, own))),
            retry: self.retry(step.retry.as_deref(), NonZeroU32::MIN, Duration::ZERO),
            deadline: step.deadline.as_ref().and_then(|deadline| self.positive_duration(deadline)),
            conduct: self.conduct(&step.conduct),
            effect: plan::StepEffect {
                read_only: step.read_only,
                idempotent: step.idempotent,
                irreversible: step.irreversible,
            },
            looks: self.looks(step, &around, own),
            verify: step.verify.as_ref().map(|probe| self.probe(probe, &around, own)),
            cleanup: step.cleanup.as_ref().map(|hook| self.hook(hook, &around, &id)),
            rollback: match &step.rollback {
                None => plan::Rollback::Unsaid,
                Some(playbook::Rollback::Nothing(_)) => plan::Rollback::Nothing,
                Some(playbook::Rollback::Hook(hook)) => plan::Rollback::Hook(Box::new(self.hook(hook, &around, &id))),
            },
            release: step.release.as_ref().map(|release| self.release(release, &around, &id)),
            ..self.bare(step, id)
        }
    }

    fn conduct(&mut self, conduct: &playbook::Conduct) -> plan::Conduct {
        let usual = plan::Conduct::default();
        plan::Conduct {
            on_cancel: conduct.on_cancel.as_ref().map_or(usual.on_cancel, |word| word.value),
            in_doubt: conduct.in_doubt.as_ref().map_or(usual.in_doubt, |word| word.value),
            on_engine_death: conduct.on_engine_death.as_ref().map_or(usual.on_engine_death, |word| word.value),
            stop_grace: conduct.stop_grace.as_ref().and_then(|it| self.duration(it)).unwrap_or(usual.stop_grace),
        }
    }

    fn own_command(
        &mut self,
        step: &'a playbook::Step,
        invocation: &'a playbook::Invocation,
        around: &Surroundings<'a>,
        own: Option<&str>,
    ) -> plan::Command {
        let mut command = self.deed(invocation, &step.expect, around, &step.outputs, own);
        command.poll = step.poll.as_deref().and_then(|poll| self.poll(poll));
        if command.poll.is_some() {
            command.time_limit = command.time_limit.or(Some(PROBE_LIMIT));
        }
        command
    }

    fn looks(&mut self, step: &'a playbook::Step, around: &Surroundings<'a>, own: Option<&str>) -> Vec<plan::Look> {
        let looks = step.outputs.iter().filter_map(|output| match &output.source {
            playbook::OutputSource::Look(invocation) => Some((output, invocation)),
            playbook::OutputSource::Asked
            | playbook::OutputSource::Secret
            | playbook::OutputSource::Published
            | playbook::OutputSource::Stdout
            | playbook::OutputSource::Stderr
            | playbook::OutputSource::File(_) => None,
        });
        let looks: Vec<_> = looks.collect();
        looks.into_iter().map(|(output, invocation)| self.look(output, invocation, around, own)).collect()
    }

    fn look(
        &mut self,
        output: &'a playbook::Output,
        invocation: &'a playbook::Invocation,
        around: &Surroundings<'a>,
        own: Option<&str>,
    ) -> plan::Look {
        let mut command = self.command(invocation, around, own);
        command.time_limit = command.time_limit.or(Some(PROBE_LIMIT));
        command.outputs = self.rules(std::slice::from_ref(output), own, true);
        plan::Look { name: output.name.value.clone(), command }
    }

    fn outputs(&mut self) -> BTreeMap<String, Text> {
        let outputs = &self.playbook.outputs;
        outputs.iter().map(|output| (output.name.value.clone(), self.text(&output.value, None))).collect()
    }

    fn condition(&mut self, when: &Spanned<Expression>, step: Option<&str>) -> Condition {
        let expression = &when.value;
        if !expression.references.iter().all(|name| self.is_known(name)) {
            let bound = self.bind(expression);
            if let Some(answer) = bound.foregone(&self.scope, |name| self.is_known(name)) {
                return Condition::Known(answer);
            }
            return Condition::Deferred { after: self.after(&expression.references, step), expression: bound };
        }
        match expression.eval_condition(&self.scope) {
            Ok(answer) => Condition::Known(answer),
            Err(error) => Condition::Known(self.fault(when.span, &error)),
        }
    }

    /// Resolves a template as far as inputs and vars go.
    fn fold(&mut self, template: &Spanned<Template>) -> Template {
        match template.value.fold(&self.scope, |name| self.is_known(name)) {
            Ok(folded) => folded.bind(|name| self.bound(name)),
            Err(error) => self.fault(template.span, &error),
        }
    }

    /// Resolves a template that yields one text.
    fn text(&mut self, template: &Spanned<Template>, step: Option<&str>) -> Text {
        let folded = self.fold(template);
        if folded.references().next().is_some() {
            let references: Vec<Reference> = folded.references().cloned().collect();
            return Text::Deferred { after: self.after(&references, step), template: folded };
        }
        let value = self.known(&folded, template.span);
        Text::Known(self.exact(&value, template.span))
    }

    /// Returns the value of a template in which everything is known.
    fn known(&mut self, folded: &Template, span: Span) -> Value {
        match folded.render(&self.scope) {
            Ok(value) => value,
            Err(error) => {
                self.fault::<()>(span, &error);
                Value::String(String::new())
            }
        }
    }

    fn exact(&mut self, value: &Value, span: Span) -> String {
        let Some(text) = value.text() else {
            let message = "this is `none`, which no command can be given";
            let help = "give the input a value, or use a condition: ${{ a if a is not none else b }}";
            self.faults.push(Diagnostic::error(Code::NoValue, span, message).help(help));
            return String::new();
        };
        text.into_owned()
    }

    fn fault<T: Default>(&mut self, span: Span, error: &EvalError) -> T {
        self.faults.push(Diagnostic::error(Code::NoValue, span, error.to_string()));
        T::default()
    }

    fn line(&self, span: Span) -> u32 {
        if let Some(line) = self.used_at {
            return line;
        }
        u32::try_from(self.source.line_column(span.start).0).expect("a source has fewer than 2^32 lines")
    }
}

fn milestone(milestone: &playbook::Milestone) -> plan::Milestone {
    plan::Milestone { name: milestone.name.value.clone(), pattern: milestone.pattern.value.clone() }
}

fn objectives(objectives: &playbook::Objectives) -> plan::Objectives {
    let time = |objective: &Spanned<crate::units::Duration>| objective.value.as_std();
    plan::Objectives { rto: objectives.rto.as_ref().map(time), rpo: objectives.rpo.as_ref().map(time) }
}

fn on_failure(on_failure: playbook::OnFailure) -> plan::OnFailure {
    match on_failure {
        playbook::OnFailure::Ask => plan::OnFailure::Ask,
        playbook::OnFailure::Continue => plan::OnFailure::Continue,
        playbook::OnFailure::Rollback => plan::OnFailure::Rollback,
        playbook::OnFailure::Stop => plan::OnFailure::Stop,
    }
}

fn owned(text: Option<&Spanned<String>>) -> Option<String> {
    text.map(|text| text.value.clone())
}

fn number(value: u32) -> NonZeroU32 {
    NonZeroU32::new(value).expect("a constant above 0")
}
