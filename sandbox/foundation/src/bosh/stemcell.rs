//! `upload-stemcell`.

use std::path::Path;

use crate::foundation::Deed;
use crate::pace::Phase;
use crate::tasks::Step;

use super::follow::Telling;
use super::session::{Session, Stop};

/// What the director does with a stemcell, in order.
const STAGES: [&str; 6] = [
    "Downloading remote stemcell",
    "Extracting stemcell archive",
    "Verifying stemcell manifest",
    "Checking if this stemcell already exists",
    "Uploading stemcell to the cloud",
    "Save stemcell",
];

/// Uploads a stemcell, unless it is there already; with `--fix` it is uploaded again.
pub(super) fn upload(session: &mut Session) -> Result<(), Stop> {
    let invocation = session.invocation;
    let url = invocation.arg(0);
    let is_remote = url.starts_with("http://") || url.starts_with("https://");
    if !is_remote && !Path::new(url).exists() {
        let why = format!("stat {url}: no such file or directory");
        return Err(Stop::failed(&["Retrieving stemcell info", &why]));
    }
    if let (Some(name), Some(version), false) =
        (invocation.value("name"), invocation.value("version"), invocation.has("fix"))
    {
        let stemcell = format!("{name}/{version}");
        let foundation = session.world.foundation()?;
        if foundation.deployments.iter().any(|deployment| deployment.stemcells.contains(&stemcell)) {
            session.screen.line(&format!("Stemcell '{stemcell}' already exists."));
            return Ok(());
        }
    }
    let stages = STAGES.into_iter().skip(usize::from(!is_remote));
    let takes = session.takes(Phase::BOSH_TASK);
    let steps = stages.map(|stage| Step::new("Update stemcell", stage, takes, Deed::Nothing)).collect();
    let order = session.new_order("", "create stemcell", steps);
    session.order("Uploading stemcell", order, Telling::Events)?;
    Ok(())
}
