//! What the stand-ins do to the world: exit bits, artifacts, leftovers, somebody else's backup.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;

use firedrill_foundation::Settings;
use sha2::{Digest, Sha256};

use crate::rig::Rig;

#[test]
fn exit_bits_of_a_backup() {
    for (phases, code) in [
        ([].as_slice(), 0),
        (["lock"].as_slice(), 4),
        (["backup"].as_slice(), 1),
        (["unlock"].as_slice(), 8),
        (["drain"].as_slice(), 1),
        (["cleanup"].as_slice(), 16),
        (["backup", "unlock"].as_slice(), 9),
        (["lock", "unlock"].as_slice(), 12),
        (["drain", "unlock"].as_slice(), 9),
        (["unlock", "cleanup"].as_slice(), 24),
        (["backup", "unlock", "cleanup"].as_slice(), 25),
    ] {
        let rig = Rig::new();
        for phase in phases {
            rig.sandbox(&format!("fault bbr.{phase} --exit 3"));
        }
        assert_eq!(rig.bbr(&["backup"]).code, Some(code), "faults in {phases:?}");
        assert_eq!(rig.is_locked(), phases.contains(&"unlock") && !phases.contains(&"lock"), "lock after {phases:?}");
        assert_eq!(rig.backup_directory().exists(), phases.contains(&"cleanup"), "directory after {phases:?}");
    }
}

#[test]
fn failed_unlock_still_drains() {
    let rig = Rig::new();
    rig.sandbox("fault bbr.unlock --exit 1");
    rig.bbr(&["backup"]);
    assert_eq!(checksums_by_metadata(&rig.metadata()).len(), 4);
}

#[test]
fn checksums_are_those_of_the_members() {
    let rig = Rig::new();
    assert_eq!(rig.bbr(&["backup"]).code, Some(0));
    let named = checksums_by_metadata(&rig.metadata());
    assert_eq!(
        named.keys().map(String::as_str).collect::<Vec<_>>(),
        ["bbr-credhubdb", "bbr-uaadb", "blobstore", "director"]
    );
    for (job, checksums) in named {
        assert_eq!(checksums, checksums_by_tar(&rig.artifact().join(format!("bosh-0-{job}.tar"))), "{job}");
    }
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&rig.artifact()), 0o700);
    assert_eq!(mode(&rig.artifact().join("metadata")), 0o644);
}

fn checksums_by_metadata(text: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut jobs: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut job = String::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("  - name: ") {
            name.clone_into(&mut job);
            jobs.entry(job.clone()).or_default();
        } else if let Some((member, sum)) = line.strip_prefix("      ").and_then(|line| line.split_once(": ")) {
            jobs.get_mut(&job).unwrap().insert(member.to_owned(), sum.to_owned());
        }
    }
    jobs
}

fn checksums_by_tar(path: &Path) -> BTreeMap<String, String> {
    let mut archive = tar::Archive::new(File::open(path).unwrap());
    let mut checksums = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        if entry.header().entry_type().is_file() {
            let sum: Vec<String> = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
            checksums.insert(name, sum.concat());
        }
    }
    checksums
}

#[test]
fn content_depends_on_the_seed_only() {
    let metadata = |seed| {
        let rig = Rig::with(&Settings { seed, ..Settings::default() });
        rig.bbr(&["backup"]);
        checksums_by_metadata(&rig.metadata())
    };
    assert_eq!(metadata(5), metadata(5));
    assert_ne!(metadata(5), metadata(6));
}

