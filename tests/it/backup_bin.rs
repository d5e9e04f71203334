//! The programs in `playbooks/bin` that backups of deployments use, under dash, on what the real clients print.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::playbooks::root;

/// A folder with clients that say what they are told to, first in PATH.
struct Bench(TempDir);

/// What a program came to: its exit code, what it printed, and what it complained about.
type Ran = (i32, String, String);

impl Bench {
    fn new() -> Bench {
        Bench(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Makes a client of a script.
    fn client(&self, name: &str, script: &str) -> String {
        let path = self.path(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        path.display().to_string()
    }

    /// Makes a client that prints and exits as in a transcript below the fixtures.
    fn transcript(&self, name: &str, transcript: &str) -> String {
        let dir = root().join("tests/fixtures/clients").join(transcript);
        let dir = dir.display();
        self.client(name, &format!("cat '{dir}/out'\ncat '{dir}/err' >&2\nexit $(cat '{dir}/rc')"))
    }

    fn run(&self, program: &str, args: &[&str]) -> Ran {
        let bin = root().join("playbooks/bin");
        let mut command = Command::new("dash");
        let path = format!("{}:{}:{}", self.0.path().display(), bin.display(), std::env::var("PATH").unwrap());
        command.arg(bin.join(program)).args(args).env("PATH", path).env("TMPDIR", self.0.path());
        let output = command.current_dir(self.0.path()).stdin(Stdio::null()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
    }

    fn code(&self, program: &str, args: &[&str]) -> i32 {
        self.run(program, args).0
    }
}

#[test]
fn an_api_is_open_closed_or_unknown() {
    let bench = Bench::new();
    for (prints, open, closed) in [
        ("200", 0, 1),
        ("200\\n\\r ", 0, 1),
        ("503", 1, 0),
        ("000", 1, 0),
        ("404", 1, 0),
        ("", 3, 3),
        ("curl: not found", 3, 3),
    ] {
        let probe = bench.client("probe", &format!("printf '{prints}'; exit 28"));
        assert_eq!(bench.code("client-api", &["open", &probe]), open, "{prints}");
        assert_eq!(bench.code("client-api", &["closed", &probe]), closed, "{prints}");
    }
    assert_eq!(bench.code("client-api", &["open", "no-such-program"]), 3);
}

#[test]
fn scripts_of_jobs_are_found_in_what_bbr_prints() {
    let bench = Bench::new();
    let bbr = bench.transcript("bbr", "bbr-deployment/precheck");
    assert_eq!(bench.code("jobs-have-scripts", &["blobstore", "bbr-cloudcontrollerdb", "--", &bbr]), 0);
    let (code, _, said) = bench.run("jobs-have-scripts", &["blobstore", "bbr-uaadb", "store", "--", &bbr]);
    assert_eq!((code, said.as_str()), (1, "no backup script of: bbr-uaadb store\n"));
    assert_eq!(bench.code("jobs-have-scripts", &["cloud_controller_ng", "--", &bbr]), 1);
    let bbr = bench.transcript("bbr", "bbr-deployment/nodep");
    assert_eq!(bench.code("jobs-have-scripts", &["blobstore", "--", &bbr]), 3);
}

#[test]
fn a_deployment_can_be_backed_up() {
    let bench = Bench::new();
    for (transcript, code) in [("precheck", 0), ("nodep", 3), ("all-precheck", 3)] {
        let bbr = bench.transcript("bbr", &format!("bbr-deployment/{transcript}"));
        assert_eq!(bench.code("backup-possible", &[&bbr, "pre-backup-check"]), code, "{transcript}");
    }
    let signs = |transcript: &str| bench.run("backup-signs", &[&bench.transcript("bbr", transcript)]);
    assert!(signs("bbr-deployment/precheck").1.contains("is on no VM"));
    assert!(
        signs("bbr-director/16-artifactdir-precheck")
            .1
            .starts_with("Directory /var/vcap/store/bbr-backup already exists")
    );
    assert_eq!(signs("bbr-deployment/nodep").0, 3);
}

const DIAGNOSIS: &str = "\
| mysql/0 | Synced | Primary | 3 | 12.5% of 9.9G (1.1% of 655.36K inodes) |
| mysql/1 | Synced | Primary | 3 | 89.9% of 9.9G (1.1% of 655.36K inodes) |";

#[test]
fn what_mysql_diag_prints_decides() {
    let bench = Bench::new();
    for (says, exits, code) in [
        (DIAGNOSIS.to_owned(), 0, 0),
        (DIAGNOSIS.replace("89.9%", "90.1%"), 0, 1),
        (DIAGNOSIS.replace("89.9%", "100%"), 0, 1),
        (DIAGNOSIS.replacen("Synced | Primary", "N/A - ERROR | N/A - ERROR", 1), 0, 1),
        (DIAGNOSIS.replacen("Primary", "non-Primary", 1), 0, 1),
        (DIAGNOSIS.replacen("Synced", "Donor/Desynced", 1), 0, 1),
        (format!("{DIAGNOSIS}\n[CRITICAL] You must bootstrap the cluster."), 0, 1),
        (String::new(), 0, 3),
        (DIAGNOSIS.to_owned(), 1, 3),
    ] {
        let bosh = bench.client("bosh", &format!("cat <<'END'\n{says}\nEND\nexit {exits}"));
        assert_eq!(bench.code("mysql-healthy", &["mysql_monitor", &bosh]), code, "{says}");
    }
    assert_eq!(bench.code("mysql-healthy", &["-", "no-such-program"]), 0);
}

/// Makes a cf that answers each path with a file.
fn cf(bench: &Bench, pages: &[(&str, &str)]) {
    let arm = |(path, text): &(&str, &str)| format!("'{path}') cat <<'END'\n{text}\nEND\n;;\n");
    let arms = pages.iter().map(arm).collect::<Vec<_>>().concat();
    bench.client(
        "cf",
        &format!("case \"$2\" in\n{arms}*) echo '{{\"errors\": [{{\"title\": \"CF-ResourceNotFound\"}}]}}' ;;\nesac"),
    );
}

#[test]
fn service_operations_are_found_on_every_page() {
    let bench = Bench::new();
    let page = |state: &str, next: &str| {
        format!(
            "{{\"pagination\": {{\"next\": {next}}},\n \"resources\": [ {{\"name\": \"in progress\", \"last_operation\": {{\"state\": \"{state}\"}} }} ] }}"
        )
    };
    let next = "{ \"href\": \"x\" }";
    for (first, second, code) in
        [("succeeded", "succeeded", 0), ("in progress", "succeeded", 1), ("succeeded", "in progress", 1)]
    {
        let (first, second) = (page(first, next), page(second, "null"));
        let paths = ["/v3/service_instances?per_page=5000&page=1", "/v3/service_instances?per_page=5000&page=2"];
        cf(&bench, &[(paths[0], &first), (paths[1], &second)]);
        assert_eq!(bench.code("no-service-operations", &[]), code, "{first} {second}");
    }
    cf(&bench, &[]);
    assert_eq!(bench.code("no-service-operations", &[]), 3);
    bench.client("cf", "exit 1");
    assert_eq!(bench.code("no-service-operations", &[]), 3);
}

const APPS: &str = r#"{"pagination": {"next": null}, "resources": [
  {"guid": "one", "name": "a \"}], state: STOPPED", "state": "STARTED", "relationships": {"space": {"data": {"guid": "s1"}}}},
  {"relationships": {"space": {"data": {"guid": "s2", "state": "STARTED"}}}, "state": "STOPPED", "guid": "two"},
  {"relationships": {"space": {"data": {"guid": "s3"}}}, "guid": "three", "state": "STARTED"},
  {"guid": "gone", "state": "STARTED"}]}"#;

#[test]
fn instances_of_started_apps_are_counted() {
    let bench = Bench::new();
    let stats = r#"{"resources": [ {"index": 0, "state": "RUNNING"}, {"index": 1, "state": "CRASHED"} ]}"#;
    cf(
        &bench,
        &[
            ("/v3/apps?per_page=1000&page=1", APPS),
            ("/v3/apps/one/processes/web/stats", stats),
            ("/v3/apps/three/processes/web/stats", stats),
        ],
    );
    let (code, said, _) = bench.run("missing-apps", &[]);
    assert_eq!((code, said.as_str()), (0, "2 of 4 app instances do not run\n"));
    assert_eq!(bench.code("missing-apps", &["2"]), 0);
    assert_eq!(bench.code("missing-apps", &["1"]), 1);
    cf(&bench, &[]);
    assert_eq!(bench.code("missing-apps", &["1"]), 3);
}

#[test]
fn a_login_is_forgotten_and_an_error_is_not_hidden() {
    let bench = Bench::new();
    bench.client("cf", "echo \"$*\" >>calls; mkdir -p \"$CF_HOME/.cf\"; echo \"$CF_HOME\" >home");
    let ran = bench.run("with-cf", &["-", "https://api.example.com", "--skip-ssl-validation", "sh", "-c", "exit 7"]);
    assert_eq!(ran.0, 7, "{ran:?}");
    assert_eq!(
        fs::read_to_string(bench.path("calls")).unwrap(),
        "api https://api.example.com --skip-ssl-validation\nauth\n"
    );
    assert!(!Path::new(fs::read_to_string(bench.path("home")).unwrap().trim()).exists());
    bench.client("cf", "[ \"$1\" != auth ]");
    assert_eq!(bench.code("with-cf", &["-", "https://api.example.com", "-", "true"]), 125);
}

#[test]
fn a_backup_that_copies_has_all_the_time() {
    let bench = Bench::new();
    let begun = Instant::now();
    let hangs = bench.client("bbr", "echo locked; exec sleep 600");
    let (code, said, why) = bench.run("locked-at-most", &["1s", &hangs]);
    assert_eq!((code, said.as_str()), (143, "locked\n"));
    assert!(why.contains("has not unlocked the platform within 1s"), "{why}");
    assert!(begun.elapsed() < Duration::from_secs(45));

    let copies = bench.client(
        "bbr",
        "echo '[bbr] INFO - Copying backup -- 12K uncompressed -- for job j'; sleep 2; echo done; exit 8",
    );
    let (code, said, why) = bench.run("locked-at-most", &["1s", &copies]);
    assert_eq!((code, why.as_str()), (8, ""));
    assert!(said.ends_with("done\n"));

    let bbr = bench.transcript("bbr", "bbr-deployment/backup");
    let (code, said, _) = bench.run("locked-at-most", &["1h30m", &bbr]);
    let recorded = root().join("tests/fixtures/clients/bbr-deployment/backup/out");
    assert_eq!((code, said), (0, fs::read_to_string(recorded).unwrap()));
}

/// The milestone of tas-backup is printed after the unlock and only if there is something to copy.
#[test]
fn what_opens_the_api_again_is_printed_after_the_unlock() {
    let playbook = fs::read_to_string(root().join("playbooks/tas-backup.yaml")).unwrap();
    let text = playbook.split("milestones: {copying: '").nth(1).unwrap().split('\'').next().unwrap();
    assert!(!text.contains(['.', '*', '^', '$', '(']), "a pattern that is no plain text: {text}");
    let lines = |transcript: &str| {
        let path = root().join("tests/fixtures/clients").join(transcript).join("out");
        fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let backup = lines("bbr-deployment/backup");
    let reached = backup.iter().position(|line| line.contains(text)).unwrap();
    let unlocked =
        backup.iter().position(|line| line.ends_with("Finished running post-backup-unlock scripts.")).unwrap();
    assert_eq!(reached, unlocked + 1);
    for transcript in ["bbr-director/10-lock-fail", "bbr-director/11-backup-fail", "bbr-deployment/precheck"] {
        assert!(!lines(transcript).iter().any(|line| line.contains(text)), "{transcript}");
    }
}

#[test]
fn only_a_bbr_of_the_deployment_is_ended() {
    let bench = Bench::new();
    let own = std::process::id().to_string();
    assert_eq!(bench.code("is-bbr", &[&own, "cf"]), 1);
    assert_eq!(bench.code("end-bbr", &[&own, "cf"]), 1);
    assert_eq!(bench.code("is-bbr", &["0", "cf"]), 0);
    assert_eq!(bench.code("end-bbr", &["999999999", "cf"]), 0);

    let mut child = Command::new("sh")
        .args(["-c", "exec sh -c 'while :; do sleep 1; done' /usr/bin/bbr deployment --deployment cf backup"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let pid = child.id().to_string();
    assert_eq!(bench.code("is-bbr", &[&pid, "cf-other"]), 1);
    let (code, said, why) = bench.run("end-bbr", &[&pid, "cf"]);
    let ended = child.wait().unwrap();
    assert_eq!(code, 0, "{said} {why}");
    assert!(!ended.success());
}

#[test]
fn scripts_on_vms_are_told_from_everything_else() {
    let bench = Bench::new();
    for (says, code, locks) in [
        ("", 0, 0),
        ("ps -eo args", 0, 0),
        ("/bin/bash /var/vcap/jobs/blobstore/bin/bbr/backup", 1, 0),
        ("/bin/bash /var/vcap/jobs/uaa/bin/bbr/post-backup-unlock", 1, 0),
        ("sudo BBR_ARTIFACT_DIRECTORY=/x/ /var/vcap/jobs/cloud_controller_ng/bin/bbr/pre-backup-lock", 1, 1),
    ] {
        let bosh = bench.client("bosh", &format!("echo '{says}'"));
        assert_eq!(bench.code("scripts-running", &["none", &bosh]), code, "{says}");
        assert_eq!(bench.code("scripts-running", &["no-lock", &bosh]), locks, "{says}");
        assert_eq!(bench.code("scripts-running", &["any", &bosh]), 0, "{says}");
    }
    let bosh = bench.client("bosh", "exit 1");
    assert_eq!(bench.code("scripts-running", &["any", &bosh]), 3);
}

#[test]
fn healthwatch_is_green_if_a_push_was_made_and_nothing_failed() {
    let bench = Bench::new();
    let good = "health_check_cliCommand_login 1\nhealth_check_cliCommand_push 1\nhealth_check_CanaryApp_available 1";
    for (says, code) in [
        (good.to_owned(), 0),
        (good.replace("push 1", "push 0"), 1),
        (good.replace("push 1", "push -1"), 1),
        (good.replace("available 1", "available 0"), 1),
        (format!("{good}\nhealth_check_cliCommand_pushTime 0"), 0),
        (String::new(), 3),
    ] {
        bench.client("curl", &format!("cat <<'END'\n{says}\nEND"));
        assert_eq!(bench.code("healthwatch-green", &["https://healthwatch.example.com/metrics"]), code, "{says}");
    }
    bench.client("curl", "exit 7");
    assert_eq!(bench.code("healthwatch-green", &["https://healthwatch.example.com/metrics"]), 3);
}
