//! The tables of bosh: columns, rows, and both ways of printing them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::director::{Deployment, Director, Instance};
use crate::tasks::{Task, TaskBoard};

use super::flags::{Columns, Scope};

/// A table of text cells.
pub(super) struct Table {
    content: &'static str,
    titles: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    shape: Shape,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Rows,
    /// One row, printed as a column.
    Column,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TableJson {
    content: &'static str,
    header: BTreeMap<String, &'static str>,
    rows: Vec<BTreeMap<String, String>>,
    notes: Option<Vec<String>>,
}

impl Table {
    fn new(content: &'static str, titles: &[&'static str], rows: Vec<Vec<String>>) -> Table {
        Table { content, titles: titles.to_vec(), rows, shape: Shape::Rows }
    }

    /// Returns the table as it is printed without a terminal: padded cells, each followed by a tab.
    pub(super) fn plain(&self) -> String {
        let rows: Vec<Vec<String>> = match self.shape {
            Shape::Rows => self.rows.iter().flat_map(|row| lines_of(row)).collect(),
            Shape::Column => self.rows.iter().flatten().flat_map(|cell| lines_of(std::slice::from_ref(cell))).collect(),
        };
        let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0);
        rows.iter().fold(String::new(), |text, row| {
            let last = row.len() - 1;
            let padded = row.iter().enumerate().map(|(column, cell)| match column {
                _ if column == last => format!("{cell}\t"),
                _ => format!("{cell:<width$}\t", width = width(column)),
            });
            text + &padded.collect::<String>() + "\n"
        })
    }

    pub(super) fn json(self) -> TableJson {
        let keys: Vec<String> = self.titles.iter().map(|title| key(title)).collect();
        let rows = self.rows.into_iter().map(|row| keys.iter().cloned().zip(row).collect()).collect();
        TableJson { content: self.content, header: keys.iter().cloned().zip(self.titles).collect(), rows, notes: None }
    }
}

/// Splits cells of several lines over several rows; an empty cell is a dash.
fn lines_of(row: &[String]) -> Vec<Vec<String>> {
    let cells: Vec<Vec<&str>> =
        row.iter().map(|cell| if cell.is_empty() { vec!["-"] } else { cell.split('\n').collect() }).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    (0..height).map(|line| cells.iter().map(|cell| (*cell.get(line).unwrap_or(&"")).to_owned()).collect()).collect()
}

/// Returns the key of a column: its title in lower snake case.
fn key(title: &str) -> String {
    let snake: String =
        title.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    snake.trim_matches('_').replace("__", "_")
}

pub(super) fn tasks(board: &TaskBoard, scope: Scope) -> Table {
    let mut tasks: Vec<&Task> = match scope {
        Scope::Active => board.active().collect(),
        Scope::Recent(_) => board.tasks.iter().collect(),
    };
    tasks.sort_by_key(|task| std::cmp::Reverse(task.id));
    if let Scope::Recent(count) = scope {
        tasks.truncate(count);
    }
    let titles = ["ID", "State", "Started At", "Finished At", "User", "Deployment", "Description", "Result"];
    Table::new("tasks", &titles, tasks.into_iter().map(task_row).collect())
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
        task.result.clone(),
    ]
}

pub(super) fn locks(board: &TaskBoard) -> Table {
    let rows = board
        .locks
        .iter()
        .map(|lock| vec![lock.kind.clone(), lock.resource.clone(), lock.task_id.clone(), lock.expires_at.clone()]);
    Table::new("locks", &["Type", "Resource", "Task ID", "Expires at"], rows.collect())
}

pub(super) fn deployments(director: &Director) -> Table {
    let rows = director.deployments.iter().map(|deployment| {
        vec![deployment.name.clone(), deployment.releases.join("\n"), deployment.stemcells.join("\n"), String::new()]
    });
    Table::new("deployments", &["Name", "Release(s)", "Stemcell(s)", "Team(s)"], rows.collect())
}

