//! The command as a user calls it: exit codes, what stands on which stream, runs from beginning to end.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use firedrill_exec::clock;
use firedrill_exec::rehearsals::{self, Content, Record};
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
const STRICT: &str = "steps:\n  - {id: hello, argv: [printf, hello], read_only: true, timeout: 1m}\n";
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
    place.call("show").exits(0).says("take: the release is done, says kim: x");
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
    Place::new(STRICT).call("validate p.yaml").exits(0).says("p.yaml: valid");
    Place::new(HELLO).call("validate").exits(2);
    Place::new(HELLO).call("frobnicate").exits(2);
}

#[test]
fn warnings_can_be_denied_and_allowed() {
    Place::new(STRICT).call("validate p.yaml --deny warnings").exits(0).says("p.yaml: valid");
    let place = Place::new(HELLO);
    place.call("validate p.yaml").exits(0).says("warning[FD0602]").says("1 warning");
    place.call("validate p.yaml --deny warnings").exits(3).complains("1 warning, denied by `--deny warnings`");
    place.call("validate p.yaml --deny warnings --allow fd0602").exits(0).says("p.yaml: valid");
    place.call("validate p.yaml --deny warnings --allow FD0601").exits(3);
    place.call("validate p.yaml --allow FD9999").exits(2).complains("there is no diagnostic `FD9999`");
    place.call("validate p.yaml --deny errors").exits(2);
    place.call("run p.yaml").exits(0).complains("warning[FD0602]");
    place.call("plan p.yaml").exits(0).complains("warning[FD0602]");
    Place::new("steps: 5\n").call("validate p.yaml --deny warnings --allow FD0103").exits(3).says("FD0103");
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
    for name in ["plan", "playbook", "rehearsal", "playbook.draft-07", "rehearsal.draft-07", "sweep-result"] {
        place.call(&format!("schema {name}")).exits(0).says("\"$schema\"");
    }
    place.call("schema nothing").exits(2).complains("there are: playbook, rehearsal, ");
    place.call("explain fd0101").exits(0).says("FD0101");
    place.call("explain FD9999").exits(2);
    place.call("completion bash").exits(0).says("_firedrill");
    place.call("runs").exits(0).says("there is no run yet");
    place.call("sandbox new").exits(0).says("sandboxes/foundation");
    place.call("sandbox fault bbr.backup --exit 1 --times 1").exits(0);
    place.call("sandbox fault --list").exits(0).says("bbr.backup");
    place.call("sandbox check").exits(0);
}

#[test]
fn sandbox_has_every_verb_of_its_stand_in() {
    let place = Place::new("steps: []");
    place.call("sandbox new --world w").exits(0);
    for line in [
        "layout small-footprint",
        "mark before",
        "later 10m break lb-blocked",
        "later 10m mend lb-blocked",
        "break disk-deleted blobstore/0",
        "pace bbr.backup 2h",
        "fault bosh.deploy --exit 3 --times 2 --text no",
        "fault bosh.deploy --clear",
    ] {
        place.call(&format!("sandbox --world w {line}")).exits(0);
    }
    place.call("sandbox diff before --world w").exits(0).says("does not exist");
    let faults = place.call("sandbox fault --list --world w").exits(0);
    assert!(!faults.out().contains("bosh.deploy"), "{}", faults.out());
    place.call("sandbox pace --list --world w").exits(0).says("2h");
    place.call("sandbox show --world w").exits(0).says("broken      disk-deleted blobstore/0");
    place.call("sandbox mend disk-deleted blobstore/0 --world w").exits(0);
    place.call("sandbox serve 1ms --world w").exits(0).says("http://127.0.0.1:");
}

#[test]
fn sandbox_refuses_what_is_incomplete() {
    let place = Place::new("steps: []");
    place.call("sandbox new").exits(0);
    for line in [
        "layout huge",
        "fault",
        "fault bbr.backup",
        "fault bbr.backup --exit 0",
        "fault bbr.backup --clear --exit 1",
        "later 10m stop lb-blocked",
        "later 10m break",
        "pace bbr.backup",
        "mark",
        "diff never-marked",
        "break",
    ] {
        place.call(&format!("sandbox {line}")).exits(2);
    }
}

const QUICK: &str = "objectives: {rto: 1h, rpo: 24h}
steps:
  - {id: copy, argv: [echo, /backup], phase: copying, outputs: {artifact: {from: stdout, type: path}}, rollback: none}
  - {id: check, argv: [test, '${{ steps.copy.outputs.artifact }}', '=', /backup], phase: checking, read_only: true}
";

#[test]
fn drills_are_marked() {
    let place = Place::new(QUICK);
    place.call("run p.yaml --id d --drill").exits(0).says("drill, run d").says("recovery time ").says(" of 24h");
    place.call("run p.yaml --id r").exits(0);
    place.call("runs").exits(0).says("p, a drill");
    let runs: serde_json::Value = serde_json::from_str(&place.call("runs --json").out()).expect("JSON");
    assert_eq!((&runs["runs"][0]["is_drill"], &runs["runs"][1]["is_drill"]), (&false.into(), &true.into()));
    place.call("show d").exits(0).says("drill, run d, plan ").says("recovery point ");
    let shown: serde_json::Value = serde_json::from_str(&place.call("show d --json").out()).expect("JSON");
    assert_eq!((&shown["is_drill"], &shown["measures"]["rpo"]["is_met"]), (&true.into(), &true.into()));
    place.call("run p.yaml --drill --sandbox").exits(2);
    let old = place.path("home/runs/r/run.json");
    let text = fs::read_to_string(&old).expect("a run").replace(",\n  \"drill\": false", "");
    assert!(!text.contains("drill"), "{text}");
    fs::write(&old, text).expect("a run of an earlier version");
    place.call("show r").exits(0).says("run r, plan ");
}

