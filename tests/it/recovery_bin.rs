//! The programs in `playbooks/bin` that recoveries use, under dash, on what the real clients print.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::playbooks::root;

/// What a program came to: its exit code and what it printed.
type Ran = (i32, String);

/// Runs a program of `playbooks/bin` in an empty folder.
fn run(program: &str, args: &[&str], stdin: &str) -> Ran {
    let scratch = tempfile::tempdir().unwrap();
    fs::write(scratch.path().join("stdin"), stdin).unwrap();
    let bin = root().join("playbooks/bin");
    let mut command = Command::new("dash");
    command.arg(bin.join(program)).args(args).env("TMPDIR", scratch.path()).current_dir(scratch.path());
    command.env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()));
    command.stdin(fs::File::open(scratch.path().join("stdin")).unwrap());
    let output = command.output().unwrap();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A client that prints and exits as in a transcript below the fixtures, whatever it is asked.
struct Client {
    dir: TempDir,
}

impl Client {
    fn of(transcript: &str) -> Client {
        let dir = tempfile::tempdir().unwrap();
        let from = root().join("tests/fixtures").join(transcript).display().to_string();
        let script = format!(
            "#!/bin/sh\ncat '{from}.out'\n[ ! -e '{from}.err' ] || cat '{from}.err' >&2\n[ ! -e '{from}.rc' ] || exit $(cat '{from}.rc')\n"
        );
        fs::write(dir.path().join("client"), script).unwrap();
        Client { dir }
    }

    fn saying(text: &str) -> Client {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("client"), format!("cat <<'END'\n{text}\nEND\n")).unwrap();
        Client { dir }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("client")
    }

    /// Runs a program with some arguments and this client behind them.
    fn behind(&self, program: &str, args: &[&str]) -> Ran {
        let client = self.path().display().to_string();
        run(program, &[args, &["sh", &client]].concat(), "")
    }
}

const REAL: &str = "missing_disk Disk 'disk-n1' (nfs_server/8d2c, 102400M) is missing
unresponsive_agent VM for 'isolated_diego_cell/9f (0)' with cloud ID 'vm-9f' is not responding.\n";

#[test]
fn problems_are_read_as_the_real_bosh_prints_them() {
    for (transcript, answer) in [
        ("clients/bosh/cck-report", (0, REAL.to_owned())),
        ("clients/bosh/cck-clean", (0, "none\n".to_owned())),
        ("clients/bosh/noauth", (3, String::new())),
        ("clients/bosh/wrongdep", (3, String::new())),
        ("clients/bosh/cck-interactive-nostdin", (3, String::new())),
    ] {
        assert_eq!(Client::of(transcript).behind("problems-of", &[]), answer, "{transcript}");
    }
}

#[test]
fn a_problem_of_several_lines_is_one_line() {
    let said = "3\tmount_info_mismatch\tInconsistent mount information:\t\n \t                   \tRecord shows that disk 'disk-1' should be mounted on vm-1.\t\n \t                   \t\tNot mounted in any VM\t\n";
    let (code, out) = Client::saying(said).behind("problems-of", &[]);
    assert_eq!(code, 0);
    assert_eq!(
        out,
        "mount_info_mismatch Inconsistent mount information: Record shows that disk 'disk-1' should be mounted on vm-1. Not mounted in any VM\n"
    );
}

#[test]
fn the_same_problems_are_the_same() {
    let same = |reviewed: &str| Client::of("clients/bosh/cck-report").behind("same-problems", &[reviewed]).0;
    assert_eq!(same(REAL.trim()), 0);
    assert_eq!(same("none"), 1);
    assert_eq!(same(REAL.lines().next().unwrap()), 1);
    assert_eq!(Client::of("clients/bosh/noauth").behind("same-problems", &["none"]).0, 3);
}

const LOST: &str = "missing_disk Disk 'disk-1' (nfs_server/1, 102400M) is missing";
const DETACHED: &str = "mount_info_mismatch Record shows that disk 'disk-1' should be mounted on vm-1.";
const OTHER: &str = "missing_disk Disk 'disk-2' (mysql/2, 102400M) is missing";

