//! The kinds of maps a playbook is made of, and the keys of each.

use crate::suggest;

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
    /// One of `finally`.
    Final,
    /// `retry`
    Retry,
    /// `expect`
    Expect,
    /// One of the `outputs` of a step.
    Output,
    /// `verify`
    Verify,
    /// `cleanup`
    Cleanup,
    /// `rollback`
    Rollback,
    /// `release`
    Release,
}

const INVOCATION: [&str; 7] = ["argv", "run", "env", "dir", "shell", "stdin", "timeout"];

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
            Self::Final => "a step of `finally`",
            Self::Retry => "`retry`",
            Self::Expect => "`expect`",
            Self::Output => "an output",
            Self::Verify => "`verify`",
            Self::Cleanup => "`cleanup`",
            Self::Rollback => "`rollback`",
            Self::Release => "`release`",
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
            | Self::Retry
            | Self::Expect => false,
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
            Self::Playbook => &[
                "firedrill",
                "playbook",
                "title",
                "description",
                "owner",
                "objectives",
                "inputs",
                "vars",
                "defaults",
                "on_failure",
                "max_parallel",
                "guards",
                "steps",
                "finally",
                "invariants",
                "outputs",
            ],
            Self::Input => &["type", "description", "pattern", "enum", "min", "max", "items", "default", "required"],
            Self::Items => &["type", "pattern", "enum", "min", "max", "items"],
            Self::Defaults => &["shell", "env", "dir"],
            Self::Objectives => &["rto", "rpo"],
            Self::Guard => &["id", "expect", "message", "why", "on_unmet"],
            Self::Invariant => &["id", "expect", "message", "why"],
            Self::Step => &[
                "id",
                "title",
                "why",
                "caution",
                "phase",
                "typical",
                "needs",
                "when",
                "guards",
                "retry",
                "expect",
                "outputs",
                "verify",
                "cleanup",
                "rollback",
                "release",
                "read_only",
                "idempotent",
                "irreversible",
            ],
            Self::Final => {
                &["id", "title", "why", "caution", "needs", "when", "retry", "expect", "read_only", "idempotent"]
            }
            Self::Retry => &["max_attempts", "delay", "backoff", "factor", "max_delay", "jitter", "when"],
            Self::Expect => &["exit", "stdout", "stderr", "jq"],
            Self::Output => &["from", "path", "regex", "jq", "line", "type", "optional"],
            Self::Verify => &["expect"],
            Self::Cleanup => &["expect", "retry", "when"],
            Self::Rollback => &["expect", "retry"],
            Self::Release => &["expect", "retry", "when", "until"],
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
        let inside = self.inner().iter().find(|inner| inner.own_keys().contains(&key));
        inside.map(|inner| format!("it belongs under {}", inner.name()))
    }

    /// Returns the maps that stand under a key of their own in this one.
    fn inner(self) -> &'static [Self] {
        match self {
            Self::Step | Self::Final => &[Self::Expect, Self::Retry, Self::Release],
            Self::Guard | Self::Invariant | Self::Verify => &[Self::Expect],
            Self::Cleanup | Self::Rollback | Self::Release => &[Self::Expect, Self::Retry],
            Self::Playbook => &[Self::Defaults, Self::Objectives],
            Self::Input
            | Self::Items
            | Self::Defaults
            | Self::Objectives
            | Self::Retry
            | Self::Expect
            | Self::Output => &[],
        }
    }
}

/// The keys of this language with what others call them.
const SYNONYMS: &[(&str, &[&str])] = &[
    ("firedrill", &["version", "apiVersion", "schema"]),
    ("needs", &["depends_on", "dependsOn", "depends", "dependencies", "requires", "require", "require_steps"]),
    ("when", &["if", "only_if", "condition", "conditions", "unless"]),
    ("argv", &["cmd", "command", "exec", "args", "program"]),
    ("run", &["script", "sh", "bash", "shell_command", "inline"]),
    ("playbook", &["name", "id"]),
    ("id", &["name", "key", "label"]),
    ("title", &["summary", "description", "desc", "display_name"]),
    ("description", &["desc", "summary", "help", "doc"]),
    ("outputs", &["register", "output", "exports", "results", "set_fact"]),
    ("retry", &["retries", "attempts", "max_retries", "repeat"]),
    ("max_attempts", &["attempts", "times", "count", "limit", "max", "retries"]),
    ("delay", &["wait", "interval", "sleep", "pause"]),
    (
        "guards",
        &["precondition", "preconditions", "pre", "prechecks", "checks", "check", "assert", "asserts", "require_that"],
    ),
    ("verify", &["postcondition", "postconditions", "health", "health_check", "post", "test"]),
    ("invariants", &["invariant", "always_true"]),
    ("rollback", &["undo", "revert", "compensate", "compensation", "on_rollback"]),
    ("cleanup", &["clean", "teardown", "tear_down", "clean_up"]),
    ("release", &["unlock", "ensure", "give_back", "finally", "always"]),
    ("finally", &["always", "ensure", "after_all", "teardown"]),
    ("steps", &["tasks", "jobs", "stages", "actions", "nodes"]),
    ("inputs", &["params", "parameters", "arguments", "args"]),
    ("vars", &["variables", "locals", "let"]),
    ("env", &["environment", "environ", "envs", "env_vars"]),
    ("dir", &["cwd", "chdir", "workdir", "working_dir", "working_directory", "directory"]),
    ("stdin", &["input"]),
    ("objectives", &["objective", "slo", "goals", "targets"]),
    ("phase", &["stage", "section", "category"]),
    ("typical", &["estimate", "estimated_duration", "expected_duration", "usual", "duration"]),
    ("timeout", &["time_limit", "max_time", "deadline_per_attempt", "timeout_seconds"]),
    ("message", &["msg", "error", "text", "title", "description"]),
    ("why", &["reason", "because", "rationale"]),
    ("caution", &["warning", "danger", "note"]),
    ("expect", &["success_when", "failed_when", "success", "assert"]),
    ("exit", &["exit_code", "exit_codes", "rc", "code", "status"]),
    ("read_only", &["readonly", "changes_nothing", "changed_when"]),
    ("irreversible", &["point_of_no_return", "pivot"]),
    ("until", &["after", "till"]),
    ("on_unmet", &["on_fail", "on_failure", "otherwise"]),
    ("max_parallel", &["parallel", "parallelism", "concurrency", "forks", "max_concurrency"]),
    ("regex", &["pattern", "match", "regexp"]),
    ("enum", &["choices", "allowed", "options", "values", "one_of"]),
    ("pattern", &["regex", "match", "format"]),
    ("default", &["value"]),
    ("required", &["mandatory"]),
    ("from", &["source", "stream"]),
    ("path", &["file"]),
];

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
    }
}
