//! Who is logged in where: `api`, `auth`, `login`, `logout`, `target`.

use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::out;
use crate::platform::{PASSWORD, USER};
use crate::world::{World, WorldError};

use super::{Client, Done, NOT_LOGGED_IN, Stop, failed, org_named, space_named};

const API_VERSION: &str = "3.180.0";

/// What cf remembers from one command to the next.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Target {
    pub(super) api: String,
    pub(super) user: String,
    pub(super) org: String,
    pub(super) space: String,
}

impl Target {
    /// Reads what was remembered; a file that cannot be read is one that was not written yet.
    pub(super) fn load(world: &World) -> Target {
        let text = fs::read(file(world)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    fn save(&self, world: &World) -> Result<(), WorldError> {
        let path = file(world);
        let folder = path.parent().expect("the file lies in a folder");
        fs::create_dir_all(folder).map_err(|source| WorldError::io("create", folder, source))?;
        let fresh = path.with_extension(std::process::id().to_string());
        let text = serde_json::to_vec_pretty(self).expect("a target has string keys and plain values");
        fs::write(&fresh, text).map_err(|source| WorldError::io("write", &fresh, source))?;
        fs::rename(&fresh, &path).map_err(|source| WorldError::io("replace", &path, source))
    }

    /// Returns the host of the API.
    pub(super) fn host(&self) -> &str {
        let address = self.api.split_once("://").map_or(self.api.as_str(), |(_, rest)| rest);
        address.trim_end_matches('/')
    }
}

/// Returns the file below `CF_HOME`, or below the world's folder without one.
fn file(world: &World) -> PathBuf {
    let home = std::env::var_os("CF_HOME").filter(|home| !home.is_empty());
    home.map_or_else(|| world.root().join("cf-home"), PathBuf::from).join(".cf/config.json")
}

/// `cf api [URL]`.
pub(super) fn api(cf: &Client) -> Done {
    let Some(url) = cf.invocation.args.first() else {
        if cf.target.api.is_empty() {
            out("No API endpoint set. Use 'cf login' or 'cf api' to target an endpoint.\n");
        } else {
            out(&format!("API endpoint:   {}\nAPI version:    {API_VERSION}\n", cf.target.api));
        }
        return Ok(());
    };
    let url = if url.contains("://") { url.clone() } else { format!("https://{url}") };
    out(&format!("Setting API endpoint to {url}...\n"));
    let target = Target { api: url.trim_end_matches('/').to_owned(), ..Target::default() };
    let cf = Client { world: cf.world, pace: cf.pace.clone(), target, invocation: cf.invocation };
    cf.reach()?;
    cf.target.save(cf.world)?;
    out(&format!("OK\n\nAPI endpoint:   {}\nAPI version:    {API_VERSION}\n\n{NOT_LOGGED_IN}\n", cf.target.api));
    Ok(())
}

/// `cf auth [USER PASSWORD]`: what is missing comes from `CF_USERNAME` and `CF_PASSWORD`.
pub(super) fn auth(cf: &Client) -> Done {
    let given = |index: usize, variable: &str| {
        let given = cf.invocation.args.get(index).cloned();
        given.unwrap_or_else(|| std::env::var(variable).unwrap_or_default())
    };
    let (user, password) = (given(0, "CF_USERNAME"), given(1, "CF_PASSWORD"));
    if user.is_empty() || password.is_empty() {
        return Err(failed("Username and password not provided.\n\nSee 'cf help auth'"));
    }
    cf.reach()?;
    out(&format!("API endpoint: {}\n\nAuthenticating...\n", cf.target.api));
    let target = identified(cf, &user, &password)?;
    target.save(cf.world)?;
    out("OK\n\nUse 'cf target' to view or set your target org and space.\n");
    Ok(())
}

fn identified(cf: &Client, user: &str, password: &str) -> Result<Target, Stop> {
    if user != USER || password != PASSWORD {
        return Err(failed("Credentials were rejected, please try again."));
    }
    Ok(Target { api: cf.target.api.clone(), user: user.to_owned(), ..Target::default() })
}

/// `cf login -a API -u USER -p PASSWORD [-o ORG] [-s SPACE]`.
pub(super) fn login(cf: &Client) -> Done {
    let value = |flag: &str| cf.invocation.value(flag).unwrap_or_default().to_owned();
    let api = match value("-a") {
        api if api.is_empty() => cf.target.api.clone(),
        api if api.contains("://") => api,
        api => format!("https://{api}"),
    };
    let target = Target { api, ..Target::default() };
    let asking = Client { world: cf.world, pace: cf.pace.clone(), target, invocation: cf.invocation };
    out(&format!("API endpoint: {}\n\n", asking.target.api));
    asking.reach()?;
    out("\nAuthenticating...\n");
    let mut target = identified(&asking, &value("-u"), &value("-p"))?;
    out("OK\n\n");
    choose(cf, &mut target, &value("-o"), &value("-s"))?;
    target.save(cf.world)?;
    show(&target);
    Ok(())
}

/// `cf logout`.
pub(super) fn logout(cf: &Client) -> Done {
    out(&format!("Logging out {}...\nOK\n\n", cf.target.user));
    Target { api: cf.target.api.clone(), ..Target::default() }.save(cf.world)?;
    Ok(())
}

/// `cf target [-o ORG] [-s SPACE]`.
pub(super) fn target(cf: &Client) -> Done {
    cf.catalog()?;
    let mut target = cf.target.clone();
    let value = |flag: &str| cf.invocation.value(flag).unwrap_or_default();
    choose(cf, &mut target, value("-o"), value("-s"))?;
    target.save(cf.world)?;
    show(&target);
    if target.org.is_empty() {
        out("No org or space targeted, use 'cf target -o ORG -s SPACE'\n");
    } else if target.space.is_empty() {
        out("No space targeted, use 'cf target -s SPACE'\n");
    }
    Ok(())
}

/// Chooses an org and a space; an org of one space chooses that too.
fn choose(cf: &Client, target: &mut Target, org: &str, space: &str) -> Done {
    let catalog = cf.world.platform()?.catalog;
    if !org.is_empty() {
        let found = org_named(&catalog, org)?;
        org.clone_into(&mut target.org);
        let mut spaces = catalog.spaces.iter().filter(|space| space.org == found.guid);
        target.space = match (spaces.next(), spaces.next()) {
            (Some(only), None) => only.name.clone(),
            _ => String::new(),
        };
    }
    if !space.is_empty() {
        let org = catalog.org(&target.org).ok_or_else(|| failed("An org must be targeted before targeting a space"))?;
        space_named(&catalog, org, space)?;
        space.clone_into(&mut target.space);
    }
    Ok(())
}

fn show(target: &Target) {
    out(&format!("API endpoint:   {}\nAPI version:    {API_VERSION}\nuser:           {}\n", target.api, target.user));
    for (title, value) in [("org:  ", &target.org), ("space:", &target.space)] {
        if !value.is_empty() {
            out(&format!("{title}          {value}\n"));
        }
    }
}
