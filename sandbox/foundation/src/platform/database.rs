//! The platform's databases as backup scripts dump them, and as restore scripts read them back.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::vm::generate;
use crate::world::{Settings, World};

use super::Catalog;

/// The job whose database the stand-ins know the meaning of.
const CATALOG_JOB: &str = "bbr-cloudcontrollerdb";

/// How many bytes the dump of any other database has.
const DUMP_BYTES: u64 = 4 * 1024;

/// What precedes the document that a dump is read back from.
const DOCUMENT: &str = "-- document: ";

/// Dumps the database of a job to a file.
pub(crate) fn dump(world: &World, job: &str, to: &Path) -> Result<(), String> {
    let written = if job == CATALOG_JOB {
        let catalog = world.platform().map_err(|error| error.to_string())?.catalog;
        fs::write(to, dump_of(&catalog))
    } else {
        let from = database(world, job)?;
        fs::copy(from, to).map(drop)
    };
    written.map_err(|error| error.to_string())
}

/// Replaces the database of a job by a dump.
pub(crate) fn restore(world: &World, job: &str, from: &Path) -> Result<(), String> {
    if job != CATALOG_JOB {
        let to = database(world, job)?;
        return fs::copy(from, to).map(drop).map_err(|error| error.to_string());
    }
    let text = fs::read_to_string(from).map_err(|error| error.to_string())?;
    let document = text.lines().find_map(|line| line.strip_prefix(DOCUMENT)).ok_or("the dump is empty")?;
    let catalog: Catalog = serde_json::from_str(document).map_err(|error| error.to_string())?;
    world.change_platform(|platform| platform.catalog = catalog).map_err(|error| error.to_string())
}

/// Returns the file of a database, which is made when it is first needed.
fn database(world: &World, job: &str) -> Result<PathBuf, String> {
    let path = world.root().join("databases").join(format!("{job}.sql"));
    if !path.exists() {
        let settings: Settings = world.read().map_err(|error| error.to_string())?;
        let seed = job.bytes().fold(settings.seed, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
        generate(&path, seed, DUMP_BYTES).map_err(|error| error.to_string())?;
    }
    Ok(path)
}

/// Returns a dump in which names and guids can be searched for: a row per line, and the whole as one document.
fn dump_of(catalog: &Catalog) -> String {
    let mut text = String::from("-- MySQL dump of ccdb\n");
    add_rows(&mut text, "organizations", catalog.orgs.iter().map(|one| [&one.guid, &one.name]));
    add_rows(&mut text, "spaces", catalog.spaces.iter().map(|one| [&one.guid, &one.name]));
    add_rows(&mut text, "apps", catalog.apps.iter().map(|one| [&one.guid, &one.name]));
    let droplets = catalog.apps.iter().filter_map(|one| Some([one.droplet.as_ref()?, &one.guid]));
    add_rows(&mut text, "droplets", droplets);
    add_rows(&mut text, "service_instances", catalog.services.iter().map(|one| [&one.guid, &one.name]));
    text + DOCUMENT + &json(catalog) + "\n"
}

fn add_rows<'r>(text: &mut String, table: &str, rows: impl Iterator<Item = [&'r String; 2]>) {
    for [guid, name] in rows {
        writeln!(text, "INSERT INTO `{table}` VALUES ('{guid}','{name}');").expect("text takes every line");
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("a catalog has string keys and plain values")
}
