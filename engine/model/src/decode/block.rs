//! The kinds of maps playbooks and rehearsals are made of, and the keys of each.

mod synonyms;

use self::synonyms::SYNONYMS;
use crate::suggest;

/// All keys of a map are named in an error if it has no more of them.
const MOST_LISTED: usize = 12;

/// A kind of map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// The whole file.
    Playbook,
    /// One of `inputs`.
    Input,
    /// The `items` of an input.
    Items,
    /// `defaults`
    Defaults,
    /// `objectives`
    Objectives,
    /// One of `guards`.
    Guard,
    /// One of `invariants`.
    Invariant,
    /// One of `steps`.
    Step,
    /// One of `steps` that is a group.
    Group,
    /// One of `steps` that uses another playbook.
    Use,
    /// `for_each`
    ForEach,
    /// One of `finally`.
    Final,
    /// `retry`
    Retry,
    /// `expect`
    Expect,
    /// One of the `outputs` of a step.
    Output,
    /// One of the `outputs` of a guard.
    Sight,
    /// `verify`
    Verify,
    /// `cleanup`
    Cleanup,
    /// `rollback`
    Rollback,
    /// `release`
    Release,
    /// `manual`
    Manual,
    /// One of the `outputs` of a `manual`.
    Asked,
    /// `approve`
    Approve,
    /// The whole file of a rehearsal.
    Rehearsal,
    /// One of `scenarios`.
    Scenario,
    /// One of `faults`.
    Fault,
    /// One of `answers`.
    Answer,
    /// One of `decisions`.
    Decision,
    /// One of `replies`.
    Reply,
    /// `expect` of a scenario.
    Expectation,
    /// `within` of an expectation.
    Within,
    /// One of the `steps` of an expectation.
    ExpectedStep,
    /// `sweep`
    Sweep,
    /// The whole file of a target.
    Target,
    /// One of the `secrets` of a target.
    Secret,
    /// A variable that holds the path of a file.
    EnvFile,
}

const INVOCATION: [&str; 7] = ["argv", "run", "env", "dir", "shell", "stdin", "timeout"];
const PLAYBOOK: [&str; 18] = [
    "firedrill",
    "playbook",
    "title",
    "description",
    "owner",
    "objectives",
    "inputs",
    "vars",
    "defaults",
    "files",
    "locks",
    "on_failure",
    "max_parallel",
    "guards",
    "steps",
    "finally",
    "invariants",
    "outputs",
];
const STEP: [&str; 33] = [
    "id",
    "manual",
    "approve",
    "title",
    "why",
    "caution",
    "phase",
    "typical",
    "needs",
    "when",
    "locks",
    "guards",
    "retry",
    "deadline",
    "on_cancel",
    "in_doubt",
    "on_engine_death",
    "stop_grace",
    "expect",
    "every",
    "within",
    "after",
    "outputs",
    "milestones",
    "verify",
    "cleanup",
    "rollback",
    "release",
    "read_only",
    "idempotent",
    "irreversible",
    "on_failure",
    "for_each",
];
const GROUP: [&str; 14] = [
    "id",
    "title",
    "why",
    "caution",
    "phase",
    "needs",
    "when",
    "locks",
    "guards",
    "deadline",
    "on_failure",
    "for_each",
    "steps",
    "outputs",
];
const USE: [&str; 15] = [
    "id",
    "title",
    "why",
    "caution",
    "phase",
    "needs",
    "when",
    "locks",
    "guards",
    "deadline",
    "on_failure",
    "for_each",
    "use",
    "with",
    "early_guards",
];
const EXPECTATION: [&str; 9] =
    ["verdict", "within", "steps", "hold", "unmet", "invariants", "open", "outputs", "world"];
const FAULT: [&str; 15] = [
    "step",
    "hook",
    "guard",
    "output",
    "invariant",
    "finally",
    "record",
    "side",
    "after",
    "fault",
    "exit",
    "stdout",
    "nth",
    "wait",
    "times",
];

