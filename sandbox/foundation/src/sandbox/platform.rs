//! What is not safe about a platform at rest, and single facts about it.

use std::io::Write;

use crate::platform::api::{Api, api};
use crate::platform::balancer::{From, LoadBalancer};
use crate::platform::blobstore::Blobs;
use crate::platform::catalog::{App, Desired};
use crate::platform::cluster::{self, Quorum};
use crate::platform::locks::Held;
use crate::platform::placement;
use crate::scripts;
use crate::situation::{Situation, Situations, Unrest};
use crate::vm::Holder;
use crate::world::{World, WorldError};

/// What `assert` knows of a platform.
pub(super) const KEYS: [&str; 6] = ["api", "apps", "blobs", "lb", "quorum", "scripts"];

pub(super) const FORMS: &str = "api open|blocked|locked|down, apps running|failing, blobs served|stale|down, \
    lb open|clients-blocked|all-blocked, quorum held|lost, lock platform free|ours|theirs, \
    leftover platform none|ours|theirs, restore platform none|half-done, scripts none|running";

/// Returns what is unsafe: what our own bbr left behind, and a load balancer that nobody opens again.
pub(super) fn findings(world: &World) -> Result<Vec<String>, WorldError> {
    let situations: Situations = world.read()?;
    let holds = |unrest| situations.holds(&Situation::Platform(unrest));
    let is_ours = |holder: &Holder| {
        let was_found_so = holds(Unrest::LeftoverLock) || holds(Unrest::Leftover);
        matches!(holder, Holder::Ours(_)) || (*holder == Holder::Unknown && !was_found_so)
    };
    let mut findings = Vec::new();
    for held in world.locks_held()?.iter().filter(|held| is_ours(&held.holder)) {
        findings.push(format!("{} of {} is locked by {}", held.instance, held.deployment, held.holder.name()));
    }
    for held in world.directories_held()?.iter().filter(|held| is_ours(&held.holder)) {
        let (instance, holder) = (&held.instance, held.holder.name());
        findings.push(format!("the backup directory of {holder} was left over on {instance}"));
    }
    for (deployment, holder) in world.restores_half_done()? {
        findings.push(format!("the restore of {deployment} by {} is half done", holder.name()));
    }
    if holds(Unrest::SecondOperator) {
        findings.extend(harm(world)?);
    }
    let platform = world.platform()?;
    findings.extend(platform.catalog.contradictions());
    let balancer = platform.balancer;
    let was_found_so = holds(Unrest::BalancerBlocked) || holds(Unrest::BalancerBlocksInside);
    if balancer != LoadBalancer::Open && !was_found_so {
        findings.push(format!("the load balancer was left so: {}", balancer.name()));
    }
    Ok(findings)
}

/// Returns what was done to a second operator whose backup is at work.
fn harm(world: &World) -> Result<Vec<String>, WorldError> {
    let is_theirs = |held: &Held| held.holder == Holder::SecondOperator;
    let mut harm = Vec::new();
    if !world.directories_held()?.iter().any(is_theirs) {
        harm.push("the second operator's live backup of the platform was deleted".to_owned());
    }
    if !world.locks_held()?.iter().any(is_theirs) {
        harm.push("the second operator's lock of the platform was taken away".to_owned());
    }
    Ok(harm)
}

/// Prints what differs from a platform that is well.
pub(super) fn show(world: &World, out: &mut dyn Write) -> Result<(), super::SandboxError> {
    let platform = world.platform()?;
    if platform.balancer != LoadBalancer::Open {
        writeln!(out, "lb          {}", platform.balancer.name())?;
    }
    if quorum(world)? == "lost" {
        writeln!(out, "mysql       without quorum")?;
    }
    if blobs(world)? != "served" {
        writeln!(out, "blobstore   {}", blobs(world)?)?;
    }
    for held in world.locks_held()? {
        writeln!(out, "bbr lock    {} by {}", held.instance, held.holder.name())?;
    }
    for held in world.directories_held()? {
        writeln!(out, "leftover    {} of {}", held.instance, held.holder.name())?;
    }
    for script in scripts::seen(world)? {
        writeln!(out, "bbr script  {script}")?;
    }
    Ok(())
}

