//! What the commands that only look print.

use std::cmp::Reverse;

use crate::director::Director;
use crate::foundation::{Deployment, Foundation, Instance, Layout, Problem};
use crate::tasks::{Lock, Task, TaskBoard, TaskState};

use super::flags::Invocation;
use super::table::Table;

/// The director in front of which the clients were recorded shows every task.
pub(super) fn tasks(board: &TaskBoard, layout: Layout, invocation: &Invocation) -> Table {
    let is_wanted = |task: &&Task| invocation.deployment.is_empty() || task.deployment == invocation.deployment;
    let is_recent = invocation.has("recent");
    let is_shown = |task: &&Task| {
        let shows_all = invocation.has("all") || layout == Layout::Laboratory;
        if is_recent { shows_all || is_of_note(task) } else { task.state.is_active() }
    };
    let mut tasks: Vec<&Task> = board.tasks.iter().filter(is_shown).filter(is_wanted).collect();
    tasks.sort_by_key(|task| Reverse(task.id));
    if let Some(count) = invocation.value("recent") {
        tasks.truncate(count.parse().unwrap_or(30));
    }
    let titles = ["ID", "State", "Started At", "Finished At", "User", "Deployment", "Description", "Result"];
    Table::new("tasks", &titles, tasks.into_iter().map(task_row).collect())
}

/// Returns whether a task is among the recent ones without `--all`: scans, looks and logins are not.
fn is_of_note(task: &Task) -> bool {
    const KINDS: [&str; 9] = [
        "attach disk",
        "create deployment",
        "create stemcell",
        "delete deployment",
        "recreate instances",
        "restart instances",
        "run errand",
        "started instances",
        "stopped instances",
    ];
    KINDS.iter().any(|kind| task.description.starts_with(kind))
}

fn task_row(task: &Task) -> Vec<String> {
    vec![
        task.id.to_string(),
        task.state.name().into(),
        task.started_at.clone(),
        task.finished_at.clone().unwrap_or_else(|| "-".into()),
        task.user.clone(),
        task.deployment.clone(),
        task.description.clone(),
        if task.state.is_active() { String::new() } else { task.result.clone() },
    ]
}

/// What the director's tasks did, newest first: their beginnings and ends.
pub(super) fn events(board: &TaskBoard, invocation: &Invocation) -> Table {
    let wants = |flag: &str, text: &str| invocation.value(flag).is_none_or(|wanted| wanted == text);
    let is_wanted = |task: &&Task| {
        wants("task", &task.id.to_string())
            && wants("object-type", "deployment")
            && wants("object-name", &task.deployment)
            && wants("event-user", &task.user)
            && wants("action", &task.description)
            && (invocation.deployment.is_empty() || task.deployment == invocation.deployment)
    };
    let mut rows = Vec::new();
    for task in board.tasks.iter().filter(is_wanted) {
        let failed = if task.state == TaskState::Error { "the task has failed" } else { "" };
        let ends = [(Some(&task.started_at), ""), (task.finished_at.as_ref(), failed)];
        for (at, error) in ends.into_iter().filter_map(|(at, error)| Some((at?, error))) {
            let id = (rows.len() + 1).to_string();
            let cells = [&id, at, &task.user, &task.description, "deployment", &task.deployment, &task.id.to_string()];
            let rest = [&task.deployment, "", "", error];
            rows.push(cells.into_iter().chain(rest).map(str::to_owned).collect());
        }
    }
    rows.reverse();
    Table::new("events", &EVENTS, rows)
}

const EVENTS: [&str; 11] = [
    "ID",
    "Time",
    "User",
    "Action",
    "Object Type",
    "Object Name",
    "Task ID",
    "Deployment",
    "Instance",
    "Context",
    "Error",
];

