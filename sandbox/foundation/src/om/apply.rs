//! Apply Changes, and what it would change.

use crate::clock::Moment;
use crate::opsman::{Change, Installation, OpsManager};
use crate::pace::{Pace, Phase};
use crate::world::{World, WorldError};
use crate::{err, out};

use super::Refusal;
use super::flags::{On, Scope};

/// The exit status of `bosh-diff --check` when there are differences.
const DIFFERS: u8 = 2;

/// Prints what would change in manifests; `--check` makes a difference an exit status of its own.
pub(super) fn diff(opsman: &OpsManager, on: On) -> Result<(), Refusal> {
    let changed: Vec<&str> = pending(opsman).map(|(name, _)| name).collect();
    for product in &opsman.products {
        let change =
            if changed.contains(&product.name.as_str()) { "  properties:\n-   old\n+   new" } else { "no changes" };
        out(&format!("## Product Manifest for {}\n\n{change}\n\n", product.guid));
    }
    if changed.is_empty() || on == On::Report {
        return Ok(());
    }
    Err(Refusal {
        text: "Differences exist between the staged and deployed versions of the requested products".into(),
        exit: DIFFERS,
    })
}

fn pending(opsman: &OpsManager) -> impl Iterator<Item = (&str, Change)> {
    let changed = opsman.products.iter().filter(|product| product.change != Change::Unchanged);
    changed.map(|product| (product.name.as_str(), product.change))
}

/// Applies what is staged, and waits until that is done. Another installation that runs is not joined.
pub(super) fn run(world: &World, scope: &Scope) -> Result<Result<(), Refusal>, WorldError> {
    let opsman: OpsManager = world.read()?;
    if opsman.installations.iter().any(|installation| installation.status == "running") {
        let text =
            "could not execute \"apply-changes\": installation failed to trigger: an installation is already running";
        return Ok(Err(text.to_owned().into()));
    }
    if let Scope::Products(names) = scope
        && let Some(unknown) = names.iter().find(|name| !opsman.products.iter().any(|product| product.name == **name))
    {
        return Ok(Err(format!("could not find product with name {unknown}").into()));
    }
    err("attempting to apply changes to the targeted Ops Manager\n");
    let id = begin(world)?;
    let pace = Pace::of(world)?;
    pace.pass(Phase::APPLY_DIRECTOR);
    for _ in deployed(&opsman, scope) {
        pace.pass(Phase::APPLY_PRODUCT);
    }
    finish(world, id, scope)?;
    out("===== Installation finished: succeeded\n");
    Ok(Ok(()))
}

fn deployed<'o>(opsman: &'o OpsManager, scope: &'o Scope) -> impl Iterator<Item = &'o str> {
    pending(opsman).map(|(name, _)| name).filter(move |name| is_meant(scope, name))
}

fn is_meant(scope: &Scope, name: &str) -> bool {
    match scope {
        Scope::DirectorAlone => name == "p-bosh",
        Scope::Products(names) => names.is_empty() || names.iter().any(|wanted| wanted == name),
    }
}

fn begin(world: &World) -> Result<u32, WorldError> {
    let started_at = Moment::now().format("%Y-%m-%dT%H:%M:%S.%3fZ");
    world.update(|opsman: &mut OpsManager| {
        let id = opsman.installations.iter().map(|one| one.id).max().unwrap_or(0) + 1;
        let running =
            Installation { id, user: "admin".into(), status: "running".into(), started_at, finished_at: None };
        opsman.installations.insert(0, running);
        id
    })
}

fn finish(world: &World, id: u32, scope: &Scope) -> Result<(), WorldError> {
    let finished_at = Moment::now().format("%Y-%m-%dT%H:%M:%S.%3fZ");
    world.update(|opsman: &mut OpsManager| {
        for installation in opsman.installations.iter_mut().filter(|one| one.id == id) {
            installation.status = "succeeded".into();
            installation.finished_at = Some(finished_at.clone());
        }
        for product in opsman.products.iter_mut().filter(|product| is_meant(scope, &product.name)) {
            product.change = Change::Unchanged;
        }
    })
}
