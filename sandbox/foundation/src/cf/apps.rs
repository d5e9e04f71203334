//! Apps: what runs, and what becomes of it with a blobstore that serves, or one that does not.

use crate::fault::FaultPoint;
use crate::pace::Phase;
use crate::platform::catalog::{Actual, App, Desired};
use crate::platform::placement;
use crate::{err, out};

use super::{Client, Done, Stop, columns, failed};

const BLOBSTORE_ERROR: &str = "Unexpected Response\nResponse Code: 500\nCode: 150006, Title: CF-BlobstoreUnavailable, Detail: Failed to perform blobstore operation after three retries.";

/// `cf apps`.
pub(super) fn apps(cf: &Client) -> Done {
    let catalog = cf.catalog()?;
    let space = cf.space(&catalog)?;
    out(&format!("Getting apps in {}...\n\n", cf.place()));
    let foundation = cf.world.foundation()?;
    let mut rows = Vec::new();
    for app in catalog.apps.iter().filter(|app| app.space == space.guid) {
        let processes = format!("web:{}/{}", placement::running(&foundation, &catalog, app), app.instances);
        rows.push(vec![app.name.clone(), app.desired.name().to_owned(), processes, route(app)]);
    }
    if rows.is_empty() {
        out("No apps found\n");
    } else {
        out(&columns(&["name", "requested state", "processes", "routes"], &rows));
    }
    Ok(())
}

fn route(app: &App) -> String {
    format!("{}.apps.sandbox", app.name)
}

/// Returns an app of the space, and what the client says if there is none.
fn found(cf: &Client, name: &str) -> Result<App, Stop> {
    let catalog = cf.catalog()?;
    let space = cf.space(&catalog)?;
    catalog.app(&space.guid, name).cloned().ok_or_else(|| failed(format!("App '{name}' not found.")))
}

/// `cf app NAME [--guid]`.
pub(super) fn app(cf: &Client) -> Done {
    let name = cf.arg(0, "APP_NAME")?;
    let app = found(cf, name)?;
    if cf.invocation.has(&["--guid"]) {
        out(&format!("{}\n", app.guid));
        return Ok(());
    }
    out(&format!("Showing health and status for app {name} in {}...\n\n", cf.place()));
    show(cf, &app)
}

fn show(cf: &Client, app: &App) -> Done {
    let catalog = cf.world.platform()?.catalog;
    let running = placement::running(&cf.world.foundation()?, &catalog, app);
    let segment = app.placed.as_deref().and_then(|guid| catalog.segment_by_guid(guid));
    out(&format!("name:                {}\nrequested state:     {}\n", app.name, app.desired.name()));
    if let Some(segment) = segment {
        out(&format!("isolation segment:   {}\n", segment.name));
    }
    out(&format!("routes:              {}\n\n", route(app)));
    out(&format!("type:           web\ninstances:      {running}/{}\nmemory usage:   256M\n", app.instances));
    if app.desired == Desired::Stopped {
        out("There are no running instances of this process.\n");
        return Ok(());
    }
    let state = |index: u32| if index < running { "running" } else { placement::failing_state(app) };
    let rows: Vec<Vec<String>> =
        (0..app.instances).map(|index| vec![format!("#{index}"), state(index).to_owned()]).collect();
    out(&columns(&["", "state"], &rows));
    Ok(())
}

/// `cf push NAME [-i N] [--no-start]`: uploads a package, stages it, and starts it.
pub(super) fn push(cf: &Client) -> Done {
    let name = cf.arg(0, "APP_NAME")?;
    let catalog = cf.catalog()?;
    let space = cf.space(&catalog)?.guid.clone();
    out(&format!("Pushing app {name} to {}...\nPackaging files to upload...\nUploading files...\n", cf.place()));
    cf.pace.pass(Phase::CF_PUSH);
    if let Some(fault) = cf.world.strike(FaultPoint::CF_PUSH)? {
        return Err(Stop::Exit(fault.exit, fault.said("cf.push")));
    }
    cf.reach()?;
    if !cf.world.has_blobstore()? {
        return Err(failed(BLOBSTORE_ERROR));
    }
    out(" 1.28 KiB / 1.28 KiB [====================================================] 100.00% 1s\n\n");
    out(&format!(
        "Waiting for API to complete processing files...\n\nStaging app and tracing logs...\n\nWaiting for app {name} to start...\n\n"
    ));
    let instances = cf.invocation.value("-i").and_then(|count| count.parse().ok());
    let is_stopped = cf.invocation.has(&["--no-start"]);
    let app = cf.change(|catalog| {
        let known = catalog.app(&space, name).map(|app| app.guid.clone());
        let guid = known.unwrap_or_else(|| catalog.add_app(&space, name, instances.unwrap_or(1)));
        let (droplet, package) = (catalog.fresh_guid(), catalog.fresh_guid());
        let app = catalog.app_mut(&guid).expect("the app was found or added");
        app.droplet = Some(droplet);
        app.package = Some(package);
        app.instances = instances.unwrap_or(app.instances);
        app.desired = if is_stopped { Desired::Stopped } else { Desired::Started };
        Ok(guid)
    })?;
    finish(cf, &app)
}

