//! What an engine and the supervisor say to each other: versioned JSON lines over a Unix socket.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use firedrill_model::plan::SecretUse;
use serde::{Deserialize, Serialize};

use crate::secrets::{Published, Vault, from_socket, published_from_socket, published_to_socket, to_socket};

/// The version of these messages; a supervisor serves exactly one.
pub const VERSION: u32 = 1;

/// The name of one try of one command, unique in its run and opaque to the supervisor (`backup.attempt.1.1`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommandKey(String);

impl CommandKey {
    /// Takes a name as it is.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CommandKey {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an engine asks of the supervisor.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Opens a connection; nothing else is answered before it.
    Hello {
        /// The version that the engine speaks.
        version: u32,
        /// The id of the run, which marks its processes; the same on every connection.
        run: String,
    },
    /// Hands over the values of the run's secrets. From then on every command's output is masked before it is written.
    Secrets {
        /// By their names.
        #[serde(serialize_with = "to_socket", deserialize_with = "from_socket")]
        values: Arc<Vault>,
    },
    /// Starts a command; answered by `Spawned` and later `Ended`, or by `Ended` alone.
    Spawn(Box<Spawn>),
    /// Ends a command and all its descendants: TERM, after the command's grace KILL. Without effect on a command that
    /// is being ended, has ended, or was never started.
    Terminate {
        /// Which one.
        command: CommandKey,
    },
    /// Asks what became of a command; the answer is final for every engine before this one.
    Status {
        /// Which one.
        command: CommandKey,
    },
    /// Ends the supervisor as soon as nothing runs.
    Shutdown,
}

/// A command to be started, exactly as it shall find the world.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spawn {
    /// The name under which it is reported; never used before in this run.
    pub command: CommandKey,
    /// The program as an absolute path, and its arguments.
    pub argv: Vec<String>,
    /// The whole environment, to which only the two marks are added.
    pub env: Vec<(String, String)>,
    /// Where it starts, absolute.
    pub dir: PathBuf,
    /// The secrets that reach it, which were handed over before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretUse>,
    /// The secrets that it publishes, with the names under which they are kept.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub publishes: BTreeMap<String, String>,
    /// What it reads.
    pub stdin: Stdin,
    /// The file its output is appended to, absolute.
    pub stdout: PathBuf,
    /// The file its error output is appended to, absolute; may be the same.
    pub stderr: PathBuf,
    /// How long it may take, in milliseconds of the monotonic clock.
    pub time_limit_ms: Option<u64>,
    /// How long TERM may take to end it, in milliseconds, before KILL.
    pub grace_ms: u64,
    /// What becomes of it when the engine is gone.
    #[serde(default, skip_serializing_if = "Orphan::is_kept")]
    pub orphan: Orphan,
}

/// What becomes of a running command whose engine is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Orphan {
    /// It runs on.
    #[default]
    Kept,
    /// It is ended.
    Ended,
}

impl Orphan {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks like this")]
    fn is_kept(&self) -> bool {
        *self == Orphan::Kept
    }
}

impl fmt::Debug for Spawn {
    /// Leaves out what may hold a secret: arguments, environment and stdin.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Spawn").field("command", &self.command).field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// What a command reads.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stdin {
    /// Nothing.
    Null,
    /// A text, which is kept in memory only.
    Text(String),
}

/// What the supervisor tells the engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Reply {
    /// The answer to `Hello`.
    Welcome {
        /// The version that both speak.
        version: u32,
        /// The process id of the supervisor.
        pid: i32,
    },
    /// A command runs.
    Spawned {
        /// Which one.
        command: CommandKey,
        /// The id of its process and of its session.
        pid: i32,
    },
    /// A command that has ended has published secrets; they are masked from here on. Comes before its end.
    Published {
        /// By the names under which they are kept.
        #[serde(serialize_with = "published_to_socket", deserialize_with = "published_from_socket")]
        secrets: Published,
    },
    /// A command has ended.
    Ended(Ended),
    /// The answer to `Status`.
    Status {
        /// Which one.
        command: CommandKey,
        /// What became of it.
        state: CommandState,
    },
    /// A request was not carried out.
    Refused(Refusal),
}

/// The end of a command: its process is gone and, unless it exited with 0, so is every descendant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// Which one.
    pub command: CommandKey,
    /// How it ended.
    pub exit: Exit,
    /// From its start to this end, in milliseconds of the monotonic clock.
    pub ms: u64,
    /// How many descendants still run: left alone after exit code 0, otherwise beyond the rights of the supervisor.
    pub leftover: usize,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal, which did not come from the supervisor.
    Signal(i32),
    /// Ended by the supervisor when its time was up.
    TimedOut,
    /// Ended by the supervisor because the engine asked for it.
    Terminated,
    /// Ended by the supervisor because the engine was gone.
    Orphaned,
    /// It never ran.
    NotSpawned {
        /// The error number of the system.
        errno: i32,
        /// What could not be done, with the path.
        message: String,
    },
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CommandState {
    /// It was never started, and no request to start it is on the way.
    NeverStarted,
    /// It runs, or is being ended.
    Running {
        /// The id of its process.
        pid: i32,
    },
    /// It has ended.
    Ended(Ended),
    /// A supervisor that died had begun to start it; it may run still (see `survivors`).
    Lost {
        /// The id that its process had, when it is known to have been started.
        pid: Option<i32>,
    },
}

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Refusal {
    /// The engine speaks another version.
    #[error("the supervisor speaks version {known} of the protocol, the engine version {found}")]
    Version {
        /// What the engine speaks.
        found: u32,
        /// What this supervisor speaks.
        known: u32,
    },
    /// The supervisor serves another run.
    #[error("the supervisor serves run `{served}`")]
    Run {
        /// The run it serves.
        served: String,
    },
    /// The connection did not begin with `Hello`.
    #[error("the connection did not begin with hello")]
    Hello,
    /// The line is no request.
    #[error("not a request: {message}")]
    Malformed {
        /// What is wrong with it.
        message: String,
    },
    /// A command of this name was started before.
    #[error("command `{command}` was started before")]
    Repeated {
        /// Which one.
        command: CommandKey,
    },
}
