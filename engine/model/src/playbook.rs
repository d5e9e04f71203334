//! A playbook as it was written: every node with its place, nothing resolved.

mod group;
mod invocation;
mod output;
mod people;
mod retry;

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::sync::Arc;

use crate::expression::{Expression, Reference};
use crate::plan::{InDoubt, OnCancel, OnEngineDeath};
use crate::source::{Span, Spanned};
use crate::template::Template;
use crate::units::Duration;
use crate::value::{Type, Value};

pub use group::{Body, ForEach, List, Use, UsedPlaybook};
pub use invocation::{Command, EnvForm, EnvVar, Expect, Invocation, Poll, Probe, Shell};
pub use output::{Extract, Output, OutputSource};
pub use people::{Approve, Manual, Starter};
pub use retry::{Backoff, Jitter, Retry};

/// A whole playbook file.
#[derive(Clone, Debug)]
pub struct Playbook {
    /// The playbook's name, kebab case.
    pub name: Spanned<String>,
    /// What it does, in one line.
    pub title: Option<Spanned<String>>,
    /// What it does, in Markdown.
    pub description: Option<Spanned<String>>,
    /// Who answers for it.
    pub owner: Option<Spanned<String>>,
    /// Times that a run must not exceed.
    pub objectives: Option<Objectives>,
    /// Its parameters, in the order in which they were written.
    pub inputs: Vec<Input>,
    /// Values derived from inputs, in the order in which they were written.
    pub vars: Vec<Var>,
    /// What holds for every command that does not say otherwise.
    pub defaults: Defaults,
    /// Files beside the playbook that every run takes along, as paths below its folder.
    pub files: Vec<Spanned<String>>,
    /// The names of the locks that a run holds until it owes nothing.
    pub locks: Vec<Spanned<Template>>,
    /// What happens when a step fails for good; what was done is undone if not given.
    pub on_failure: Option<OnFailure>,
    /// How many steps may run at the same time.
    pub max_parallel: Option<Spanned<NonZeroU32>>,
    /// What must hold before the first step.
    pub guards: Vec<Guard>,
    /// The steps in the order of the text, never empty; a group stands before its members.
    pub steps: Vec<Step>,
    /// The steps at the very end of every run that began.
    pub finally: Vec<Step>,
    /// What must hold when a run has come to rest.
    pub invariants: Vec<Invariant>,
    /// What other playbooks can read.
    pub outputs: Vec<Published>,
    /// The playbooks that it uses, by their paths as they are written.
    pub used: BTreeMap<String, Arc<UsedPlaybook>>,
    /// Whether it was read without a fault.
    pub(crate) is_sound: bool,
    /// The places of the names that each template and expression uses, by the place of its text.
    pub(crate) names: HashMap<Span, Vec<Span>>,
}

impl Playbook {
    /// Returns an input by its name if it is a secret.
    pub(crate) fn secret(&self, name: &str) -> Option<&Input> {
        self.inputs.iter().find(|input| input.name.value == name && input.secrecy == Secrecy::Secret)
    }

    /// Returns the name of the secret that a text is, the whole of it.
    pub(crate) fn secret_in<'t>(&self, text: &'t Template) -> Option<&'t str> {
        let expression = text.as_single()?;
        let [Reference::Input(name)] = expression.references.as_slice() else { return None };
        let is_alone = expression.source.strip_prefix("inputs.").is_some_and(|source| source == name);
        self.secret(name).filter(|_| is_alone).map(|_| name.as_str())
    }
}

/// Times that must not be exceeded; never zero.
#[derive(Clone, Debug)]
pub struct Objectives {
    /// From the start of a run to its rest, without the time that people took.
    pub rto: Option<Spanned<Duration>>,
    /// The age of the newest verified artifact when a run has come to rest.
    pub rpo: Option<Spanned<Duration>>,
}

/// A declared parameter.
#[derive(Clone, Debug)]
pub struct Input {
    /// The name in `inputs.NAME`, snake case.
    pub name: Spanned<String>,
    /// What it is for.
    pub description: Option<Spanned<String>>,
    /// Which values are allowed.
    pub shape: Shape,
    /// The value if none is given, already checked against the shape's type.
    pub default: Option<Spanned<Value>>,
    /// Whether a run can begin without a value.
    pub required: Required,
    /// Whether its value may be seen.
    pub secrecy: Secrecy,
}

/// Whether the value of an input may be seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Secrecy {
    /// It is shown and stored.
    #[default]
    Open,
    /// Nothing but the commands that name it ever has it.
    Secret,
}

