//! `firedrill sandbox`: show, fault, break, mend, check.

use std::fs;

use firedrill_foundation::{Fault, FaultPoint, Situation, World};

use crate::rig::{Rig, executable};

#[test]
fn fault_strikes_so_often_and_is_half_used_in_between() {
    let rig = Rig::new();
    rig.sandbox("fault bosh.tasks --exit 5 --times 2 --text away");
    let ran = rig.run("bosh", &["tasks"]);
    assert_eq!((ran.err.as_str(), ran.code), ("away\nExit code 5\n", Some(5)));
    let findings = rig.try_sandbox("check").unwrap_err();
    assert!(findings.contains("fault half used: bosh.tasks exits 5, struck 1 of 2 times: away"), "{findings}");
    assert_eq!(rig.run("bosh", &["tasks"]).code, Some(5));
    assert_eq!(rig.run("bosh", &["tasks"]).code, Some(0));
    rig.sandbox("check");
}

#[test]
fn every_point_can_be_set_listed_and_cleared() {
    let rig = Rig::new();
    for point in FaultPoint::ALL {
        rig.world.set_fault(Fault::new(point, 9).times(1)).unwrap();
    }
    assert_eq!(rig.sandbox("fault --list").lines().count(), FaultPoint::ALL.len());
    for point in FaultPoint::ALL {
        rig.sandbox(&format!("fault {point} --clear"));
    }
    assert_eq!(rig.sandbox("fault --list"), "");
}

#[test]
fn fault_of_a_subcommand_is_its_exit_status() {
    let rig = Rig::new();
    for point in FaultPoint::ALL {
        let (program, subcommand) = point.name().split_once('.').unwrap();
        let phases = ["lock", "backup", "unlock", "drain", "cleanup", "restore"];
        if program == "bbr" && phases.contains(&subcommand) {
            continue;
        }
        rig.world.set_fault(Fault::new(point, 9)).unwrap();
        if let Some(subcommand) = subcommand.strip_prefix("deployment.") {
            if !["backup-script", "restore-script"].contains(&subcommand) && !phases[..5].contains(&subcommand)
                || subcommand == "backup"
            {
                let ran = rig.run("bbr", &["deployment", "--deployment", "cf", subcommand]);
                assert_eq!(ran.code, Some(9), "{point}");
            }
            continue;
        }
        let ran = match (program, subcommand) {
            ("bbr", "help" | "version" | "deployment") => rig.run("bbr", &[subcommand]),
            ("bbr", _) => rig.bbr(&[subcommand]),
            ("bosh", "version") => rig.run("bosh", &["--version"]),
            ("bosh", "task-step" | "errand") | ("cf", "push") | ("mysql-diag", _) => continue,
            ("bosh", "attach-disk" | "scp") => rig.run(program, &[subcommand, "a", "b"]),
            (
                "bosh",
                "alias-env"
                | "cancel-task"
                | "create-recovery-plan"
                | "delete-disk"
                | "deploy"
                | "ignore"
                | "orphan-disk"
                | "recover"
                | "run-errand"
                | "unalias-env"
                | "unignore"
                | "update-resurrection"
                | "upload-stemcell",
            ) => rig.run(program, &[subcommand, "a"]),
            ("om", "credentials") => rig.run("om", &[subcommand, "-p", "cf", "-c", ".uaa.admin_credentials"]),
            ("om", "curl" | "deployed-manifest" | "staged-manifest") => rig.run("om", &[subcommand, "-p", "cf"]),
            ("om", "export-installation") => rig.run("om", &[subcommand, "-o", "x"]),
            _ => rig.run(program, &[subcommand]),
        };
        assert_eq!(ran.code, Some(9), "{point}");
        assert!(ran.err.contains(&format!("injected fault in {point}")), "{point}: {}", ran.err);
    }
}