pub(super) fn locks(board: &TaskBoard) -> Table {
    let mut locks: Vec<&Lock> = board.locks.iter().collect();
    locks.sort_by_key(|lock| &lock.task_id);
    let rows = locks
        .into_iter()
        .map(|lock| vec![lock.kind.clone(), lock.resource.clone(), lock.task_id.clone(), lock.expires_at.clone()]);
    Table::new("locks", &["Type", "Resource", "Task ID", "Expires at"], rows.collect())
}

pub(super) fn deployments(foundation: &Foundation) -> Table {
    let rows = foundation.deployments.iter().map(|deployment| {
        vec![deployment.name.clone(), deployment.releases.join("\n"), deployment.stemcells.join("\n"), String::new()]
    });
    Table::new("deployments", &["Name", "Release(s)", "Stemcell(s)", "Team(s)"], rows.collect())
}

pub(super) fn deployment(deployment: &Deployment) -> Table {
    let configs = "1 cloud/default\n3 runtime/default".to_owned();
    let (releases, stemcells) = (deployment.releases.join("\n"), deployment.stemcells.join("\n"));
    let row = vec![deployment.name.clone(), releases, stemcells, configs, String::new()];
    Table::new("deployments", &["Name", "Release(s)", "Stemcell(s)", "Config(s)", "Team(s)"], vec![row])
}

pub(super) fn orphaned_disks(foundation: &Foundation) -> Table {
    let mut orphans: Vec<_> = foundation.disks.iter().filter_map(|disk| Some((disk, disk.orphan()?))).collect();
    orphans.sort_by_key(|(_, orphan)| Reverse(orphan.since()));
    let rows = orphans.into_iter().map(|(disk, orphan)| {
        let (cid, size) = (disk.cid.to_string(), size(disk.size_mb));
        let [deployment, instance, az] = [&orphan.deployment, &orphan.instance, &orphan.az].map(Clone::clone);
        let at = orphan.since().unix_date();
        vec![cid, size, deployment, instance, az, at]
    });
    Table::new("disks", &["Disk CID", "Size", "Deployment", "Instance", "AZ", "Orphaned At"], rows.collect())
}

/// Returns a size as the client prints it.
fn size(mb: u64) -> String {
    const UNITS: [&str; 4] = ["MiB", "GiB", "TiB", "PiB"];
    let (mut tenths, mut unit) = (mb.saturating_mul(10), 0);
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths = (tenths + 512) / 1024;
        unit += 1;
    }
    if tenths < 100 {
        format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
    } else {
        format!("{} {}", (tenths + 5) / 10, UNITS[unit])
    }
}

pub(super) fn info(director: &Director, user: &str) -> Table {
    let user = if user.is_empty() { "(not logged in)" } else { user };
    let row = vec![
        director.name.clone(),
        director.uuid.clone(),
        director.version.clone(),
        director.cpi.clone(),
        user.to_owned(),
    ];
    Table::new("", &["Name", "UUID", "Version", "CPI", "User"], vec![row]).transposed()
}

pub(super) fn problems(problems: &[Problem]) -> Table {
    let rows = problems
        .iter()
        .map(|problem| vec![problem.id.to_string(), problem.kind.name().to_owned(), problem.description.clone()]);
    Table::new("problems", &["#", "Type", "Description"], rows.collect())
}

pub(super) fn errands(deployment: &Deployment) -> Table {
    let mut names = deployment.errands.clone();
    names.sort();
    Table::new("errands", &["Name"], names.into_iter().map(|name| vec![name]).collect())
}

