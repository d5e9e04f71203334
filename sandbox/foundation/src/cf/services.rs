//! Service instances.

use crate::clock::{self, Moment};
use crate::pace::Phase;
use crate::platform::Catalog;
use crate::platform::catalog::{Operation, OperationState, ServiceInstance, Verb};
use crate::platform::services::{has_broker, order, stamp};
use crate::{later, out};

use super::{Client, Done, Stop, columns, failed};

/// `cf services`.
pub(super) fn services(cf: &Client) -> Done {
    let catalog = cf.catalog()?;
    let space = cf.space(&catalog)?;
    out(&format!("Getting service instances in {}...\n\n", cf.place()));
    let mut rows: Vec<Vec<String>> = Vec::new();
    for service in catalog.services.iter().filter(|service| service.space == space.guid) {
        let Offered { offering, plan, broker } = offered(&catalog, service);
        let operation = service.operation.said();
        rows.push(vec![service.name.clone(), offering, plan, String::new(), operation, broker, "no".to_owned()]);
    }
    if rows.is_empty() {
        out("No service instances found.\n");
        return Ok(());
    }
    rows.sort();
    let titles = ["name", "offering", "plan", "bound apps", "last operation", "broker", "upgrade available"];
    out(&columns(&titles, &rows));
    Ok(())
}

/// Of what a service instance is one.
#[derive(Default)]
struct Offered {
    offering: String,
    plan: String,
    broker: String,
}

fn offered(catalog: &Catalog, service: &ServiceInstance) -> Offered {
    let Some(one) = catalog.offering(&service.offering) else { return Offered::default() };
    let broker = catalog.brokers.iter().find(|broker| broker.guid == one.broker);
    Offered {
        offering: one.name.clone(),
        plan: one.plan.clone(),
        broker: broker.map(|broker| broker.name.clone()).unwrap_or_default(),
    }
}

/// Returns a service instance of the targeted space.
fn found<'c>(cf: &Client, catalog: &'c Catalog, name: &str) -> Result<Option<&'c ServiceInstance>, Stop> {
    let space = cf.space(catalog)?;
    Ok(catalog.service(&space.guid, name))
}

/// `cf service NAME [--guid]`.
pub(super) fn service(cf: &Client) -> Done {
    let name = cf.arg(0, "SERVICE_INSTANCE")?;
    let catalog = cf.catalog()?;
    let service = found(cf, &catalog, name)?;
    let missing = || failed(format!("Service instance '{name}' not found"));
    if cf.invocation.has(&["--guid"]) {
        out(&format!("{}\n", service.ok_or_else(missing)?.guid));
        return Ok(());
    }
    out(&format!("Showing info of service {name} in {}...\n\n", cf.place()));
    let service = service.ok_or_else(missing)?;
    let Offered { offering, plan, broker } = offered(&catalog, service);
    let facts = [
        ("name:", name),
        ("guid:", &service.guid),
        ("type:", "managed"),
        ("broker:", &broker),
        ("offering:", &offering),
        ("plan:", &plan),
        ("tags:", ""),
        ("offering tags:", ""),
        ("description:", ""),
        ("documentation:", ""),
        ("dashboard url:", ""),
    ];
    table("", &facts);
    show_operation(&service.operation);
    out("Showing bound apps:\n   There are no bound apps for this service instance.\n\n");
    show_sharing(&catalog);
    out("Showing upgrade status:\n   There is no upgrade available for this service.\n\n");
    Ok(())
}

fn show_operation(operation: &Operation) {
    out("Showing status of last operation:\n");
    let facts = [
        ("status:", operation.said()),
        ("message:", String::new()),
        ("started:", operation.started_at.clone()),
        ("updated:", operation.updated_at.clone()),
    ];
    table("   ", &facts.each_ref().map(|(name, value)| (*name, value.as_str())));
}

fn show_sharing(catalog: &Catalog) {
    out("Showing sharing info:\n   This service instance is not currently being shared.\n\n");
    if catalog.flag("service_instance_sharing") == Some(false) {
        out("   The \"service_instance_sharing\" feature flag is disabled for this Cloud Foundry platform.\n\n");
    }
}

/// Prints names and values, and an empty line.
fn table(indent: &str, facts: &[(&str, &str)]) {
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in facts {
        out(&format!("{indent}{name:<width$}   {value}\n"));
    }
    out("\n");
}

/// `cf create-service OFFERING PLAN NAME [-b BROKER] [--wait]`.
pub(super) fn create(cf: &Client) -> Done {
    let (offering, plan) = (cf.arg(0, "SERVICE_OFFERING")?, cf.arg(1, "SERVICE_PLAN")?);
    let name = cf.arg(2, "SERVICE_INSTANCE")?;
    let catalog = cf.catalog()?;
    let space = cf.space(&catalog)?.guid.clone();
    out(&format!("Creating service instance {name} in {}...\n", cf.place()));
    let offered = plan_guid(cf, &catalog, offering, plan)?;
    if catalog.service(&space, name).is_some() {
        out(&format!("OK\nService instance {name} already exists\n"));
        return Ok(());
    }
    let now = stamp(Moment::now());
    let operation = Operation::begun(Verb::Create, None, &now);
    let guid = cf.change(|catalog| Ok(catalog.add_service(&space, name, &offered, operation)))?;
    out("\n");
    if begin(cf, &guid, Verb::Create)? == Outcome::Done {
        out(&format!("Service instance {name} created.\nOK\n"));
    } else {
        out(&format!("Create in progress. Use 'cf services' or 'cf service {name}' to check operation status.\nOK\n"));
    }
    Ok(())
}

