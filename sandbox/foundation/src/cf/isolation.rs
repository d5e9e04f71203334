//! Isolation segments: who may use them, and who does.

use crate::platform::Catalog;
use crate::platform::catalog::{Org, Segment, Space};
use crate::{err, out};

use super::{Client, Done, Stop, columns, failed, org_named, space_named};

fn segment<'c>(catalog: &'c Catalog, name: &str) -> Result<&'c Segment, Stop> {
    catalog.segment(name).ok_or_else(|| failed(format!("Isolation segment '{name}' not found.")))
}

/// `cf isolation-segments`.
pub(super) fn list(cf: &Client) -> Done {
    let catalog = cf.catalog()?;
    out(&format!("Getting isolation segments as {}...\n\n", cf.target.user));
    let mut rows: Vec<Vec<String>> = Vec::new();
    for segment in &catalog.segments {
        let orgs = catalog.orgs.iter().filter(|org| org.entitled.contains(&segment.guid));
        let orgs: Vec<&str> = orgs.map(|org| org.name.as_str()).collect();
        rows.push(vec![segment.name.clone(), orgs.join(", ")]);
    }
    rows.sort();
    out(&columns(&["name", "orgs"], &rows));
    Ok(())
}

/// `cf create-isolation-segment SEGMENT`.
pub(super) fn create(cf: &Client) -> Done {
    let name = cf.arg(0, "SEGMENT_NAME")?;
    let catalog = cf.catalog()?;
    out(&format!("Creating isolation segment {name} as {}...\n", cf.target.user));
    if catalog.segment(name).is_some() {
        err(&format!("Isolation segment '{name}' already exists.\n"));
    } else {
        cf.change(|catalog| {
            catalog.add_segment(name);
            Ok(())
        })?;
    }
    out("OK\n");
    Ok(())
}

/// `cf delete-isolation-segment SEGMENT -f`.
pub(super) fn delete(cf: &Client) -> Done {
    let name = cf.arg(0, "SEGMENT_NAME")?;
    let catalog = cf.catalog()?;
    if !cf.confirms(&format!("Really delete the isolation segment {name}?"))? {
        out("Delete cancelled\n");
        return Ok(());
    }
    out(&format!("Deleting isolation segment {name} as {}...\n", cf.target.user));
    let Some(guid) = catalog.segment(name).map(|segment| segment.guid.clone()) else {
        err(&format!("Isolation segment {name} does not exist.\n"));
        out("OK\n");
        return Ok(());
    };
    if catalog.orgs.iter().any(|org| org.entitled.contains(&guid)) {
        return Err(failed("Revoke the Organization entitlements for your Isolation Segment."));
    }
    cf.change(|catalog| {
        catalog.segments.retain(|segment| segment.guid != guid);
        Ok(())
    })?;
    out("OK\n");
    Ok(())
}

/// Finds the org and the segment that a command names.
fn org_and_segment<'c>(cf: &Client, catalog: &'c Catalog) -> Result<(&'c Org, &'c Segment), Stop> {
    let (org, name) = (cf.arg(0, "ORG_NAME")?, cf.arg(1, "SEGMENT_NAME")?);
    Ok((org_named(catalog, org)?, segment(catalog, name)?))
}

/// `cf enable-org-isolation ORG SEGMENT`.
pub(super) fn entitle(cf: &Client) -> Done {
    let catalog = cf.catalog()?;
    let (org, segment) = org_and_segment(cf, &catalog)?;
    out(&format!("Enabling isolation segment {} for org {} as {}...\n", segment.name, org.name, cf.target.user));
    change_org(cf, &org.guid, |org| {
        if !org.entitled.contains(&segment.guid) {
            org.entitled.push(segment.guid.clone());
        }
    })?;
    out("OK\n");
    Ok(())
}