/// Which values an input accepts.
#[derive(Clone, Debug)]
pub struct Shape {
    /// The type.
    pub r#type: Spanned<Type>,
    /// A regex that a text must match.
    pub pattern: Option<Spanned<String>>,
    /// The only values allowed.
    pub allowed: Option<Vec<Spanned<Value>>>,
    /// The least value, or the least length of texts and lists.
    pub min: Option<Spanned<Value>>,
    /// The greatest value, or the greatest length of texts and lists.
    pub max: Option<Spanned<Value>>,
    /// The shape of each item of a list or map.
    pub items: Option<Box<Shape>>,
}

/// Whether a value must be given.
#[derive(Clone, Debug)]
pub enum Required {
    /// Always, unless there is a default.
    Always,
    /// Never; without a value and a default the input is `none`.
    Never,
    /// When the expression over the other inputs is true.
    When(Spanned<Expression>),
}

/// A value derived from inputs and other vars.
#[derive(Clone, Debug)]
pub struct Var {
    /// The name in `vars.NAME`, snake case.
    pub name: Spanned<String>,
    /// The value.
    pub value: Spanned<Given<Value>>,
}

/// A value that was written out, or an expression that yields it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given<T> {
    /// Written out.
    Written(T),
    /// Computed; for anything but a text exactly one `${{ }}`, whose type is kept.
    Computed(Template),
}

/// What holds for every command that does not say otherwise.
#[derive(Clone, Debug, Default)]
pub struct Defaults {
    /// The shell of `run`; `sh` if not given.
    pub shell: Option<Spanned<Shell>>,
    /// Environment variables.
    pub env: Vec<EnvVar>,
    /// The working directory; the playbook's folder if not given.
    pub dir: Option<Spanned<Template>>,
}

/// What happens when a step fails for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnFailure {
    /// What was done is undone.
    Rollback,
    /// What was done is left; only what was taken is given back.
    Stop,
    /// A human decides; until then everything that was taken is kept.
    Ask,
    /// The step or group is taken back by itself, and the rest goes on. Never of a whole playbook.
    Continue,
}

/// A probe that must hold before anything is done.
#[derive(Clone, Debug)]
pub struct Guard {
    /// Its name, snake case.
    pub id: Spanned<String>,
    /// The look.
    pub probe: Probe,
    /// What to tell people when it does not hold.
    pub message: Option<Spanned<String>>,
    /// Why it must hold.
    pub why: Option<Spanned<String>>,
    /// What happens when it does not hold.
    pub on_unmet: OnUnmet,
    /// What it keeps of what it has seen; none is a look of its own.
    pub outputs: Vec<Output>,
}

/// What happens when a guard does not hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnUnmet {
    /// The run is refused, or the step fails before it did anything.
    #[default]
    Abort,
    /// The run or the step is skipped.
    Skip,
}

/// A probe that must hold when a run has come to rest.
#[derive(Clone, Debug)]
pub struct Invariant {
    /// Its name, snake case.
    pub id: Spanned<String>,
    /// The look.
    pub probe: Probe,
    /// What to tell people when it does not hold.
    pub message: Option<Spanned<String>>,
    /// Why it must hold.
    pub why: Option<Spanned<String>>,
}

/// A named node of the playbook.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its name, snake case, unique among all that can be named beside it.
    pub id: Spanned<String>,
    /// Index of the group in which it stands.
    pub parent: Option<usize>,
    /// What it does, in one line.
    pub title: Option<Spanned<String>>,
    /// Why it is done.
    pub why: Option<Spanned<String>>,
    /// What to look out for.
    pub caution: Option<Spanned<String>>,
    /// The part of the work to which it belongs, for people.
    pub phase: Option<Spanned<String>>,
    /// How long one attempt usually takes, for estimates; never zero.
    pub typical: Option<Spanned<Given<Duration>>>,
    /// What it does.
    pub body: Body,
    /// Once for each of these.
    pub for_each: Option<Box<ForEach>>,
    /// What its final failure does; as around it if not given.
    pub on_failure: Option<Spanned<OnFailure>>,
    /// The steps it needs and the milestones it waits for, as `ID.NAME`; without it, every step above that nothing needs
    /// yet.
    pub needs: Option<Spanned<Vec<Spanned<String>>>>,
    /// Whether it is run or skipped.
    pub when: Option<Spanned<Expression>>,
    /// What must hold just before its first attempt.
    pub guards: Vec<Guard>,
    /// How often and when it is attempted again.
    pub retry: Option<Box<Retry>>,
    /// How long its guards, attempts, verifies and the waits between them may take in all, those of its members included;
    /// never zero.
    pub deadline: Option<Spanned<Given<Duration>>>,
    /// How its attempts are treated when something comes between.
    pub conduct: Box<Conduct>,
    /// When an attempt succeeded.
    pub expect: Expect,
    /// How its command is looked at again, if it changes nothing.
    pub poll: Option<Box<Poll>>,
    /// What it publishes.
    pub outputs: Vec<Output>,
    /// What its attempts tell while they run.
    pub milestones: Vec<Milestone>,
    /// Tells, after success, that the effect is really there.
    pub verify: Option<Box<Probe>>,
    /// Makes a failed attempt harmless.
    pub cleanup: Option<Box<Hook>>,
    /// Undoes its effect.
    pub rollback: Option<Rollback>,
    /// Gives back what it took.
    pub release: Option<Box<Release>>,
    /// It changes nothing.
    pub read_only: bool,
    /// It may be repeated.
    pub idempotent: bool,
    /// It is a point of no return.
    pub irreversible: bool,
    /// The whole step.
    pub span: Span,
}

