//! People: asked at the terminal of the run and anywhere else, while the run goes on and while none drives it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use firedrill_run::{Event, Response};
use rustix::process::{Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::rig::{Sandbox, until};

const PLAYBOOK: &str = r#"
firedrill: 1
playbook: playbook
steps:
  - id: window
    approve: {prompt: Move it now?, by: [ann, lee, kim], min: 2, starter: excluded}
  - id: cable
    manual: {instructions: Put it in., outputs: {port: {type: integer}}}
    rollback: {manual: {instructions: Take it out.}}
  - id: enable
    run: 'test "${{ steps.cable.outputs.port }}" = 7'
    timeout: 1m
    rollback: none
"#;

fn sandbox(playbook: &str) -> Sandbox {
    Sandbox::new().playbook(playbook)
}

/// Runs the playbook as kim, who does not wait for people.
fn leave(sandbox: &Sandbox, args: &[&str]) -> crate::rig::Called {
    let mut command = sandbox.command(&[args, &["--no-wait"]].concat());
    command.env("USER", "kim").output().unwrap().into()
}

fn asked(sandbox: &Sandbox, command: &str) -> bool {
    sandbox.events().iter().any(|event| matches!(event, Event::Started { command: id } if id.to_string() == command))
}

fn answers(sandbox: &Sandbox) -> Vec<(Response, String)> {
    let answers = sandbox.events().into_iter().filter_map(|event| match event {
        Event::Answered { response, by, .. } => Some((response, by)),
        _ => None,
    });
    answers.collect()
}

#[test]
fn answers_are_recorded_while_no_engine_waits_for_them() {
    let sandbox = sandbox(PLAYBOOK);
    let left = leave(&sandbox, &["run", "playbook.yaml", "--id", "r"]).exit(7);
    for text in ["WAITING FOR PEOPLE", "Move it now?", "not by kim", "firedrill approve r window", "firedrill resume r"]
    {
        assert!(left.out.contains(text), "{text}\n{}", left.out);
    }
    assert_eq!(left.out.matches("(shown ").count(), 1, "it is said once what is covered\n{}", left.out);
    assert!(sandbox.call(&["runs"]).exit(0).out.contains("waiting for people"));
    assert!(sandbox.call(&["show", "r"]).exit(0).out.contains("0 of 2 have approved"));
    let approve = |by: &str| sandbox.call(&["approve", "r", "window", "--by", by]);
    assert!(approve("kim").exit(2).err.contains("whoever started the run"));
    assert!(approve("bob").exit(2).err.contains("names others"));
    approve("ann").exit(0);
    assert!(approve("ann").exit(2).err.contains("approved already"));
    leave(&sandbox, &["resume", "r"]).exit(7);
    approve("lee").exit(0);
    leave(&sandbox, &["resume", "r"]).exit(7);
    let answer = |args: &[&str]| sandbox.call(&[&["answer", "r", "cable", "--by", "bob"], args].concat());
    answer(&["--done"]).exit(2);
    answer(&["--done", "--output", "port=seven"]).exit(2);
    answer(&["--done", "--output", "port=7", "--note", "rack 12"]).exit(0);
    assert!(sandbox.call(&["approve", "r", "cable", "--by", "ann"]).exit(2).err.contains("nobody is asked"));
    sandbox.call(&["resume", "r"]).exit(0);
    let shown = sandbox.call(&["show", "r"]).exit(0).out;
    assert!(shown.contains("cable: done, says bob: rack 12"), "{shown}");
}

#[test]
fn a_running_engine_hears_what_is_said_elsewhere() {
    let sandbox = sandbox(PLAYBOOK);
    let mut run = sandbox.begin(&[]);
    until("window is asked", || asked(&sandbox, "window.attempt.1.1"));
    assert!(sandbox.call(&["approve", "r", "window", "--by", "ann"]).exit(0).out.contains("the run goes on"));
    sandbox.call(&["approve", "r", "window", "--by", "ann"]).exit(2);
    sandbox.call(&["approve", "r", "window", "--by", "lee"]).exit(0);
    until("cable is asked", || asked(&sandbox, "cable.attempt.1.1"));
    sandbox.call(&["answer", "r", "cable", "--done", "--output", "port=7", "--by", "bob"]).exit(0);
    assert_eq!(run.wait().unwrap().code(), Some(0));
    assert_eq!(answers(&sandbox).len(), 3);
}

#[test]
fn a_question_survives_the_death_of_everything() {
    let sandbox = sandbox(PLAYBOOK);
    let mut run = sandbox.begin(&[]);
    until("window is asked", || asked(&sandbox, "window.attempt.1.1"));
    sandbox.call(&["approve", "r", "window", "--by", "ann"]).exit(0);
    sandbox.kill_all();
    run.wait().unwrap();
    sandbox.call(&["approve", "r", "window", "--by", "lee", "--note", "meanwhile"]).exit(0);
    leave(&sandbox, &["resume", "r"]).exit(7);
    let asked = sandbox.events().iter().filter(|event| matches!(event, Event::Started { .. })).count();
    assert_eq!(asked, 2, "each question is asked once");
}

#[test]
fn a_cancel_ends_the_waiting() {
    let sandbox = sandbox("firedrill: 1\nplaybook: playbook\nsteps:\n  - {id: ask, approve: {prompt: Now?}}\n");
    let mut run = sandbox.begin(&[]);
    until("it is asked", || asked(&sandbox, "ask.attempt.1.1"));
    kill_process(rustix::process::Pid::from_child(&run), Signal::INT).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(130));
}