#[test]
fn a_route_fits_what_was_found_or_does_not() {
    for (route, disk, problems, orphans, wanted, code) in [
        ("single-instance", "disk-1", LOST, "", "none", 0),
        ("single-instance", "none", "none", "", "none", 0),
        ("single-instance", "disk-1", "none", "", "none", 1),
        ("single-instance", "disk-1", DETACHED, "", "none", 1),
        ("single-instance", "disk-1", &format!("{LOST}\n{OTHER}"), "", "none", 1),
        ("single-instance", "none", OTHER, "", "none", 1),
        ("recreate-persistent-disks", "disk-1", LOST, "", "none", 0),
        ("recreate-persistent-disks", "disk-1", OTHER, "", "none", 1),
        ("re-attach", "disk-1", DETACHED, "", "none", 0),
        ("re-attach", "disk-1", LOST, "", "none", 1),
        ("re-attach", "disk-1", "none", "", "none", 1),
        ("re-attach", "none", "none", "", "none", 1),
        ("re-attach", "disk-2", &format!("{DETACHED}\n{}", DETACHED.replace("disk-1", "disk-2")), "", "none", 1),
        ("re-attach", "none", "none", "disk-1\ndisk-3", "disk-3", 0),
        ("re-attach", "none", "none", "disk-1", "disk-3", 1),
        ("re-attach", "none", "none", "disk-33", "disk-3", 1),
        ("restore-only", "disk-1", "none", "", "none", 0),
        ("restore-only", "disk-1", OTHER, "", "none", 0),
        ("restore-only", "disk-1", LOST, "", "none", 1),
        ("restore-only", "disk-1", DETACHED, "", "none", 1),
        ("restore-only", "none", "none", "", "none", 1),
    ] {
        let ran = run("route-fits", &[route, disk, problems, orphans, wanted], "");
        assert_eq!(ran.0, code, "{route} {disk} {problems} {orphans} {wanted}: {ran:?}");
    }
}

#[test]
fn an_artifact_is_one_of_the_deployment() {
    let scratch = tempfile::tempdir().unwrap();
    let place = |name: &str, metadata: &str, tar: &str| {
        let dir = scratch.path().join(name);
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("metadata"), metadata).unwrap();
        fs::write(dir.join("nfs_server-0-blobstore.tar"), tar).unwrap();
        run("artifact-for", &[&dir.display().to_string(), "cf", "nfs_server-0-blobstore.tar"], "").0
    };
    let real = |transcript: &str| {
        let path = root().join(format!("tests/fixtures/clients/{transcript}/artifact-metadata.yml"));
        fs::read_to_string(path).unwrap()
    };
    assert_eq!(place("cf_20261122T010000Z", &real("bbr-deployment/backup"), "blobs"), 0);
    assert_eq!(place("cf-2_20261122T010000Z", &real("bbr-deployment/backup"), "blobs"), 1);
    assert_eq!(place("cf_20261122T020000Z", &real("bbr-deployment/backup"), ""), 1);
    assert_eq!(place("cf_20261122T030000Z", &real("bbr-director/5x-kill"), "blobs"), 1);
    assert_eq!(place("cf_20261122T040000Z", &real("bbr-director/11-backup-fail"), "blobs"), 1);
    assert_eq!(run("artifact-for", &["-", "cf", "x"], "").0, 0);
    assert_eq!(run("artifact-for", &["/nowhere/cf_1", "cf", "x"], "").0, 1);
}

#[test]
fn disks_are_read_in_the_order_of_the_table() {
    let table = "mysql/1                 \trunning \tdisk-2\t\nnfs_server/1\tfailing\tdisk-1\t\nrouter/1\trunning\t-\t\nuaa/1\trunning\t\t";
    let client = Client::saying(table);
    assert_eq!(client.behind("disks-of", &["nfs_server"]).1, "nfs_server/1 disk-1 failing\n");
    assert_eq!(client.behind("disks-of", &["-"]).1, "mysql/1 disk-2 running\nnfs_server/1 disk-1 failing\n");
    assert_eq!(Client::of("clients/bosh/noauth").behind("disks-of", &["-"]).0, 3);
}

#[test]
fn a_disk_is_new_if_it_was_not_there_and_its_instance_runs() {
    let now = Client::saying("mysql/1\trunning\tdisk-2\t\nnfs_server/1\trunning\tdisk-9\t");
    let new = |group: &str, old: &str| now.behind("new-disks", &[group, old]).0;
    assert_eq!(new("nfs_server", "nfs_server/1 disk-1 running"), 0);
    assert_eq!(new("nfs_server", "mysql/1 disk-2 running"), 0);
    assert_eq!(new("nfs_server", "nfs_server/1 disk-9 running"), 1);
    assert_eq!(new("-", "nfs_server/1 disk-1 running\nmysql/1 disk-2 running"), 1);
    assert_eq!(new("-", "nfs_server/1 disk-1 running\nmysql/1 disk-3 running"), 0);
    assert_eq!(new("-", "nfs_server/1 disk-1 running\nbackup_restore/1 disk-4 running"), 1);
    let failing = Client::saying("nfs_server/1\tfailing\tdisk-9\t");
    assert_eq!(failing.behind("new-disks", &["nfs_server", "nfs_server/1 disk-1 running"]).0, 1);
    let none = Client::saying("nfs_server/1\trunning\t\t");
    assert_eq!(none.behind("new-disks", &["nfs_server", ""]).0, 1);
}