/// Stores the droplet and the package of an app, and starts it.
fn finish(cf: &Client, guid: &str) -> Done {
    let app = with_guid(cf, guid)?;
    let blobs = (app.droplet.as_deref().unwrap_or_default(), app.package.as_deref().unwrap_or_default());
    if !cf.world.store_app(blobs.0, blobs.1)? {
        return Err(failed(BLOBSTORE_ERROR));
    }
    if app.desired == Desired::Started {
        start(cf, &app)?;
    }
    show(cf, &with_guid(cf, guid)?)
}

fn with_guid(cf: &Client, guid: &str) -> Result<App, Stop> {
    let mut catalog = cf.world.platform()?.catalog;
    catalog.app_mut(guid).cloned().ok_or_else(|| failed("App not found."))
}

/// Starts an app on the cells of its space, if the blobstore serves its droplet.
fn start(cf: &Client, app: &App) -> Done {
    let is_served = match &app.droplet {
        Some(droplet) => cf.world.serves_droplet(droplet)?,
        None => false,
    };
    cf.change(|catalog| {
        let placed = catalog.segment_of(&app.space).map(|segment| segment.guid.clone());
        let Some(app) = catalog.app_mut(&app.guid) else { return Err("App not found.".into()) };
        app.desired = Desired::Started;
        app.placed = placed;
        app.actual = if is_served { Actual::Running } else { Actual::Crashed };
        Ok(())
    })?;
    let catalog = cf.world.platform()?.catalog;
    let now = with_guid(cf, &app.guid)?;
    if placement::running(&cf.world.foundation()?, &catalog, &now) > 0 || now.instances == 0 {
        return Ok(());
    }
    Err(failed(format!("Start unsuccessful\n\nTIP: use 'cf logs {} --recent' for more information", app.name)))
}

/// `cf restart NAME`, and `cf start NAME`.
pub(super) fn restart(cf: &Client) -> Done {
    let name = cf.arg(0, "APP_NAME")?;
    let app = found(cf, name)?;
    let is_start = cf.invocation.name() == "start";
    if is_start && app.desired == Desired::Started {
        out(&format!("Starting app {name} in {}...\n\nApp '{name}' is already started.\nOK\n", cf.place()));
        return Ok(());
    }
    let doing = if is_start { "Starting" } else { "Restarting" };
    out(&format!("{doing} app {name} in {}...\n\n", cf.place()));
    if !is_start && cf.invocation.value("--strategy").is_none() {
        out("Stopping app...\n\n");
    }
    cf.pace.pass(Phase::CF_START);
    out("Waiting for app to start...\n\n");
    start(cf, &app)?;
    show(cf, &with_guid(cf, &app.guid)?)
}

/// `cf restage NAME`: makes a new droplet of the package.
pub(super) fn restage(cf: &Client) -> Done {
    let name = cf.arg(0, "APP_NAME")?;
    let app = found(cf, name)?;
    out(&format!("Restaging app {name} in {}...\n\n", cf.place()));
    cf.pace.pass(Phase::CF_PUSH);
    let package = app.package.clone().unwrap_or_default();
    if !cf.world.serves_package(&package)? {
        return Err(failed("Error staging application: StagingError - Staging error: Failed to download package"));
    }
    cf.change(|catalog| {
        let droplet = catalog.fresh_guid();
        let app = catalog.app_mut(&app.guid).ok_or("App not found.")?;
        app.droplet = Some(droplet);
        app.desired = Desired::Started;
        Ok(())
    })?;
    out("Waiting for app to start...\n\n");
    finish(cf, &app.guid)
}

/// `cf stop NAME`.
pub(super) fn stop(cf: &Client) -> Done {
    let name = cf.arg(0, "APP_NAME")?;
    let app = found(cf, name)?;
    out(&format!("Stopping app {name} in {}...\n\n", cf.place()));
    cf.change(|catalog| {
        catalog.app_mut(&app.guid).ok_or("App not found.")?.desired = Desired::Stopped;
        Ok(())
    })?;
    out("OK\n");
    Ok(())
}

/// `cf scale NAME -i N`.
pub(super) fn scale(cf: &Client) -> Done {
    let name = cf.arg(0, "APP_NAME")?;
    let app = found(cf, name)?;
    let Some(count) = cf.invocation.value("-i").and_then(|count| count.parse::<u32>().ok()) else {
        return show(cf, &app);
    };
    out(&format!("Scaling app {name} in {}...\n\n", cf.place()));
    cf.pace.pass(Phase::CF_START);
    let is_more = count > app.instances;
    cf.change(|catalog| {
        catalog.app_mut(&app.guid).ok_or("App not found.")?.instances = count;
        Ok(())
    })?;
    if is_more {
        start(cf, &app)?;
    }
    show(cf, &with_guid(cf, &app.guid)?)
}

/// `cf delete NAME -f [-r]`.
pub(super) fn delete(cf: &Client) -> Done {
    let name = cf.arg(0, "APP_NAME")?;
    let catalog = cf.catalog()?;
    let space = cf.space(&catalog)?;
    if !cf.confirms(&format!("Really delete the app {name}?"))? {
        out(&format!("App '{name}' has not been deleted.\n"));
        return Ok(());
    }
    out(&format!("Deleting app {name} in {}...\n", cf.place()));
    let Some(app) = catalog.app(&space.guid, name) else {
        err(&format!("App '{name}' does not exist.\n"));
        out("OK\n");
        return Ok(());
    };
    cf.change(|catalog| {
        catalog.apps.retain(|one| one.guid != app.guid);
        Ok(())
    })?;
    out("OK\n");
    Ok(())
}