/// `cf disable-org-isolation ORG SEGMENT`: refused while the org or one of its spaces uses it.
pub(super) fn revoke(cf: &Client) -> Done {
    let catalog = cf.catalog()?;
    let (org, segment) = org_and_segment(cf, &catalog)?;
    let (name, user) = (&segment.name, &cf.target.user);
    out(&format!("Removing entitlement to isolation segment {name} from org {} as {user}...\n", org.name));
    if org.default_segment.as_ref() == Some(&segment.guid) {
        return Err(failed("Unset the default Isolation Segment of the Organization before revoking it."));
    }
    if catalog.spaces.iter().any(|space| space.org == org.guid && space.segment.as_ref() == Some(&segment.guid)) {
        return Err(failed("Please delete the Space associations for your Isolation Segment."));
    }
    change_org(cf, &org.guid, |org| org.entitled.retain(|guid| *guid != segment.guid))?;
    out("OK\n");
    Ok(())
}

/// `cf set-org-default-isolation-segment ORG SEGMENT`.
pub(super) fn set_org(cf: &Client) -> Done {
    let catalog = cf.catalog()?;
    let (org, segment) = org_and_segment(cf, &catalog)?;
    let (name, user) = (&segment.name, &cf.target.user);
    out(&format!("Setting isolation segment {name} to default on org {} as {user}...\n", org.name));
    check_entitled(org, segment)?;
    change_org(cf, &org.guid, |org| org.default_segment = Some(segment.guid.clone()))?;
    out("OK\nTIP: Restart applications in this organization to relocate them to this isolation segment.\n");
    Ok(())
}

/// `cf reset-org-default-isolation-segment ORG`.
pub(super) fn reset_org(cf: &Client) -> Done {
    let catalog = cf.catalog()?;
    let org = org_named(&catalog, cf.arg(0, "ORG_NAME")?)?;
    out(&format!("Resetting default isolation segment of org {} as {}...\n", org.name, cf.target.user));
    change_org(cf, &org.guid, |org| org.default_segment = None)?;
    out(
        "OK\nTIP: Restart applications in spaces without assigned isolation segments to move them to the platform default.\n",
    );
    Ok(())
}

/// `cf set-space-isolation-segment SPACE SEGMENT`, in the targeted org.
pub(super) fn set_space(cf: &Client) -> Done {
    let catalog = cf.catalog()?;
    let org = cf.org(&catalog)?;
    let space = space_named(&catalog, org, cf.arg(0, "SPACE_NAME")?)?;
    let segment = segment(&catalog, cf.arg(1, "SEGMENT_NAME")?)?;
    let (name, user) = (&space.name, &cf.target.user);
    out(&format!("Updating isolation segment of space {name} in org {} as {user}...\n", org.name));
    check_entitled(org, segment)?;
    change_space(cf, &space.guid, |space| space.segment = Some(segment.guid.clone()))?;
    out("OK\nTIP: Restart applications in this space to relocate them to this isolation segment.\n");
    Ok(())
}

/// `cf reset-space-isolation-segment SPACE`, in the targeted org.
pub(super) fn reset_space(cf: &Client) -> Done {
    let catalog = cf.catalog()?;
    let org = cf.org(&catalog)?;
    let space = space_named(&catalog, org, cf.arg(0, "SPACE_NAME")?)?;
    let (name, user) = (&space.name, &cf.target.user);
    out(&format!("Resetting isolation segment assignment of space {name} in org {} as {user}...\n", org.name));
    change_space(cf, &space.guid, |space| space.segment = None)?;
    let place = if org.default_segment.is_some() {
        "this organization's default isolation segment"
    } else {
        "the platform default"
    };
    out(&format!("OK\nTIP: Restart applications in this space to relocate them to {place}.\n"));
    Ok(())
}

fn check_entitled(org: &Org, segment: &Segment) -> Done {
    if org.entitled.contains(&segment.guid) || segment.name == "shared" {
        return Ok(());
    }
    Err(failed(format!(
        "Unable to assign isolation segment with guid '{}'. Ensure it has been entitled to the organization that this space belongs to.",
        segment.guid
    )))
}

fn change_org(cf: &Client, guid: &str, change: impl FnOnce(&mut Org)) -> Done {
    cf.change(|catalog| {
        change(catalog.org_mut(guid).ok_or("Organization not found.")?);
        Ok(())
    })
}

fn change_space(cf: &Client, guid: &str, change: impl FnOnce(&mut Space)) -> Done {
    cf.change(|catalog| {
        change(catalog.space_mut(guid).ok_or("Space not found.")?);
        Ok(())
    })
}
