//! Persistent disks: attaching, orphaning, destroying.

use crate::foundation::{Deed, Disk, DiskCid};
use crate::pace::Phase;
use crate::tasks::Step;

use super::follow::Telling;
use super::session::{Session, Stop};
use super::table::Table;

/// `attach-disk`: without a question, to an instance that was stopped.
pub(super) fn attach(session: &mut Session) -> Result<(), Stop> {
    let (slug, cid) = (session.invocation.arg(0).to_owned(), session.invocation.arg(1).to_owned());
    let (_, deployment) = session.deployment()?;
    let Some(instance) = deployment.instance(&slug).filter(|_| slug.contains('/')) else {
        return Err(session.not_found(20010, &format!("Instance '{slug}' doesn't exist")));
    };
    let description = format!("attach disk '{cid}' to '{slug}'");
    let step =
        Step::new("", "", session.takes(Phase::BOSH_REPAIR), Deed::AttachDisk(instance.id.clone(), DiskCid(cid)));
    let order = session.new_order(&deployment.name, &description, vec![step]);
    session.order("", order, Telling::Events)?;
    Ok(())
}

/// `orphan-disk`: the director forgets that an instance has it.
pub(super) fn orphan(session: &mut Session) -> Result<(), Stop> {
    session.confirm()?;
    let cid = session.invocation.arg(0).to_owned();
    let step = Step::new("", "", session.takes(Phase::BOSH_REPAIR), Deed::OrphanDisk(DiskCid(cid.clone())));
    let order = session.new_order("", &format!("orphan disk '{cid}'"), vec![step]);
    session.order(&format!("Orphaning disk '{cid}'"), order, Telling::Events)?;
    Ok(())
}

/// `delete-disk`: destroys an orphaned disk.
pub(super) fn delete(session: &mut Session) -> Result<(), Stop> {
    session.confirm()?;
    let cid = session.invocation.arg(0).to_owned();
    let step = Step::new("", "", session.takes(Phase::BOSH_REPAIR), Deed::DestroyDisk(DiskCid(cid.clone())));
    let order = session.new_order("", &format!("delete disk '{cid}'"), vec![step]);
    session.order(&format!("Deleting orphaned disk '{cid}'"), order, Telling::Events)?;
    Ok(())
}

/// `clean-up`: with `--all`, every orphaned disk is destroyed.
pub(super) fn clean_up(session: &mut Session) -> Result<(), Stop> {
    let invocation = session.invocation;
    let orphans: Vec<Disk> = if invocation.has("all") && !invocation.has("keep-orphaned-disks") {
        session.world.foundation()?.disks.into_iter().filter(|disk| disk.orphan().is_some()).collect()
    } else {
        Vec::new()
    };
    if invocation.has("dry-run") {
        preview(session, &orphans);
        return Ok(());
    }
    session.confirm()?;
    let takes = session.takes(Phase::BOSH_REPAIR);
    let steps = orphans.iter().map(|disk| {
        Step::new("Deleting orphaned disks", disk.cid.to_string(), takes, Deed::DestroyDisk(disk.cid.clone()))
    });
    let steps: Vec<Step> = steps.collect();
    let mut order = session.new_order("", "clean up", steps);
    order.result = format!(
        "0 release(s) deleted, 0 stemcell(s) deleted, 0 extra compiled package(s) deleted, {} orphaned disk(s) deleted",
        orphans.len()
    );
    session.order("Cleaning up resources", order, Telling::Events)?;
    Ok(())
}

/// Prints what would be destroyed: one table per kind, most of them empty.
fn preview(session: &mut Session, orphans: &[Disk]) {
    const EMPTY: [&[&str]; 5] = [
        &["Name", "Version"],
        &["Name", "Version"],
        &["Name", "Stemcell OS", "Stemcell Version"],
        &["Blob ID"],
        &["Blob ID"],
    ];
    for titles in EMPTY {
        session.screen.table(Table::new("", titles, Vec::new()));
    }
    let rows = orphans.iter().filter_map(|disk| {
        let orphan = disk.orphan()?;
        Some(vec![disk.cid.to_string(), orphan.deployment.clone(), orphan.instance.clone(), disk.size_mb.to_string()])
    });
    session.screen.table(Table::new("", &["Disk CID", "Deployment", "Instance", "Size (mb)"], rows.collect()));
    session.screen.table(Table::new("", &["VM CID", "Deployment", "Instance"], Vec::new()));
}
