//! Inputs as the user gives them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use firedrill_model::plan::Origin;
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
