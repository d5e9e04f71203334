//! `sandbox check`, `assert`, `pace`, and `sandbox` as a stand-in; copies of worlds.

use std::fs;

use firedrill_foundation::World;
use firedrill_foundation::pace::Phase;

use crate::rig::Rig;

#[test]
fn assertions_are_true_or_say_what_is_so() {
    let rig = Rig::new();
    for line in [
        "lock free",
        "leftover none",
        "restore none",
        "artifacts 0 whole",
        "artifacts 0 incomplete",
        "calls bbr.backup 0",
    ] {
        assert_eq!(rig.sandbox(&format!("assert {line}")), "", "{line}");
    }
    for (line, sentence) in [
        ("lock held", "the director's lock is free, not held"),
        ("lock ours", "the director's lock is free, not ours"),
        ("leftover theirs", "bbr's directory is not there; expected: theirs"),
        ("restore half-done", "no restore is half done"),
        ("artifacts 1 whole", "0 artifacts are whole, not 1"),
        ("calls bosh.tasks 2", "bosh.tasks was called 0 times, not 2"),
    ] {
        assert_eq!(rig.try_sandbox(&format!("assert {line}")).unwrap_err(), sentence);
    }
    rig.sandbox("break second-operator");
    for line in ["lock held", "lock theirs", "leftover theirs"] {
        rig.sandbox(&format!("assert {line}"));
    }
    assert_eq!(
        rig.try_sandbox("assert lock free").unwrap_err(),
        "the director's lock is held by the second operator, not free"
    );
}

#[test]
fn assertions_that_are_none_are_refused() {
    let rig = Rig::new();
    let forms = "`assert` knows lock free|held|ours|theirs, leftover none|ours|theirs, restore none|half-done, \
                 artifacts N whole|incomplete, calls PROGRAM.SUBCOMMAND N, \
                 instance PLACE STATE, disk PLACE mounted|detached|lost|none, orphans N, problems N, \
                 api open|blocked|locked|down, apps running|failing, blobs served|stale|down, \
                 lb open|clients-blocked|all-blocked, quorum held|lost, lock platform free|ours|theirs, \
                 leftover platform none|ours|theirs, restore platform none|half-done, scripts none|running";
    for (line, error) in [
        ("assert", forms),
        ("assert lock", forms),
        ("assert lock open", forms),
        ("assert lok free", "`assert` knows no `lok` (did you mean `lock`?)"),
        ("assert artifacts one whole", "`assert` needs a number, not `one`"),
    ] {
        assert_eq!(rig.try_sandbox(line).unwrap_err(), error, "{line}");
    }
}

/// Makes a backup in the world's own folder of artifacts, inside of a set.
fn backup_in(rig: &Rig, set: &str) {
    let folder = rig.world.artifacts().join(set);
    fs::create_dir_all(&folder).unwrap();
    rig.bbr(&["backup", "--artifact-path", folder.to_str().unwrap()]);
}

fn rename(rig: &Rig, from: &str, to: &str) {
    fs::rename(rig.world.artifacts().join(from), rig.world.artifacts().join(to)).unwrap();
}

#[test]
fn artifacts_are_judged_by_what_they_claim() {
    let rig = Rig::new();
    backup_in(&rig, "set-1.incomplete");
    rig.sandbox("assert artifacts 0 whole");
    rename(&rig, "set-1.incomplete", "set-1");
    rig.sandbox("assert artifacts 1 whole");
    rig.sandbox("check");

    rig.sandbox("fault bbr.drain --exit 1 --times 1");
    backup_in(&rig, "set-2.incomplete");
    rig.sandbox("check");
    rename(&rig, "set-2.incomplete", "set-2");
    assert!(rig.try_sandbox("check").unwrap_err().contains(" claims to be whole and is of a failed backup\n"));
    fs::remove_dir_all(rig.world.artifacts().join("set-2")).unwrap();

    rig.sandbox("break missing-job bbr-uaadb");
    backup_in(&rig, "set-3.incomplete");
    rename(&rig, "set-3.incomplete", "set-3");
    assert!(rig.try_sandbox("check").unwrap_err().contains(" claims to be whole and is without bbr-uaadb\n"));
    rig.sandbox("assert artifacts 1 whole");
    rig.sandbox("assert artifacts 1 incomplete");
}