#[test]
fn declined_or_too_late_the_step_fails() {
    let late =
        sandbox("firedrill: 1\nplaybook: playbook\nsteps:\n  - {id: ask, approve: {prompt: Now?, timeout: 50ms}}\n");
    assert!(late.run(&[]).exit(4).out.contains("nobody answered within 50ms"));
    let declined = sandbox(PLAYBOOK);
    leave(&declined, &["run", "playbook.yaml", "--id", "r"]).exit(7);
    declined.call(&["approve", "r", "window", "--by", "ann", "--decline", "--note", "not today"]).exit(0);
    assert!(declined.call(&["show", "r"]).out.contains("ann declined: not today"));
    declined.call(&["resume", "r"]).exit(4);
}

#[test]
fn a_manual_rollback_is_asked_for_and_owed() {
    let playbook = PLAYBOOK
        .replace("approve: {prompt: Move it now?, by: [ann, lee, kim], min: 2, starter: excluded}", "argv: [\"true\"]");
    let sandbox = sandbox(&playbook);
    leave(&sandbox, &["run", "playbook.yaml", "--id", "r"]).exit(7);
    sandbox.call(&["answer", "r", "cable", "--done", "--output", "port=8", "--by", "bob"]).exit(0);
    let left = leave(&sandbox, &["resume", "r"]).exit(7);
    assert!(left.out.contains("firedrill answer r cable.rollback --done --by NAME"), "{}", left.out);
    sandbox.call(&["answer", "r", "cable.rollback", "--failed", "--by", "bob", "--note", "no access"]).exit(0);
    assert!(sandbox.call(&["show", "r"]).out.contains("STUCK"));
    leave(&sandbox, &["resume", "r"]).exit(7);
    sandbox.call(&["answer", "r", "cable.rollback", "--done", "--by", "bob"]).exit(0);
    sandbox.call(&["resume", "r"]).exit(1);
}

/// The second step's text becomes known only while the question is out.
const CHANGES: &str = r#"
firedrill: 1
playbook: playbook
steps:
  - {id: ask, needs: [], approve: {prompt: Now?, min: 2}}
  - {id: find, needs: [], run: 'while ! test -e go; do sleep 0.01; done; cat go', timeout: 1m, read_only: true, outputs: {x: {from: stdout}}}
  - {id: act, needs: [ask, find], argv: [echo, "${{ steps.find.outputs.x }}"], timeout: 1m, rollback: none}
"#;

#[test]
fn an_approval_is_for_what_was_shown() {
    let sandbox = sandbox(CHANGES);
    let mut run = sandbox.begin(&[]);
    until("it is asked", || asked(&sandbox, "ask.attempt.1.1"));
    let early = sandbox.call(&["approve", "r", "ask", "--by", "ann"]).exit(0);
    assert!(early.out.contains("covers act") && early.out.contains("known in part only: act"), "{}", early.out);
    let hash = early.out.split("(shown ").nth(1).and_then(|rest| rest.split(')').next()).unwrap().to_owned();
    sandbox.write("go", "it");
    let is_found =
        |event: &Event| matches!(event, Event::Judged { command, .. } if command.to_string() == "find.attempt.1.1");
    until("it is found", || sandbox.events().iter().any(is_found));
    let stale = sandbox.call(&["approve", "r", "ask", "--by", "lee", "--shown", &hash]).exit(2);
    assert!(stale.err.contains("no longer what was shown"), "{}", stale.err);
    sandbox.call(&["approve", "r", "ask", "--by", "lee"]).exit(0);
    assert!(sandbox.call(&["show", "r"]).out.contains("1 of 2 have approved"), "ann approved of something else");
    sandbox.call(&["approve", "r", "ask", "--by", "ann"]).exit(0);
    assert_eq!(run.wait().unwrap().code(), Some(0));
}

