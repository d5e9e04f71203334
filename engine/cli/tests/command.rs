//! The command as a user calls it: exit codes, what stands on which stream, runs from beginning to end.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A folder with a playbook and a run store of its own.
struct Place {
    dir: TempDir,
}

impl Place {
    fn new(playbook: &str) -> Place {
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join("p.yaml"), format!("firedrill: 1\nplaybook: p\n{playbook}")).expect("a playbook");
        Place { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file");
    }

    /// Calls firedrill with words separated by blanks.
    fn call(&self, words: &str) -> Called {
        let output = Command::new(env!("CARGO_BIN_EXE_firedrill"))
            .args(words.split_whitespace())
            .current_dir(self.dir.path())
            .env("FIREDRILL_HOME", self.path("home"))
            .env("TZ", "UTC")
            .env_remove("CLICOLOR_FORCE")
            .stdin(Stdio::null())
            .output()
            .expect("firedrill runs");
        Called(output)
    }
}

struct Called(Output);

impl Called {
    #[track_caller]
    fn exits(self, code: i32) -> Called {
        assert_eq!(self.0.status.code(), Some(code), "{}\n{}", self.out(), self.err());
        self
    }

    #[track_caller]
    fn says(self, text: &str) -> Called {
        assert!(self.out().contains(text), "`{text}` is missing in\n{}", self.out());
        self
    }

    #[track_caller]
    fn complains(self, text: &str) -> Called {
        assert!(self.err().contains(text), "`{text}` is missing in\n{}", self.err());
        self
    }

    fn out(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    fn err(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }
}

const HELLO: &str = "steps:\n  - {id: hello, argv: [printf, 'a\\033[31mb\\377'], read_only: true}\n";
const STUCK: &str = "steps:
  - id: take
    argv: ['true']
    rollback: none
    release: {argv: ['false'], retry: {max_attempts: 1}}
";

#[test]
fn a_run_can_be_looked_at_afterwards() {
    let place = Place::new(HELLO);
    place.call("run p.yaml --id one").exits(0).says("SUCCEEDED");
    place.call("run p.yaml --id one").exits(2).complains("there is a run `one` already");
    place.call("runs").exits(0).says("one  succeeded");
    place.call("show one").exits(0).says("hello  succeeded");
    place.call("show one --json").exits(0).says("\"verdict\": \"succeeded\"");
    place.call("resume one").exits(0);
    place.call("show two").exits(2).complains("there is no run `two`").complains("firedrill runs");
    place.call("show ../one").exits(2);
}

#[test]
fn a_run_without_its_summary_is_listed_from_its_journal() {
    let place = Place::new("steps:\n  - {id: a, argv: [\"false\"], rollback: none}\n");
    place.call("run p.yaml --id r").exits(4);
    fs::remove_file(place.path("home/runs/r/summary.json")).expect("a summary");
    place.call("runs").exits(0).says("rolled back");
}

#[test]
fn logs_are_bytes_when_nobody_watches() {
    let place = Place::new(HELLO);
    place.call("run p.yaml --id one").exits(0);
    assert_eq!(place.call("logs one hello --stdout").exits(0).0.stdout, b"a\x1b[31mb\xff");
    assert_eq!(place.call("logs one hello --attempt 2").exits(0).out(), "");
    place.call("logs one nothing").exits(2).complains("no step `nothing`");
}

#[test]
fn machines_read_one_event_a_line() {
    let place = Place::new(HELLO);
    let called = place.call("run p.yaml --json").exits(0);
    let lines: Vec<serde_json::Value> =
        called.out().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines[0]["sequence"], 1);
    assert_eq!(lines.last().map(|line| &line["verdict"]), Some(&serde_json::json!("succeeded")));
}

#[test]
fn what_a_human_did_is_recorded_and_the_run_goes_on() {
    let place = Place::new(STUCK);
    let settle = "firedrill settle one take.release --as done --by NAME --note TEXT";
    place.call("run p.yaml --id one").exits(5).says("STUCK").says(settle);
    place.call("settle one take.cleanup --as done --by kim --note x").exits(2).complains("does not owe");
    place.call("settle one take.release --as done --by kim --note x").exits(0).says("firedrill resume one");
    place.call("show one").says("all is settled, go on");
    assert!(!place.path("home/runs/one/summary.json").exists(), "the summary speaks of a run that has changed");
    place.call("runs").exits(0).says("one  stuck");
    place.call("resume --last").exits(0).says("SUCCEEDED");
    place.call("show").exits(0).says("take.release is done, says kim: x");
}