impl Block {
    /// Returns its name with an article, for messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Playbook => "a playbook",
            Self::Input => "an input",
            Self::Items => "`items`",
            Self::Defaults => "`defaults`",
            Self::Objectives => "`objectives`",
            Self::Guard => "a guard",
            Self::Invariant => "an invariant",
            Self::Step => "a step",
            Self::Group => "a group",
            Self::Use => "a step that uses a playbook",
            Self::ForEach => "`for_each`",
            Self::Final => "a step of `finally`",
            Self::Retry => "`retry`",
            Self::Expect => "`expect`",
            Self::Output | Self::Sight => "an output",
            Self::Verify => "`verify`",
            Self::Cleanup => "`cleanup`",
            Self::Rollback => "`rollback`",
            Self::Release => "`release`",
            Self::Manual => "`manual`",
            Self::Asked => "a value that is asked for",
            Self::Approve => "`approve`",
            Self::Rehearsal => "a rehearsal",
            Self::Scenario => "a scenario",
            Self::Fault => "a fault",
            Self::Answer => "an answer",
            Self::Decision => "a decision",
            Self::Reply => "a reply",
            Self::Expectation => "`expect` of a scenario",
            Self::Within => "`within`",
            Self::ExpectedStep => "what is expected of a step",
            Self::Sweep => "`sweep`",
            Self::Target => "a target",
            Self::Secret => "a secret",
            Self::EnvFile => "a variable with a file",
        }
    }

    /// Returns whether it can hold a command, with the keys that every command has.
    pub(crate) fn is_invocation(self) -> bool {
        match self {
            Self::Playbook
            | Self::Input
            | Self::Items
            | Self::Defaults
            | Self::Objectives
            | Self::Group
            | Self::Use
            | Self::ForEach
            | Self::Retry
            | Self::Expect
            | Self::Sight
            | Self::Rehearsal
            | Self::Scenario
            | Self::Fault
            | Self::Reply
            | Self::Expectation
            | Self::Within
            | Self::ExpectedStep
            | Self::Sweep
            | Self::Manual
            | Self::Asked
            | Self::Approve
            | Self::Answer
            | Self::Decision
            | Self::Target
            | Self::Secret
            | Self::EnvFile => false,
            Self::Guard
            | Self::Invariant
            | Self::Step
            | Self::Final
            | Self::Output
            | Self::Verify
            | Self::Cleanup
            | Self::Rollback
            | Self::Release => true,
        }
    }

    /// Returns the keys it has besides those of a command.
    fn own_keys(self) -> &'static [&'static str] {
        match self {
            Self::Playbook => &PLAYBOOK,
            Self::Input => {
                &["type", "description", "pattern", "enum", "min", "max", "items", "default", "required", "secret"]
            }
            Self::Items => &["type", "pattern", "enum", "min", "max", "items"],
            Self::Defaults => &["shell", "env", "dir"],
            Self::Objectives | Self::Within => &["rto", "rpo"],
            Self::Guard => &["id", "expect", "every", "within", "after", "message", "why", "on_unmet", "outputs"],
            Self::Invariant => &["id", "expect", "every", "within", "after", "message", "why"],
            Self::Step => &STEP,
            Self::Group => &GROUP,
            Self::Use => &USE,
            Self::ForEach => &["in", "as", "key", "max_parallel", "max_items", "tolerate"],
            Self::Final => {
                &["id", "title", "why", "caution", "needs", "when", "retry", "expect", "read_only", "idempotent"]
            }
            Self::Retry => &["max_attempts", "delay", "backoff", "factor", "max_delay", "jitter", "when"],
            Self::Expect => &["exit", "stdout", "stderr", "jq", "that"],
            Self::Output => &["from", "path", "regex", "jq", "line", "type", "optional", "secret"],
            Self::Sight => &["from", "path", "regex", "jq", "line", "type", "optional"],
            Self::Verify => &["expect", "every", "within", "after"],
            Self::Cleanup => &["manual", "expect", "retry", "when"],
            Self::Rollback => &["manual", "expect", "retry"],
            Self::Release => &["manual", "expect", "retry", "when", "until"],
            Self::Manual => &["instructions", "confirm", "outputs"],
            Self::Asked => &["type", "optional"],
            Self::Approve => &["prompt", "by", "min", "starter", "timeout"],
            Self::Rehearsal => &["firedrill", "rehearsal", "sandbox", "inputs", "last", "check", "scenarios", "sweep"],
            Self::Scenario => {
                &["name", "inputs", "last", "given", "faults", "answers", "decisions", "replies", "expect"]
            }
            Self::Fault => &FAULT,
            Self::Answer => &["answer", "outputs", "after", "by"],
            Self::Decision => &["step", "hook", "decide", "settle", "rollback", "outputs", "after", "by"],
            Self::Reply => &["command", "exit", "stdout", "stderr", "takes", "times"],
            Self::Expectation => &EXPECTATION,
            Self::ExpectedStep => &["outcome", "attempts", "cleaned_up", "rolled_back", "released"],
            Self::Sweep => &["scenario", "depth", "faults", "always", "never"],
            Self::Target => &["target", "description", "inputs", "env", "secrets", "protected"],
            Self::Secret => &["env", "file", "command"],
            Self::EnvFile => &["file"],
        }
    }

    /// Returns all its keys.
    pub(crate) fn keys(self) -> impl Iterator<Item = &'static str> {
        let shared: &[&str] = if self.is_invocation() { &INVOCATION } else { &[] };
        self.own_keys().iter().chain(shared).copied()
    }

    /// Returns whether it has this key.
    pub(crate) fn has(self, key: &str) -> bool {
        self.keys().any(|known| known == key)
    }

    /// Says what to write instead of an unknown key.
    pub(crate) fn advise(self, key: &str) -> Option<String> {
        let synonym = SYNONYMS.iter().filter(|(_, words)| words.contains(&key)).map(|&(meant, _)| meant);
        if let Some(meant) = synonym.into_iter().find(|meant| self.has(meant)) {
            return Some(format!("it is called `{meant}` here"));
        }
        if let Some(near) = suggest::did_you_mean(key, self.keys()) {
            return Some(near);
        }
        if let Some(inside) = self.inner().iter().find(|inner| inner.own_keys().contains(&key)) {
            return Some(format!("it belongs under {}", inside.name()));
        }
        let keys: Vec<String> = self.keys().map(|key| format!("`{key}`")).collect();
        (keys.len() <= MOST_LISTED).then(|| format!("the keys here are {}", keys.join(", ")))
    }

    /// Returns the maps that stand under a key of their own in this one.
    fn inner(self) -> &'static [Self] {
        match self {
            Self::Step | Self::Final => &[Self::Expect, Self::Retry, Self::Release, Self::ForEach],
            Self::Group | Self::Use => &[Self::ForEach],
            Self::Guard | Self::Invariant | Self::Verify => &[Self::Expect],
            Self::Cleanup | Self::Rollback | Self::Release => &[Self::Expect, Self::Retry],
            Self::Playbook => &[Self::Defaults, Self::Objectives],
            Self::Input
            | Self::Items
            | Self::Defaults
            | Self::Objectives
            | Self::Retry
            | Self::Expect
            | Self::ForEach
            | Self::Output
            | Self::Sight
            | Self::Fault
            | Self::Reply
            | Self::Within
            | Self::ExpectedStep
            | Self::Sweep
            | Self::Manual
            | Self::Asked
            | Self::Approve
            | Self::Answer
            | Self::Decision
            | Self::Target
            | Self::Secret
            | Self::EnvFile => &[],
            Self::Rehearsal => &[Self::Scenario, Self::Sweep],
            Self::Scenario => &[Self::Expectation],
            Self::Expectation => &[Self::Within],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_for_unknown_keys() {
        let advice = |block: Block, key| block.advise(key).unwrap_or_default();
        assert_eq!(advice(Block::Step, "depends_on"), "it is called `needs` here");
        assert_eq!(advice(Block::Step, "if"), "it is called `when` here");
        assert_eq!(advice(Block::Step, "name"), "it is called `id` here");
        assert_eq!(advice(Block::Playbook, "name"), "it is called `playbook` here");
        assert_eq!(advice(Block::Step, "cmd"), "it is called `argv` here");
        assert_eq!(advice(Block::Step, "register"), "it is called `outputs` here");
        assert_eq!(advice(Block::Step, "preconditions"), "it is called `guards` here");
        assert_eq!(advice(Block::Step, "titel"), "did you mean `title`?");
        assert_eq!(advice(Block::Step, "exit_code"), "");
        assert_eq!(advice(Block::Step, "max_attempts"), "it belongs under `retry`");
        assert_eq!(advice(Block::Expect, "exit_code"), "it is called `exit` here");
        assert_eq!(advice(Block::Step, "colour"), "");
        assert_eq!(
            advice(Block::ForEach, "colour"),
            "the keys here are `in`, `as`, `key`, `max_parallel`, `max_items`, `tolerate`"
        );
    }
}