fn plan_guid(cf: &Client, catalog: &Catalog, offering: &str, plan: &str) -> Result<String, Stop> {
    let wanted = cf.invocation.value("-b");
    let broker = wanted.map(|name| catalog.broker(name).map_or("", |broker| broker.guid.as_str()));
    let mut plans = catalog.offerings.iter().filter(|one| broker.is_none_or(|guid| one.broker == guid));
    let found = plans.find(|one| one.name == offering && one.plan == plan);
    let of = wanted.map_or_else(String::new, |name| format!(" and broker '{name}'"));
    let missing = || failed(format!("The plan '{plan}' could not be found for service offering '{offering}'{of}."));
    found.map(|one| one.guid.clone()).ok_or_else(missing)
}

/// Whether the client has waited until an operation was over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done,
    InProgress,
}

/// Lets the broker begin an operation, and waits for its end with `--wait`.
fn begin(cf: &Client, guid: &str, verb: Verb) -> Result<Outcome, Stop> {
    if !has_broker(cf.world)? {
        set_operation(cf, guid, |operation, now| operation.end(OperationState::Failed, now))?;
        return Err(failed(format!("Job ({guid}) failed: The service broker could not be reached")));
    }
    let task = order(cf.world, guid, verb)?;
    set_operation(cf, guid, |operation, now| *operation = Operation::begun(verb, Some(task), now))?;
    if !cf.invocation.has(&["-w", "--wait"]) {
        return Ok(Outcome::InProgress);
    }
    out("Waiting for the operation to complete");
    let ended = wait(cf, guid);
    out("\n\n");
    match ended? {
        OperationState::Failed => Err(failed(format!("Job ({guid}) failed: The operation has failed"))),
        OperationState::Succeeded | OperationState::InProgress => Ok(Outcome::Done),
    }
}

fn wait(cf: &Client, guid: &str) -> Result<OperationState, Stop> {
    loop {
        clock::pause(cf.pace.takes(Phase::CF_QUERY));
        later::catch_up(cf.world)?;
        let catalog = cf.catalog()?;
        out(".");
        match catalog.services.iter().find(|service| service.guid == guid) {
            Some(service) if service.operation.is_in_progress() => {}
            Some(service) => return Ok(service.operation.state),
            None => return Ok(OperationState::Succeeded),
        }
    }
}

fn set_operation(cf: &Client, guid: &str, change: impl FnOnce(&mut Operation, &str)) -> Done {
    let now = stamp(Moment::now());
    cf.change(|catalog| {
        let service = catalog.services.iter_mut().find(|service| service.guid == guid);
        change(&mut service.ok_or("Service instance not found")?.operation, &now);
        Ok(())
    })
}

/// `cf delete-service NAME [-f] [--wait]`.
pub(super) fn delete(cf: &Client) -> Done {
    let name = cf.arg(0, "SERVICE_INSTANCE")?;
    let catalog = cf.catalog()?;
    cf.space(&catalog)?;
    if !cf.confirms(&format!("Really delete the service instance {name}?"))? {
        out("Delete cancelled\n");
        return Ok(());
    }
    out(&format!("Deleting service instance {name} in {}...\n\n", cf.place()));
    let Some(service) = found(cf, &catalog, name)? else {
        out(&format!("Service instance {name} did not exist.\nOK\n"));
        return Ok(());
    };
    if service.operation.is_in_progress() {
        return Err(failed(format!("An operation for service instance {name} is in progress.")));
    }
    if begin(cf, &service.guid, Verb::Delete)? == Outcome::Done {
        out(&format!("Service instance {name} deleted.\nOK\n"));
    } else {
        out(&format!("Delete in progress. Use 'cf services' or 'cf service {name}' to check operation status.\nOK\n"));
    }
    Ok(())
}

/// `cf purge-service-instance NAME [-f]`: the platform forgets it, and nobody tells the broker.
pub(super) fn purge(cf: &Client) -> Done {
    let name = cf.arg(0, "SERVICE_INSTANCE")?;
    let catalog = cf.catalog()?;
    let space = cf.space(&catalog)?.guid.clone();
    if !cf.confirms(&format!("Really purge service instance {name} from Cloud Foundry?"))? {
        out("Purge cancelled\n");
        return Ok(());
    }
    out(&format!("Purging service instance {name} in {}...\n\n", cf.place()));
    let is_there = catalog.service(&space, name).is_some();
    cf.change(|catalog| {
        catalog.services.retain(|one| one.space != space || one.name != name);
        Ok(())
    })?;
    let done = if is_there { "purged" } else { "did not exist" };
    out(&format!("Service instance {name} {done}.\nOK\n"));
    Ok(())
}
