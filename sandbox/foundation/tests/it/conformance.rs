//! Every recorded situation of bbr with a director, replayed against a fresh world.

use std::fs;

use regex::Regex;

use crate::rig::{Ran, Rig, normal, normal_metadata, transcript};

/// Runs the command line that was recorded for `situation`, with its host, keys and paths in this world.
fn replay(rig: &Rig, situation: &str) -> Ran {
    let recorded = transcript(&format!("bbr-director/{situation}/cmd"));
    let host = rig.world.director_host().unwrap();
    let artifact = Regex::new(r"--artifact-path \S+").unwrap();
    let line = recorded.trim().trim_start_matches("$ bbr").replace("127.0.0.1:2322", &host).replace("127.0.0.1", &host);
    let line = line.replace(" bbr_key", &format!(" {}", rig.world.key().display()));
    let line = line.replace(" wrong_key", &format!(" {}", rig.world.wrong_key().display()));
    let line = artifact.replace(&line, |_: &regex::Captures| format!("--artifact-path {}", rig.artifact().display()));
    rig.run("bbr", &line.split_whitespace().collect::<Vec<_>>())
}

fn conforms(rig: &Rig, situation: &str) {
    let ran = replay(rig, situation);
    let recorded = |file: &str| transcript(&format!("bbr-director/{situation}/{file}"));
    assert_eq!(normal(&ran.out), normal(&recorded("out")), "{situation}: standard output");
    assert_eq!(normal(&ran.err), normal(&recorded("err")), "{situation}: standard error");
    let code: i32 = recorded("rc").trim().parse().unwrap();
    assert_eq!(ran.code, Some(code), "{situation}: exit status");
}

fn leaves_metadata(rig: &Rig, situation: &str) {
    let recorded = transcript(&format!("bbr-director/{situation}/artifact-metadata.yml"));
    assert_eq!(normal_metadata(&rig.metadata()), normal_metadata(&recorded), "{situation}: metadata");
}

fn rig(breaks: &[&str]) -> Rig {
    let rig = Rig::new();
    for line in breaks {
        rig.sandbox(line);
    }
    rig
}

#[test]
fn usage_texts() {
    for situation in
        ["01-version", "02-unknown-cmd", "03-no-args", "04-missing-flags", "05-help-backup", "35-restore-nopath"]
    {
        conforms(&Rig::new(), situation);
    }
}

#[test]
fn pre_backup_check() {
    conforms(&Rig::new(), "06-pre-check");
    conforms(&rig(&["break leftover"]), "16-artifactdir-precheck");
}

#[test]
fn connections_that_fail() {
    for situation in ["18-unreachable", "19-wrongkey", "20-nokey"] {
        conforms(&Rig::new(), situation);
    }
}

#[test]
fn backup() {
    let rig = Rig::new();
    conforms(&rig, "07-backup");
    leaves_metadata(&rig, "07-backup");
}

#[test]
fn backups_that_fail() {
    let lock = "fault bbr.lock --exit 1";
    let backup = "fault bbr.backup --exit 1";
    let unlock = "fault bbr.unlock --exit 1 --times 1";
    for (situation, faults) in [
        ("10-lock-fail", [lock].as_slice()),
        ("11-backup-fail", [backup].as_slice()),
        ("13-backup+unlock-fail", [backup, unlock].as_slice()),
    ] {
        let rig = rig(faults);
        conforms(&rig, situation);
        leaves_metadata(&rig, situation);
    }
}

#[test]
fn cleanups() {
    conforms(&Rig::new(), "12b-backup-cleanup");
    let rig = rig(&["fault bbr.backup --exit 1 --times 1", "fault bbr.unlock --exit 1 --times 1"]);
    rig.bbr(&["backup"]);
    assert!(rig.is_locked());
    conforms(&rig, "15-cleanup");
    assert!(!rig.is_locked());
    conforms(&rig, "40-restore-cleanup");
}

#[test]
fn restores() {
    let rig = rig(&["fault bbr.restore --exit 1 --times 1"]);
    rig.bbr(&["backup"]);
    conforms(&rig, "37-restore-scriptfail");
    conforms(&rig, "30-restore");
}

#[test]
fn restore_of_a_corrupt_artifact() {
    let rig = Rig::new();
    rig.bbr(&["backup"]);
    let tar = rig.artifact().join("bosh-0-blobstore.tar");
    let mut bytes = fs::read(&tar).unwrap();
    bytes[2048] ^= 1;
    fs::write(&tar, bytes).unwrap();
    conforms(&rig, "31-restore-corrupt");
}

#[test]
fn restore_of_metadata_without_a_job() {
    let rig = Rig::new();
    rig.bbr(&["backup"]);
    let entry = Regex::new(r"  - name: blobstore\n    checksums:\n(      .*\n)+").unwrap();
    let edited = entry.replace(&rig.metadata(), "").into_owned();
    fs::write(rig.artifact().join("metadata"), edited).unwrap();
    conforms(&rig, "33-restore-metaonly");
}

#[test]
fn file_name_with_a_space() {
    let rig = Rig::new();
    fs::write(rig.vcap("store/blobstore/a b"), "spaced").unwrap();
    let ran = rig.bbr(&["backup"]);
    assert_eq!(normal(&ran.out), normal(&transcript("bbr-director/61-space/out")));
    assert_eq!(ran.err, transcript("bbr-director/61-space/err"));
    assert_eq!(ran.code, Some(1));
    leaves_metadata(&rig, "61-space");
}

#[test]
fn debug_log() {
    let rig = Rig::new();
    let (host, key) = (rig.world.director_host().unwrap(), rig.world.key().display().to_string());
    let ran = rig.run(
        "bbr",
        &["director", "--host", &host, "--username", "bbr", "--private-key-path", &key, "--debug", "backup"],
    );
    assert_eq!(sorted(&ran.out), sorted(&transcript("bbr-director/63-debug/out")));
    assert_eq!((ran.err, ran.code), (transcript("bbr-director/63-debug/err"), Some(0)));
    leaves_metadata(&rig, "63-debug");
}

/// Masks what differs and sorts all lines: with `--debug`, the lines of parallel jobs are mixed everywhere.
fn sorted(out: &str) -> Vec<String> {
    let masks = [
        (r"\b[\d.]+[KM]?\t/", "SIZE\t/"),
        (r"(127\.0\.0\.1|10\.0\.0\.6)_\d{8}T\d{6}Z", "ARTIFACT"),
        (
            r"stdout: [0-9a-f]{64}  \./store/blob-\d(\n[0-9a-f]{64}  \./store/blob-\d)+",
            "stdout: SUMS in the order of find",
        ),
    ];
    let masked = masks
        .iter()
        .fold(out.to_owned(), |text, (pattern, to)| Regex::new(pattern).unwrap().replace_all(&text, *to).into_owned());
    let mut lines: Vec<String> = normal(&masked).lines().map(str::to_owned).collect();
    lines.sort();
    lines
}
