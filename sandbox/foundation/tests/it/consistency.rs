//! Random sequences of commands and troubles keep records and infrastructure consistent.

use std::fs;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::rig::Rig;

const TAS: &str = "cf-0123456789abcdef0123";

/// What an operator does, or what befalls the foundation. `MANIFEST` is a file with the manifest that is deployed.
const MOVES: [&str; 30] = [
    "break disk-deleted nfs_server/0",
    "break disk-deleted mysql/1",
    "break disk-detached nfs_server/0",
    "break disk-inactive mysql/0",
    "break vm-deleted diego_cell/0",
    "break vm-deleted nfs_server/0",
    "break agent-silent mysql/1",
    "break processes-failing uaa",
    "mend disk-deleted nfs_server/0",
    "mend disk-deleted mysql/1",
    "mend agent-silent mysql/1",
    "bosh cck --auto",
    "bosh cck --report",
    "bosh cck --resolution delete_disk_reference",
    "bosh cck --resolution delete_vm_reference",
    "bosh cck --resolution delete_vm",
    "bosh cck --resolution recreate_vm --resolution reattach_disk",
    "bosh cck --resolution activate_disk --resolution reboot_vm",
    "bosh cck --resolution delete_disk",
    "bosh deploy MANIFEST",
    "bosh deploy --fix --skip-drain MANIFEST",
    "bosh deploy --fix --recreate-persistent-disks --skip-drain MANIFEST",
    "bosh recreate nfs_server/0 --fix",
    "bosh restart mysql --skip-drain",
    "bosh stop nfs_server/0 --hard",
    "bosh start nfs_server/0",
    "bosh clean-up",
    "bosh clean-up --all",
    "fault bosh.task-step --exit 1 --times 1",
    "attach",
];

fn act(rig: &Rig, step: &str) {
    if let Some(line) = step.strip_prefix("bosh ") {
        let line = format!("-n -d {TAS} {}", line.replace("MANIFEST", "manifest.yml"));
        let ran = rig.run("bosh", &line.split(' ').collect::<Vec<_>>());
        assert!(matches!(ran.code, Some(0 | 1)), "{step}: {ran:?}");
    } else if step == "attach" {
        let orphans = rig.rows("disks --orphaned");
        let cid = orphans.first().map_or("disk-none", |row| row["disk_cid"].as_str().unwrap());
        rig.run("bosh", &["-n", "-d", TAS, "stop", "nfs_server/0", "--no-converge"]);
        rig.run("bosh", &["-d", TAS, "attach-disk", "nfs_server/0", cid]);
    } else {
        rig.sandbox(step);
    }
}

/// Without faults and troubles, the usual repairs make any world whole.
fn heal(rig: &Rig, story: &[&str]) {
    rig.sandbox("fault bosh.task-step --clear");
    let repairs = "--resolution delete_disk_reference --resolution reattach_disk --resolution delete_disk --resolution recreate_vm";
    act(rig, &format!("bosh cck {repairs}"));
    for step in [
        "bosh start",
        "bosh cck --resolution recreate_vm --resolution reattach_disk",
        "bosh deploy --fix --skip-drain MANIFEST",
        "bosh restart --skip-drain",
    ] {
        act(rig, step);
    }
    let report = rig.run("bosh", &["-d", TAS, "cck", "--report"]);
    assert_eq!(report.code, Some(0), "{story:?}: {} {}", report.out, report.err);
    assert_eq!(rig.rows(&format!("-d {TAS} instances --failing")), [] as [serde_json::Value; 0], "{story:?}");
}

/// What the platform's operator does, or what befalls it.
const PLATFORM_MOVES: [&str; 34] = [
    "cf push canary -p .",
    "cf delete canary -f",
    "cf restart ledger",
    "cf restage gateway",
    "cf scale gateway -i 3",
    "cf create-service p.mysql db-small new-db",
    "cf create-service p.mysql db-small new-db --wait",
    "cf delete-service new-db -f",
    "cf purge-service-instance new-db -f",
    "cf create-service-broker other user secret https://other.sandbox",
    "cf delete-service-broker other -f",
    "cf delete-service-broker dedicated-mysql-broker -f",
    "cf create-isolation-segment iso-02",
    "cf enable-org-isolation payments iso-02",
    "cf set-space-isolation-segment production iso-02",
    "cf set-org-default-isolation-segment payments iso-02",
    "cf reset-org-default-isolation-segment payments",
    "cf reset-space-isolation-segment production",
    "cf disable-org-isolation payments iso-02",
    "cf delete-isolation-segment iso-02 -f",
    "cf disable-feature-flag service_instance_creation",
    "lb block",
    "lb block --inside",
    "lb allow",
    "bbr deployment --deployment cf-0123456789abcdef0123 backup",
    "bbr deployment --deployment cf-0123456789abcdef0123 backup-cleanup",
    "fault bbr.deployment.lock --exit 1 --times 1",
    "fault bbr.deployment.backup-script --exit 1 --times 1",
    "fault bbr.deployment.unlock --exit 1 --times 1",
    "break mysql-degraded",
    "mend mysql-degraded",
    "break disk-deleted nfs_server/0",
    "mend disk-deleted nfs_server/0",
    "break vm-deleted p-isolation-segment-3210fedcba9876543210:isolated_diego_cell",
];

