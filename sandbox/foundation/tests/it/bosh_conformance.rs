//! The recorded situations of the bosh client, replayed against a fresh world.

use std::path::Path;

use regex::Regex;

use crate::rig::{Ran, Rig, normal, transcript};

fn conforms(ran: &Ran, situation: &str) {
    let recorded = |file: &str| transcript(&format!("bosh/{situation}.{file}"));
    assert_eq!(masked(&ran.out), masked(&recorded("out")), "{situation}: standard output");
    assert_eq!(masked(&ran.err), masked(&recorded("err")), "{situation}: standard error");
    assert_eq!(ran.code, recorded("rc").trim().parse().ok(), "{situation}: exit status");
}

/// Masks what differs from run to run. The laboratory's director is a stand-in itself: it counts every VM as well, and
/// knows of a silent agent outside of the deployment; its deployments were named on no command line.
fn masked(text: &str) -> String {
    let masks = [
        (r"\d\d:\d\d:\d\d \|", "TIME |"),
        (r"\d+ OK, \d+ unresponsive", "N OK, N unresponsive"),
        (r"VM for '[^']+' with cloud ID '[^']+'", "VM for 'INSTANCE' with cloud ID 'VM'"),
        (r"\\nTask \d+ (Started|Finished|done)", r"\nTask N $1"),
        (r#" *"Using deployment 'cf'",\n"#, ""),
        (r"Duration \d\d:\d\d:\d\d", "Duration SPAN"),
    ];
    let masked = masks
        .iter()
        .fold(text.to_owned(), |text, (pattern, to)| Regex::new(pattern).unwrap().replace_all(&text, *to).into_owned());
    let clock = Regex::new(r#""\\nTask \d+ \| TIME \| ""#).unwrap();
    normal(&clock.replace_all(&masked, r#""\nTask N | TIME | ""#))
}

/// The laboratory with the two problems that were recorded.
fn laboratory_with_problems() -> Rig {
    let rig = Rig::laboratory();
    rig.sandbox("break disk-deleted nfs_server/0");
    rig.sandbox("break agent-silent cloud_controller/1");
    rig
}

const TAS: &str = "cf-0123456789abcdef0123";

#[test]
fn tables_as_json() {
    let rig = Rig::laboratory();
    for (situation, args) in [
        ("locks", ["locks", "--json"].as_slice()),
        ("vms", ["-d", "cf", "vms", "--json"].as_slice()),
        ("ps", ["instances", "--ps", "--json"].as_slice()),
        ("details", ["instances", "--details", "--json"].as_slice()),
    ] {
        conforms(&rig.run("bosh", args), situation);
    }
}

#[test]
fn recent_tasks_have_the_recorded_shape() {
    let rig = Rig::laboratory();
    for _ in 0..3 {
        rig.run("bosh", &["vms"]);
    }
    let ran = rig.run("bosh", &["tasks", "--recent=2", "--json"]);
    assert_eq!(ran.out.matches("\"id\": \"10").count(), 2);
    assert!(ran.out.find("\"103\"") < ran.out.find("\"102\""), "newest first: {}", ran.out);
    assert_eq!(shape(&ran.out), shape(&transcript("bosh/tasks.out")));
}

/// Masks the cells of a table and keeps one row.
fn shape(text: &str) -> String {
    let row = Regex::new(r"(?s) {16}\{\n.*?\n {16}\},?\n").unwrap();
    let cells = Regex::new(r#"(?m)^( {20}"\w+": )".*"(,?)$"#).unwrap();
    let first = row.find(text).expect("the table has a row").as_str().replace("},", "}");
    let first = cells.replace_all(&first, "${1}CELL${2}").into_owned();
    let rest = row.replace_all(text, "");
    normal(&format!("{first}{rest}"))
}

/// The descriptions, states and results of tasks are those that were recorded.
#[test]
fn tasks_are_described_as_recorded() {
    let rig = laboratory_with_problems();
    rig.run("bosh", &["-n", "-d", "cf", "cck", "--resolution", "delete_disk_reference", "--resolution", "recreate_vm"]);
    let manifest = manifest();
    rig.run("bosh", &["-n", "-d", "cf", "deploy", &manifest]);
    rig.sandbox("fault bosh.task-step --exit 1 --times 1");
    rig.run("bosh", &["-n", "-d", "cf", "deploy", &manifest]);
    rig.run("bosh", &["-n", "-d", "cf", "stop", "nfs_server"]);
    let ours = described(&rig.run("bosh", &["tasks", "--recent", "--json"]).out);
    let recorded = described(&transcript("bosh/tasks.out"));
    for task in &ours {
        assert!(recorded.contains(task), "{task:?} was not recorded");
    }
    assert_eq!(ours.len(), 5);
}

fn described(document: &str) -> Vec<[String; 3]> {
    let document: serde_json::Value = serde_json::from_str(document).unwrap();
    let rows = document["Tables"][0]["Rows"].as_array().unwrap();
    rows.iter().map(|row| ["description", "state", "result"].map(|key| row[key].as_str().unwrap().to_owned())).collect()
}

#[test]
fn only_active_tasks_without_recent() {
    let rig = Rig::laboratory();
    rig.run("bosh", &["vms"]);
    assert_eq!(rig.run("bosh", &["tasks"]).out, "");
    rig.sandbox("break foreign-task");
    let ran = rig.run("bosh", &["tasks"]);
    assert!(ran.out.starts_with("102\tprocessing\t"), "{}", ran.out);
    rig.sandbox("mend foreign-task");
    assert_eq!(rig.run("bosh", &["tasks"]).out, "");
}

#[test]
fn refusals() {
    let rig = Rig::laboratory();
    conforms(&rig.run("bosh", &["--client-secret", "wrong", "deployments"]), "noauth");
    conforms(&rig.run("bosh", &["-d", "nope", "vms"]), "wrongdep");
}

/// Deployments that do not exist are told of by the request that came first.
#[test]
fn missing_deployments() {
    let rig = Rig::laboratory();
    for (line, doing) in [
        ("manifest", "Fetching manifest:\n  Finding deployment 'nope':\n    Director responded"),
        ("instances", "Listing deployment 'nope' instances infos:\n  Director responded"),
        ("cck --report", "Performing a scan on deployment 'nope':\n  Director responded"),
        ("-n stop uaa", "Changing state:\n  Director responded"),
        ("ssh uaa -c true", "Setting up SSH in deployment 'nope':\n  Director responded"),
        ("run-errand smoke", "Running errand 'smoke':\n  Director responded"),
        ("attach-disk uaa/0 disk-x", "Director responded"),
    ] {
        let words: Vec<&str> = ["-d", "nope"].into_iter().chain(line.split(' ')).collect();
        let ran = rig.run("bosh", &words);
        assert!(ran.err.starts_with(doing), "{line}: {}", ran.err);
        assert!(
            ran.err.contains("status code '404'") && ran.err.contains("Deployment 'nope' doesn't exist"),
            "{}",
            ran.err
        );
    }
    let ran = rig.run("bosh", &["manifest"]);
    assert_eq!(ran.err, "Expected non-empty deployment name\nExit code 1\n");
}

#[test]
fn columns_are_chosen_by_title_or_key() {
    let rig = Rig::laboratory();
    let ran = rig.run("bosh", &["-d", "cf", "vms", "--column=instance", "--column", "VM CID"]);
    assert!(ran.out.starts_with("backup_restore/b1c0  \tvm-b1c0\t\n"), "{}", ran.out);
    let events = rig.run("bosh", &["events", "--column=action"]);
    assert_eq!(events.out, "retrieve vm-stats\t\nretrieve vm-stats\t\n");
}

#[test]
fn errors_go_to_standard_output_in_json() {
    let ran = Rig::laboratory().run("bosh", &["--client-secret", "wrong", "locks", "--json"]);
    assert_eq!(ran.err, "");
    assert!(ran.out.contains("\"Tables\": null") && ran.out.contains("status code '401'"), "{}", ran.out);
    assert_eq!(ran.code, Some(1));
}

#[test]
fn no_environment_and_no_answer() {
    let rig = Rig::laboratory();
    let ran = rig.run("bosh", &["-e", "", "tasks"]);
    assert_eq!((ran.err.as_str(), ran.code), ("Expected non-empty Director URL\nExit code 1\n", Some(1)));
    rig.sandbox("break unreachable");
    let ran = rig.run("bosh", &["tasks"]);
    assert!(
        ran.err.starts_with("Fetching info:\n  Performing request GET 'https://10.0.0.6:25555/info'"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("connection refused\nExit code 1"), "{}", ran.err);
    assert_eq!(ran.code, Some(1));
}

#[test]
fn orphaned_disks() {
    let rig = laboratory_with_problems();
    rig.run("bosh", &["-n", "-d", "cf", "cck", "--resolution", "delete_disk_reference"]);
    conforms(&rig.run("bosh", &["disks", "--orphaned", "--json"]), "disks-orphaned");
}

#[test]
fn cloud_check() {
    conforms(&Rig::laboratory().run("bosh", &["-d", "cf", "cck"]), "cck-clean");
    let rig = laboratory_with_problems();
    conforms(&rig.run("bosh", &["-d", "cf", "cck", "--report"]), "cck-report");
    conforms(&rig.run("bosh", &["-d", "cf", "cck", "--report", "--json"]), "cck-report-json");
    conforms(&rig.run("bosh", &["-d", "cf", "cck"]), "cck-interactive-nostdin");
    conforms(&rig.run("bosh", &["-n", "-d", "cf", "cck"]), "cck-n-noresolution");
    let resolutions = ["--resolution", "delete_disk_reference", "--resolution=recreate_vm"];
    conforms(&rig.run("bosh", &[&["-n", "-d", "cf", "cck"], resolutions.as_slice()].concat()), "cck-res");
    conforms(&rig.run("bosh", &["-d", "cf", "cck"]), "cck-clean");
}

#[test]
fn deploys() {
    let rig = laboratory_with_problems();
    rig.run("bosh", &["-n", "-d", "cf", "cck", "--resolution=delete_disk_reference", "--resolution=reboot_vm"]);
    let manifest = manifest();
    conforms(&rig.run("bosh", &["-d", "cf", "deploy", &manifest]), "deploy-noconfirm");
    let flags = ["deploy", "--fix", "--skip-drain=nfs_server", &manifest];
    conforms(&rig.run("bosh", &[&["-n", "-d", "cf"], flags.as_slice()].concat()), "deploy");
}

#[test]
fn manifests() {
    let ran = Rig::laboratory().run("bosh", &["-d", "cf", "manifest"]);
    conforms(&ran, "manifest");
    assert_eq!(ran.out, transcript("bosh/cf.yml"), "what is deployed is what was deployed");
}

fn manifest() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/clients/bosh/cf.yml").display().to_string()
}

/// The content and the keys of every table, as the real client names them.
#[test]
fn tables_have_the_keys_of_the_real_client() {
    let rig = Rig::laboratory();
    rig.bosh("-n -d cf restart nfs_server");
    for (line, content, keys) in [
        ("deployments", "deployments", "name release_s stemcell_s team_s"),
        ("vms", "vms", "active az instance ips process_state stemcell vm_cid vm_type"),
        ("-d cf instances", "instances", "az deployment instance ips process_state"),
        ("tasks --recent", "tasks", "deployment description finished_at id result started_at state user"),
        ("locks", "locks", "expires_at resource task_id type"),
        ("disks --orphaned", "disks", "az deployment disk_cid instance orphaned_at size"),
        ("-d cf errands", "errands", "name"),
        ("configs", "configs", "created_at id name team type"),
        ("stemcells", "stemcells", "cid cpi name os version"),
        ("releases", "releases", "commit_hash name version"),
        (
            "-d cf instances --vitals",
            "instances",
            "az cpu_sys cpu_total cpu_user cpu_wait deployment ephemeral_disk_usage instance ips load_1m_5m_15m memory_usage \
             persistent_disk_usage process_state swap_usage system_disk_usage uptime vm_created_at",
        ),
        ("-d cf ssh nfs_server/0 -r -c true", "results", "error exit_code instance stderr stdout"),
    ] {
        let document: serde_json::Value = serde_json::from_str(&rig.bosh(&format!("{line} --json"))).unwrap();
        let table = &document["Tables"][0];
        let header: Vec<&str> = table["Header"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!((table["Content"].as_str(), header.join(" ").as_str()), (Some(content), keys), "{line}");
    }
}

#[test]
fn logs_of_tasks() {
    let rig = Rig::laboratory();
    rig.bosh("-n -d cf restart nfs_server");
    assert!(rig.bosh("task 101").contains("Updating instance: nfs_server/8d2c (0) (canary) ("));
    assert!(rig.bosh("task 101 --debug").contains("DirectorJobRunner"));
    assert_eq!(rig.bosh("task 101 --event").lines().filter(|line| line.contains("\"state\":\"started\"")).count(), 2);
    assert_eq!(rig.bosh("task 101 --result"), "");
    let ran = rig.run("bosh", &["task", "999"]);
    assert!(ran.err.starts_with("Finding task '999':\n  Director responded"), "{}", ran.err);
    assert_eq!(rig.run("bosh", &["task"]).err, "No task found\nExit code 1\n");
}

#[test]
fn command_lines_that_are_refused() {
    let rig = Rig::laboratory();
    for (line, said) in [
        (
            "frobnicate",
            "Unknown command `frobnicate'. Please specify one command of: add-blob, alias-env, attach-disk,",
        ),
        ("instance", "Unknown command `instance', did you mean `instances'?\n"),
        ("-n", "Please specify one command of: add-blob, alias-env, "),
        ("logs", "the sandbox's bosh has no `logs'\n"),
        ("vms --frob", "unknown flag `frob'"),
        ("vms extra", "Command '*opts.VMsOpts' does not support extra arguments: extra\n"),
        ("-d cf cloud-check a b", "Command '*opts.CloudCheckOpts' does not support extra arguments: a, b\n"),
        ("attach-disk", "the required arguments `INSTANCE` and `DISK-CID` were not provided\n"),
        ("attach-disk uaa/0", "the required argument `DISK-CID` was not provided"),
        ("-d cf deploy none.yml", "Opening file 'none.yml':\n  open none.yml: no such file or directory"),
        ("-d cf -n recreate nfs_server --no-converge", "You are trying to run recreate with --no-converge"),
        ("-d cf -n recreate nfs_server/0 --no-converge --dry-run", "Can't set dry-run and no-converge"),
        ("disks", "Only --orphaned is supported"),
        ("update-resurrection perhaps", "Expected boolean variable 'perhaps'"),
        ("vms -d", "expected argument for flag `-d, --deployment'"),
        ("-d cf scp a b", "Missing remote host information in source/destination arguments"),
    ] {
        let ran = rig.run("bosh", &line.split(' ').collect::<Vec<_>>());
        assert_eq!(ran.code, Some(1), "{line}");
        assert!(ran.err.starts_with(said), "{line}: {}", ran.err);
    }
    let other = manifest();
    let ran = Rig::new().run("bosh", &["-n", "-d", "p-isolation-segment-3210fedcba9876543210", "deploy", &other]);
    assert!(ran.err.contains("Expected manifest to specify deployment name 'p-isolation"), "{}", ran.err);
}

#[test]
fn directors_have_names() {
    let rig = Rig::laboratory();
    rig.bosh("alias-env lab");
    assert_eq!(rig.rows("environments")[0]["alias"], "lab");
    assert!(rig.bosh("-e lab deployments").starts_with("cf"));
    let ran = rig.run("bosh", &["-e", "prod", "deployments"]);
    assert!(ran.err.contains("lookup prod:\n") && ran.err.contains("no such host\n"), "{}", ran.err);
    rig.bosh("log-in");
    assert_eq!(rig.run("bosh", &["log-in", "--client-secret", "wrong"]).err, "Invalid credentials\nExit code 1\n");
    rig.bosh("unalias-env lab");
    assert_eq!(rig.run("bosh", &["unalias-env", "lab"]).err, "alias lab not found\nExit code 1\n");
}

#[test]
fn recent_tasks_are_those_of_note_unless_all_are_wanted() {
    let rig = Rig::new();
    rig.bosh(&format!("-d {TAS} vms"));
    rig.bosh(&format!("-d {TAS} cck --report"));
    rig.bosh(&format!("-n -d {TAS} restart nfs_server"));
    rig.bosh("upload-stemcell https://stemcells.sandbox/jammy.tgz --fix");
    let shown = |line: &str| -> Vec<String> {
        rig.rows(line).iter().map(|row| row["description"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(shown("tasks --recent"), ["create stemcell", "restart instances"]);
    assert_eq!(
        shown("tasks --recent --all"),
        ["create stemcell", "restart instances", "scan cloud", "retrieve vm-stats"]
    );
    assert_eq!(rig.rows(&format!("-d {TAS} snapshots")).len(), 0);
    assert_eq!(rig.rows(&format!("-d {TAS} deployment"))[0]["config_s"], "1 cloud/default\n3 runtime/default");
}
