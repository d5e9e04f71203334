//! The stand-in of om, the client of Ops Manager.

mod api;
mod apply;
mod flags;

use std::fs::File;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value, json};

use crate::clock::Moment;
use crate::director::Director;
use crate::fault::FaultPoint;
use crate::opsman::{Change, Installation, OpsManager, Product};
use crate::pace::{Pace, Phase};
use crate::world::{World, WorldError};
use crate::{err, out};

use flags::{Command, Format, Invocation, On};

const VERSION: &str = "7.12.0-lab";

/// An empty zip archive: the record that ends its directory.
const EMPTY_ZIP: [u8; 22] = *b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// Runs om with its arguments and returns its exit status.
pub(crate) fn run(world: &World, args: &[String]) -> Result<u8, WorldError> {
    let parsed = Invocation::parse(args);
    let key = format!("om.{}", parsed.as_ref().map_or("help", |invocation| invocation.command.name()));
    crate::recorded(world, &key, |_| {
        let result = match parsed {
            Ok(invocation) => execute(world, &key, &invocation)?,
            Err(refusal) => Err(refusal.into()),
        };
        Ok(result.map_or_else(Refusal::say, |()| 0))
    })
}

/// Why a command failed.
struct Refusal {
    text: String,
    exit: u8,
}

impl Refusal {
    fn say(self) -> u8 {
        err(&format!("{} {}\n", Moment::now().format("%Y/%m/%d %H:%M:%S"), self.text));
        self.exit
    }
}

impl From<String> for Refusal {
    fn from(text: String) -> Refusal {
        Refusal { text, exit: 1 }
    }
}

fn execute(world: &World, key: &str, invocation: &Invocation) -> Result<Result<(), Refusal>, WorldError> {
    if invocation.command != Command::Version {
        Pace::of(world)?.pass(Phase::OM_QUERY);
    }
    if let Some(point) = FaultPoint::of_subcommand(key)
        && let Some(fault) = world.strike(point)?
    {
        return Ok(Err(Refusal { text: fault.said(key), exit: fault.exit }));
    }
    if invocation.command == Command::Version {
        out(&format!("{VERSION}\n"));
        return Ok(Ok(()));
    }
    let opsman: OpsManager = world.read()?;
    if let Err(refusal) = connect(&opsman, invocation) {
        return Ok(Err(refusal.into()));
    }
    match &invocation.command {
        Command::Version => {}
        Command::BoshEnv => out(&bosh_env(&world.read()?)),
        Command::Installations(format) => out(&installations(&opsman, *format)),
        Command::Products(format) => out(&products(&opsman, *format)),
        Command::PendingChanges(format, on) => return Ok(pending_changes(&opsman, *format, *on).map_err(Refusal::from)),
        Command::ExportInstallation(path) => return export(world, key, path),
        Command::StagedProducts(format) => out(&versions(&opsman, *format, |product| &product.staged)),
        Command::DeployedProducts(format) => out(&versions(&opsman, *format, |product| &product.deployed)),
        Command::BoshDiff(on) => return Ok(apply::diff(&opsman, *on)),
        Command::ApplyChanges(scope) => return apply::run(world, scope),
        Command::DeployedManifest(product) | Command::StagedManifest(product) => {
            return Ok(api::manifest(world, &opsman, product)?.map_err(Refusal::from));
        }
        Command::Credentials(product, reference) => {
            return Ok(api::credentials(world, &opsman, product, reference)?.map_err(Refusal::from));
        }
        Command::Curl(path) => return Ok(api::curl(world, &opsman, path)?.map_err(Refusal::from)),
    }
    Ok(Ok(()))
}

fn connect(opsman: &OpsManager, invocation: &Invocation) -> Result<(), String> {
    if invocation.target.is_empty() {
        return Err("target flag is required, run `om help` for more info".into());
    }
    let host = |target: &str| target.trim_start_matches("https://").trim_end_matches('/').to_owned();
    let target = host(&invocation.target);
    let refused = "token could not be retrieved from target url";
    if target != host(&opsman.target) {
        let dialled = format!("Post \"https://{target}/uaa/oauth/token\": dial tcp: lookup {target}: no such host");
        return Err(format!("failed to submit request: could not make api request: {refused}: {dialled}"));
    }
    if invocation.username != opsman.username || invocation.password != opsman.password {
        return Err(format!(
            "failed to submit request: could not make api request: {refused}: oauth2: \"unauthorized\" \"Bad credentials\""
        ));
    }
    Ok(())
}

fn pending_changes(opsman: &OpsManager, format: Format, on: On) -> Result<(), String> {
    match format {
        // The client passes on the API's own list, without a new line at its end.
        Format::Json => out(&json!(opsman.products.iter().map(change).collect::<Vec<_>>()).to_string()),
        Format::Table => {
            let rows =
                opsman.products.iter().map(|one| vec![one.guid.clone(), one.change.name().into(), String::new()]);
            out(&table(&["PRODUCT", "ACTION", "ERRANDS"], &rows.collect::<Vec<_>>()));
        }
    }
    if opsman.products.iter().all(|product| product.change == Change::Unchanged) {
        return Ok(());
    }
    let pending = "there are pending changes.\nGo into the Ops Manager UI, unstage changes, and try again";
    match on {
        On::Check => Err(format!("{pending}\nPlease validate your Ops Manager installation in the UI")),
        On::Report => {
            err(&format!("Warnings:\n{pending}\n"));
            Ok(())
        }
    }
}

