//! Scripts of bbr on VMs, which go on when bbr is killed.

use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::clock::Clock;
use crate::rig::{Ran, Rig};
use crate::running::Running;

const TAS: &str = "cf-0123456789abcdef0123";

/// How many virtual milliseconds pass until a bbr has connected and checked.
const CHECKED: u64 = 2_000 + 6_000;

/// A minute of the backup scripts of the platform: two layers of locks came before.
const DUMPING: u64 = CHECKED + 15_000 + 15_000 + 60_000;

/// A world in virtual time.
struct Scene {
    rig: Rig,
    clock: Clock,
}

impl Scene {
    fn run(&self, program: &str, args: &[&str]) -> Ran {
        self.clock.run(&mut self.rig.command(program, args))
    }

    fn sleep(&self, time: &str) {
        assert_eq!(self.run("sleep", &[time]).code, Some(0));
    }

    /// Runs a script on a VM and returns what it printed, and the exit status that it told.
    fn on(&self, instance: &str, script: &str) -> String {
        let args = ["-d", TAS, "ssh", instance, "-r", "--column=stdout", "-c", &format!("{script}; echo $?")];
        let out = self.run("bosh", &args).out;
        let lines: Vec<&str> = out.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        lines.join("\n") + "\n"
    }

    fn assert(&self, facts: &[&str]) {
        for fact in facts {
            let ran = self.run("sandbox", &[&["assert"], &fact.split(' ').collect::<Vec<_>>()[..]].concat());
            assert_eq!(ran.code, Some(0), "{fact}: {}", ran.err);
        }
    }

    /// What `sandbox check` finds, a line for each.
    fn findings(&self) -> String {
        self.run("sandbox", &["check"]).out
    }
}

/// Kills a bbr when so many milliseconds have passed.
fn killed_after(millis: u64, bbr: impl FnOnce(&Rig) -> Command) -> Scene {
    let (rig, clock) = (Rig::new(), Clock::new());
    let mut command = bbr(&rig);
    command.env("FIREDRILL_CLOCK", clock.socket()).stdin(Stdio::null()).stderr(Stdio::null());
    let mut running = Running::begin(rig, clock, command);
    running.clock.wait_for_parked(1);
    running.clock.advance(millis);
    running.signal(Signal::KILL);
    running.clock.wait_for_parked(0);
    assert_eq!(running.finish(), None);
    Scene { rig: running.rig, clock: running.clock }
}

fn backup_of_platform(rig: &Rig) -> Command {
    rig.command("bbr", &["deployment", "--deployment", TAS, "backup"])
}

fn backup_of_director(rig: &Rig) -> Command {
    rig.director(&["backup"])
}

#[test]
fn a_dump_goes_on_and_leaves_what_it_was_for() {
    let scene = killed_after(DUMPING, backup_of_platform);
    scene.assert(&["scripts running"]);
    let listed = scene.on("nfs_server/0", "ps -eo pid,ppid,user,comm,args | grep '[b]in/bbr/'");
    let folder = "/var/vcap/store/bbr-backup/blobstore/";
    let script = "/var/vcap/jobs/blobstore/bin/bbr/backup";
    let sudo = format!("sudo BBR_ARTIFACT_DIRECTORY={folder} ARTIFACT_DIRECTORY={folder} {script}\n");
    assert!(listed.contains(&sudo) && listed.contains(&format!("/bin/bash {script}\n")), "{listed}");
    assert_eq!(scene.on("uaa/0", "pgrep -f '[b]in/bbr/'"), "1\n");
    assert!(scene.findings().contains("a script of bbr still runs: blobstore/backup on nfs_server/"));
    let dumped = format!("ls {folder}shared >/dev/null 2>&1");
    assert_eq!(scene.on("nfs_server/0", &dumped), "2\n");

    scene.sleep("7m");
    scene.assert(&["scripts none", "api locked", "leftover platform ours"]);
    assert_eq!(scene.on("nfs_server/0", &dumped), "0\n");
    let findings = scene.findings();
    assert!(!findings.contains("a script") && findings.contains("was left over on nfs_server/"), "{findings}");
}

#[test]
fn a_dump_into_a_directory_that_is_gone_leaves_nothing() {
    let scene = killed_after(DUMPING, backup_of_platform);
    let cleanup = scene.run("bbr", &["deployment", "--deployment", TAS, "backup-cleanup"]);
    assert_eq!(cleanup.code, Some(0), "{}", cleanup.err);
    scene.assert(&["scripts running", "api open"]);
    assert_eq!(scene.findings(), "the sandbox is consistent and safe\n");
    scene.sleep("8m");
    scene.assert(&["scripts none", "leftover platform none", "api open"]);
}

#[test]
fn a_lock_script_locks_after_the_unlock_of_a_hasty_cleanup() {
    let scene = killed_after(CHECKED + 1_000, backup_of_director);
    assert!(scene.findings().contains("lock-director/pre-backup-lock on bosh/0"), "{}", scene.findings());
    assert_eq!(scene.clock.run(&mut scene.rig.director(&["backup-cleanup"])).code, Some(0));
    scene.assert(&["scripts none", "lock ours", "leftover none"]);
}

#[test]
fn an_unlock_script_unlocks_all_the_same() {
    let scene = killed_after(CHECKED + 20_000 + 360_000 + 5_000, backup_of_director);
    scene.assert(&["lock ours", "scripts running"]);
    scene.sleep("9");
    scene.assert(&["lock ours"]);
    scene.sleep("2");
    scene.assert(&["lock free", "scripts none", "leftover ours"]);
}