#[test]
fn unknown_names_are_met_with_the_known_ones() {
    let rig = Rig::new();
    let error = rig.try_sandbox("fault bbr.bakup --exit 1").unwrap_err();
    assert!(error.contains("(did you mean `bbr.backup`?)") && error.contains("om.export-installation"), "{error}");
    let error = rig.try_sandbox("break second-operater").unwrap_err();
    assert!(error.contains("(did you mean `second-operator`?)") && error.contains("missing-job"), "{error}");
    let error = rig.try_sandbox("break missing-job bbr-uadb").unwrap_err();
    assert_eq!(error, "no job is called `bbr-uadb` (did you mean `bbr-uaadb`?)");
    assert_eq!(rig.try_sandbox("shwo").unwrap_err(), "no sandbox verb is called `shwo` (did you mean `show`?)");
}

#[test]
fn wrong_options_of_a_fault_are_refused() {
    let rig = Rig::new();
    for (line, error) in [
        ("fault bbr.lock", "a fault needs --exit with a number from 1 to 255"),
        ("fault bbr.lock --exit 0", "a fault needs --exit with a number from 1 to 255"),
        ("fault bbr.lock --exit 256", "`--exit` needs a number, not `256`"),
        ("fault bbr.lock --exit", "`--exit` needs a value"),
        ("fault bbr.lock --often 2", "`fault` has no option `--often`"),
        ("fault", "`fault` needs a point, or --list"),
    ] {
        assert_eq!(rig.try_sandbox(line).unwrap_err(), error, "{line}");
    }
}

#[test]
fn situations_are_shown_and_mended() {
    let rig = Rig::new();
    let healthy = rig.sandbox("show");
    for name in Situation::names() {
        let troubles = ["agent-", "bbr-", "disk-de", "disk-in", "group-", "processes-", "store-", "vm-"];
        let situation = match name {
            "missing-job" => "missing-job blobstore".to_owned(),
            trouble if troubles.iter().any(|start| trouble.starts_with(start)) => format!("{trouble} nfs_server/0"),
            plain => plain.to_owned(),
        };
        rig.sandbox(&format!("break {situation}"));
        rig.sandbox(&format!("break {situation}"));
        let broken = rig.sandbox("show");
        assert!(broken.contains(&format!("broken      {situation}\n")), "{broken}");
        rig.sandbox(&format!("mend {situation}"));
        assert_eq!(rig.sandbox("show"), healthy, "{situation}");
    }
}

#[test]
fn show_tells_what_is_wrong() {
    let rig = Rig::new();
    for line in
        ["break second-operator", "break pending-changes", "break foreign-lock", "fault bbr.lock --exit 4 --times 2"]
    {
        rig.sandbox(line);
    }
    assert_eq!(
        rig.sandbox("show"),
        "director    bosh-sandbox at https://10.0.0.6:25555, answers
lock        locked by the second operator
leftover    of the second operator
api lock    deployment cf-0123456789abcdef0123 by task 99
pending     update cf-21b4c9
deployment  cf-0123456789abcdef0123, 21 of 21 instances running
deployment  p-isolation-segment-3210fedcba9876543210, 3 of 3 instances running
deployment  pivotal-mysql-00112233445566778899, 1 of 1 instances running
deployment  service-instance_6f4c1f9e-0d7b-4a52-9c5e-2f1b8f0d3a77, 1 of 1 instances running
fault       bbr.lock exits 4, struck 0 of 2 times
broken      second-operator
broken      pending-changes
broken      foreign-lock
"
    );
}

#[test]
fn worlds_are_not_overwritten_and_not_invented() {
    let rig = Rig::new();
    let again = World::create(rig.world.root(), &executable()).unwrap_err().to_string();
    assert!(again.ends_with("holds a world already"), "{again}");
    let none = World::open(&rig.work()).unwrap_err().to_string();
    assert!(none.contains("holds no world"), "{none}");
}

#[test]
fn show_tells_what_became_of_artifacts() {
    let rig = Rig::new();
    rig.bbr(&["backup"]);
    rig.sandbox("fault bbr.drain --exit 1 --times 1");
    rig.bbr(&["backup"]);
    rig.bbr(&["backup"]);
    fs::remove_dir_all(rig.artifact()).unwrap();
    let shown = rig.sandbox("show");
    let fates: Vec<&str> = shown
        .lines()
        .filter_map(|line| line.strip_prefix("artifact    "))
        .map(|line| line.split_once("Z ").unwrap().1)
        .collect();
    assert_eq!(fates, ["complete", "of a failed backup", "gone"], "{shown}");
}