impl Step {
    /// Returns what it executes, unless it is a group.
    pub fn invocation(&self) -> Option<&Invocation> {
        match &self.body {
            Body::Command(invocation) => Some(invocation),
            Body::Group(_) | Body::Use(_) => None,
        }
    }

    /// Returns whether an output of this name is a secret.
    pub(crate) fn has_secret(&self, output: &str) -> bool {
        self.secrets().any(|secret| secret.name.value == output)
    }

    /// Iterates over the secrets that it publishes.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &Output> {
        self.outputs.iter().filter(|output| matches!(output.source, OutputSource::Secret))
    }

    /// Returns its hooks with the key each stands under.
    pub fn hooks(&self) -> impl Iterator<Item = (&'static str, &Hook)> {
        let rollback = match &self.rollback {
            Some(Rollback::Hook(hook)) => Some(&**hook),
            Some(Rollback::Nothing(_)) | None => None,
        };
        let release = self.release.as_ref().map(|release| &release.hook);
        let hooks = [("cleanup", self.cleanup.as_deref()), ("rollback", rollback), ("release", release)];
        hooks.into_iter().filter_map(|(key, hook)| Some((key, hook?)))
    }
}

/// How attempts are treated when something comes between; as usual where nothing is given.
#[derive(Clone, Debug, Default)]
pub struct Conduct {
    /// What a cancel does to a running attempt.
    pub on_cancel: Option<Spanned<OnCancel>>,
    /// What becomes of an attempt in doubt.
    pub in_doubt: Option<Spanned<InDoubt>>,
    /// What becomes of a running attempt whose engine is gone.
    pub on_engine_death: Option<Spanned<OnEngineDeath>>,
    /// How long an attempt has from TERM to KILL.
    pub stop_grace: Option<Spanned<Given<Duration>>>,
}

/// A command that makes harmless, undoes or gives back; it inherits the step's shell, env and dir.
#[derive(Clone, Debug)]
pub struct Hook {
    /// What it executes.
    pub invocation: Invocation,
    /// When it has succeeded.
    pub expect: Expect,
    /// Whether it is due, where that is asked.
    pub when: Option<Spanned<Expression>>,
    /// How often it is tried; three times with back-off if not given.
    pub retry: Option<Box<Retry>>,
    /// The whole hook.
    pub span: Span,
}

/// What undoes a step.
#[derive(Clone, Debug)]
pub enum Rollback {
    /// There is nothing to undo, said on purpose.
    Nothing(Span),
    /// A command undoes it.
    Hook(Box<Hook>),
}

/// What gives back what a step took.
#[derive(Clone, Debug)]
pub struct Release {
    /// The command that gives it back.
    pub hook: Hook,
    /// The steps that must have settled and the milestones that must have been reached; the end of the block if not
    /// given.
    pub until: Option<Spanned<Vec<Spanned<String>>>>,
}

/// A signal from inside a running step.
#[derive(Clone, Debug)]
pub struct Milestone {
    /// The name in `needs: [ID.NAME]`, snake case.
    pub name: Spanned<String>,
    /// A regex for the line that tells.
    pub pattern: Spanned<String>,
}

/// A value that a playbook publishes.
#[derive(Clone, Debug)]
pub struct Published {
    /// Its name, snake case.
    pub name: Spanned<String>,
    /// Its value.
    pub value: Spanned<Template>,
}

/// Splits a name in `needs` or `until` into the step and, in `ID.NAME`, the milestone.
pub(crate) fn split_milestone(id: &str) -> (&str, Option<&str>) {
    id.split_once('.').map_or((id, None), |(step, milestone)| (step, Some(milestone)))
}
