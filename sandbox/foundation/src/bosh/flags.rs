//! bosh's command line: flags may stand before and after the command.

mod commands;
mod refusal;

use std::collections::BTreeMap;

pub(super) use commands::Command;
use commands::{COMMANDS, Flag, Spec, Takes};

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Format {
    #[default]
    Human,
    Json,
}

/// Whether somebody can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Asking {
    #[default]
    Allowed,
    /// Every question is answered with yes, and none with a choice.
    Never,
}

/// What `bosh` was asked to do, and as whom.
#[derive(Debug, Default)]
pub(super) struct Invocation {
    pub(super) command: Command,
    pub(super) args: Vec<String>,
    pub(super) format: Format,
    pub(super) asking: Asking,
    pub(super) environment: String,
    pub(super) client: String,
    pub(super) client_secret: String,
    pub(super) deployment: String,
    /// The keys of the columns that are shown; none is all.
    pub(super) columns: Vec<String>,
    options: BTreeMap<&'static str, Vec<String>>,
}

/// Flags that every command has.
const GLOBAL: [Flag; 14] = [
    Flag::short("environment", 'e', Takes::Value),
    Flag::short("deployment", 'd', Takes::Value),
    Flag::short("non-interactive", 'n', Takes::Nothing),
    Flag::short("version", 'v', Takes::Nothing),
    Flag::long("ca-cert", Takes::Value),
    Flag::long("client", Takes::Value),
    Flag::long("client-secret", Takes::Value),
    Flag::long("column", Takes::Value),
    Flag::long("config", Takes::Value),
    Flag::long("json", Takes::Nothing),
    Flag::long("no-color", Takes::Nothing),
    Flag::long("parallel", Takes::Value),
    Flag::long("sha2", Takes::Nothing),
    Flag::long("tty", Takes::Nothing),
];

impl Invocation {
    /// Reads arguments and environment; the error is what the client says.
    pub(super) fn parse(args: &[String]) -> Result<Invocation, String> {
        let spec = find_command(args)?;
        let mut words = Words { rest: args.iter(), spec, options: BTreeMap::new(), args: Vec::new() };
        words.read()?;
        let Words { options, args, .. } = words;
        let mut invocation = Invocation { options, ..Invocation::default() };
        match spec {
            None if invocation.has("version") => {}
            None => return Err(refusal::no_command()),
            Some(spec) => {
                invocation.command = spec.command;
                invocation.args = args.get(1..).unwrap_or_default().to_vec();
                check_arguments(spec, &invocation.args)?;
            }
        }
        invocation.take_globals();
        Ok(invocation)
    }

    /// Returns whether a flag was given.
    pub(super) fn has(&self, flag: &str) -> bool {
        self.options.contains_key(flag)
    }

    /// Returns what was given with a flag, as often as it was; an optional value is empty if it was left out.
    pub(super) fn values(&self, flag: &str) -> &[String] {
        self.options.get(flag).map_or(&[], Vec::as_slice)
    }

    pub(super) fn value(&self, flag: &str) -> Option<&str> {
        self.values(flag).last().map(String::as_str)
    }

    pub(super) fn arg(&self, index: usize) -> &str {
        self.args.get(index).map_or("", String::as_str)
    }

    fn take_globals(&mut self) {
        let of = |flag: &str, variable: &str| {
            self.value(flag).map_or_else(|| std::env::var(variable).unwrap_or_default(), str::to_owned)
        };
        let environment = of("environment", "BOSH_ENVIRONMENT");
        let client = of("client", "BOSH_CLIENT");
        let client_secret = of("client-secret", "BOSH_CLIENT_SECRET");
        let deployment = of("deployment", "BOSH_DEPLOYMENT");
        let columns = self.values("column").iter().map(|column| column.to_lowercase().replace(' ', "_")).collect();
        let is_quiet = self.has("non-interactive")
            || std::env::var("BOSH_NON_INTERACTIVE").is_ok_and(|text| matches!(text.as_str(), "true" | "1"));
        let format = if self.has("json") { Format::Json } else { Format::Human };
        let asking = if is_quiet { Asking::Never } else { Asking::Allowed };
        *self = Invocation {
            format,
            asking,
            environment,
            client,
            client_secret,
            deployment,
            columns,
            ..std::mem::take(self)
        };
    }
}

/// Returns the command: the first word that is neither a flag nor the value of a global one.
fn find_command(args: &[String]) -> Result<Option<&'static Spec>, String> {
    let mut words = args.iter();
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            let known = COMMANDS.iter().find(|spec| spec.names.contains(&word.as_str()));
            return known.map(Some).ok_or_else(|| refusal::unknown_command(word));
        }
        let is_separate = GLOBAL.iter().any(|flag| flag.takes == Takes::Value && flag.is_bare(word));
        if is_separate {
            words.next();
        }
    }
    Ok(None)
}

fn check_arguments(spec: &Spec, args: &[String]) -> Result<(), String> {
    if let Some(refusal) = refusal::missing_arguments(spec, args.len()) {
        return Err(refusal);
    }
    let is_open = spec.arguments.last().is_some_and(|name| name.ends_with("..."));
    match args.get(spec.arguments.len()..).filter(|extra| !extra.is_empty() && !is_open) {
        Some(extra) => Err(refusal::extra_arguments(spec, extra)),
        None => Ok(()),
    }
}

/// The command line while it is read.
struct Words<'a> {
    rest: std::slice::Iter<'a, String>,
    spec: Option<&'static Spec>,
    options: BTreeMap<&'static str, Vec<String>>,
    args: Vec<String>,
}

impl Words<'_> {
    fn read(&mut self) -> Result<(), String> {
        while let Some(word) = self.rest.next() {
            if word == "--" {
                self.args.extend(self.rest.by_ref().cloned());
            } else if word.starts_with('-') && word.len() > 1 {
                self.read_flag(word)?;
            } else {
                self.args.push(word.clone());
            }
        }
        Ok(())
    }

    fn read_flag(&mut self, word: &str) -> Result<(), String> {
        let (name, inline) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word, None),
        };
        // A short flag may have its value at once: -dcf.
        let joined = inline.is_none() && !name.starts_with("--") && name.chars().count() > 2;
        let (name, inline) = if joined { (&name[..2], Some(name[2..].to_owned())) } else { (name, inline) };
        let own = self.spec.map_or(&[][..], |spec| spec.flags);
        let Some(flag) = own.iter().chain(&GLOBAL).find(|flag| flag.is_bare(name)) else {
            return Err(format!("unknown flag `{}'", name.trim_start_matches('-')));
        };
        let value = match flag.takes {
            Takes::Nothing => String::new(),
            Takes::Perhaps => inline.unwrap_or_default(),
            Takes::Value => match inline.or_else(|| self.rest.next().cloned()) {
                Some(value) => value,
                None => return Err(format!("expected argument for flag `{}'", flag.shown())),
            },
        };
        self.options.entry(flag.name).or_default().push(value);
        Ok(())
    }
}
