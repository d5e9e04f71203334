//! The name of everything that is executed. Attempts, probes, looks and hooks are one mechanism and share this one name,
//! which is also the key in the journal, the supervisor's key and the name of the captured output's files.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// One try of one command: `backup.attempt.2.1` is the first try of the second attempt of `backup`.
///
/// Printed as `SUBJECT.ROLE.ROUND.TRY`; the playbook itself is the subject `@`, and a role that has several members
/// carries the member's name: `@.guard-no_pending.1.1`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(with = "String"))]
pub struct CommandId {
    /// Whose command it is.
    pub subject: Subject,
    /// What the command is for.
    pub role: Role,
    /// The attempt it belongs to, the asking of a guard of the playbook, or the rest of an invariant; from 1. Always 1
    /// for rollbacks and releases.
    pub round: u32,
    /// The try, from 1.
    pub r#try: u32,
}

/// Whose command it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// The playbook's.
    Playbook,
    /// A step's.
    Step(StepId),
}

/// The id of a step as the playbook has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(with = "String"))]
pub struct StepId(Arc<str>);

/// What a command is for. Members of lists are named by their id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Asks a guard, of the playbook or of a step.
    Guard(Arc<str>),
    /// Does what the step is for.
    Attempt,
    /// Reads an output after a successful attempt.
    Look(Arc<str>),
    /// Probes whether the effect is there.
    Verify,
    /// Makes a failed attempt harmless.
    Cleanup,
    /// Undoes the effect.
    Rollback,
    /// Gives back what was taken.
    Release,
    /// Probes an invariant of the playbook.
    Invariant(Arc<str>),
    /// A command of the very end.
    Final(Arc<str>),
}

/// A text that is not the name of a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of a command: expected SUBJECT.ROLE.ROUND.TRY")]
pub struct CommandIdError(String);

impl CommandId {
    /// Returns whether this is a hook: a cleanup, rollback or release. Hooks are never signalled.
    pub fn is_hook(&self) -> bool {
        matches!(self.role, Role::Cleanup | Role::Rollback | Role::Release)
    }

    /// Returns the name as that of a file, without an ending: a path's `/` becomes `+`, which no id holds.
    pub fn file_name(&self) -> String {
        self.to_string().replace('/', "+")
    }

    /// Returns the step whose command this is.
    pub fn step(&self) -> Option<&StepId> {
        match &self.subject {
            Subject::Playbook => None,
            Subject::Step(id) => Some(id),
        }
    }
}

impl StepId {
    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for StepId {
    fn from(id: &str) -> Self {
        StepId(Arc::from(id))
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Playbook => f.write_str("@"),
            Subject::Step(id) => id.fmt(f),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Role::Guard(id) => write!(f, "guard-{id}"),
            Role::Attempt => f.write_str("attempt"),
            Role::Look(name) => write!(f, "look-{name}"),
            Role::Verify => f.write_str("verify"),
            Role::Cleanup => f.write_str("cleanup"),
            Role::Rollback => f.write_str("rollback"),
            Role::Release => f.write_str("release"),
            Role::Invariant(id) => write!(f, "invariant-{id}"),
            Role::Final(id) => write!(f, "finally-{id}"),
        }
    }
}

impl FromStr for Role {
    type Err = CommandIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, member) = text.split_once('-').map_or((text, None), |(kind, member)| (kind, Some(member)));
        Ok(match (kind, member) {
            ("guard", Some(id)) => Role::Guard(id.into()),
            ("attempt", None) => Role::Attempt,
            ("look", Some(name)) => Role::Look(name.into()),
            ("verify", None) => Role::Verify,
            ("cleanup", None) => Role::Cleanup,
            ("rollback", None) => Role::Rollback,
            ("release", None) => Role::Release,
            ("invariant", Some(id)) => Role::Invariant(id.into()),
            ("finally", Some(id)) => Role::Final(id.into()),
            _ => return Err(CommandIdError(text.to_owned())),
        })
    }
}

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}.{}", self.subject, self.role, self.round, self.r#try)
    }
}

impl FromStr for CommandId {
    type Err = CommandIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || CommandIdError(text.to_owned());
        // The key of an instance may hold dots.
        let mut parts = text.rsplitn(4, '.');
        let (Some(r#try), Some(round), Some(role), Some(subject)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(error());
        };
        if subject.is_empty() || (subject.contains('.') && !subject.contains('[')) {
            return Err(error());
        }
        let subject = if subject == "@" { Subject::Playbook } else { Subject::Step(subject.into()) };
        Ok(CommandId {
            subject,
            role: role.parse().map_err(|_| error())?,
            round: round.parse().map_err(|_| error())?,
            r#try: r#try.parse().map_err(|_| error())?,
        })
    }
}

impl From<CommandId> for String {
    fn from(id: CommandId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for CommandId {
    type Error = CommandIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_as_what_was_printed() {
        for text in [
            "backup.attempt.2.1",
            "@.guard-no_pending.1.3",
            "backup.look-artifact.1.1",
            "backup.cleanup.1.3",
            "@.invariant-api_open.4.1",
            "@.finally-notify.1.1",
            "copy[a.tar]/fetch.attempt.1.1",
        ] {
            assert_eq!(text.parse::<CommandId>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "backup",
            "backup.attempt.1",
            "backup.attempt.1.1.1",
            "backup.guard.1.1",
            "b.frob.1.1",
            "b.attempt.x.1",
            ".attempt.1.1",
            "a.b.attempt.1.1",
        ] {
            assert!(text.parse::<CommandId>().is_err(), "{text} was taken");
        }
    }

    #[test]
    fn cleanups_rollbacks_and_releases_are_hooks_and_nothing_else_is() {
        let is_hook = |text: &str| text.parse::<CommandId>().expect(text).is_hook();
        assert!(["a.cleanup.1.1", "a.rollback.1.1", "a.release.1.1"].into_iter().all(is_hook));
        let others =
            ["a.attempt.1.1", "a.verify.1.1", "a.guard-g.1.1", "a.look-o.1.1", "@.invariant-i.1.1", "@.finally-f.1.1"];
        assert!(!others.into_iter().any(is_hook));
    }
}
