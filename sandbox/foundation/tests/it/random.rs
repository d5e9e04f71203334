//! Random sequences of commands and faults never make a world inconsistent.

use std::fs;
use std::process::Stdio;

use crate::clock::Clock;
use crate::rig::{Ran, Rig};

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

/// `kill MILLIS` kills a backup when so much time has passed: while it locks, dumps, unlocks, or copies.
const MOVES: [&str; 19] = [
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
    "kill 9000",
    "kill 60000",
    "kill 390000",
    "kill 500000",
    "sleep 3m",
];

/// A world in virtual time.
struct Scene {
    rig: Rig,
    clock: Clock,
}

impl Scene {
    fn new() -> Scene {
        Scene { rig: Rig::new(), clock: Clock::new() }
    }

    fn bbr(&self, args: &[&str]) -> Ran {
        self.clock.run(&mut self.rig.director(args))
    }

    /// Returns whether a script of a dead bbr may still lock what was unlocked.
    fn is_haunted(&self) -> bool {
        self.clock.run(&mut self.rig.command("sandbox", &["assert", "scripts", "running"])).code == Some(0)
    }

    /// Returns how many have started and not ended, by the ledger.
    fn killed(&self) -> usize {
        let ledger = self.rig.ledger();
        ledger.matches("start ").count() - ledger.matches("end ").count()
    }

    /// Kills a backup, unless it has ended by then.
    fn kill(&self, millis: u64) {
        let mut command = self.rig.director(&["backup"]);
        command.env("FIREDRILL_CLOCK", self.clock.socket()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        self.clock.wait_for_parked(1);
        self.clock.advance(millis);
        child.kill().unwrap();
        child.wait().unwrap();
        self.clock.wait_for_parked(0);
    }
}

#[test]
fn worlds_stay_consistent() {
    for seed in 1..=16 {
        let scene = Scene::new();
        let mut dice = Dice(seed * 0x9e37_79b9);
        let mut story = Vec::new();
        for _ in 0..10 {
            let step = *dice.pick(&MOVES);
            story.push(step);
            act(&scene, step, &story);
        }
        heal(&scene, &story);
    }
}

fn act(scene: &Scene, step: &str, story: &[&str]) {
    match step.split_once(' ') {
        Some(("bbr", subcommand)) => back_up(scene, subcommand, story),
        Some(("kill", millis)) => scene.kill(millis.parse().unwrap()),
        Some((program @ ("bosh" | "sleep"), arg)) => drop(scene.clock.run(&mut scene.rig.command(program, &[arg]))),
        _ => drop(scene.rig.sandbox(step)),
    }
}

fn back_up(scene: &Scene, subcommand: &str, story: &[&str]) {
    let rig = &scene.rig;
    let (is_haunted, killed) = (scene.is_haunted(), scene.killed());
    let free = !rig.is_locked() && !rig.backup_directory().exists();
    let artifact =
        fs::read_dir(rig.work()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).max();
    let artifact = artifact.map(|path| path.display().to_string());
    let ran = match (subcommand, &artifact) {
        ("restore", None) => return,
        ("restore", Some(path)) => scene.bbr(&["restore", "-a", path]),
        _ => scene.bbr(&[subcommand]),
    };
    let code = ran.code.expect("nobody kills it");
    if free && rig.is_locked() && !is_haunted {
        assert_ne!(code & 8, 0, "locked without a word after {story:?}");
    }
    if subcommand.ends_with("-cleanup") && code == 0 && !is_haunted {
        assert!(!rig.is_locked() && !rig.backup_directory().exists(), "not clean after {story:?}");
    }
    if subcommand == "backup" && free && matches!(code, 0 | 8 | 16 | 24) {
        assert_eq!(rig.metadata().matches("  - name: ").count(), 4, "artifact after {story:?}");
    }
    assert_eq!(scene.killed(), killed, "ledger after {story:?}");
}

/// Without faults, and when every script has ended, one cleanup makes any world safe.
fn heal(scene: &Scene, story: &[&str]) {
    let rig = &scene.rig;
    for phase in ["lock", "backup", "unlock", "cleanup", "drain"] {
        rig.sandbox(&format!("fault bbr.{phase} --clear"));
    }
    scene.clock.run(&mut rig.command("sleep", &["10m"]));
    assert!(!scene.is_haunted(), "{story:?}");
    assert_eq!(scene.bbr(&["backup-cleanup"]).code, Some(0), "{story:?}");
    rig.sandbox("mend disk-full");
    assert_eq!(rig.try_sandbox("check"), Ok("the sandbox is consistent and safe\n".into()), "{story:?}");
    assert_eq!(scene.bbr(&["pre-backup-check"]).code, Some(0), "{story:?}");
}
