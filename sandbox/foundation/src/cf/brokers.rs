//! Service brokers, and who has access to what they offer.

use crate::out;
use crate::platform::catalog::Access;

use super::{Client, Done, Stop, columns, failed};

/// `cf service-brokers`.
pub(super) fn list(cf: &Client) -> Done {
    let catalog = cf.catalog()?;
    out(&format!("Getting service brokers as {}...\n", cf.target.user));
    let mut rows: Vec<Vec<String>> =
        catalog.brokers.iter().map(|broker| vec![broker.name.clone(), broker.url.clone()]).collect();
    rows.sort();
    out(&if rows.is_empty() { "No service brokers found\n".to_owned() } else { columns(&["name", "url"], &rows) });
    Ok(())
}

/// What `create-service-broker` and `update-service-broker` name.
struct Named<'a> {
    name: &'a str,
    url: &'a str,
}

/// Reads `NAME USER [PASSWORD] URL`; a password that is left out comes from `CF_BROKER_PASSWORD`.
fn named<'a>(cf: &'a Client) -> Result<Named<'a>, Stop> {
    let name = cf.arg(0, "SERVICE_BROKER")?;
    cf.arg(1, "USERNAME")?;
    let third = cf.arg(2, "URL")?;
    let url = match cf.invocation.args.get(3) {
        Some(url) => url,
        None if std::env::var_os("CF_BROKER_PASSWORD").is_some() => third,
        None => return Err(failed("EOF")),
    };
    Ok(Named { name, url })
}

/// `cf create-service-broker NAME USER PASSWORD URL [--update-if-exists]`.
pub(super) fn create(cf: &Client) -> Done {
    let Named { name, url } = named(cf)?;
    let is_known = cf.catalog()?.broker(name).is_some();
    if is_known && cf.invocation.has(&["--update-if-exists"]) {
        return update(cf);
    }
    out(&format!("Creating service broker {name} as {}...\n", cf.target.user));
    if is_known {
        return Err(failed("Name must be unique"));
    }
    cf.change(|catalog| {
        catalog.add_broker(name, url);
        Ok(())
    })?;
    out("OK\n");
    Ok(())
}

/// `cf update-service-broker NAME USER PASSWORD URL`.
pub(super) fn update(cf: &Client) -> Done {
    let Named { name, url } = named(cf)?;
    cf.catalog()?.broker(name).ok_or_else(|| failed(format!("Service broker '{name}' not found.")))?;
    out(&format!("Updating service broker {name} as {}...\n", cf.target.user));
    cf.change(|catalog| {
        for broker in catalog.brokers.iter_mut().filter(|broker| broker.name == name) {
            url.clone_into(&mut broker.url);
        }
        Ok(())
    })?;
    out("OK\n");
    Ok(())
}

/// `cf delete-service-broker NAME [-f]`: refused while there are instances of what it offers.
pub(super) fn delete(cf: &Client) -> Done {
    let name = cf.arg(0, "SERVICE_BROKER")?;
    let catalog = cf.catalog()?;
    if !cf.confirms(&format!("Really delete the service broker {name}?"))? {
        out(&format!("'{name}' has not been deleted.\n"));
        return Ok(());
    }
    out(&format!("Deleting service broker {name}...\n"));
    let Some(broker) = catalog.broker(name) else {
        out(&format!("Service broker '{name}' does not exist.\nOK\n"));
        return Ok(());
    };
    if !catalog.services_of(&broker.guid).is_empty() {
        return Err(failed(format!("Can not remove brokers that have associated service instances: {name}")));
    }
    cf.change(|catalog| {
        catalog.brokers.retain(|one| one.guid != broker.guid);
        catalog.offerings.retain(|one| one.broker != broker.guid);
        Ok(())
    })?;
    out("OK\n");
    Ok(())
}

/// `cf service-access [-e OFFERING] [-b BROKER]`.
pub(super) fn access(cf: &Client) -> Done {
    let catalog = cf.catalog()?;
    let of = [("broker", "-b"), ("service offering", "-e"), ("organization", "-o")];
    let of = of.map(|(kind, flag)| cf.invocation.value(flag).map(|name| format!("{kind} {name}")));
    let of: Vec<String> = of.into_iter().flatten().collect();
    let of = if of.is_empty() { String::new() } else { format!(" for {}", of.join(" and ")) };
    out(&format!("Getting service access{of} as {}...\n\n", cf.target.user));
    let is_wanted = |flag: &str, name: &str| cf.invocation.value(flag).is_none_or(|wanted| wanted == name);
    let mut tables = Vec::new();
    for broker in catalog.brokers.iter().filter(|broker| is_wanted("-b", &broker.name)) {
        let offered = catalog.offerings.iter().filter(|one| one.broker == broker.guid && is_wanted("-e", &one.name));
        let rows: Vec<Vec<String>> = offered
            .map(|one| vec![one.name.clone(), one.plan.clone(), one.access.name().to_owned(), String::new()])
            .collect();
        if !rows.is_empty() {
            let lines = columns(&["offering", "plan", "access", "orgs"], &rows);
            let lines: Vec<String> = lines.lines().map(|line| format!("   {line}\n")).collect();
            tables.push(format!("broker: {}\n{}", broker.name, lines.concat()));
        }
    }
    out(&if tables.is_empty() { "No service plans found.\n".to_owned() } else { tables.join("\n") });
    Ok(())
}

/// `cf enable-service-access OFFERING [-p PLAN] [-b BROKER]`, or `disable-service-access`.
pub(super) fn set_access(cf: &Client, is_enabled: bool) -> Done {
    let name = cf.arg(0, "SERVICE_OFFERING")?;
    cf.catalog()?;
    let (doing, access) = if is_enabled { ("Enabling", Access::All) } else { ("Disabling", Access::None) };
    let plan = cf.invocation.value("-p").map_or_else(|| "all plans".to_owned(), |plan| format!("plan {plan}"));
    let from = cf.invocation.value("-b").map_or_else(String::new, |broker| format!("from broker {broker} "));
    let user = &cf.target.user;
    out(&format!("{doing} access to {plan} of service offering {name} {from}for all orgs as {user}...\n"));
    let skipped = cf.change(|catalog| {
        let offering = catalog.offerings.iter_mut().find(|one| one.name == name);
        let offering = offering.ok_or_else(|| format!("Service offering '{name}' not found."))?;
        let is_so = offering.access == access;
        offering.access = access;
        Ok(is_so.then(|| offering.plan.clone()))
    })?;
    if let Some(plan) = skipped {
        let visibility = access.name();
        out(&format!("\nDid not update plan {plan} as it already has visibility {visibility}.\n\n"));
    }
    out("OK\n");
    Ok(())
}
