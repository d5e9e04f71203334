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
}