fn act_on_platform(rig: &Rig, step: &str) {
    let words: Vec<&str> = step.split(' ').collect();
    if matches!(words[0], "cf" | "lb" | "bbr") {
        let ran = rig.run(words[0], &words[1..]);
        let known =
            if words[0] == "bbr" { ran.code.is_some_and(|code| code < 32) } else { matches!(ran.code, Some(0 | 1)) };
        assert!(known, "{step}: {ran:?}");
    } else {
        rig.sandbox(step);
    }
}

/// What a check finds of a platform that nobody has put in order.
fn platform_contradictions(rig: &Rig) -> Vec<String> {
    let is_left = |line: &String| {
        ["is locked by", "left over", "the load balancer was", "fault half used"].iter().any(|word| line.contains(word))
    };
    contradictions(rig).into_iter().filter(|line| !is_left(line)).collect()
}

/// Without faults, a cleanup and an open load balancer make any platform safe.
fn heal_platform(rig: &Rig) {
    for point in ["lock", "backup-script", "unlock"] {
        rig.sandbox(&format!("fault bbr.deployment.{point} --clear"));
    }
    act_on_platform(rig, "lb allow");
    act_on_platform(rig, &format!("bbr deployment --deployment {TAS} backup-cleanup"));
    for situation in ["mysql-degraded", "disk-deleted nfs_server/0"] {
        rig.sandbox(&format!("mend {situation}"));
    }
}

/// What a check finds, except for content that an operator has really destroyed.
fn contradictions(rig: &Rig) -> Vec<String> {
    let Err(findings) = rig.try_sandbox("check") else { return Vec::new() };
    let is_loss = |line: &str| line.contains("with the only content of") || line.starts_with("the sandbox is not safe");
    findings.lines().filter(|line| !is_loss(line)).map(str::to_owned).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, max_shrink_iters: 64, ..ProptestConfig::default() })]

    #[test]
    fn worlds_never_contradict_themselves(story in vec(select(&MOVES[..]), 1..12)) {
        let rig = Rig::new();
        fs::write(rig.work().join("manifest.yml"), rig.bosh(&format!("-d {TAS} manifest"))).unwrap();
        for step in &story {
            act(&rig, step);
            let findings = contradictions(&rig);
            prop_assert!(findings.is_empty(), "after {step} of {story:?}: {findings:?}");
            prop_assert_eq!(rig.rows("locks").len(), 0, "locks end with tasks: {:?}", story);
        }
        heal(&rig, &story);
        rig.bosh("-n clean-up --all");
        prop_assert_eq!(rig.rows("disks --orphaned").len(), 0);
        prop_assert_eq!(contradictions(&rig), [] as [String; 0]);
    }

    #[test]
    fn deleted_reference_is_an_orphan_until_it_is_cleaned_up(
        story in vec(select(&MOVES[..]), 0..6),
        instance in select(&["nfs_server/0", "mysql/0", "mysql/1", "mysql/2"][..]),
    ) {
        let rig = Rig::new();
        fs::write(rig.work().join("manifest.yml"), rig.bosh(&format!("-d {TAS} manifest"))).unwrap();
        story.iter().for_each(|step| act(&rig, step));
        heal(&rig, &story);
        rig.bosh("-n clean-up --all");
        for situation in rig.sandbox("show").lines().filter_map(|line| line.strip_prefix("broken      ")) {
            rig.sandbox(&format!("mend {situation}"));
        }
        let (group, index) = instance.split_once('/').unwrap();
        let rows = rig.rows(&format!("-d {TAS} instances -i"));
        let is_meant = |row: &&serde_json::Value| {
            row["instance"].as_str().unwrap().starts_with(&format!("{group}/")) && row["index"] == index
        };
        let cid = rows.iter().find(is_meant).unwrap()["disk_cids"].clone();
        rig.sandbox(&format!("break disk-deleted {instance}"));
        let problems = rig.run("bosh", &["-d", TAS, "cck", "--report"]);
        prop_assert_eq!(problems.code, Some(1), "{:?}", story);
        rig.bosh(&format!("-n -d {TAS} cck --resolution delete_disk_reference"));
        rig.bosh(&format!("-d {TAS} cck --report"));
        let orphans = rig.rows("disks --orphaned");
        prop_assert_eq!(orphans.iter().map(|row| row["disk_cid"].clone()).collect::<Vec<_>>(), vec![cid]);
        rig.bosh("-n clean-up --all");
        prop_assert_eq!(rig.rows("disks --orphaned").len(), 0);
        prop_assert_eq!(contradictions(&rig), [] as [String; 0]);
        rig.bosh(&format!("-n -d {TAS} deploy --fix --skip-drain manifest.yml"));
        rig.sandbox(&format!("assert disk {instance} mounted"));
    }

    #[test]
    fn platforms_never_contradict_themselves(story in vec(select(&PLATFORM_MOVES[..]), 1..14)) {
        let rig = Rig::new();
        act_on_platform(&rig, "cf login -a https://api.sys.sandbox -u admin -p sandbox -o payments -s production");
        for step in &story {
            act_on_platform(&rig, step);
            let findings = platform_contradictions(&rig);
            prop_assert!(findings.is_empty(), "after {step} of {story:?}: {findings:?}");
        }
        heal_platform(&rig);
        prop_assert_eq!(contradictions(&rig), [] as [String; 0], "{:?}", story);
        rig.sandbox("assert api open");
        let backup = rig.run("bbr", &["deployment", "--deployment", TAS, "backup"]);
        prop_assert_eq!(backup.code, Some(0), "{:?}: {}", story, backup.err);
    }
}