#[test]
fn damaged_artifact_is_found_wherever_it_is() {
    let rig = Rig::new();
    rig.bbr(&["backup"]);
    rig.sandbox("check");
    let tar = rig.artifact().join("bosh-0-blobstore.tar");
    let mut bytes = fs::read(&tar).unwrap();
    bytes[2000] ^= 1;
    fs::write(&tar, bytes).unwrap();
    assert!(rig.try_sandbox("check").unwrap_err().contains(" claims to be whole and is damaged\n"));
    assert!(rig.sandbox("show").contains("Z damaged\n"));
}

#[test]
fn pace_is_set_and_listed() {
    let rig = Rig::new();
    let listed = rig.sandbox("pace --list");
    assert_eq!(listed.lines().count(), Phase::all().count());
    assert!(listed.contains("bbr.backup              6m\n"), "{listed}");
    rig.sandbox("pace bbr.backup 1h30m");
    assert!(rig.sandbox("pace --list").contains("bbr.backup              1h30m\n"));
    for (line, error) in [
        ("pace", "`pace` needs a phase and how long it takes, or --list"),
        ("pace bbr.backup", "`pace` needs a phase and how long it takes, or --list"),
        ("pace bbr.backup 40", "`40` is no duration: `40` has no unit, the units are d, h, m, s and ms"),
    ] {
        assert_eq!(rig.try_sandbox(line).unwrap_err(), error);
    }
    let unknown = rig.try_sandbox("pace bbr.bakup 1m").unwrap_err();
    assert!(unknown.starts_with("no phase is called `bbr.bakup` (did you mean `bbr.backup`?)"), "{unknown}");
}

#[test]
fn verbs_are_a_stand_in() {
    let rig = Rig::new();
    let ran = rig.run("sandbox", &["fault", "bbr.lock", "--exit", "3", "--times", "1"]);
    assert_eq!((ran.out.as_str(), ran.err.as_str(), ran.code), ("", "", Some(0)));
    assert_eq!(rig.run("sandbox", &["fault", "--list"]).out, "bbr.lock exits 3, struck 0 of 1 times\n");
    let ran = rig.run("sandbox", &["assert", "lock", "held"]);
    assert_eq!((ran.err.as_str(), ran.code), ("sandbox: the director's lock is free, not held\n", Some(1)));
    rig.run("sandbox", &["break", "second-operator"]);
    rig.bbr(&["backup-cleanup"]);
    let ran = rig.run("sandbox", &["check"]);
    assert!(ran.out.starts_with("the second operator's live backup was deleted\n"), "{}", ran.out);
    assert_eq!((ran.err.as_str(), ran.code), ("sandbox: the sandbox is not safe: 2 findings\n", Some(1)));
    rig.run("sandbox", &["assert", "calls", "bbr.backup-cleanup", "1"]);
}

#[test]
fn copy_of_a_world_is_another_world() {
    let rig = Rig::new();
    backup_in(&rig, "set");
    rig.sandbox("break leftover");
    rig.sandbox("pace bbr.lock 7s");
    let to = rig.work().join("copy");
    let copy = rig.world.copy(&to).unwrap();
    let refused = rig.world.copy(&to).unwrap_err().to_string();
    assert!(refused.ends_with("holds a world already"), "{refused}");

    let place = rig.world.root().display().to_string();
    let original = rig.sandbox("show");
    rig.sandbox("mend leftover");
    let show = |world: &World| {
        let mut out = Vec::new();
        firedrill_foundation::sandbox_command(world.root(), &["show".to_owned()], &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    assert_eq!(show(&copy), original.replace(&place, &to.display().to_string()));
    assert_eq!(fs::read_link(copy.bin().join("bbr")).unwrap(), fs::read_link(rig.world.bin().join("bbr")).unwrap());
    assert!(!copy.ledger().exists() && rig.world.ledger().exists());
}

#[test]
fn a_shell_enters_the_world_by_what_env_prints() {
    let rig = Rig::new();
    let to = rig.work().join("it's \"here\" $HOME");
    let copy = rig.world.copy(&to).unwrap();
    let mut out = Vec::new();
    firedrill_foundation::sandbox_command(copy.root(), &["env".to_owned()], &mut out).unwrap();
    let script = format!(
        "{}\nprintenv FIREDRILL_SANDBOX; command -v bosh; bosh env >/dev/null",
        String::from_utf8(out).unwrap()
    );
    let told = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(told.status.success(), "{told:?}");
    let place = to.display();
    assert_eq!(String::from_utf8(told.stdout).unwrap(), format!("{place}\n{place}/bin/bosh\n"));
}