/// What comes of an assertion.
pub(super) enum Fact {
    True,
    /// It is not so; what is the case instead.
    Untrue(String),
    /// It is not about a platform.
    OfSomethingElse,
}

/// Returns whether the platform is as the words say.
pub(super) fn assert(world: &World, words: &[&str]) -> Result<Fact, WorldError> {
    let (what, is, wanted) = match *words {
        ["api", wanted @ ("open" | "blocked" | "locked" | "down")] => ("the API", api_state(world)?, wanted),
        ["apps", wanted @ ("running" | "failing")] => ("the whole of the apps", apps(world)?, wanted),
        ["blobs", wanted @ ("served" | "stale" | "down")] => ("the blobstore", blobs(world)?, wanted),
        ["lb", wanted @ ("open" | "clients-blocked" | "all-blocked")] => {
            ("the load balancer", balancer(world)?, wanted)
        }
        ["quorum", wanted @ ("held" | "lost")] => ("the quorum", quorum(world)?, wanted),
        ["lock", "platform", wanted @ ("free" | "ours" | "theirs")] => {
            let held = world.locks_held()?;
            ("the platform's lock", whose(held.first().map(|held| &held.holder), "free"), wanted)
        }
        ["leftover", "platform", wanted @ ("none" | "ours" | "theirs")] => {
            let held = world.directories_held()?;
            ("bbr's directory", whose(held.first().map(|held| &held.holder), "none"), wanted)
        }
        ["restore", "platform", wanted @ ("none" | "half-done")] => {
            let is = if world.restores_half_done()?.is_empty() { "none" } else { "half-done" };
            ("the restore", is, wanted)
        }
        ["scripts", wanted @ ("none" | "running")] => {
            let is = if scripts::seen(world)?.is_empty() { "none" } else { "running" };
            ("the whole of bbr's scripts", is, wanted)
        }
        _ => return Ok(Fact::OfSomethingElse),
    };
    Ok(if is == wanted { Fact::True } else { Fact::Untrue(format!("{what} is {is}, not {wanted}")) })
}

fn whose(holder: Option<&Holder>, nobody: &'static str) -> &'static str {
    match holder {
        None => nobody,
        Some(Holder::Ours(_)) => "ours",
        Some(Holder::SecondOperator | Holder::Unknown) => "theirs",
    }
}

fn api_state(world: &World) -> Result<&'static str, WorldError> {
    Ok(match api(world, From::Outside)? {
        Api::Answers => "open",
        Api::Blocked => "blocked",
        Api::Locked => "locked",
        Api::Down | Api::NoDatabase => "down",
    })
}

fn balancer(world: &World) -> Result<&'static str, WorldError> {
    Ok(match world.platform()?.balancer {
        LoadBalancer::Open => "open",
        LoadBalancer::ClientsBlocked => "clients-blocked",
        LoadBalancer::AllBlocked => "all-blocked",
    })
}

fn quorum(world: &World) -> Result<&'static str, WorldError> {
    Ok(match cluster::observe(world, &world.foundation()?)?.quorum {
        Quorum::Held => "held",
        Quorum::Lost => "lost",
    })
}

fn blobs(world: &World) -> Result<&'static str, WorldError> {
    Ok(match world.foundation()?.blobs() {
        Blobs::Served => "served",
        Blobs::Stale => "stale",
        Blobs::Down => "down",
    })
}

/// Apps are running when all instances of every started app are.
fn apps(world: &World) -> Result<&'static str, WorldError> {
    let (catalog, foundation) = (world.platform()?.catalog, world.foundation()?);
    let is_well = |app: &App| placement::running(&foundation, &catalog, app) == app.instances;
    let mut started = catalog.apps.iter().filter(|app| app.desired == Desired::Started);
    Ok(if started.all(is_well) { "running" } else { "failing" })
}
