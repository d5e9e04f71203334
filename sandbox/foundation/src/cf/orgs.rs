//! Orgs, spaces and feature flags.

use crate::out;
use crate::platform::catalog::FLAGS;

use super::{Client, Done, columns, failed};

/// `cf orgs`.
pub(super) fn orgs(cf: &Client) -> Done {
    let catalog = cf.catalog()?;
    out(&format!("Getting orgs as {}...\n\n", cf.target.user));
    list(catalog.orgs.iter().map(|org| org.name.clone()).collect());
    Ok(())
}

/// `cf spaces`.
pub(super) fn spaces(cf: &Client) -> Done {
    let catalog = cf.catalog()?;
    let org = cf.org(&catalog)?;
    out(&format!("Getting spaces in org {} as {}...\n\n", org.name, cf.target.user));
    list(catalog.spaces.iter().filter(|space| space.org == org.guid).map(|space| space.name.clone()).collect());
    Ok(())
}

fn list(mut names: Vec<String>) {
    names.sort();
    let rows: Vec<Vec<String>> = names.into_iter().map(|name| vec![name]).collect();
    out(&columns(&["name"], &rows));
}

/// `cf feature-flags`.
pub(super) fn feature_flags(cf: &Client) -> Done {
    let catalog = cf.catalog()?;
    out(&format!("Getting feature flags as {}...\n\n", cf.target.user));
    let rows = FLAGS.map(|(name, first)| vec![name.to_owned(), state(catalog.flag(name).unwrap_or(first)).to_owned()]);
    out(&columns(&["name", "state"], &rows));
    Ok(())
}

/// `cf feature-flag FLAG`.
pub(super) fn feature_flag(cf: &Client) -> Done {
    let name = cf.arg(0, "FEATURE_FLAG_NAME")?;
    let catalog = cf.catalog()?;
    out(&format!("Getting info for feature flag {name} as {}...\n\n", cf.target.user));
    let is_enabled = catalog.flag(name).ok_or_else(|| failed(format!("Feature flag '{name}' not found.")))?;
    out(&columns(&["Features", "State"], &[vec![name.to_owned(), state(is_enabled).to_owned()]]));
    Ok(())
}

fn state(is_enabled: bool) -> &'static str {
    if is_enabled { "enabled" } else { "disabled" }
}

/// `cf enable-feature-flag FLAG`, or `disable-feature-flag`.
pub(super) fn set_feature_flag(cf: &Client, is_enabled: bool) -> Done {
    let name = cf.arg(0, "FEATURE_FLAG_NAME")?;
    cf.catalog()?;
    let doing = if is_enabled { "Enabling" } else { "Disabling" };
    out(&format!("{doing} feature flag {name} as {}...\n", cf.target.user));
    if !FLAGS.iter().any(|(known, _)| *known == name) {
        return Err(failed(format!("Feature flag '{name}' not found.")));
    }
    cf.change(|catalog| {
        catalog.flags.insert(name.to_owned(), is_enabled);
        Ok(())
    })?;
    out("OK\n");
    Ok(())
}
