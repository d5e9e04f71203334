//! Groups: blocks of steps, used playbooks, repetitions.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::{Given, Invocation, Playbook, Published, Step};
use crate::check::Checked;
use crate::expression::Expression;
use crate::plan::Tolerance;
use crate::source::{Source, Span, Spanned};
use crate::value::Value;

/// What a step does.
#[derive(Clone, Debug)]
pub enum Body {
    /// A command is executed.
    Command(Box<Invocation>),
    /// Its members are run, the steps whose parent it is; it publishes these.
    Group(Vec<Published>),
    /// The steps of another playbook are run.
    Use(Box<Use>),
}

/// The use of another playbook.
#[derive(Clone, Debug)]
pub struct Use {
    /// Its file, relative to the folder of the using one.
    pub path: Spanned<String>,
    /// The values of its inputs, by name.
    pub with: Vec<(Spanned<String>, Spanned<Given<Value>>)>,
    /// Whether its guards must hold at the start of the run too.
    pub early_guards: bool,
}

impl Playbook {
    /// Iterates over the groups around a step, the innermost first.
    pub fn around(&self, step: &Step) -> impl Iterator<Item = &Step> {
        let parent = |step: &Step| step.parent.map(|parent| &self.steps[parent]);
        std::iter::successors(parent(step), move |&group| parent(group))
    }

    /// Returns the id of a step with those of the groups around it: `restore/unpack`.
    pub fn path(&self, step: &Step) -> String {
        let ids = std::iter::once(step).chain(self.around(step)).map(|step| step.id.value.as_str());
        let ids: Vec<&str> = ids.collect();
        ids.into_iter().rev().collect::<Vec<_>>().join("/")
    }
}

/// A playbook that another one uses, without faults.
#[derive(Clone, Debug)]
pub struct UsedPlaybook {
    /// Its text.
    pub source: Arc<Source>,
    /// The playbook.
    pub checked: Checked<Playbook>,
    /// Its folder, relative to that of the playbook that is run.
    pub folder: String,
}

/// The repetition of a step or group for each item of a list.
#[derive(Clone, Debug)]
pub struct ForEach {
    /// The list.
    pub list: Spanned<List>,
    /// The name of the item in expressions.
    pub name: String,
    /// What yields the key of an item; the item itself if not given.
    pub key: Option<Spanned<Expression>>,
    /// How many instances may run at the same time.
    pub max_parallel: Option<Spanned<NonZeroU32>>,
    /// The most items there may be.
    pub max_items: NonZeroU32,
    /// How many instances may fail.
    pub tolerate: Option<Tolerance>,
    /// The whole of it.
    pub span: Span,
}

/// A list of items.
#[derive(Clone, Debug)]
pub enum List {
    /// Written out.
    Written(Vec<Value>),
    /// What yields it.
    Computed(Expression),
}