pub(super) fn orphaned_disks(director: &Director) -> Table {
    let rows = director.orphaned_disks.iter().map(|disk| {
        let cells = [&disk.cid, &disk.size, &disk.deployment, &disk.instance, &disk.az, &disk.orphaned_at];
        cells.into_iter().cloned().collect()
    });
    Table::new("disks", &["Disk CID", "Size", "Deployment", "Instance", "AZ", "Orphaned At"], rows.collect())
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
    Table { shape: Shape::Column, ..Table::new("", &["Name", "UUID", "Version", "CPI", "User"], vec![row]) }
}

pub(super) fn vms(deployment: &Deployment) -> Table {
    let titles = ["Instance", "Process State", "AZ", "IPs", "VM CID", "VM Type", "Active", "Stemcell"];
    let rows = deployment.instances.iter().map(|instance| {
        let Instance { name, process_state, az, ip, vm_cid, vm_type, .. } = instance;
        vec![name, process_state, az, ip, vm_cid, vm_type, "true", "-"].into_iter().map(Into::into).collect()
    });
    Table::new("vms", &titles, rows.collect())
}

pub(super) fn instances(deployment: &Deployment, columns: Columns) -> Table {
    match columns {
        Columns::Brief => brief(deployment),
        Columns::Details => details(deployment),
        Columns::Processes => processes(deployment),
    }
}

fn brief(deployment: &Deployment) -> Table {
    let rows = deployment.instances.iter().map(|instance| {
        let Instance { name, process_state, az, ip, .. } = instance;
        [name, process_state, az, ip, &deployment.name].into_iter().cloned().collect()
    });
    Table::new("instances", &["Instance", "Process State", "AZ", "IPs", "Deployment"], rows.collect())
}

fn processes(deployment: &Deployment) -> Table {
    let titles = ["Instance", "Process", "Process State", "AZ", "IPs", "Deployment"];
    let mut rows = Vec::new();
    for Instance { name, process_state, az, ip, processes, .. } in &deployment.instances {
        rows.push([name, "", process_state, az, ip, &deployment.name].map(str::to_owned).to_vec());
        rows.extend(
            processes.iter().map(|process| [name, process, process_state, "", "", ""].map(str::to_owned).to_vec()),
        );
    }
    Table::new("instances", &titles, rows)
}

const DETAILS: [&str; 13] = [
    "Instance",
    "Process State",
    "AZ",
    "IPs",
    "Deployment",
    "State",
    "VM CID",
    "VM Type",
    "Disk CIDs",
    "Agent ID",
    "Index",
    "Bootstrap",
    "Ignore",
];

fn details(deployment: &Deployment) -> Table {
    let rows = deployment.instances.iter().map(|instance| details_row(instance, &deployment.name));
    Table::new("instances", &DETAILS, rows.collect())
}

fn details_row(instance: &Instance, deployment: &str) -> Vec<String> {
    let agent = instance.vm_cid.replacen("vm-", "ag-", 1);
    let (index, bootstrap) = (instance.index.to_string(), (instance.index == 0).to_string());
    [
        &instance.name,
        &instance.process_state,
        &instance.az,
        &instance.ip,
        deployment,
        "started",
        &instance.vm_cid,
        &instance.vm_type,
        &instance.disk_cid,
        &agent,
        &index,
        &bootstrap,
        "false",
    ]
    .map(str::to_owned)
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_the_titles_in_snake_case() {
        let keys: Vec<String> = ["Release(s)", "VM CID", "Expires at", "ID"].iter().map(|title| key(title)).collect();
        assert_eq!(keys, ["release_s", "vm_cid", "expires_at", "id"]);
    }

    #[test]
    fn plain_rows_are_padded_and_end_in_tabs() {
        let rows =
            vec![vec!["3".into(), "missing_disk".into(), "a".into()], vec!["14".into(), String::new(), "b\nc".into()]];
        let table = Table::new("problems", &["#", "Type", "Description"], rows);
        assert_eq!(table.plain(), "3 \tmissing_disk\ta\t\n14\t-           \tb\t\n  \t            \tc\t\n");
    }
}