#[test]
fn what_cannot_be_undone_is_approved_or_accepted() {
    let erase = "  - {id: erase, argv: [\"true\"], timeout: 1m, irreversible: true}\n";
    let bare = format!("firedrill: 1\nplaybook: playbook\nsteps:\n{erase}");
    assert!(sandbox(&bare).run(&[]).exit(3).err.contains("cannot be undone"));
    sandbox(&bare).run(&["--accept-irreversible", "erase"]).exit(0);
    let asked =
        format!("firedrill: 1\nplaybook: playbook\nsteps:\n  - {{id: ask, approve: {{prompt: Now?}}}}\n{erase}");
    sandbox(&asked).run(&["--no-wait"]).exit(7);
    let skipped = asked.replace("{id: ask,", "{id: ask, when: 'run.id != \"r\"',");
    sandbox(&skipped).run(&["--no-wait"]).exit(3);
}

#[test]
fn waiting_for_people_is_no_machine_time() {
    let playbook = "firedrill: 1\nplaybook: playbook\nobjectives: {rto: 200ms}\nsteps:\n  - {id: ask, approve: {prompt: Now?, timeout: 400ms}}\n";
    let called = sandbox(playbook).call(&["run", "playbook.yaml", "--id", "r", "--json"]).exit(4);
    let last: serde_json::Value = serde_json::from_str(called.out.lines().last().unwrap()).unwrap();
    assert!(last["measures"]["people_ms"].as_u64().unwrap() >= 350, "{last}");
    assert!(last["measures"]["machine_ms"].as_u64().unwrap() < 200, "{last}");
}

const REHEARSED: &str = r#"
firedrill: 1
playbook: move
steps:
  - {id: window, approve: {prompt: Now?, min: 2, timeout: 4h}}
  - {id: close, argv: [lb, close], timeout: 1m, idempotent: true, release: {argv: [lb, open], until: [cable]}}
  - id: cable
    manual: {instructions: Put it in., outputs: {port: {type: integer}}}
    timeout: 2h
    rollback: {manual: {instructions: Take it out.}, timeout: 1h}
  - {id: enable, argv: [switch, enable, "${{ steps.cable.outputs.port }}"], timeout: 1m, rollback: {argv: [switch, disable]}}
"#;

const SCENARIOS: &str = r"
firedrill: 1
rehearsal: move
sandbox: none
scenarios:
  - name: everybody is there
    answers: {window: {after: 30m}, cable: {outputs: {port: 7}, after: 20m}}
    replies: &replies [{command: ^lb}, {command: ^switch enable 7$}, {command: ^switch disable}]
    expect: {verdict: succeeded, hold: {close: 21m}, within: {rto: 1m}}
  - name: not today
    answers: {window: declined}
    expect: {verdict: rolled_back, steps: {close: {attempts: 0}}}
  - name: nobody is there
    expect: {verdict: rolled_back, steps: {window: {outcome: failed}}}
  - name: nobody puts it in
    answers: {window: approved, cable.rollback: done}
    replies: *replies
    expect: {verdict: rolled_back, steps: {cable: {rolled_back: true}}, hold: {close: 3h}}
  - name: whoever should does not, by a fault
    answers: {window: approved, cable: {outputs: {port: 7}}, cable.rollback: failed}
    replies: *replies
    faults: [{step: enable, fault: exit}]
    expect: {verdict: stuck, open: [cable.rollback]}
  - name: one who does not answer, by a fault
    answers: {window: approved}
    faults: [{step: window, fault: no_answer}]
    expect: {verdict: rolled_back}
  - name: the engine crashes while it is asked
    answers: {window: {after: 30m}, cable: {outputs: {port: 7}, after: 20m}}
    replies: *replies
    faults: [{step: window, fault: crash}, {step: cable, fault: crash}, {record: 4, side: before, fault: crash}]
    expect: {verdict: succeeded}
";

fn rehearsed(playbook: &str, scenarios: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("move.yaml", playbook);
    sandbox.write("move.rehearsal.yaml", scenarios);
    sandbox
}

#[test]
fn people_are_rehearsed_in_virtual_time() {
    let sandbox = rehearsed(REHEARSED, SCENARIOS);
    let called = sandbox.call(&["rehearse", "move.yaml"]).exit(0);
    assert!(called.out.contains("7 scenarios: 7 green"), "{}", called.out);
}

#[test]
fn a_question_that_nobody_can_ever_answer_is_told() {
    let playbook = REHEARSED.replace(", timeout: 4h", "");
    let scenario =
        "firedrill: 1\nrehearsal: move\nsandbox: none\nscenarios: [{name: it, expect: {verdict: succeeded}}]\n";
    let said = rehearsed(&playbook, scenario).call(&["rehearse", "move.yaml"]).exit(1).out;
    let words: String = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("nobody answers `window`, and it has no time limit"), "{said}");
}