#[test]
fn an_unlock_script_that_is_kept_from_the_api_fails_unheard() {
    let scene = killed_after(DUMPING + 7 * 60_000 + 10_000, backup_of_platform);
    scene.assert(&["scripts running", "api locked"]);
    scene.run("lb", &["block", "--inside"]);
    scene.sleep("5m");
    scene.assert(&["scripts none"]);
    scene.run("lb", &["allow"]);
    scene.assert(&["api locked"]);
}

#[test]
fn a_restore_script_restores_and_the_rest_is_left_as_it_was() {
    let (rig, clock) = (Rig::new(), Clock::new());
    assert_eq!(clock.run(&mut backup_of_director(&rig)).code, Some(0));
    let (artifact, stored) = (rig.artifact().display().to_string(), rig.vcap("store/postgres/credhub.sql"));
    let before = std::fs::read(&stored).unwrap();
    std::fs::write(&stored, "changed").unwrap();
    let mut command = rig.director(&["restore", "--artifact-path", &artifact]);
    command.env("FIREDRILL_CLOCK", clock.socket()).stderr(Stdio::null());
    let mut running = Running::begin(rig, clock, command);
    running.clock.wait_for_parked(1);
    // The connection, the upload of the default store, the lock, and a minute of the first restore script.
    running.clock.advance(2_000 + 240_000 + 20_000 + 60_000);
    running.read_until("Restoring bbr-credhubdb on bosh/0...\n");
    running.signal(Signal::KILL);
    running.clock.wait_for_parked(0);
    assert_eq!(running.finish(), None);
    let scene = Scene { rig: running.rig, clock: running.clock };
    assert_eq!(std::fs::read(&stored).unwrap(), b"changed");
    scene.sleep("3m");
    scene.assert(&["scripts none", "restore half-done", "lock ours"]);
    assert_eq!(std::fs::read(&stored).unwrap(), before);
}

#[test]
fn scripts_are_gone_with_their_vm() {
    let scene = killed_after(DUMPING, backup_of_platform);
    scene.run("bosh", &["-n", "-d", TAS, "recreate", "nfs_server/0"]);
    assert!(!scene.run("sandbox", &["show"]).out.contains("blobstore/backup"));
    scene.sleep("8m");
    assert_eq!(scene.on("nfs_server/0", "ls /var/vcap/store/bbr-backup/blobstore/shared >/dev/null 2>&1"), "2\n");
}

#[test]
fn those_of_a_living_bbr_are_seen_and_left_to_it() {
    let (rig, clock) = (Rig::new(), Clock::new());
    let mut command = backup_of_platform(&rig);
    command.env("FIREDRILL_CLOCK", clock.socket()).stdin(Stdio::null()).stderr(Stdio::null());
    let mut running = Running::begin(rig, clock, command);
    running.clock.wait_for_parked(1);
    running.clock.advance(DUMPING);
    let rig = &running.rig;
    let shown = rig.sandbox("show");
    assert!(shown.contains("bbr script  blobstore/backup on nfs_server/") && !shown.contains("dead"), "{shown}");
    let findings = rig.try_sandbox("check").unwrap_err();
    assert!(!findings.contains("a script of bbr"), "{findings}");
    assert_eq!(running.finish(), Some(0));
    running.rig.sandbox("assert scripts none");
    running.rig.sandbox("check");
}

#[test]
fn a_script_that_never_ends_is_broken_into_a_world_and_mended() {
    let (rig, clock) = (Rig::new(), Clock::new());
    let scene = Scene { rig, clock };
    for (instance, script) in
        [("nfs_server/0", "blobstore/backup"), ("cloud_controller/1", "cloud_controller_ng/pre-backup-lock")]
    {
        scene.rig.sandbox(&format!("break bbr-script {instance}"));
        scene.sleep("1h");
        let path = script.replace('/', "/bin/bbr/");
        let listed = scene.on(instance, "pgrep -fa '^/bin/bash .*bin/bbr/'");
        assert!(listed.contains(&path), "{listed}");
        let said = format!("a script of bbr still runs: {script} on ");
        let findings = scene.findings();
        assert!(findings.contains(&said) && findings.contains("an unknown owner, which is dead"), "{findings}");
        scene.rig.sandbox(&format!("mend bbr-script {instance}"));
        assert_eq!(scene.findings(), "the sandbox is consistent and safe\n");
    }
    let none = scene.rig.try_sandbox("break bbr-script mysql/0").unwrap_err();
    assert_eq!(none, "no instance that is called `mysql/0` has a script of bbr");
}

#[test]
fn pgrep_matches_names_and_command_lines() {
    let (rig, clock) = (Rig::new(), Clock::new());
    let scene = Scene { rig, clock };
    scene.rig.sandbox("break bbr-script nfs_server/0");
    for (asked, said) in [
        ("pgrep -l monit", "802 monit\n0\n"),
        ("pgrep -x moni", "1\n"),
        ("pgrep -x backup", "22107\n0\n"),
        ("pgrep -lx 'sudo|backup'", "22106 sudo\n22107 backup\n0\n"),
        ("pgrep -f '^/bin/bash /var/vcap/jobs/.*/backup$'", "22107\n0\n"),
        ("pgrep -a backup", "22107 /bin/bash /var/vcap/jobs/blobstore/bin/bbr/backup\n0\n"),
        ("pgrep pgrep", "1\n"),
        ("pgrep", "2\n"),
        ("pgrep -Q monit", "2\n"),
        ("pgrep '['", "2\n"),
    ] {
        assert_eq!(scene.on("nfs_server/0", asked), said, "{asked}");
    }
}
