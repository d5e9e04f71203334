//! What a plan says of one step.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::value::Value;

use super::{Command, Condition, Conduct, Group, Milestone, OnFailure, Retry, Signal};

/// What a step of the plan does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// A command is executed.
    Command(Box<Command>),
    /// Its members are run: the steps whose `group` it is.
    Group(Box<Group>),
}

/// A step of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The step's id; of a member of a group, its path: `restore/unpack`.
    pub id: String,
    /// Index of the group it belongs to; a group stands before its members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<usize>,
    /// The name and value of the item it is an instance of, if that became known while the run went on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<(String, Value)>,
    /// Line of the playbook on which the step begins, from 1.
    pub line: u32,
    /// One line for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Why the step is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What to be careful about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caution: Option<String>,
    /// The part of the work to which it belongs, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// How long one attempt usually takes, above zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typical: Option<Duration>,
    /// Indices of the steps it needs, ascending. The group it belongs to must have begun; any other group must be over,
    /// and its members that no other member needs are named beside it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<usize>,
    /// Milestones that must have been reached before, ascending; of steps that it does not need.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<Signal>,
    /// What its attempts tell while they run, at most [`super::MAX_MILESTONES`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub milestones: Vec<Milestone>,
    /// Runs only if this is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// Asked one after the other just before the first attempt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<Guard>,
    /// What it does.
    pub deed: Deed,
    /// What its final failure does: its own word, else that of the nearest group that has one, else the playbook's. What
    /// a group says of itself is not passed on to its members if it is `continue`: they are rolled back.
    pub on_failure: OnFailure,
    /// How often it is tried.
    pub retry: Retry,
    /// How long its guards, attempts, verifies and the waits between them may take in all, above zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Duration>,
    /// How its attempts are treated when something comes between.
    #[serde(default, skip_serializing_if = "Conduct::is_usual")]
    pub conduct: Conduct,
    /// What its changes are like.
    pub effect: StepEffect,
    /// Read-only commands whose output is an output of the step, run in order after a successful attempt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looks: Vec<Look>,
    /// Asked after a successful attempt and to settle a doubt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Probe>,
    /// Makes a failed attempt harmless.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleanup: Option<Hook>,
    /// Undoes the effect.
    pub rollback: Rollback,
    /// Gives back what was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
}

/// What is said about a step's changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepEffect {
    /// Changes nothing.
    pub read_only: bool,
    /// May be repeated without harm.
    pub idempotent: bool,
    /// The point of no return.
    pub irreversible: bool,
}

/// A probe: a read-only look with three answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// The look.
    pub command: Command,
}

/// A condition that must hold before doing anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guard {
    /// The guard's id.
    pub id: String,
    /// Line of the playbook, from 1.
    pub line: u32,
    /// How it is asked.
    pub probe: Probe,
    /// What the operator is told when it is unmet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Why it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What happens when it is unmet.
    pub on_unmet: OnUnmet,
}

/// What an unmet guard does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnmet {
    /// The step fails before it did anything; the run is refused.
    Abort,
    /// The step, or the run, is skipped.
    Skip,
}

/// A read-only command whose output is an output of its step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    /// The output's name.
    pub name: String,
    /// The command; its one output rule bears the same name.
    pub command: Command,
}

/// A command that is owed: cleanup, rollback or release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// The command.
    pub command: Command,
    /// Needed only if this is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// How often it is tried before its obligation stays open.
    pub retry: Retry,
}

/// What undoes a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rollback {
    /// The playbook does not say.
    Unsaid,
    /// There is nothing to undo, said on purpose.
    Nothing,
    /// This hook.
    Hook(Box<Hook>),
}

/// What gives back what a step took, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The hook.
    pub hook: Hook,
    /// Due when all of these steps have settled. If neither this nor `until_reached` names anything, when the block of the
    /// step is over, or every step of the playbook. Ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub until: Vec<usize>,
    /// And when these milestones have been reached. Ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub until_reached: Vec<Signal>,
    /// The steps that run inside the hold, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hold: Vec<usize>,
}

impl Release {
    /// Returns whether it is due only at the end of the block.
    pub fn is_open_ended(&self) -> bool {
        self.until.is_empty() && self.until_reached.is_empty()
    }
}

impl Step {
    /// Iterates over the steps that begin before this one: those it needs, and those whose milestones it waits for.
    pub fn begun_before(&self) -> impl Iterator<Item = usize> {
        let mut last = None;
        let is_other = move |step: &usize| last.replace(*step) != Some(*step);
        let signals = self.after.iter().map(|signal| signal.step).filter(is_other);
        self.needs.iter().copied().chain(signals)
    }

    /// Returns the command of its attempts, unless it is a group.
    pub fn command(&self) -> Option<&Command> {
        match &self.deed {
            Deed::Command(command) => Some(command),
            Deed::Group(_) => None,
        }
    }

    /// Iterates over the commands of its course: its guards, its attempts, and what is looked at after them. Not its hooks.
    pub fn commands(&self) -> impl Iterator<Item = &Command> {
        let guards = self.guards.iter().map(|guard| &guard.probe.command);
        let looks = self.looks.iter().map(|look| &look.command);
        guards.chain(self.command()).chain(looks).chain(self.verify.as_ref().map(|verify| &verify.command))
    }

    /// Returns the command of its attempts to change it, unless it is a group.
    pub fn command_mut(&mut self) -> Option<&mut Command> {
        match &mut self.deed {
            Deed::Command(command) => Some(command),
            Deed::Group(_) => None,
        }
    }

    /// Returns what it says of its members, if it is a group.
    pub fn as_group(&self) -> Option<&Group> {
        match &self.deed {
            Deed::Command(_) => None,
            Deed::Group(group) => Some(group),
        }
    }

    /// Returns the rollback's hook, if there is one.
    pub fn rollback_hook(&self) -> Option<&Hook> {
        match &self.rollback {
            Rollback::Hook(hook) => Some(hook),
            Rollback::Unsaid | Rollback::Nothing => None,
        }
    }
}