#[test]
fn a_missed_objective_is_said_and_changes_no_verdict() {
    let place = Place::new(
        "objectives: {rpo: 1h}\nsteps:\n  - {id: copy, argv: [echo, /b], outputs: {artifact: {from: stdout, type: path}}, rollback: none}\n",
    );
    place
        .call("run p.yaml")
        .exits(0)
        .says("recovery point unknown of 1h (missed)")
        .says("missed: no verified artifact");
}

#[test]
fn an_earlier_artifact_is_found_in_the_store() {
    let text = format!("inputs: {{host: {{type: string, default: a}}}}\n{QUICK}");
    let place = Place::new(&text);
    place.call("run p.yaml --id good").exits(0);
    let failing = text.replace("[echo, /backup]", "['false']");
    place.write("p.yaml", &format!("firedrill: 1\nplaybook: p\n{failing}"));
    place.call("run p.yaml --id bad").exits(4).says("artifact of run good");
    place.call("run p.yaml --id other -i host=b").exits(4).says("recovery point unknown");
}

#[test]
fn plans_learn_from_earlier_runs() {
    let place = Place::new(&QUICK.replace("[echo, /backup]", "[sh, -c, 'sleep 0.02; echo /backup']"));
    assert!(!place.call("plan p.yaml").exits(0).out().contains("takes"));
    for id in ["a", "b", "c"] {
        assert!(!place.call("plan p.yaml").exits(0).out().contains("takes"));
        place.call(&format!("run p.yaml --id {id}")).exits(0);
    }
    place
        .call("plan p.yaml")
        .exits(0)
        .says("objectives: recovery time 1h, recovery point 24h")
        .says("(P95), from 3 runs");
    let plan: serde_json::Value = serde_json::from_str(&place.call("plan p.yaml --json").out()).expect("JSON");
    assert_eq!((&plan["estimate"]["basis"], &plan["estimate"]["runs"]), (&"history".into(), &3.into()));
    assert!(!place.call("plan p.yaml --drill").exits(0).out().contains("takes"), "these were no drills");
    assert!(!place.call("plan p.yaml --sandbox").exits(0).out().contains("takes"), "these were not in the sandbox");
    fs::write(place.path("home/runs/b/run.json"), "{").expect("a damaged run");
    fs::remove_file(place.path("home/runs/c/journal")).expect("a journal");
    assert!(!place.call("plan p.yaml").exits(0).out().contains("takes"), "one run that can be read is left");
}

/// Keeps a green rehearsal of a playbook some days ago.
fn rehearsed(place: &Place, playbook: &str, days: u64) {
    let playbook = place.path(playbook);
    let content = Content::read(&playbook).expect("a playbook");
    let at_ms = clock::now_ms() - days * 86_400_000;
    let engine = "0.1.0".to_owned();
    let record = Record { playbook, at_ms, engine, is_green: true, scenarios: 3, faults: 40, content };
    rehearsals::record(&place.path("home"), &record).expect("kept");
}

#[test]
fn stale_playbooks_are_found() {
    let place = Place::new(QUICK);
    place.write("inputs.yaml", "a: 1\n");
    place
        .call("stale")
        .exits(1)
        .says("stale  p.yaml")
        .says("no rehearsal of it has ever been green")
        .says("firedrill rehearse p.yaml");
    rehearsed(&place, "p.yaml", 3);
    place.call("stale").exits(0).says("fresh  p.yaml  rehearsed 3 days ago: 3 scenarios, 40 faults");
    place.call("stale --max-age 2d").exits(1).says("too long ago: at most 2d");
    place.call("stale p.yaml --max-age 2").exits(2);
    place.call("stale nothing.yaml").exits(3);
    fs::create_dir(place.path("bin")).expect("bin");
    place.write("bin/tool", "x");
    let changed = QUICK.replace("phase: copying", "phase: moving");
    place.write("p.yaml", &format!("firedrill: 1\nplaybook: p\n{changed}"));
    place
        .call("stale")
        .exits(1)
        .says("changed since: p.yaml")
        .says("not there then: bin/tool")
        .says("steps changed: copy\n");
    let stale: serde_json::Value = serde_json::from_str(&place.call("stale --json").exits(1).out()).expect("JSON");
    assert_eq!(stale["playbooks"][0]["reasons"][0]["changed"]["steps"]["changed"][0], "copy");
}

#[test]
fn stale_looks_into_the_folder_of_playbooks() {
    let place = Place::new(QUICK);
    fs::create_dir(place.path("playbooks")).expect("a folder");
    for name in ["a", "b"] {
        place.write(&format!("playbooks/{name}.yaml"), &format!("firedrill: 1\nplaybook: {name}\n{QUICK}"));
    }
    place.write("playbooks/a.rehearsal.yaml", "firedrill: 1\nrehearsal: a\nsandbox: foundation\n");
    rehearsed(&place, "playbooks/a.yaml", 40);
    rehearsed(&place, "playbooks/b.yaml", 1);
    let called = place.call("stale").exits(1).says("stale  playbooks/a.yaml").says("fresh  playbooks/b.yaml");
    assert!(called.out().contains("2 playbooks, 1 not rehearsed as they are"), "{}", called.out());
}