pub(super) fn configs(foundation: &Foundation, invocation: &Invocation) -> Table {
    const CONFIGS: [(&str, &str, &str); 3] =
        [("1", "cloud", "default"), ("2", "cpi", "default"), ("3", "runtime", "default")];
    let is_wanted = |flag: &str, text: &str| invocation.value(flag).is_none_or(|wanted| wanted == text);
    let shown = CONFIGS.iter().filter(|(_, kind, name)| is_wanted("type", kind) && is_wanted("name", name));
    let shown = shown.filter(|_| !foundation.deployments.is_empty());
    let row = |(id, kind, name): &(&str, &str, &str)| {
        vec![
            format!("{id}*"),
            (*kind).to_owned(),
            (*name).to_owned(),
            String::new(),
            "2026-11-02 01:20:31 UTC".to_owned(),
        ]
    };
    Table::new("configs", &["ID", "Type", "Name", "Team", "Created At"], shown.map(row).collect()).noted(&[
        "(*) Currently active",
        "Only showing active configs. To see older versions use the --recent=10 option.",
    ])
}

pub(super) fn stemcells(foundation: &Foundation) -> Table {
    let mut known: Vec<&String> = foundation.deployments.iter().flat_map(|deployment| &deployment.stemcells).collect();
    known.sort();
    known.dedup();
    let row = |stemcell: &&String| {
        let (name, version) = stemcell.split_once('/').unwrap_or((stemcell, ""));
        let cid = format!("sc-{}", crate::foundation::uuid(stemcell));
        vec![name.to_owned(), format!("{version}*"), "ubuntu-jammy".to_owned(), String::new(), cid]
    };
    let titles = ["Name", "Version", "OS", "CPI", "CID"];
    Table::new("stemcells", &titles, known.iter().map(row).collect()).noted(&["(*) Currently deployed"])
}

pub(super) fn releases(foundation: &Foundation) -> Table {
    let mut known: Vec<&String> = foundation.deployments.iter().flat_map(|deployment| &deployment.releases).collect();
    known.sort();
    known.dedup();
    let row = |release: &&String| {
        let (name, version) = release.split_once('/').unwrap_or((release, ""));
        vec![name.to_owned(), format!("{version}*"), crate::foundation::uuid(release)[..7].to_owned()]
    };
    Table::new("releases", &["Name", "Version", "Commit Hash"], known.iter().map(row).collect())
        .noted(&["(*) Currently deployed", "(+) Uncommitted changes"])
}

const VITALS: [&str; 12] = [
    "VM Created At",
    "Uptime",
    "Load\n(1m, 5m, 15m)",
    "CPU\nTotal",
    "CPU\nUser",
    "CPU\nSys",
    "CPU\nWait",
    "Memory\nUsage",
    "Swap\nUsage",
    "System\nDisk Usage",
    "Ephemeral\nDisk Usage",
    "Persistent\nDisk Usage",
];

pub(super) fn vms(foundation: &Foundation, deployment: &Deployment, invocation: &Invocation) -> Table {
    let mut titles = vec!["Instance", "Process State", "AZ", "IPs", "VM CID", "VM Type", "Active", "Stemcell"];
    titles.extend(vitals_titles(invocation));
    let rows = sorted(deployment).into_iter().filter_map(|instance| {
        let vm = instance.vm.as_ref()?;
        let cells = [
            &instance.name(),
            instance.process_state(),
            &instance.az,
            &instance.ip,
            &vm.cid.0,
            &instance.vm_type,
            "true",
            "-",
        ];
        let mut row: Vec<String> = cells.map(str::to_owned).to_vec();
        row.extend(vitals_of(foundation, instance, invocation));
        Some(row)
    });
    Table::new("vms", &titles, rows.collect())
}

const DETAILS: [&str; 8] = ["State", "VM CID", "VM Type", "Disk CIDs", "Agent ID", "Index", "Bootstrap", "Ignore"];

