//! Inputs as the user gives them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use firedrill_model::plan::{Origin, SecretSource};
use firedrill_model::playbook::{Playbook, Secrecy};
use firedrill_model::resolve::{Given, GivenValue};
use firedrill_model::value::Value;

use crate::failure::Failure;
use crate::yaml;

/// `NAME=VALUE` of the command line.
#[derive(Clone, Debug)]
pub(crate) struct Assignment {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl FromStr for Assignment {
    type Err = String;

    fn from_str(text: &str) -> Result<Assignment, String> {
        let (name, value) = text.split_once('=').ok_or_else(|| format!("`{text}` has no `=`: NAME=VALUE is wanted"))?;
        Ok(Assignment { name: name.to_owned(), value: value.to_owned() })
    }
}

/// `NAME=SOURCE` of the command line.
struct SecretAssignment {
    name: String,
    source: SecretSource,
}

impl FromStr for SecretAssignment {
    type Err = String;

    /// Never repeats what it was given: it may be the value.
    fn from_str(text: &str) -> Result<SecretAssignment, String> {
        const WANTED: &str = "NAME=env:VARIABLE, NAME=file:PATH or NAME=command:[\"PROGRAM\", ...] is wanted";
        let (name, source) = text.split_once('=').ok_or(WANTED)?;
        let source = match source.split_once(':') {
            Some(("env", variable)) if !variable.is_empty() => SecretSource::Env(variable.to_owned()),
            Some(("file", path)) if !path.is_empty() => SecretSource::File(absolute(path)?),
            Some(("command", argv)) => {
                let argv: Vec<String> =
                    serde_json::from_str(argv).map_err(|_| format!("no list of texts as JSON: {WANTED}"))?;
                if argv.is_empty() {
                    return Err(format!("the list is empty: {WANTED}"));
                }
                SecretSource::Command(argv)
            }
            _ => return Err(WANTED.to_owned()),
        };
        Ok(SecretAssignment { name: name.to_owned(), source })
    }
}

fn absolute(path: &str) -> Result<String, String> {
    let path = std::path::absolute(path).map_err(|error| error.to_string())?;
    path.into_os_string().into_string().map_err(|_| "the path is not UTF-8".to_owned())
}

/// Adds the sources of secrets.
///
/// The flags are read here and not with all others: what is wrong with a flag is told with its value.
pub(crate) fn gather_secrets(given: &mut BTreeMap<String, Given>, flags: &[String]) -> Result<(), Failure> {
    for flag in flags {
        let flag: SecretAssignment = flag.parse().map_err(|why| Failure::usage(format!("--secret: {why}")))?;
        given.insert(flag.name, Given { value: GivenValue::Secret(flag.source), origin: Origin::Flag });
    }
    Ok(())
}

/// Returns made-up secrets for a playbook in a world in which nothing is real.
pub(crate) fn made_up(playbook: &Playbook) -> BTreeMap<String, Given> {
    let secrets = playbook.inputs.iter().filter(|input| input.secrecy == Secrecy::Secret);
    let given = || Given { value: GivenValue::Secret(SecretSource::MadeUp), origin: Origin::Sandbox };
    secrets.map(|input| (input.name.value.clone(), given())).collect()
}

/// Adds the values of files, then those of flags: later ones win.
pub(crate) fn gather(
    given: &mut BTreeMap<String, Given>,
    files: &[PathBuf],
    flags: &[Assignment],
) -> Result<(), Failure> {
    for file in files {
        given.extend(of_file(file)?);
    }
    given.extend(flags.iter().map(|flag| {
        let value = GivenValue::Text(flag.value.clone());
        (flag.name.clone(), Given { value, origin: Origin::Flag })
    }));
    Ok(())
}

fn of_file(file: &Path) -> Result<BTreeMap<String, Given>, Failure> {
    let values: BTreeMap<String, Value> = yaml::read(file)?;
    let origin = Origin::File(file.display().to_string());
    let given = |value| Given { value: GivenValue::Value(value), origin: origin.clone() };
    Ok(values.into_iter().map(|(name, value)| (name, given(value))).collect())
}
