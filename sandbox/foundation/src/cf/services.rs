//! Services: brokers, access to their offerings, and instances.

use crate::out;
use crate::platform::Catalog;
use crate::platform::catalog::{Access, Offering, ServiceInstance};

use super::{Client, Done, Stop, columns, failed};

/// `cf services`.
pub(super) fn services(cf: &Client) -> Done {
    let catalog = cf.catalog()?;
    let space = cf.space(&catalog)?;
    out(&format!("Getting service instances in {}...\n\n", cf.place()));
    let rows: Vec<Vec<String>> = catalog
        .services
        .iter()
        .filter(|service| service.space == space.guid)
        .map(|service| {
            let (offering, plan, broker) = offered(&catalog, service);
            vec![service.name.clone(), offering, plan, String::new(), last_operation(service), broker, "no".to_owned()]
        })
        .collect();
    if rows.is_empty() {
        out("No service instances found.\n");
        return Ok(());
    }
    let titles = ["name", "offering", "plan", "bound apps", "last operation", "broker", "upgrade available"];
    out(&columns(&titles, &rows));
    Ok(())
}

fn offered(catalog: &Catalog, service: &ServiceInstance) -> (String, String, String) {
    let Some(offering) = catalog.offerings.iter().find(|one| one.guid == service.offering) else {
        return Default::default();
    };
    (offering.name.clone(), offering.plan.clone(), broker_of(catalog, offering))
}

fn broker_of(catalog: &Catalog, offering: &Offering) -> String {
    catalog
        .brokers
        .iter()
        .find(|broker| broker.guid == offering.broker)
        .map_or_else(String::new, |one| one.name.clone())
}

fn last_operation(service: &ServiceInstance) -> String {
    format!("create {}", service.operation.state())
}

/// `cf service NAME [--guid]`.
pub(super) fn service(cf: &Client) -> Done {
    let name = cf.arg(0, "SERVICE_INSTANCE_NAME")?;
    let catalog = cf.catalog()?;
    let space = cf.space(&catalog)?;
    let found = catalog.services.iter().find(|service| service.space == space.guid && service.name == name);
    let service = found.ok_or_else(|| failed(format!("Service instance '{name}' not found")))?;
    if cf.invocation.has(&["--guid"]) {
        out(&format!("{}\n", service.guid));
        return Ok(());
    }
    let (offering, plan, broker) = offered(&catalog, service);
    out(&format!("Showing info of service {name} in {}...\n\n", cf.place()));
    out(&format!("name:      {name}\nguid:      {}\ntype:      managed\nbroker:    {broker}\n", service.guid));
    out(&format!("offering:  {offering}\nplan:      {plan}\n\n"));
    out(&format!("Showing status of last operation:\n   status:    {}\n", last_operation(service)));
    Ok(())
}

/// `cf service-brokers`.
pub(super) fn brokers(cf: &Client) -> Done {
    let catalog = cf.catalog()?;
    out(&format!("Getting service brokers as {}...\n\n", cf.target.user));
    let rows: Vec<Vec<String>> =
        catalog.brokers.iter().map(|broker| vec![broker.name.clone(), broker.url.clone()]).collect();
    out(&if rows.is_empty() { "No service brokers found\n".to_owned() } else { columns(&["name", "url"], &rows) });
    Ok(())
}

/// `cf service-access [-e OFFERING] [-b BROKER]`.
pub(super) fn access(cf: &Client) -> Done {
    let catalog = cf.catalog()?;
    out(&format!("Getting service access as {}...\n", cf.target.user));
    let is_wanted = |flag: &str, name: &str| cf.invocation.value(flag).is_none_or(|wanted| wanted == name);
    for broker in catalog.brokers.iter().filter(|broker| is_wanted("-b", &broker.name)) {
        out(&format!("\nbroker: {}\n", broker.name));
        let offered = catalog.offerings.iter().filter(|one| one.broker == broker.guid && is_wanted("-e", &one.name));
        let rows: Vec<Vec<String>> = offered
            .map(|one| vec![one.name.clone(), one.plan.clone(), one.access.name().to_owned(), String::new()])
            .collect();
        for line in columns(&["offering", "plan", "access", "orgs"], &rows).lines() {
            out(&format!("   {line}\n"));
        }
    }
    Ok(())
}

/// `cf enable-service-access OFFERING`, or `disable-service-access`.
pub(super) fn set_access(cf: &Client, is_enabled: bool) -> Done {
    let name = cf.arg(0, "SERVICE_OFFERING")?;
    cf.catalog()?;
    let (doing, access) = if is_enabled { ("Enabling", Access::All) } else { ("Disabling", Access::None) };
    let user = &cf.target.user;
    out(&format!("{doing} access to all plans of service offering {name} for all orgs as {user}...\n"));
    let changed: Result<(), Stop> = cf.change(|catalog| {
        let offering = catalog.offerings.iter_mut().find(|one| one.name == name);
        offering.ok_or_else(|| format!("Service offering '{name}' not found."))?.access = access;
        Ok(())
    });
    changed?;
    out("OK\n");
    Ok(())
}