pub(super) fn instances(foundation: &Foundation, deployment: &Deployment, invocation: &Invocation) -> Table {
    let mut titles = vec!["Instance", "Process State", "AZ", "IPs", "Deployment"];
    if invocation.has("ps") {
        titles.insert(1, "Process");
    }
    if invocation.has("details") {
        titles.extend(DETAILS);
    }
    titles.extend(vitals_titles(invocation));
    let is_shown = |state: &str| !invocation.has("failing") || state != "running";
    let shown = sorted(deployment).into_iter().filter(|instance| is_shown(instance.process_state()));
    let mut rows = Vec::new();
    for instance in shown {
        let mut row = instance_row(instance, &deployment.name, invocation);
        row.extend(vitals_of(foundation, instance, invocation));
        rows.push(row);
        rows.extend(process_rows(instance, titles.len(), invocation, is_shown));
    }
    Table::new("instances", &titles, rows)
}

fn instance_row(instance: &Instance, deployment: &str, invocation: &Invocation) -> Vec<String> {
    let cells = [instance.process_state(), &instance.az, &instance.ip, deployment];
    let mut row = vec![instance.name()];
    if invocation.has("ps") {
        row.push(String::new());
    }
    row.extend(cells.map(str::to_owned));
    if invocation.has("details") {
        row.extend(details_of(instance));
    }
    row
}

fn details_of(instance: &Instance) -> Vec<String> {
    let vm = instance.vm.as_ref();
    let text = |cell: Option<&String>| cell.cloned().unwrap_or_default();
    vec![
        instance.state.name().to_owned(),
        text(vm.map(|vm| &vm.cid.0)),
        instance.vm_type.clone(),
        text(instance.disk.as_ref().map(|disk| &disk.0)),
        text(vm.map(|vm| &vm.agent_id)),
        instance.index.to_string(),
        (instance.index == 0).to_string(),
        instance.is_ignored.to_string(),
    ]
}

/// An agent that does not answer says nothing of its processes.
fn process_rows(
    instance: &Instance,
    width: usize,
    invocation: &Invocation,
    is_shown: impl Fn(&str) -> bool,
) -> Vec<Vec<String>> {
    if !invocation.has("ps") || !instance.answers() {
        return Vec::new();
    }
    let mut processes: Vec<_> = instance.processes.iter().collect();
    processes.sort_by_key(|process| &process.name);
    let shown = processes.into_iter().filter(|process| is_shown(process.state.name()));
    let row = |(name, state): (&str, &str)| {
        let mut row = vec![instance.name(), name.to_owned(), state.to_owned()];
        row.resize(width, String::new());
        row
    };
    shown.map(|process| row((&process.name, process.state.name()))).collect()
}

fn vitals_titles(invocation: &Invocation) -> Vec<&'static str> {
    if invocation.has("vitals") { VITALS.to_vec() } else { Vec::new() }
}

/// The agent that answers tells of its VM; how full the persistent disk is follows from the world.
fn vitals_of(foundation: &Foundation, instance: &Instance, invocation: &Invocation) -> Vec<String> {
    if !invocation.has("vitals") {
        return Vec::new();
    }
    if !instance.answers() {
        return vec![String::new(); VITALS.len()];
    }
    let disk = foundation.mounted_on(instance);
    let persistent = disk.map_or("", |disk| if disk.is_full { "100% (3i%)" } else { "41% (2i%)" });
    [
        "Mon Nov  2 01:12:09 UTC 2026",
        "63d 0h 41m 12s",
        "0.11, 0.09, 0.08",
        "",
        "2.1%",
        "1.0%",
        "0.1%",
        "38% (3.0 GB)",
        "0% (0 B)",
        "44% (34i%)",
        "12% (3i%)",
        persistent,
    ]
    .map(str::to_owned)
    .to_vec()
}

fn sorted(deployment: &Deployment) -> Vec<&Instance> {
    let mut instances: Vec<&Instance> = deployment.instances.iter().collect();
    instances.sort_by_key(|instance| instance.name());
    instances
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_printed_as_the_client_does() {
        assert_eq!(
            [1, 512, 1024, 1536, 10_240, 102_400].map(size),
            ["1.0 MiB", "512 MiB", "1.0 GiB", "1.5 GiB", "10 GiB", "100 GiB"]
        );
    }
}
