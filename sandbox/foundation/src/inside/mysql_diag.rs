//! `mysql-diag`: what each node of the database cluster says of itself.

use crate::fault::FaultPoint;
use crate::out;
use crate::pace::{Pace, Phase};
use crate::platform::cluster::{self, Cluster, Membership, Quorum};
use crate::world::WorldError;

use super::Inside;

/// The job that brings the program along.
const JOB: &str = "mysql-diag";

const BOOTSTRAP: &str = "[CRITICAL] The replication process is unhealthy. Writes are disabled.
[CRITICAL] You must bootstrap the cluster: run the errand bootstrap.
";

/// Runs `mysql-diag`, which exits 0 whatever it finds.
pub(super) fn run(inside: &Inside, _args: &[String]) -> Result<u8, WorldError> {
    if !inside.instance.jobs.iter().any(|job| job == JOB) {
        crate::err("mysql-diag: command not found\n");
        return Ok(127);
    }
    Pace::of(&inside.world)?.pass(Phase::MYSQL_DIAG);
    if let Some(fault) = inside.world.strike(FaultPoint::MYSQL_DIAG)? {
        crate::err(&format!("{}\n", fault.said("mysql-diag.run")));
        return Ok(fault.exit);
    }
    let cluster = cluster::observe(&inside.world, &inside.foundation)?;
    for node in cluster::nodes(&inside.foundation) {
        out(&format!("Checking cluster status of {} at {}... {}\n", node.name(), node.ip, reached(&cluster, node)));
    }
    out(&table(inside, &cluster));
    let is_whole = cluster::nodes(&inside.foundation).all(|node| cluster.membership(node) == Membership::Synced);
    match (cluster.quorum, is_whole) {
        (Quorum::Lost, _) => out(BOOTSTRAP),
        (Quorum::Held, false) => out("[WARNING] At least one node is not part of the cluster.\n"),
        (Quorum::Held, true) => {}
    }
    Ok(0)
}

fn reached(cluster: &Cluster, node: &crate::foundation::Instance) -> &'static str {
    match cluster.membership(node) {
        Membership::Synced | Membership::NonPrimary => "done",
        Membership::Down => "dial tcp: connection refused",
        Membership::Unreachable => "dial tcp: i/o timeout",
    }
}

fn table(inside: &Inside, cluster: &Cluster) -> String {
    let titles = ["INSTANCE", "STATE", "CLUSTER STATUS", "SEQNO", "PERSISTENT DISK USED"];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    for node in cluster::nodes(&inside.foundation) {
        let (state, status) = match cluster.membership(node) {
            Membership::Synced => ("Synced", "Primary"),
            Membership::NonPrimary => ("Initialized", "non-Primary"),
            Membership::Down | Membership::Unreachable => ("N/A - ERROR", "N/A - ERROR"),
        };
        let is_full = inside.foundation.mounted_on(node).is_some_and(|disk| disk.is_full);
        let used = if is_full { "100%" } else { "12%" };
        let sequence = cluster.sequence(&node.id).to_string();
        rows.push(vec![node.name(), state.into(), status.into(), sequence, used.into()]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let rule = (0..titles.len()).map(|column| "-".repeat(width(column) + 2)).collect::<Vec<_>>().join("+");
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(column, cell)| format!(" {cell:<width$} ", width = width(column)));
        format!("|{}|\n", cells.collect::<Vec<_>>().join("|"))
    };
    let body: String = rows[1..].iter().map(line).collect();
    format!("+{rule}+\n{}+{rule}+\n{body}+{rule}+\n", line(&rows[0]))
}
