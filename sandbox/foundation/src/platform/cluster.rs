//! The database cluster under the platform: nodes that agree as long as most of them run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::foundation::{Deployment, Foundation, Instance, InstanceId, JobState, ProcessState};
use crate::world::{World, WorldError};

/// The job of the nodes.
const NODE_JOB: &str = "pxc-mysql";

/// The process that is the database.
pub(crate) const DATABASE: &str = "galera-init";

/// The number of the last transaction in the beginning.
const SEQUENCE: u64 = 48_211;

/// What is remembered of the cluster; the rest is the state of its processes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cluster {
    pub(crate) quorum: Quorum,
    /// The last transaction of each node that has not the usual one.
    sequences: BTreeMap<InstanceId, u64>,
}

/// Whether most nodes agree. Once lost, only a bootstrap brings it back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Quorum {
    #[default]
    Held,
    Lost,
}

/// What a node is to the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Membership {
    Synced,
    /// It runs, and takes no transactions since there is no quorum.
    NonPrimary,
    /// Its database does not run.
    Down,
    /// Its VM does not answer.
    Unreachable,
}

impl Cluster {
    /// Returns the number of a node's last transaction.
    pub(crate) fn sequence(&self, node: &InstanceId) -> u64 {
        self.sequences.get(node).copied().unwrap_or(SEQUENCE)
    }

    /// Leaves the first node ahead of the others, as when they stopped one after another.
    pub(crate) fn diverge(&mut self, foundation: &Foundation) {
        let behind = nodes(foundation).zip([0_u64, 21, 109].into_iter().cycle());
        self.sequences = behind.map(|(node, behind)| (node.id.clone(), SEQUENCE - behind)).collect();
    }

    /// Makes all nodes agree again.
    pub(crate) fn converge(&mut self) {
        self.quorum = Quorum::Held;
        self.sequences.clear();
    }

    pub(crate) fn membership(&self, node: &Instance) -> Membership {
        if !node.answers() {
            Membership::Unreachable
        } else if !runs_database(node) {
            Membership::Down
        } else if self.quorum == Quorum::Lost {
            Membership::NonPrimary
        } else {
            Membership::Synced
        }
    }
}

/// Returns whether an instance is a node.
pub(crate) fn is_node(instance: &Instance) -> bool {
    instance.jobs.iter().any(|job| job == NODE_JOB)
}

/// Returns the nodes of the platform's cluster, by index.
pub(crate) fn nodes(foundation: &Foundation) -> impl Iterator<Item = &Instance> {
    foundation.instances().map(|(_, instance)| instance).filter(|instance| is_node(instance))
}

/// Returns how many nodes a deployment has.
pub(crate) fn node_count(deployment: &Deployment) -> usize {
    deployment.instances.iter().filter(|instance| is_node(instance)).count()
}

fn runs_database(node: &Instance) -> bool {
    node.processes.iter().any(|process| process.name == DATABASE && process.state == ProcessState::Running)
}

/// Returns the cluster as it is by now: quorum is lost when no more than half of the nodes that should run do.
pub(crate) fn observe(world: &World, foundation: &Foundation) -> Result<Cluster, WorldError> {
    let cluster = world.platform()?.cluster;
    let wanted: Vec<&Instance> = nodes(foundation).filter(|node| node.state == JobState::Started).collect();
    let running = wanted.iter().filter(|node| node.answers() && runs_database(node)).count();
    if wanted.is_empty() || running * 2 > wanted.len() || cluster.quorum == Quorum::Lost {
        return Ok(cluster);
    }
    world.change_platform(|platform| {
        platform.cluster.quorum = Quorum::Lost;
        platform.cluster.diverge(foundation);
        platform.cluster.clone()
    })
}

/// Returns whether the database takes transactions. A platform without nodes keeps its database elsewhere.
pub(crate) fn has_database(world: &World, foundation: &Foundation) -> Result<bool, WorldError> {
    let cluster = observe(world, foundation)?;
    let mut nodes = nodes(foundation).peekable();
    Ok(nodes.peek().is_none() || nodes.any(|node| cluster.membership(node) == Membership::Synced))
}

/// Does what the errand `bootstrap` does; the answer is its output, or why it failed.
pub(crate) fn bootstrap(world: &World) -> Result<Result<String, String>, WorldError> {
    let foundation = world.foundation()?;
    let cluster = observe(world, &foundation)?;
    if cluster.quorum == Quorum::Held {
        return Ok(Ok("Cluster is healthy: bootstrap is not required. No bootstrap was performed.\n".into()));
    }
    if let Some(node) = nodes(&foundation).find(|node| !node.answers()) {
        return Ok(Err(format!("Bootstrap failed: cannot reach {}: all nodes must answer\n", node.name())));
    }
    let Some(leader) = nodes(&foundation).max_by_key(|node| (cluster.sequence(&node.id), u32::MAX - node.index)) else {
        return Ok(Err("Bootstrap failed: the deployment has no nodes\n".into()));
    };
    let told = format!("Bootstrapping from {} with sequence number {}\n", leader.name(), cluster.sequence(&leader.id));
    let ids: Vec<InstanceId> = nodes(&foundation).map(|node| node.id.clone()).collect();
    world.change_foundation(|foundation| {
        for id in &ids {
            let mounted = foundation.instances().map(|(_, one)| one).find(|one| one.id == *id).cloned();
            let mounted = mounted.and_then(|node| foundation.mounted_on(&node).map(|disk| disk.cid.clone()));
            for process in foundation.instance_mut(id).map(|node| &mut node.processes).into_iter().flatten() {
                process.start(mounted.clone());
            }
        }
    })?;
    world.change_platform(|platform| platform.cluster.converge())?;
    Ok(Ok(told + "Successfully rejoined the other nodes: bootstrap is complete\n"))
}
