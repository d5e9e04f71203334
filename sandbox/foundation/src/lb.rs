//! `lb`: the hook of a platform's load balancer, which blocks clients and lets them in again.

use crate::fault::FaultPoint;
use crate::pace::{Pace, Phase};
use crate::platform::balancer::{self, LoadBalancer};
use crate::world::{World, WorldError};
use crate::{err, out};

const USAGE: &str = "usage: lb block [--inside] | lb allow | lb status\n";

/// Runs `lb` with its arguments and returns its exit status.
///
/// `block` keeps clients out; with `--inside` the platform's own VMs too, which makes bbr's unlock fail.
pub(crate) fn run(world: &World, args: &[String]) -> Result<u8, WorldError> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let key = format!("lb.{}", words.first().copied().unwrap_or("help"));
    crate::recorded(world, &key, |_| {
        Pace::of(world)?.pass(Phase::BALANCER);
        if let Some(point) = FaultPoint::of_subcommand(&key)
            && let Some(fault) = world.strike(point)?
        {
            err(&format!("{}\n", fault.said(&key)));
            return Ok(fault.exit);
        }
        match words.as_slice() {
            ["block"] => set(world, LoadBalancer::ClientsBlocked),
            ["block", "--inside"] => set(world, LoadBalancer::AllBlocked),
            ["allow"] => set(world, LoadBalancer::Open),
            ["status"] => show(world),
            _ => {
                err(USAGE);
                Ok(2)
            }
        }
    })
}

fn set(world: &World, wanted: LoadBalancer) -> Result<u8, WorldError> {
    balancer::set(world, wanted)?;
    show(world)
}

fn show(world: &World) -> Result<u8, WorldError> {
    out(&format!("{}\n", world.platform()?.balancer.name()));
    Ok(0)
}