#[test]
fn inputs_come_from_files_and_flags() {
    let place = Place::new(
        "inputs:\n  a: {type: string}\n  b: {type: integer, default: 1}\nsteps:\n  - {id: s, argv: [echo, '${{ inputs.a }}', '${{ inputs.b }}'], read_only: true}\n",
    );
    place.write("in.yaml", "a: no\nb: 2\n");
    place.call("plan p.yaml").exits(3).complains("input `a`");
    place.call("plan p.yaml --inputs in.yaml").exits(0).says("$ echo no 2").says("in.yaml");
    place.call("plan p.yaml --inputs in.yaml -i b=3").exits(0).says("$ echo no 3").says("--input");
    place.call("plan p.yaml -i a=1 -i b=x").exits(3).complains("`b`");
    place.call("plan p.yaml -i a").exits(2);
    place.write("in.yaml", "a: 1\na: 2\n");
    place.call("plan p.yaml --inputs in.yaml").exits(3).complains("in.yaml").complains("line 2");
}

#[test]
fn a_plan_writes_nothing() {
    let place = Place::new(HELLO);
    place.call("plan p.yaml").exits(0).says("1 command exact, 0 known after a step");
    place.call("plan p.yaml --sandbox").exits(0);
    assert!(!place.path("home").exists());
}

#[test]
fn what_cannot_be_undone_must_be_accepted() {
    let place = Place::new("steps:\n  - {id: wipe, argv: ['true'], irreversible: true}\n");
    place
        .call("run p.yaml")
        .exits(3)
        .complains("what wipe does cannot be undone")
        .complains("--accept-irreversible wipe");
    place.call("run p.yaml --accept-irreversible other").exits(2);
    assert!(!Path::new(&place.path("home")).exists());
    place.call("run p.yaml --accept-irreversible wipe").exits(0);
}

#[test]
fn exit_codes_are_those_of_the_semantics() {
    let failing = "steps:\n  - {id: s, argv: ['false']}\n";
    Place::new(failing).call("run p.yaml").exits(1).says("FAILED");
    let undone = "steps:\n  - {id: s, argv: ['false'], rollback: {argv: ['true']}}\n";
    Place::new(undone).call("run p.yaml").exits(4).says("ROLLED BACK");
    let guarded = "guards:\n  - {id: g, argv: ['false'], message: Not now.}\nsteps:\n  - {id: s, argv: ['true']}\n";
    Place::new(guarded).call("run p.yaml").exits(6).says("REFUSED").says("Not now.");
    Place::new("steps: 5\n").call("run p.yaml").exits(3);
    Place::new("steps: 5\n").call("validate p.yaml").exits(3);
    Place::new(HELLO).call("validate p.yaml").exits(0).says("p.yaml: valid");
    Place::new(HELLO).call("validate").exits(2);
    Place::new(HELLO).call("frobnicate").exits(2);
}

#[test]
fn colours_are_for_terminals_unless_asked_for() {
    let place = Place::new(HELLO);
    assert!(!place.call("plan p.yaml").out().contains('\u{1b}'));
    assert!(place.call("plan p.yaml --color always").out().contains('\u{1b}'));
}

#[test]
fn small_commands() {
    let place = Place::new(HELLO);
    place.call("schema").exits(0).says("plan");
    place.call("schema plan").exits(0).says("\"$schema\"");
    place.call("schema nothing").exits(2).complains("there are: plan");
    place.call("explain fd0101").exits(0).says("FD0101");
    place.call("explain FD9999").exits(2);
    place.call("completion bash").exits(0).says("_firedrill");
    place.call("runs").exits(0).says("there is no run yet");
    place.call("sandbox new").exits(0).says("sandboxes/foundation");
    place.call("sandbox fault bbr.backup --exit 1 --times 1").exits(0);
    place.call("sandbox fault --list").exits(0).says("bbr.backup");
    place.call("sandbox check").exits(0);
}
