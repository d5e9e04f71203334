//! `NAME.rehearsal.yaml`: what a sandboxed run takes from it.

use std::collections::BTreeMap;
use std::path::Path;

use firedrill_model::expression::Scope;
use firedrill_model::plan::Origin;
use firedrill_model::resolve::{Given, GivenValue};
use firedrill_model::template::Template;
use firedrill_model::value::Value;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::failure::Failure;
use crate::yaml;

/// The file beside a playbook that says how it is rehearsed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rehearsal {
    firedrill: u32,
    #[serde(rename = "rehearsal")]
    playbook: String,
    #[serde(rename = "sandbox")]
    _sandbox: Kind,
    #[serde(default)]
    inputs: BTreeMap<String, Value>,
    #[serde(default, rename = "scenarios")]
    _scenarios: IgnoredAny,
    #[serde(default, rename = "sweep")]
    _sweep: IgnoredAny,
}

/// The sandboxes there are.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Foundation,
}

/// Returns the inputs for a sandboxed run of a playbook; none if there is no rehearsal beside it.
///
/// `world` is what `${{ sandbox.dir }}` stands for.
pub(crate) fn inputs(playbook: &Path, world: &Path) -> Result<BTreeMap<String, Given>, Failure> {
    let path = playbook.with_extension("rehearsal.yaml");
    if !path.is_file() {
        return Ok(BTreeMap::new());
    }
    let rehearsal: Rehearsal = yaml::read(&path)?;
    check(&rehearsal, playbook, &path)?;
    let scope = Scope::new().with_sandbox([("dir".to_owned(), Value::from(world.display().to_string()))]);
    let inputs = rehearsal.inputs.into_iter().map(|(name, value)| {
        let value = filled(&value, &scope)
            .map_err(|why| Failure::invalid(format!("{}: input `{name}`: {why}", path.display())))?;
        Ok((
            name,
            Given {
                value: GivenValue::Value(value),
                origin: Origin::Sandbox,
            },
        ))
    });
    inputs.collect()
}

fn check(rehearsal: &Rehearsal, playbook: &Path, path: &Path) -> Result<(), Failure> {
    if rehearsal.firedrill != 1 {
        let version = rehearsal.firedrill;
        return Err(Failure::invalid(format!(
            "{}: language version {version} is not known",
            path.display()
        )));
    }
    if playbook.file_stem().and_then(|stem| stem.to_str()) != Some(rehearsal.playbook.as_str()) {
        return Err(Failure::invalid(format!(
            "{}: it rehearses `{}`",
            path.display(),
            rehearsal.playbook
        )));
    }
    Ok(())
}

/// Returns a value whose texts have their expressions replaced.
fn filled(value: &Value, scope: &Scope) -> Result<Value, String> {
    match value {
        Value::String(text) => {
            let template = Template::parse(text).map_err(|faults| faults[0].to_string())?;
            template.render(scope).map_err(|error| error.to_string())
        }
        Value::List(items) => {
            let items: Result<Vec<Value>, String> = items.iter().map(|item| filled(item, scope)).collect();
            items.map(Value::List)
        }
        Value::Map(entries) => {
            let entries = entries
                .iter()
                .map(|(name, value)| Ok((name.clone(), filled(value, scope)?)));
            entries.collect::<Result<_, String>>().map(Value::Map)
        }
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) => Ok(value.clone()),
    }
}
