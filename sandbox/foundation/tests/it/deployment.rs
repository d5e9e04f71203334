//! bbr on deployments: every recorded situation, and what the recordings do not show.

use std::fs;
use std::path::PathBuf;

use firedrill_foundation::{Layout, Settings};
use regex::Regex;

use crate::rig::{Ran, Rig, normal, normal_metadata, transcript};

const TAS: &str = "cf-0123456789abcdef0123";

fn bbr(rig: &Rig, deployment: &str, args: &[&str]) -> Ran {
    rig.run("bbr", &[&["deployment", "--deployment", deployment], args].concat())
}

/// Sorts what bbr runs in parallel: locks, and jobs of a restore are in order there, and so here.
fn lines(text: &str) -> Vec<String> {
    let clock = Regex::new(r"\[\d\d:\d\d:\d\d\]").unwrap();
    let text = clock.replace_all(text, "[CLOCK]");
    let masked = normal(&text);
    let parallel = ["Locking", "Finished locking", "Unlocking", "Finished unlocking"];
    let class = |line: &str| parallel.iter().position(|verb| line.contains(&format!("INFO - {verb} ")));
    let lines: Vec<&str> = masked.lines().collect();
    let mut sorted = Vec::new();
    for run in lines.chunk_by(|a, b| class(a).is_some() && class(a) == class(b)) {
        let mut run: Vec<String> = run.iter().map(|line| (*line).to_owned()).collect();
        if class(&run[0]).is_some() {
            run.sort();
        }
        sorted.extend(run);
    }
    sorted
}

fn conforms(ran: &Ran, situation: &str) {
    let recorded = |file: &str| transcript(&format!("bbr-deployment/{situation}/{file}"));
    let (printed, expected) = (lines(&ran.out), lines(&recorded("out")));
    for (line, expected) in printed.iter().zip(&expected) {
        assert_eq!(line, expected, "{situation}: standard output");
    }
    assert_eq!(printed.len(), expected.len(), "{situation}: standard output");
    assert_eq!(ran.err, recorded("err"), "{situation}: standard error");
    assert_eq!(ran.code, Some(recorded("rc").trim().parse().unwrap()), "{situation}: exit status");
}

fn leaves_metadata(rig: &Rig, situation: &str) {
    let recorded = transcript(&format!("bbr-deployment/{situation}/artifact-metadata.yml"));
    assert_eq!(normal_metadata(&rig.metadata()), normal_metadata(&recorded), "{situation}: metadata");
}

#[test]
fn recorded_checks() {
    let rig = Rig::laboratory();
    conforms(&bbr(&rig, "cf", &["pre-backup-check"]), "precheck");
    conforms(&bbr(&rig, "nope", &["backup"]), "nodep");
}

#[test]
fn recorded_backup_and_restore() {
    let rig = Rig::laboratory();
    conforms(&bbr(&rig, "cf", &["backup"]), "backup");
    leaves_metadata(&rig, "backup");
    let artifact = rig.artifact().display().to_string();
    conforms(&bbr(&rig, "cf", &["restore", "--artifact-path", &artifact]), "restore");
}

#[test]
fn recorded_backup_without_locks() {
    let rig = Rig::laboratory();
    conforms(&bbr(&rig, "cf", &["backup", "--unsafe-lock-free"]), "lockfree");
    leaves_metadata(&rig, "lockfree");
}

#[test]
fn recorded_backup_without_the_backup_node_succeeds() {
    let rig = Rig::laboratory();
    rig.sandbox("break backup-restore-missing");
    conforms(&bbr(&rig, "cf", &["backup"]), "backup-nobr");
    leaves_metadata(&rig, "backup-nobr");
}

