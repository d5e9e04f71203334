//! Commands, texts and conditions in the public JSON form of a plan.

use std::collections::BTreeMap;

use firedrill_model::plan::{self, After, Backoff, Jitter, Program, SecretPlace, SecretUse, Starter};
use schemars::JsonSchema;
use serde::Serialize;

use crate::words::milliseconds;

/// A text that is known, or known later.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Text {
    /// Exactly this.
    Known(String),
    /// Known once what it names has happened.
    Deferred {
        /// The text with every part that is known filled in; the rest in `${{ }}`.
        template: String,
        /// `start`, `step ID` or `rest`: all of it must have happened.
        after: Vec<String>,
    },
}

/// A condition that is decided, or decided later.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Condition {
    /// Decided by inputs and vars alone.
    Known(bool),
    /// Decided once what it names has happened.
    Deferred {
        /// The expression.
        expression: String,
        /// `start`, `step ID` or `rest`: all of it must have happened.
        after: Vec<String>,
    },
}

/// Something that is executed.
#[derive(Serialize, JsonSchema)]
pub(super) struct Command {
    /// The program and its arguments; the script is the last one if there is a shell.
    argv: Vec<Text>,
    /// What people are asked instead; absent if something is started.
    #[serde(skip_serializing_if = "Option::is_none")]
    asks: Option<Asks>,
    /// Whether the last argument is a script for a shell.
    is_script: bool,
    /// Environment beyond the engine's own.
    env: BTreeMap<String, Text>,
    /// Working directory; the playbook's folder if none.
    dir: Option<Text>,
    /// Text on standard input; closed if none.
    stdin: Option<Text>,
    /// The names of the secrets that reach it, by `env NAME`, `file NAME` (a variable with the path of a file) or `stdin`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    secrets: BTreeMap<String, String>,
    /// Time limit of one try, in milliseconds.
    time_limit_ms: Option<u64>,
    /// How it is looked at again until it ends as expected; absent if there is one look only.
    #[serde(skip_serializing_if = "Option::is_none")]
    poll: Option<Poll>,
    /// What its end must look like.
    expect: Expect,
    /// Names of what is read out of what it printed.
    outputs: Vec<String>,
    /// Whether every text is known.
    is_exact: bool,
}

/// What people are asked.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Asks {
    /// To do something and say whether it is done.
    Manual {
        /// What to do.
        instructions: Text,
        /// What is asked when it should be done.
        confirm: Option<Text>,
    },
    /// To decide whether the run goes on.
    Approve {
        /// What is decided.
        prompt: Text,
        /// Who may decide; anybody if empty.
        by: Vec<String>,
        /// How many must approve.
        min: u32,
        /// Whether whoever started the run may not.
        is_starter_excluded: bool,
    },
}

/// How often and how long something is looked at again.
#[derive(Serialize, JsonSchema)]
#[expect(clippy::struct_field_names, reason = "the unit belongs to the name of a number")]
struct Poll {
    /// Wait between two looks, in milliseconds.
    every_ms: u64,
    /// The whole time, the wait before the first look included, in milliseconds.
    within_ms: u64,
    /// Wait before the first look, in milliseconds.
    after_ms: u64,
}

/// What the end of a command must look like.
#[derive(Serialize, JsonSchema)]
struct Expect {
    /// The exit codes that are well.
    exit: Vec<i32>,
    /// A pattern that must match in standard output.
    stdout: Option<String>,
    /// A pattern that must match in standard error.
    stderr: Option<String>,
    /// A jq filter over standard output that must yield true.
    jq: Option<String>,
    /// An expression over the end of the command that must be true.
    that: Option<String>,
}

/// A read-only look with three answers: holds, does not hold, could not tell.
#[derive(Serialize, JsonSchema)]
pub(super) struct Probe {
    /// The look.
    command: Command,
}

/// How often and how soon something is tried again.
#[derive(Serialize, JsonSchema)]
pub(super) struct Retry {
    /// Tries in all, the first included.
    max_attempts: u32,
    /// Wait before the second try, in milliseconds.
    delay_ms: u64,
    /// By how many hundredths the wait is multiplied each time; 100 keeps it.
    factor_percent: u32,
    /// The wait never exceeds this, in milliseconds.
    max_delay_ms: Option<u64>,
    /// Whether the wait is spread between nothing and its full length.
    is_jittered: bool,
    /// Tried again only if this expression is true.
    when: Option<String>,
}

/// A cleanup, rollback or release.
#[derive(Serialize, JsonSchema)]
pub(super) struct Hook {
    /// The command.
    command: Command,
    /// Needed only if this holds.
    when: Option<Condition>,
    /// How often it is tried.
    retry: Retry,
}