fn change(product: &Product) -> Value {
    json!({
        "guid": product.guid,
        "action": product.change.name(),
        "errands": [],
        "completeness_checks": {
            "configuration_complete": true,
            "stemcell_present": true,
            "configurable_properties_valid": true,
        },
    })
}

fn installations(opsman: &OpsManager, format: Format) -> String {
    match format {
        Format::Json => pretty(&opsman.installations.iter().map(installation).collect::<Vec<_>>()),
        Format::Table => {
            let row = |one: &Installation| {
                let finished = one.finished_at.clone().unwrap_or_default();
                vec![one.id.to_string(), one.user.clone(), one.status.clone(), one.started_at.clone(), finished]
            };
            let rows: Vec<Vec<String>> = opsman.installations.iter().map(row).collect();
            table(&["ID", "USER", "STATUS", "STARTED AT", "FINISHED AT"], &rows)
        }
    }
}

fn installation(installation: &Installation) -> Value {
    let mut fields = serde_json::Map::new();
    if let Some(finished_at) = &installation.finished_at {
        fields.insert("finished_at".into(), json!(finished_at));
    }
    fields.insert("id".into(), json!(installation.id));
    fields.insert("started_at".into(), json!(installation.started_at));
    fields.insert("status".into(), json!(installation.status));
    fields.insert("user".into(), json!(installation.user));
    Value::Object(fields)
}

fn products(opsman: &OpsManager, format: Format) -> String {
    let mut products: Vec<&Product> = opsman.products.iter().collect();
    products.sort_by_key(|product| &product.name);
    match format {
        Format::Json => {
            let versions = |one: &&Product| json!({"name": one.name, "available": [one.staged], "staged": one.staged, "deployed": one.deployed});
            pretty(&products.iter().map(versions).collect::<Vec<_>>())
        }
        Format::Table => {
            let row =
                |one: &&Product| vec![one.name.clone(), one.staged.clone(), one.staged.clone(), one.deployed.clone()];
            table(&["NAME", "AVAILABLE", "STAGED", "DEPLOYED"], &products.iter().map(row).collect::<Vec<_>>())
        }
    }
}

fn versions(opsman: &OpsManager, format: Format, version: fn(&Product) -> &String) -> String {
    match format {
        Format::Json => {
            let row = |one: &Product| json!({"name": one.name, "version": version(one)});
            pretty(&opsman.products.iter().map(row).collect::<Vec<_>>())
        }
        Format::Table => {
            let row = |one: &Product| vec![one.name.clone(), version(one).clone()];
            table(&["NAME", "VERSION"], &opsman.products.iter().map(row).collect::<Vec<_>>())
        }
    }
}

fn bosh_env(director: &Director) -> String {
    let variables = [
        ("BOSH_CA_CERT", "-----BEGIN CERTIFICATE-----\nthe sandbox has none\n-----END CERTIFICATE-----"),
        ("BOSH_CLIENT", &director.client),
        ("BOSH_CLIENT_SECRET", &director.client_secret),
        ("BOSH_ENVIRONMENT", &director.host),
    ];
    variables.map(|(name, value)| format!("export {name}='{value}'\n")).concat()
}

/// Writes the installation; while that takes time, half of it is there.
fn export(world: &World, key: &str, path: &str) -> Result<Result<(), Refusal>, WorldError> {
    err("exporting installation\n");
    let cannot = |error: io::Error| format!("failed to export installation: cannot create output file: {error}").into();
    let archive = archive();
    let (first, last) = archive.split_at(archive.len() / 2);
    let begun = File::create(path).and_then(|mut file| file.write_all(first).map(|()| file));
    let mut file = match begun {
        Ok(file) => file,
        Err(error) => return Ok(Err(cannot(error))),
    };
    Pace::of(world)?.pass(Phase::EXPORT);
    if let Some(fault) = world.strike(FaultPoint::EXPORT)? {
        return Ok(Err(Refusal { text: fault.said(key), exit: fault.exit }));
    }
    let written = file.write_all(last).map_err(cannot);
    if written.is_ok() {
        err("finished exporting installation\n");
    }
    Ok(written)
}

/// Returns an empty archive with a comment, so that its bytes are known.
fn archive() -> Vec<u8> {
    let comment = b"settings of the sandbox's Ops Manager";
    let mut archive = EMPTY_ZIP.to_vec();
    archive[20] = u8::try_from(comment.len()).expect("the comment is short");
    archive.extend_from_slice(comment);
    archive
}

fn pretty(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).expect("the list has string keys") + "\n"
}

/// Returns a table with borders, as om prints it.
fn table(titles: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = titles
        .iter()
        .enumerate()
        .map(|(column, title)| rows.iter().map(|row| row[column].len()).chain([title.len()]).max().unwrap_or(0))
        .collect();
    let rule = widths.iter().fold("+".to_owned(), |text, width| text + &"-".repeat(width + 2) + "+") + "\n";
    let line = |cells: Vec<String>| cells.iter().fold("|".to_owned(), |text, cell| format!("{text} {cell} |")) + "\n";
    let head = line(titles.iter().zip(&widths).map(|(title, width)| format!("{title:^width$}")).collect());
    let body =
        rows.iter().map(|row| line(row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect()));
    format!("{rule}{head}{rule}{}{rule}", body.collect::<String>())
}