#[test]
fn all_deployments_fail_when_one_has_no_scripts() {
    let rig = Rig::new();
    let ran = rig.run("bbr", &["deployment", "--all-deployments", "pre-backup-check"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains(&format!("Successfully can be backed up: {TAS}\n")), "{}", ran.out);
    assert!(ran.err.starts_with("3 out of 4 deployments cannot be backed up:\n"), "{}", ran.err);
    assert!(ran.err.contains("Deployment 'p-isolation-segment-3210fedcba9876543210' has no backup scripts"));
    let ran = rig.run("bbr", &["deployment", "--all-deployments", "backup"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains(&format!("Finished backup of {TAS}\n")), "{}", ran.out);
}

#[test]
fn artifact_of_a_deployment_has_a_tar_per_job() {
    let rig = Rig::new();
    let parent = rig.work().join("artifacts");
    fs::create_dir(&parent).unwrap();
    let ran = bbr(&rig, TAS, &["backup", "--artifact-path", &parent.display().to_string(), "--with-manifest"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    let artifact: PathBuf = fs::read_dir(&parent).unwrap().next().unwrap().unwrap().path();
    let mut names: Vec<String> =
        fs::read_dir(&artifact).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(
        names,
        [
            "backup_restore-0-bbr-cfnetworkingdb.tar",
            "backup_restore-0-bbr-cloudcontrollerdb.tar",
            "backup_restore-0-bbr-credhubdb.tar",
            "backup_restore-0-bbr-routingdb.tar",
            "backup_restore-0-bbr-uaadb.tar",
            "backup_restore-0-bbr-usage-servicedb.tar",
            "manifest.yml",
            "metadata",
            "nfs_server-0-blobstore.tar",
        ]
    );
}

#[test]
fn scripts_that_fail_set_the_bits() {
    for (faults, code) in [
        (["bbr.deployment.lock"].as_slice(), 4),
        (&["bbr.deployment.backup-script"], 1),
        (&["bbr.deployment.unlock"], 8),
        (&["bbr.deployment.cleanup"], 16),
        (&["bbr.deployment.backup-script", "bbr.deployment.unlock"], 9),
        (&["bbr.deployment.lock", "bbr.deployment.unlock"], 12),
    ] {
        let rig = Rig::laboratory();
        for fault in faults {
            rig.sandbox(&format!("fault {fault} --exit 1 --times 1"));
        }
        assert_eq!(bbr(&rig, "cf", &["backup"]).code, Some(code), "{faults:?}");
    }
}

#[test]
fn jobs_are_locked_in_the_order_of_their_metadata() {
    let rig = Rig::new();
    let ran = bbr(&rig, TAS, &["backup"]);
    let at = |text: &str| ran.out.find(text).unwrap_or_else(|| panic!("{text}: {}", ran.out));
    assert!(at("Finished locking cloud_controller_worker on") < at("Locking cloud_controller_ng on"));
    assert!(at("Finished unlocking cloud_controller_ng on") < at("Unlocking cloud_controller_worker on"));
}

#[test]
fn databases_return_to_a_cluster_of_one_node_only() {
    let rig = Rig::new();
    bbr(&rig, TAS, &["backup"]);
    let artifact = rig.artifact().display().to_string();
    let ran = bbr(&rig, TAS, &["restore", "--artifact-path", &artifact]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("Timed out waiting for monit: 2m0s"), "{}", ran.err);
    let rig = Rig::with(&Settings { layout: Layout::SmallFootprint, ..Settings::default() });
    bbr(&rig, TAS, &["backup"]);
    let artifact = rig.artifact().display().to_string();
    assert_eq!(bbr(&rig, TAS, &["restore", "--artifact-path", &artifact]).code, Some(0));
}

#[test]
fn artifact_of_another_structure_is_refused() {
    let rig = Rig::laboratory();
    bbr(&rig, "cf", &["backup"]);
    rig.sandbox("break backup-restore-missing");
    let artifact = rig.artifact().display().to_string();
    let ran = bbr(&rig, "cf", &["restore", "--artifact-path", &artifact]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("Deployment 'cf' does not match the structure of the provided backup"), "{}", ran.err);
}

/// Two deployments were recorded; the block of the one without scripts stands for each that has none.
#[test]
fn recorded_check_of_all_deployments() {
    let rig = Rig::new();
    let ran = rig.run("bbr", &["deployment", "--all-deployments", "pre-backup-check"]);
    let bare = [
        "p-isolation-segment-3210fedcba9876543210",
        "pivotal-mysql-00112233445566778899",
        "service-instance_6f4c1f9e-0d7b-4a52-9c5e-2f1b8f0d3a77",
    ];
    let generic = |text: &str| {
        let text = text.replace(&bare.join(", "), "p-isolation-segment");
        let text = bare.iter().fold(text, |text, name| text.replace(name, "p-isolation-segment"));
        let mut lines = lines(&text.replace(TAS, "cf").replace("3 out of 4", "1 out of 2"));
        lines.sort();
        lines.dedup();
        lines
    };
    for (stream, printed) in [("out", &ran.out), ("err", &ran.err)] {
        assert_eq!(
            generic(printed),
            generic(&transcript(&format!("bbr-deployment/all-precheck/{stream}"))),
            "{stream}"
        );
    }
    assert_eq!(ran.code, Some(1));
}

#[test]
fn debug_after_the_subcommand_checks_nothing() {
    let rig = Rig::laboratory();
    let ran = bbr(&rig, "cf", &["pre-backup-check", "--debug"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(!ran.out.contains("can be backed up."), "{}", ran.out);
}

#[test]
fn one_deployment_or_all_must_be_named() {
    let rig = Rig::laboratory();
    for args in [["deployment", "backup"].as_slice(), &["deployment", "-d", "cf", "--all-deployments", "backup"]] {
        let mut command = rig.command("bbr", args);
        command.env_remove("BOSH_DEPLOYMENT");
        let ran = Ran::from(command.output().unwrap());
        assert_eq!(ran.code, Some(1), "{args:?}: {}{}", ran.out, ran.err);
        assert!(ran.out.contains("--all-deployments") && !ran.err.is_empty(), "{args:?}: {}{}", ran.out, ran.err);
    }
}

#[test]
fn help_is_printed_at_every_level() {
    let rig = Rig::laboratory();
    let director = ["director", "--host", "h", "--username", "u", "--key", "k"];
    let deployment = ["deployment", "-t", "t", "-u", "u", "-p", "p", "-d", "d"];
    for (parent, args, code, first) in [
        (&[][..], &["--help"][..], 1, "Incorrect Usage. flag: help requested\n\nNAME:\n   bbr - BOSH Backup"),
        (&[], &["--frob", "director"], 1, "Incorrect Usage. flag provided but not defined: -frob\n\nNAME:\n   bbr - "),
        (&[], &["help", "director"], 0, "NAME:\n   bbr - BOSH Backup and Restore\n"),
        (&[], &["deployment", "--help"], 0, "NAME:\n   bbr deployment - Backup BOSH deployments\n"),
        (&[], &["director", "-h"], 0, "NAME:\n   bbr director - Backup BOSH director\n"),
        (
            &director,
            &["frob"],
            0,
            "Error command 'frob' not found\n\nNAME:\n   bbr director - Backup BOSH director\n\nUSAGE:\n   bbr command [",
        ),
        (&director, &["help"], 0, "NAME:\n   bbr director - Backup BOSH director\n\nUSAGE:\n   bbr command ["),
        (&director, &["help", "restore"], 0, "NAME:\n   bbr director restore - Restore a deployment from backup\n"),
        (&director, &[], 0, "NAME:\n   bbr director - Backup BOSH director\n\nUSAGE:\n   bbr director [options]"),
        (
            &deployment,
            &["b", "-h"],
            0,
            "NAME:\n   bbr deployment backup - Backup a deployment\n\nUSAGE:\n   bbr deployment backup [options] \n\nOPTIONS:\n   --with-manifest ",
        ),
        (
            &deployment,
            &["c", "--help"],
            0,
            "NAME:\n   bbr deployment pre-backup-check - Check a deployment can be backed up\n",
        ),
    ] {
        let ran = rig.run("bbr", &[parent, args].concat());
        assert_eq!(ran.code, Some(code), "{args:?}: {}", ran.out);
        assert!(ran.out.starts_with(first) && ran.err.is_empty(), "{args:?}: {} {}", ran.out, ran.err);
    }
}

#[test]
fn clients_that_start_at_once_find_whole_trees() {
    const TAS: &str = "cf-0123456789abcdef0123";
    for _ in 0..4 {
        let rig = Rig::new();
        let check = || rig.run("bbr", &["deployment", "--deployment", TAS, "pre-backup-check"]);
        std::thread::scope(|scope| {
            let checks: Vec<_> = (0..4).map(|_| scope.spawn(check)).collect();
            for check in checks {
                let ran = check.join().unwrap();
                assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
            }
        });
    }
}