impl Text {
    pub(super) fn of(text: &plan::Text) -> Text {
        match text {
            plan::Text::Known(text) => Text::Known(text.clone()),
            plan::Text::Deferred { template, after } if after.is_empty() && template.references().next().is_none() => {
                Text::Known(template.expressions().map(|value| value.source.as_str()).collect())
            }
            plan::Text::Deferred { template, after } => {
                Text::Deferred { template: template.display().to_string(), after: moments(after) }
            }
        }
    }
}

impl Condition {
    pub(super) fn of(condition: &plan::Condition) -> Condition {
        match condition {
            plan::Condition::Known(is_true) => Condition::Known(*is_true),
            plan::Condition::Deferred { expression, after } => {
                Condition::Deferred { expression: expression.source.clone(), after: moments(after) }
            }
        }
    }
}

impl Command {
    pub(super) fn of(command: &plan::Command) -> Command {
        let (argv, is_script) = match &command.program {
            Program::Argv(arguments) => (arguments.iter().map(Text::of).collect(), false),
            Program::Script { shell, script } => {
                let shell = shell.iter().cloned().map(Text::Known);
                (shell.chain([Text::of(script)]).collect(), true)
            }
            Program::Manual { .. } | Program::Approve { .. } => (Vec::new(), false),
        };
        Command {
            argv,
            asks: Asks::of(&command.program),
            is_script,
            env: command.env.iter().map(|(name, text)| (name.clone(), Text::of(text))).collect(),
            dir: command.dir.as_ref().map(Text::of),
            stdin: command.stdin.as_ref().map(Text::of),
            secrets: command.secrets.iter().map(secret).collect(),
            time_limit_ms: command.time_limit.map(milliseconds),
            poll: command.poll.as_ref().map(|poll| Poll {
                every_ms: milliseconds(poll.every),
                within_ms: milliseconds(poll.within),
                after_ms: milliseconds(poll.after),
            }),
            expect: Expect {
                exit: command.expect.exit.clone(),
                stdout: command.expect.stdout.clone(),
                stderr: command.expect.stderr.clone(),
                jq: command.expect.jq.clone(),
                that: command.expect.that.as_ref().map(|condition| condition.source.clone()),
            },
            outputs: command.outputs.iter().map(|rule| rule.name.clone()).collect(),
            is_exact: command.is_known(),
        }
    }
}

fn secret(used: &SecretUse) -> (String, String) {
    let place = match &used.into {
        SecretPlace::Env(name) => format!("env {name}"),
        SecretPlace::EnvFile(name) => format!("file {name}"),
        SecretPlace::Stdin => "stdin".to_owned(),
    };
    (place, used.name())
}

impl Asks {
    fn of(program: &Program) -> Option<Asks> {
        match program {
            Program::Argv(_) | Program::Script { .. } => None,
            Program::Manual { instructions, confirm } => {
                Some(Asks::Manual { instructions: Text::of(instructions), confirm: confirm.as_ref().map(Text::of) })
            }
            Program::Approve { prompt, by, min, starter } => Some(Asks::Approve {
                prompt: Text::of(prompt),
                by: by.clone(),
                min: min.get(),
                is_starter_excluded: *starter == Starter::Excluded,
            }),
        }
    }
}

impl Probe {
    pub(super) fn of(probe: &plan::Probe) -> Probe {
        Probe { command: Command::of(&probe.command) }
    }
}

impl Retry {
    pub(super) fn of(retry: &plan::Retry) -> Retry {
        Retry {
            max_attempts: retry.max_attempts.get(),
            delay_ms: milliseconds(retry.delay),
            factor_percent: match retry.backoff {
                Backoff::Constant => 100,
                Backoff::Exponential { percent } => percent,
            },
            max_delay_ms: retry.max_delay.map(milliseconds),
            is_jittered: retry.jitter == Jitter::Full,
            when: retry.when.as_ref().map(|when| when.source.clone()),
        }
    }
}

impl Hook {
    pub(super) fn of(hook: &plan::Hook) -> Hook {
        Hook {
            command: Command::of(&hook.command),
            when: hook.when.as_ref().map(Condition::of),
            retry: Retry::of(&hook.retry),
        }
    }
}

pub(super) fn moments(after: &[After]) -> Vec<String> {
    let moments = after.iter().map(|after| match after {
        After::Start => "start".to_owned(),
        After::Guard(guard) => format!("guard {guard}"),
        After::Step(step) => format!("step {step}"),
        After::Rest => "rest".to_owned(),
    });
    moments.collect()
}
