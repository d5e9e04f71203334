//! Random sequences of commands and faults never make a world inconsistent.

use std::fs;

use crate::rig::Rig;

/// A small deterministic generator (xorshift).
struct Dice(u64);

impl Dice {
    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        &from[usize::try_from(self.0 % from.len() as u64).unwrap()]
    }
}

const MOVES: [&str; 14] = [
    "bbr backup",
    "bbr backup",
    "bbr backup-cleanup",
    "bbr pre-backup-check",
    "bbr restore",
    "bbr restore-cleanup",
    "bosh vms",
    "fault bbr.lock --exit 1 --times 1",
    "fault bbr.backup --exit 1 --times 1",
    "fault bbr.unlock --exit 1 --times 1",
    "fault bbr.cleanup --exit 1 --times 1",
    "fault bbr.drain --exit 1 --times 1",
    "break disk-full",
    "mend disk-full",
];

#[test]
fn worlds_stay_consistent() {
    for seed in 1..=12 {
        let rig = Rig::new();
        let mut dice = Dice(seed * 0x9e37_79b9);
        let mut story = Vec::new();
        for _ in 0..10 {
            let step = *dice.pick(&MOVES);
            story.push(step);
            act(&rig, step, &story);
        }
        heal(&rig, &story);
    }
}

fn act(rig: &Rig, step: &str, story: &[&str]) {
    let Some(("bbr", subcommand)) = step.split_once(' ') else {
        match step.split_once(' ') {
            Some(("bosh", subcommand)) => drop(rig.run("bosh", &[subcommand])),
            _ => drop(rig.sandbox(step)),
        }
        return;
    };
    let free = !rig.is_locked() && !rig.backup_directory().exists();
    let artifact =
        fs::read_dir(rig.work()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).max();
    let artifact = artifact.map(|path| path.display().to_string());
    let ran = match (subcommand, &artifact) {
        ("restore", None) => return,
        ("restore", Some(path)) => rig.bbr(&["restore", "-a", path]),
        _ => rig.bbr(&[subcommand]),
    };
    let code = ran.code.expect("nobody kills it");
    if free && rig.is_locked() {
        assert_ne!(code & 8, 0, "locked without a word after {story:?}");
    }
    if subcommand.ends_with("-cleanup") && code == 0 {
        assert!(!rig.is_locked() && !rig.backup_directory().exists(), "not clean after {story:?}");
    }
    if subcommand == "backup" && free && matches!(code, 0 | 8 | 16 | 24) {
        assert_eq!(rig.metadata().matches("  - name: ").count(), 4, "artifact after {story:?}");
    }
    let ledger = rig.ledger();
    assert_eq!(ledger.matches("start ").count(), ledger.matches("end ").count(), "ledger after {story:?}");
}

/// Without faults, one cleanup makes any world safe.
fn heal(rig: &Rig, story: &[&str]) {
    for phase in ["lock", "backup", "unlock", "cleanup", "drain"] {
        rig.sandbox(&format!("fault bbr.{phase} --clear"));
    }
    assert_eq!(rig.bbr(&["backup-cleanup"]).code, Some(0), "{story:?}");
    rig.sandbox("mend disk-full");
    assert!(rig.try_sandbox("check").is_ok(), "{story:?}");
    assert_eq!(rig.bbr(&["pre-backup-check"]).code, Some(0), "{story:?}");
}
