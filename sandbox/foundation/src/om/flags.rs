//! om's command line: global flags before the command, its own after it.

use crate::suggest::hint;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Table,
    Json,
}

/// What pending changes lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum On {
    Report,
    Check,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    Version,
    BoshEnv,
    ExportInstallation(String),
    Installations(Format),
    PendingChanges(Format, On),
    Products(Format),
}

impl Command {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Command::Version => "version",
            Command::BoshEnv => "bosh-env",
            Command::ExportInstallation(_) => "export-installation",
            Command::Installations(_) => "installations",
            Command::PendingChanges(..) => "pending-changes",
            Command::Products(_) => "products",
        }
    }
}

const COMMANDS: [&str; 6] =
    ["bosh-env", "export-installation", "installations", "pending-changes", "products", "version"];

/// What `om` was asked to do, and as whom.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Invocation {
    pub(super) command: Command,
    pub(super) target: String,
    pub(super) username: String,
    pub(super) password: String,
}

/// The flags of a command.
struct Options {
    format: Format,
    on: On,
    output: Option<String>,
}

impl Invocation {
    /// Reads arguments and environment; the error is what the client says.
    pub(super) fn parse(args: &[String]) -> Result<Invocation, String> {
        let mut invocation = Invocation {
            command: Command::Version,
            target: variable("OM_TARGET"),
            username: variable("OM_USERNAME"),
            password: variable("OM_PASSWORD"),
        };
        let mut words = Words(args);
        while let Some((flag, inline)) = words.flag() {
            if matches!(flag.as_str(), "-v" | "--version") {
                return Ok(invocation);
            }
            if let Some(target) = invocation.valued(&flag) {
                *target = words.value(&flag, inline)?;
            } else if matches!(
                flag.as_str(),
                "-c" | "-s"
                    | "-d"
                    | "-o"
                    | "-r"
                    | "-e"
                    | "--ca-cert"
                    | "--request-timeout"
                    | "--connect-timeout"
                    | "--decryption-passphrase"
                    | "--env"
                    | "--client-id"
                    | "--client-secret"
            ) {
                words.value(&flag, inline)?;
            } else if !matches!(flag.as_str(), "-k" | "--skip-ssl-validation" | "--trace") {
                return Err(format!("unknown flag `{}'", flag.trim_start_matches('-')));
            }
        }
        invocation.command = command(words)?;
        Ok(invocation)
    }

    fn valued(&mut self, flag: &str) -> Option<&mut String> {
        match flag {
            "-t" | "--target" => Some(&mut self.target),
            "-u" | "--username" => Some(&mut self.username),
            "-p" | "--password" => Some(&mut self.password),
            _ => None,
        }
    }
}

fn command(mut words: Words) -> Result<Command, String> {
    let Some(name) = words.word() else {
        return Err(format!("Please specify one command of: {}", COMMANDS.join(", ")));
    };
    let options = options(words)?;
    match name.as_str() {
        "version" => Ok(Command::Version),
        "bosh-env" => Ok(Command::BoshEnv),
        "installations" => Ok(Command::Installations(options.format)),
        "pending-changes" => Ok(Command::PendingChanges(options.format, options.on)),
        "products" => Ok(Command::Products(options.format)),
        "export-installation" => {
            let output = options.output.ok_or("the required flag `-o, --output-file' was not specified")?;
            Ok(Command::ExportInstallation(output))
        }
        unknown => Err(format!("Unknown command `{unknown}'{}", hint(unknown, COMMANDS))),
    }
}

fn options(mut words: Words) -> Result<Options, String> {
    let mut options = Options { format: Format::Table, on: On::Report, output: None };
    while let Some((flag, inline)) = words.flag() {
        match flag.as_str() {
            "--check" => options.on = On::Check,
            "-f" | "--format" => options.format = format(&words.value(&flag, inline)?)?,
            "-o" | "--output-file" => options.output = Some(words.value(&flag, inline)?),
            "-a" | "--available" | "-s" | "--staged" | "-d" | "--deployed" => {}
            other => return Err(format!("unknown flag `{}'", other.trim_start_matches('-'))),
        }
    }
    Ok(options)
}

fn format(name: &str) -> Result<Format, String> {
    match name {
        "json" => Ok(Format::Json),
        "table" => Ok(Format::Table),
        other => Err(format!("unknown format `{other}'")),
    }
}

/// The words of a command line that were not read yet.
struct Words<'a>(&'a [String]);

impl Words<'_> {
    fn word(&mut self) -> Option<String> {
        let (word, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(word.clone())
    }

    /// Returns the next word if it is a flag, and its value if that is in the same word.
    fn flag(&mut self) -> Option<(String, Option<String>)> {
        let flag = self.0.first().filter(|word| word.starts_with('-'))?.clone();
        self.0 = &self.0[1..];
        Some(match flag.split_once('=') {
            Some((flag, value)) => (flag.to_owned(), Some(value.to_owned())),
            None => (flag, None),
        })
    }

    fn value(&mut self, flag: &str, inline: Option<String>) -> Result<String, String> {
        inline.or_else(|| self.word()).ok_or_else(|| format!("expected argument for flag `{flag}'"))
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}