#[test]
fn size_of_the_store_is_configurable() {
    let rig = Rig::with(&Settings { store_bytes: 3 * 1024 * 1024, ..Settings::default() });
    rig.bbr(&["backup"]);
    let bytes: u64 = fs::read_dir(rig.artifact()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert!((3_000_000..3_400_000).contains(&bytes), "{bytes}");
}

#[test]
fn artifact_path_must_be_a_folder() {
    let rig = Rig::new();
    for (path, reason) in
        [("missing", "stat missing: no such file or directory"), ("file", "artifact path file is not a directory")]
    {
        fs::write(rig.work().join("file"), "").unwrap();
        let ran = rig.bbr(&["backup", "--artifact-path", path]);
        assert_eq!((ran.code, ran.err.contains(reason)), (Some(1), true), "{}", ran.err);
        assert!(!rig.is_locked(), "nothing was locked");
    }
}

#[test]
fn backups_in_the_same_second_do_not_collide() {
    let rig = Rig::new();
    for _ in 0..4 {
        assert_eq!(rig.bbr(&["backup"]).code, Some(0));
    }
    assert_eq!(fs::read_dir(rig.work()).unwrap().count(), 4);
}

#[test]
fn failed_run_leaves_an_error_log() {
    let rig = Rig::new();
    rig.sandbox("fault bbr.backup --exit 1");
    rig.bbr(&["backup"]);
    let names: Vec<String> =
        fs::read_dir(rig.work()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.iter().any(|name| name.starts_with("bbr-") && name.ends_with("Z.err.log")), "{names:?}");
}

#[test]
fn second_operator_is_harmed_by_cleanup_only() {
    let rig = Rig::new();
    rig.sandbox("break second-operator");
    let marker = rig.backup_directory().join("second-operator-was-here");
    assert_eq!(rig.bbr(&["pre-backup-check"]).code, Some(1));
    assert_eq!(rig.bbr(&["backup"]).code, Some(1));
    assert!(marker.exists() && rig.is_locked());
    rig.sandbox("check");
    assert_eq!(rig.bbr(&["backup-cleanup"]).code, Some(0), "the real client deletes a live backup");
    assert!(!marker.exists() && !rig.is_locked());
    let findings = rig.try_sandbox("check").unwrap_err();
    assert!(findings.contains("the second operator's live backup was deleted"), "{findings}");
}

#[test]
fn director_that_is_locked_does_not_answer() {
    let rig = Rig::new();
    assert_eq!(rig.run("bosh", &["deployments"]).code, Some(0));
    rig.sandbox("break second-operator");
    let ran = rig.run("bosh", &["deployments"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("connection refused") || ran.out.contains("connection refused"), "{ran:?}");
    rig.sandbox("mend second-operator");
    assert_eq!(rig.run("bosh", &["deployments"]).code, Some(0));
}

#[test]
fn full_disk_fails_the_drain() {
    let rig = Rig::new();
    rig.sandbox("break disk-full");
    let ran = rig.bbr(&["backup"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("no space left on device"), "{}", ran.err);
    assert!(!rig.metadata().contains("instances:") && rig.metadata().contains("finish_time"));
}

#[test]
fn bad_disk_is_found_by_reading_only() {
    let rig = Rig::new();
    rig.sandbox("break bad-disk");
    let ran = rig.bbr(&["backup"]);
    assert_eq!(ran.code, Some(0), "bbr has looked already: {}", ran.err);
    assert!(rig.sandbox("show").contains("Z damaged\n"), "{}", rig.sandbox("show"));
    rig.sandbox("mend bad-disk");
    assert_eq!(rig.bbr(&["backup"]).code, Some(0));
    assert!(rig.sandbox("show").contains("Z complete\n"), "{}", rig.sandbox("show"));
}

#[test]
fn missing_job_is_missing_silently() {
    let rig = Rig::new();
    rig.sandbox("break missing-job bbr-uaadb");
    assert_eq!(rig.bbr(&["backup"]).code, Some(0));
    assert!(!checksums_by_metadata(&rig.metadata()).contains_key("bbr-uaadb"));
    rig.sandbox("mend missing-job bbr-uaadb");
    assert!(rig.bbr(&["pre-backup-check"]).out.contains("bosh/0/bbr-uaadb/backup"));
}

#[test]
fn restore_brings_the_content_back() {
    let rig = Rig::new();
    rig.bbr(&["backup"]);
    let blob = rig.vcap("store/blobstore/blob-1");
    let before = fs::read(&blob).unwrap();
    fs::write(&blob, "lost").unwrap();
    let artifact = rig.artifact();
    assert_eq!(rig.bbr(&["restore", "--artifact-path", artifact.to_str().unwrap()]).code, Some(0));
    assert_eq!(fs::read(&blob).unwrap(), before);
    assert!(!rig.is_locked() && !rig.backup_directory().exists());
}

#[test]
fn late_debug_flag_checks_nothing() {
    let rig = Rig::new();
    rig.sandbox("break leftover");
    let ran = rig.bbr(&["pre-backup-check", "--debug"]);
    assert_eq!(ran.code, Some(0));
    assert!(ran.out.contains("bbr director pre-backup-check - Check a BOSH Director can be backed up"), "{}", ran.out);
}

#[test]
fn om_knows_pending_changes_and_running_installations() {
    let rig = Rig::new();
    assert_eq!(rig.run("om", &["pending-changes", "--check"]).code, Some(0));
    rig.sandbox("break pending-changes");
    rig.sandbox("break apply-changes-running");
    let ran = rig.run("om", &["pending-changes", "--check", "-f", "json"]);
    assert_eq!(ran.code, Some(1));
    let changes: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(changes[1]["action"], "update");
    assert!(ran.err.contains("there are pending changes."), "{}", ran.err);
    assert_eq!(rig.run("om", &["pending-changes"]).code, Some(0));
    let installations: serde_json::Value =
        serde_json::from_str(&rig.run("om", &["installations", "-f", "json"]).out).unwrap();
    assert_eq!((&installations[0]["status"], installations[0].get("finished_at")), (&"running".into(), None));
    rig.sandbox("mend apply-changes-running");
    assert!(!rig.run("om", &["installations", "--format=json"]).out.contains("running"));
}

#[test]
fn om_exports_an_archive() {
    let rig = Rig::new();
    assert_eq!(rig.run("om", &["export-installation", "-o", "installation.zip"]).code, Some(0));
    assert!(fs::read(rig.work().join("installation.zip")).unwrap().starts_with(b"PK\x05\x06"));
    let ran = rig.run("om", &["export-installation", "-o", "missing/installation.zip"]);
    assert!(ran.code == Some(1) && ran.err.contains("cannot create output file"), "{}", ran.err);
}

#[test]
fn tasks_of_concurrent_clients_have_their_own_ids() {
    let rig = Rig::laboratory();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(rig.run("bosh", &["vms"]).code, Some(0)));
        }
    });
    let listed = rig.run("bosh", &["tasks", "--recent=30", "--all"]).out;
    let ids: Vec<&str> = listed.lines().filter_map(|line| line.split('\t').next()).collect();
    assert_eq!(ids, ["108", "107", "106", "105", "104", "103", "102", "101"]);
}

#[test]
fn without_a_world_there_is_a_message() {
    let rig = Rig::new();
    let output = rig.command("bosh", &["tasks"]).env_remove("FIREDRILL_SANDBOX").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("FIREDRILL_SANDBOX is not set"));
}
