//! The commands that only look.

use crate::foundation::Deed;
use crate::foundation::Deployment;
use crate::pace::Phase;
use crate::tasks::{Claim, Order, Step};
use crate::world::Settings;

use super::flags::Command;
use super::follow::Telling;
use super::listing;
use super::request::Request;
use super::session::{Session, Stop};
use super::table::Table;

/// Prints the answer to a question that is answered at once.
pub(super) fn print(session: &mut Session) -> Result<(), Stop> {
    let (world, invocation) = (session.world, session.invocation);
    let table = match invocation.command {
        Command::Env => listing::info(&session.director, &invocation.client),
        Command::Deployments => listing::deployments(&world.foundation()?),
        Command::Disks if !invocation.has("orphaned") => {
            return Err(Stop::failed(&["Only --orphaned is supported"]));
        }
        Command::Disks => listing::orphaned_disks(&world.foundation()?),
        Command::Locks => listing::locks(&world.read()?),
        Command::Tasks => listing::tasks(&world.read()?, world.read::<Settings>()?.layout, invocation),
        Command::Configs => listing::configs(&world.foundation()?, invocation),
        Command::Events => listing::events(&world.read()?, invocation),
        Command::Stemcells => listing::stemcells(&world.foundation()?),
        Command::Releases => listing::releases(&world.foundation()?),
        Command::Deployment => listing::deployment(&session.deployment()?.1),
        Command::Snapshots => {
            // Nobody takes snapshots here.
            session.deployment()?;
            Table::new("snapshots", &["Instance", "CID", "Created At", "Clean"], Vec::new())
        }
        Command::Errands => listing::errands(&session.deployment()?.1),
        _ => {
            let (_, deployment) = session.deployment()?;
            session.screen.block(&deployment.manifest());
            return Ok(());
        }
    };
    session.screen.table(table);
    Ok(())
}

/// `vms` and `instances`, of one deployment or of all.
pub(super) fn list_instances(session: &mut Session) -> Result<(), Stop> {
    let wanted = &session.invocation.deployment;
    let doing = Request::of(session.invocation).shown();
    let deployments =
        if wanted.is_empty() { session.world.foundation()?.deployments } else { vec![session.deployment()?.1] };
    // The director answers with tasks, all at the same time.
    let takes = session.takes(Phase::BOSH_TASK);
    let ask = |deployment: &Deployment| {
        let step = Step::new("", "", takes, Deed::Nothing);
        let order = session.new_order(&deployment.name, "retrieve vm-stats", vec![step]);
        Ok((deployment.name.clone(), session.place(Order { claim: Claim::None, ..order })?))
    };
    let asked: Vec<(String, u32)> = deployments.iter().map(ask).collect::<Result<_, Stop>>()?;
    asked.iter().try_for_each(|(name, task)| print_answer(session, &doing, name, *task))
}

fn print_answer(session: &mut Session, doing: &str, name: &str, task: u32) -> Result<(), Stop> {
    session.follow(doing, task, Telling::Nothing)?;
    let foundation = session.world.foundation()?;
    let Some(deployment) = foundation.deployment(name) else { return Ok(()) };
    session.screen.table(match session.invocation.command {
        Command::Vms => listing::vms(&foundation, deployment, session.invocation),
        _ => listing::instances(&foundation, deployment, session.invocation),
    });
    Ok(())
}
