//! `ps` and `pgrep`: what runs on a VM, and nothing of the machine that it is on.

mod options;
mod pgrep;

use crate::clock::Moment;
use crate::foundation::ProcessState;
use crate::scripts::{Script, Scripts};
use crate::world::WorldError;
use crate::{err, out};

use super::{Inside, SCRIPT_VARIABLE, User, script};
use options::{Column, Field, Listing, Selection};
pub(super) use pgrep::pgrep;

/// For how long a VM is up, as its monit says: 12d 3h 4m.
const UPTIME: i64 = ((12 * 24 + 3) * 60 + 4) * 60;

/// What runs on every VM since it was started: process id and command.
const SYSTEM: [(u32, &str); 4] = [
    (1, "/sbin/init"),
    (SSHD, "/usr/sbin/sshd -D"),
    (731, "/var/vcap/bosh/bin/bosh-agent -P ubuntu -C /var/vcap/bosh/agent.json"),
    (802, "/var/vcap/bosh/bin/monit -I -c /var/vcap/bosh/etc/monitrc"),
];

/// The first process id of those that monit watches.
const WATCHED: u32 = 1100;

/// The process id of the server of SSH, which starts what comes from outside.
const SSHD: u32 = 612;

/// The process id of a session's shell.
const SHELL: u32 = 20_411;

/// The process id of the program that looks.
const LOOKING: u32 = SHELL + 1;

/// A row of `ps`.
#[derive(Debug, Clone)]
struct Row {
    pid: u32,
    parent: u32,
    user: String,
    args: String,
    name: String,
    seconds: i64,
}

/// `ps [OPTION]...`: exits 1 if nothing is selected, or if it does not know an option.
pub(super) fn run(inside: &Inside, args: &[String]) -> Result<u8, WorldError> {
    let listing = match options::parse(args) {
        Ok(listing) => listing,
        Err(refusal) => {
            err(&refusal);
            return Ok(1);
        }
    };
    let mut rows = rows(inside, "ps")?;
    rows.retain(|row| is_selected(row, &listing.selection));
    out(&table(&listing, &rows, Moment::now()));
    Ok(u8::from(rows.is_empty()))
}

/// Returns everything that runs; `looking` is the program that asks.
fn rows(inside: &Inside, looking: &str) -> Result<Vec<Row>, WorldError> {
    let root = inside.root.display().to_string();
    let row = |pid, parent, user: &str, args: &str, seconds| {
        // Scripts name the paths of the tree, so these must be found by them.
        let inside = |word: &str| if word.starts_with('/') { format!("{root}{word}") } else { word.to_owned() };
        let words: Vec<String> = args.split(' ').map(inside).collect();
        Row { pid, parent, user: user.into(), name: name_of(args), args: words.join(" "), seconds }
    };
    let mut rows: Vec<Row> =
        SYSTEM.iter().map(|(pid, args)| row(*pid, u32::from(*pid > 1), User::ROOT, args, UPTIME)).collect();
    for (pid, process) in (WATCHED..).step_by(7).zip(&inside.instance.processes) {
        if process.state == ProcessState::Running {
            let name = &process.name;
            rows.push(row(pid, 1, "vcap", &format!("/var/vcap/packages/{name}/bin/{name}"), UPTIME));
        }
    }
    let text = std::env::var(SCRIPT_VARIABLE).unwrap_or_default();
    let shell = script::mapped(&text, &inside.root).replace(char::is_control, "?");
    let user = &inside.user.0;
    rows.push(Row { args: format!("bash -c {shell}"), ..row(SHELL, SSHD, user, "bash", 0) });
    rows.push(row(LOOKING, SHELL, user, looking, 0));
    let now = Moment::now();
    for script in inside.world.read::<Scripts>()?.on(&inside.instance) {
        rows.extend(of_bbr(script).map(|(pid, parent, args, name)| {
            let seconds = now.seconds() - script.since().seconds();
            Row { name: name_of(name), ..row(pid, parent, User::ROOT, &args, seconds) }
        }));
    }
    Ok(rows)
}

/// Returns a script of bbr and the `sudo` that waits for it: process id, that of the parent, arguments, and name.
fn of_bbr(script: &Script) -> [(u32, u32, String, &'static str); 2] {
    let (pid, path) = (script.pid, script.path());
    let sudo = format!("sudo {}{path}", script.variables());
    [(pid - 1, SSHD, sudo, "sudo"), (pid, pid - 1, format!("/bin/bash {path}"), script.kind.name())]
}

/// Returns the name of a program, as the kernel cuts it.
fn name_of(args: &str) -> String {
    let program = args.split(' ').next().unwrap_or_default();
    let name = program.rsplit('/').next().unwrap_or_default();
    if name == "init" { "systemd".into() } else { name.chars().take(15).collect() }
}

fn is_selected(row: &Row, selection: &Selection) -> bool {
    match selection {
        Selection::Session => row.pid >= SHELL,
        Selection::All => true,
        Selection::Pids(pids) => pids.contains(&row.pid),
        Selection::Names(names) => names.contains(&row.name),
        Selection::Users(users) => users.contains(&row.user),
    }
}

fn table(listing: &Listing, rows: &[Row], now: Moment) -> String {
    let mut lines: Vec<Vec<String>> = Vec::new();
    if listing.has_titles() {
        lines.push(listing.columns.iter().map(|column| column.title.clone()).collect());
    }
    lines.extend(rows.iter().map(|row| listing.columns.iter().map(|column| cell(row, column.field, now)).collect()));
    let width = |index: usize| lines.iter().map(|line| line[index].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..listing.columns.len()).map(width).collect();
    lines.iter().map(|line| print(line, &listing.columns, &widths)).collect()
}

fn print(line: &[String], columns: &[Column], widths: &[usize]) -> String {
    let padded = |((text, column), width): ((&String, &Column), &usize)| {
        if column.field.is_number() { format!("{text:>width$}") } else { format!("{text:<width$}") }
    };
    let cells: Vec<String> = line.iter().zip(columns).zip(widths).map(padded).collect();
    format!("{}\n", cells.join(" ").trim_end())
}

fn cell(row: &Row, field: Field, now: Moment) -> String {
    match field {
        Field::Pid => row.pid.to_string(),
        Field::Ppid => row.parent.to_string(),
        Field::User => row.user.clone(),
        Field::Args => row.args.clone(),
        Field::Comm => row.name.clone(),
        Field::Etime => elapsed(row.seconds),
        Field::Etimes => row.seconds.to_string(),
        Field::Stat => if row.name == "ps" { "R" } else { "S" }.to_owned(),
        Field::Start => now.later(-row.seconds).format(if row.seconds < 86_400 { "%H:%M" } else { "%b%d" }),
        Field::Tty => "?".to_owned(),
        Field::Time => "00:00:00".to_owned(),
        Field::Share => "0".to_owned(),
    }
}

/// Returns a time as `[[DD-]HH:]MM:SS`.
fn elapsed(seconds: i64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let short = format!("{minutes:02}:{:02}", seconds % 60);
    match (days, hours) {
        (0, 0) => short,
        (0, _) => format!("{hours:02}:{short}"),
        _ => format!("{days}-{hours:02}:{short}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_long_as_they_must_be() {
        assert_eq!([0, 61, 3_600, UPTIME].map(elapsed), ["00:00", "01:01", "01:00:00", "12-03:04:00"]);
    }
}
