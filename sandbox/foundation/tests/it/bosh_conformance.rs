//! The recorded situations of the bosh client, replayed against a fresh world.

use std::fs;

use regex::Regex;

use crate::rig::{Ran, Rig, normal, transcript};

fn conforms(ran: &Ran, situation: &str) {
    let recorded = |file: &str| transcript(&format!("bosh/{situation}.{file}"));
    assert_eq!(normal(&ran.out), normal(&recorded("out")), "{situation}: standard output");
    assert_eq!(normal(&ran.err), normal(&recorded("err")), "{situation}: standard error");
    assert_eq!(ran.code, recorded("rc").trim().parse().ok(), "{situation}: exit status");
}

#[test]
fn tables_as_json() {
    let rig = Rig::new();
    for (situation, args) in [
        ("locks", ["locks", "--json"].as_slice()),
        ("vms", ["-d", "cf", "vms", "--json"].as_slice()),
        ("ps", ["instances", "--ps", "--json"].as_slice()),
        ("details", ["instances", "--details", "--json"].as_slice()),
    ] {
        let ran = rig.run("bosh", args);
        let recorded = transcript(&format!("bosh/{situation}.out"));
        // The recordings do not say whether a deployment was named, which adds a line.
        let ran = Ran { out: ran.out.replace("        \"Using deployment 'cf'\",\n", ""), ..ran };
        assert_eq!(normal(&ran.out), normal(&recorded), "{situation}");
        assert_eq!((ran.err.as_str(), ran.code), ("", Some(0)), "{situation}");
    }
}

#[test]
fn recent_tasks_have_the_recorded_shape() {
    let rig = Rig::new();
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

#[test]
fn only_active_tasks_without_recent() {
    let rig = Rig::new();
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
    let rig = Rig::new();
    conforms(&rig.run("bosh", &["--client-secret", "wrong", "deployments"]), "noauth");
    conforms(&rig.run("bosh", &["-d", "nope", "vms"]), "wrongdep");
}

#[test]
fn errors_go_to_standard_output_in_json() {
    let ran = Rig::new().run("bosh", &["--client-secret", "wrong", "locks", "--json"]);
    assert_eq!(ran.err, "");
    assert!(ran.out.contains("\"Tables\": null") && ran.out.contains("status code '401'"), "{}", ran.out);
    assert_eq!(ran.code, Some(1));
}

#[test]
fn no_environment_and_no_answer() {
    let rig = Rig::new();
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
    let rig = Rig::new();
    let path = rig.world.root().join("director.json");
    let mut director: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    director["orphaned_disks"] = serde_json::json!([{
        "cid": "disk-n1", "size": "100 GiB", "deployment": "cf", "instance": "nfs_server/8d2c", "az": "az1",
        "orphaned_at": "Sun Nov 22 00:00:00 UTC 2026",
    }]);
    fs::write(&path, director.to_string()).unwrap();
    conforms(&rig.run("bosh", &["disks", "--orphaned", "--json"]), "disks-orphaned");
}