#[test]
fn tasks_that_are_at_work_are_seen() {
    for (task, all, looks) in [
        ("processing\tcreate deployment", 1, 0),
        ("queued    \tscan cloud       ", 1, 1),
        ("cancelling\tretrieve vm-stats", 1, 1),
        ("done      \tscan cloud       ", 0, 0),
        ("", 0, 0),
    ] {
        let client = Client::saying(task);
        assert_eq!(client.behind("no-tasks-of", &["all"]).0, all, "{task}");
        assert_eq!(client.behind("no-tasks-of", &["looks"]).0, looks, "{task}");
    }
    assert_eq!(Client::of("clients/bosh/noauth").behind("no-tasks-of", &["all"]).0, 3);
    assert_eq!(Client::of("clients/bosh/noauth").behind("await-tasks", &[]).0, 1);
    assert_eq!(Client::saying("done").behind("await-tasks", &[]).0, 0);
}

#[test]
fn room_is_that_of_the_mounted_file_system() {
    let df = "Filesystem 1K-blocks Used Available Use% Mounted on\t\n/dev/sdc1 1000 0 1000 0% /var/vcap/store\t\n";
    assert_eq!(run("room-on", &["/var/vcap/store", "930000"], df).0, 0);
    assert_eq!(run("room-on", &["/var/vcap/store", "940000"], df).0, 1);
    assert_eq!(run("room-on", &["/var/vcap/data", "1"], df).0, 1);
    assert_eq!(run("room-on", &["/var/vcap/store", "1"], "").0, 1);
}

#[test]
fn apps_without_droplet_are_named() {
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        let path = scratch.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let files = path("files", ".\t\n./ab/cd/abcd-1\t\n./ab/cd/abcd-2/0f3e\t\n");
    let all = path("all", "abcd-1 orders\nabcd-2 web shop\n");
    let some = path("some", "abcd-1 orders\nabcd-3 web shop\n");
    assert_eq!(run("without-droplet", &[&all, &files], ""), (0, "none\n".to_owned()));
    assert_eq!(run("without-droplet", &[&some, &files], ""), (0, "web shop\n".to_owned()));
}

#[test]
fn every_page_is_read() {
    let pages = r#"case $2 in *page=1) echo '{"pagination": {"next": {"href": "x"}}, "resources": [1]}' ;; *) echo '{"pagination": {"next": null}, "resources": [2]}' ;; esac"#;
    let scratch = tempfile::tempdir().unwrap();
    let client = scratch.path().join("cf");
    fs::write(&client, pages).unwrap();
    let (code, out) = run("cf-pages", &["/v3/apps", "sh", &client.display().to_string()], "");
    assert_eq!((code, out.matches("resources").count(), out.trim().ends_with(']')), (0, 2, true), "{out}");
    let refused = Client::of("playbooks/cf/apps-unauthorised");
    assert_eq!(refused.behind("cf-pages", &["/v3/apps"]).0, 3);
}

#[test]
fn a_cluster_is_what_mysql_diag_says() {
    let lines = |transcript: &str| {
        let (code, out) = Client::of(&format!("playbooks/mysql-diag/{transcript}")).behind("mysql-state", &["monitor"]);
        assert_eq!(code, 0, "{transcript}");
        out.lines().filter(|line| !line.starts_with("node ")).map(str::to_owned).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(
        lines("one-down"),
        "quorum kept; route rejoin; sequences differ; broken [\"mysql/b458b80e\"]; joining none; full mysql/b458b80e"
    );
    assert_eq!(
        lines("all-down"),
        "quorum lost; route bootstrap; sequences differ; broken [\"mysql/ba02acbc\",\"mysql/27dd03c6\",\"mysql/b458b80e\"]; joining none; full mysql/b458b80e"
    );
    assert_eq!(
        lines("joining"),
        "quorum kept; route rejoin; sequences unknown; broken []; joining mysql/ba02acbc mysql/b458b80e; full none"
    );
    assert_eq!(
        lines("older"),
        "quorum kept; route rejoin; sequences unknown; broken [\"mysql/27dd03c6\"]; joining none; full none"
    );
    assert!(lines("donor-only").starts_with("quorum kept; route rejoin; sequences unknown"), "a donor is a quorum");
    assert_eq!(Client::saying("mysql-diag: command not found").behind("mysql-state", &["monitor"]).0, 3);
    assert_eq!(Client::of("clients/bosh/noauth").behind("mysql-state", &["monitor"]).0, 3);
}

#[test]
fn only_vms_of_the_cluster_are_made_anew() {
    let vm = "missing_vm VM for 'mysql/1 (0)' with cloud ID 'vm-1' missing.";
    for (problems, code) in [
        ("none".to_owned(), 0),
        (vm.to_owned(), 0),
        (format!("{vm}\n{}", vm.replace("mysql/", "router/")), 1),
        (vm.replace("mysql/", "mysql_proxy/"), 1),
        (OTHER.to_owned(), 1),
    ] {
        assert_eq!(run("only-vms-of", &["mysql", &problems], "").0, code, "{problems}");
    }
}

#[test]
fn a_run_that_has_changed_nothing_owes_nothing() {
    assert_eq!(run("if-there", &["/nowhere", "false"], "").0, 0);
    assert_eq!(run("if-there", &["/", "sh", "-c", "exit 7"], "").0, 7);
}
