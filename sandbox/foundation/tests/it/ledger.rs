//! The ledger: two lines per stand-in, whatever happened in between.

use regex::Regex;

use crate::rig::Rig;

fn lines(rig: &Rig) -> Vec<String> {
    let pid = Regex::new(r"pid=\d+").unwrap();
    rig.ledger().lines().map(|line| pid.replace(line, "pid=N").into_owned()).collect()
}

#[test]
fn start_and_end_are_recorded() {
    let rig = Rig::new();
    rig.sandbox("fault bosh.tasks --exit 7");
    rig.director(&["backup"]).env("FIREDRILL_COMMAND", "run-1/backup/2").output().unwrap();
    rig.run("bosh", &["tasks"]);
    rig.run("om", &["frobnicate"]);
    rig.run("bbr", &[]);
    assert_eq!(
        lines(&rig),
        [
            "start bbr.backup run-1/backup/2 pid=N",
            "end bbr.backup run-1/backup/2 pid=N exit=0",
            "start bosh.tasks - pid=N",
            "end bosh.tasks - pid=N exit=7",
            "start om.help - pid=N",
            "end om.help - pid=N exit=1",
            "start bbr.help - pid=N",
            "end bbr.help - pid=N exit=0",
        ]
    );
}

#[test]
fn command_with_spaces_stays_one_word() {
    let rig = Rig::new();
    rig.command("om", &["version"]).env("FIREDRILL_COMMAND", "a b\nc").output().unwrap();
    assert_eq!(lines(&rig), ["start om.version a_b_c pid=N", "end om.version a_b_c pid=N exit=0"]);
}
