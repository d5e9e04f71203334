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
    StagedProducts(Format),
    DeployedProducts(Format),
    BoshDiff(On),
    /// Of the director alone, or of these products; none is all.
    ApplyChanges(Scope),
    /// A product, and the reference of one of its credentials.
    Credentials(String, String),
    DeployedManifest(String),
    StagedManifest(String),
    Curl(String),
}

/// What changes are applied to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    DirectorAlone,
    /// These products, or all if none is named.
    Products(Vec<String>),
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
            Command::StagedProducts(_) => "staged-products",
            Command::DeployedProducts(_) => "deployed-products",
            Command::BoshDiff(_) => "bosh-diff",
            Command::ApplyChanges(_) => "apply-changes",
            Command::Credentials(..) => "credentials",
            Command::DeployedManifest(_) => "deployed-manifest",
            Command::StagedManifest(_) => "staged-manifest",
            Command::Curl(_) => "curl",
        }
    }
}

const COMMANDS: [&str; 14] = [
    "apply-changes",
    "bosh-diff",
    "bosh-env",
    "credentials",
    "curl",
    "deployed-manifest",
    "deployed-products",
    "export-installation",
    "installations",
    "pending-changes",
    "products",
    "staged-manifest",
    "staged-products",
    "version",
];

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
    products: Vec<String>,
    path: Option<String>,
    reference: Option<String>,
    is_director_alone: bool,
}

impl Options {
    fn product(&self) -> Result<String, String> {
        self.products.first().cloned().ok_or_else(|| "the required flag `-p, --product-name' was not specified".into())
    }
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
    let options = options(&name, words)?;
    match name.as_str() {
        "version" => Ok(Command::Version),
        "bosh-env" => Ok(Command::BoshEnv),
        "installations" => Ok(Command::Installations(options.format)),
        "pending-changes" => Ok(Command::PendingChanges(options.format, options.on)),
        "products" => Ok(Command::Products(options.format)),
        "staged-products" => Ok(Command::StagedProducts(options.format)),
        "deployed-products" => Ok(Command::DeployedProducts(options.format)),
        "bosh-diff" => Ok(Command::BoshDiff(options.on)),
        "deployed-manifest" => Ok(Command::DeployedManifest(options.product()?)),
        "staged-manifest" => Ok(Command::StagedManifest(options.product()?)),
        "apply-changes" if options.is_director_alone => Ok(Command::ApplyChanges(Scope::DirectorAlone)),
        "apply-changes" => Ok(Command::ApplyChanges(Scope::Products(options.products))),
        "curl" => Ok(Command::Curl(options.path.ok_or("the required flag `-p, --path' was not specified")?)),
        "credentials" => {
            let product = options.product()?;
            let reference =
                options.reference.ok_or("the required flag `-c, --credential-reference' was not specified")?;
            Ok(Command::Credentials(product, reference))
        }
        "export-installation" => {
            let output = options.output.ok_or("the required flag `-o, --output-file' was not specified")?;
            Ok(Command::ExportInstallation(output))
        }
        unknown => Err(format!("Unknown command `{unknown}'{}", hint(unknown, COMMANDS))),
    }
}

fn options(command: &str, mut words: Words) -> Result<Options, String> {
    let mut options = Options {
        format: Format::Table,
        on: On::Report,
        output: None,
        products: Vec::new(),
        path: None,
        reference: None,
        is_director_alone: false,
    };
    while let Some((flag, inline)) = words.flag() {
        match (command, flag.as_str()) {
            ("apply-changes", "-s" | "--skip-deploy-products") => options.is_director_alone = true,
            ("apply-changes", "-n" | "--product-name")
            | (
                "bosh-diff" | "credentials" | "deployed-manifest" | "staged-manifest",
                "-p" | "--product-name" | "--product",
            ) => options.products.push(words.value(&flag, inline)?),
            ("apply-changes", "-c" | "--config") | ("credentials", "-f" | "--credential-field") => {
                words.value(&flag, inline)?;
            }
            ("credentials", "-c" | "--credential-reference") => options.reference = Some(words.value(&flag, inline)?),
            ("curl", "-p" | "--path") => options.path = Some(words.value(&flag, inline)?),
            ("curl", "-x" | "--request" | "-d" | "--data") => drop(words.value(&flag, inline)?),
            (_, "--check") => options.on = On::Check,
            (_, "-f" | "--format") => options.format = format(&words.value(&flag, inline)?)?,
            (_, "-o" | "--output-file") => options.output = Some(words.value(&flag, inline)?),
            ("apply-changes", "-i" | "--ignore-warnings" | "--reattach" | "--recreate-vms")
            | ("bosh-diff", "--director")
            | ("curl", "-s" | "--silent")
            | (_, "-a" | "--available" | "-s" | "--staged" | "-d" | "--deployed") => {}
            (_, other) => return Err(format!("unknown flag `{}'", other.trim_start_matches('-'))),
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