#[test]
fn a_hold_that_spans_people_is_found() {
    let sandbox = rehearsed(REHEARSED, &SCENARIOS.replace("close: 21m", "close: 5m"));
    let warned = sandbox.call(&["validate", "move.yaml", "--deny", "warnings"]).exit(3);
    let said = warned.out + &warned.err;
    assert!(said.contains("FD0620") && said.contains("`close` is held while `cable` waits for people"), "{said}");
    assert!(said.contains("move.yaml:6:"), "{said}");
    let red = sandbox.call(&["rehearse", "move.yaml", "--scenario", "everybody is there"]).exit(1).out;
    assert!(red.contains("close") && red.contains("20m"), "{red}");
}

#[test]
fn people_who_do_not_answer_are_swept() {
    let sandbox = rehearsed(REHEARSED, SCENARIOS);
    let model = sandbox.call(&["sweep", "move.yaml", "--json"]).exit(0).out;
    assert!(model.contains("unanswered") && model.contains("declined"), "{model}");
    let with_stand_ins = "firedrill: 1\nrehearsal: move\nsandbox: ./stand-ins\n";
    let sandbox = rehearsed(REHEARSED, with_stand_ins);
    let bin = sandbox.path("stand-ins").join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    for name in ["lb", "switch"] {
        std::fs::write(bin.join(name), "#!/bin/sh\nexit 0\n").unwrap();
        std::fs::set_permissions(bin.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let faults = ["sweep", "--world", "move.yaml", "--fault", "no_answer", "--fault", "declined", "--fault", "crash"];
    let world = sandbox.call(&faults);
    let said = world.out + &world.err;
    assert!(said.contains("27 of 27 faults end safe"), "{said}");
    let one = ["rehearse", "move.yaml", "--trace", "--fault", "cable.attempt:no_answer"];
    assert!(sandbox.call(&one).out.contains("nobody answered within 2h"));
}

/// Firedrill at a terminal of its own.
struct Terminal {
    keys: File,
    screen: Arc<Mutex<String>>,
}

impl Terminal {
    fn begin(sandbox: &Sandbox, args: &[&str]) -> (Terminal, std::process::Child) {
        let keys = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&keys).unwrap();
        unlockpt(&keys).unwrap();
        let name = ptsname(&keys, Vec::new()).unwrap().into_string().unwrap();
        let side = || Stdio::from(File::options().read(true).write(true).open(&name).unwrap());
        let mut command: Command = sandbox.command(args);
        let child = command.env("USER", "kim").stdin(side()).stdout(side()).stderr(side()).spawn().unwrap();
        let keys = File::from(keys);
        let (mut reader, screen) = (keys.try_clone().unwrap(), Arc::new(Mutex::new(String::new())));
        let seen = Arc::clone(&screen);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut bytes) {
                seen.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..length]));
            }
        });
        (Terminal { keys, screen }, child)
    }

    fn see(&self, text: &str) {
        until(text, || self.screen.lock().unwrap().contains(text));
    }

    fn answer(&mut self, prompt: &str, line: &str) {
        self.see(prompt);
        writeln!(self.keys, "{line}").unwrap();
    }
}

#[test]
fn people_answer_at_the_terminal_of_the_run() {
    let playbook = PLAYBOOK.replace(", by: [ann, lee, kim], min: 2, starter: excluded", "");
    let sandbox = sandbox(&playbook);
    let (mut terminal, mut run) = Terminal::begin(&sandbox, &["run", "playbook.yaml", "--id", "r"]);
    terminal.answer("window: approve? [y/n]", "perhaps");
    terminal.answer("y or n, please", "y");
    terminal.answer("window: a remark", "at last");
    terminal.answer("cable: done? [y/n]", "y");
    terminal.answer("port (integer):", "seven");
    terminal.answer("is not a valid integer", "7");
    terminal.answer("cable: a remark", "");
    assert_eq!(run.wait().unwrap().code(), Some(0));
    let kim = |response| (response, "kim".to_owned());
    assert_eq!(answers(&sandbox), [kim(Response::Approved), kim(Response::Done)]);
}

#[test]
fn a_prompt_goes_away_when_somebody_answers_elsewhere() {
    let playbook = PLAYBOOK.replace(", by: [ann, lee, kim], min: 2, starter: excluded", "");
    let sandbox = sandbox(&playbook);
    let (mut terminal, mut run) = Terminal::begin(&sandbox, &["run", "playbook.yaml", "--id", "r"]);
    terminal.see("window: approve? [y/n]");
    sandbox.call(&["approve", "r", "window", "--by", "lee"]).exit(0);
    terminal.answer("cable: done? [y/n]", "n");
    terminal.answer("cable: a remark", "no port");
    terminal.see("cable.rollback: done? [y/n]");
    sandbox.call(&["answer", "r", "cable.rollback", "--done", "--by", "lee"]).exit(0);
    assert_eq!(run.wait().unwrap().code(), Some(4));
}
