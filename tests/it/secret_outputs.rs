//! Secrets that steps publish: in memory only, masked from their first byte on, and had again when an engine has died.

use std::fs;
use std::path::Path;

use firedrill_run::Event;

use crate::rig::{Sandbox, started, until};

/// A step that publishes a secret and says it aloud before, while and after it does.
const LOGIN: &str = "
  - id: login
    read_only: true
    timeout: 1m
    run: |
      date +%N >> logins
      token=tok-$(wc -l < logins | tr -d ' ')-3f9c$()1e
      echo \"my token is $token\"
      echo \"$token\" >&2
      echo \"token=$token\" >> \"$FIREDRILL_OUTPUT\"
      printf %s \"$token\" | base64
      echo \"still $token\"
    outputs: {token: {secret: true}}
";
/// Every form of the first two of them that is looked for.
const FORMS: [&str; 5] = ["tok-1-3f9c1e", "tok-2-3f9c1e", "dG9rLTEtM2Y5YzFl", "dG9rLTItM2Y5YzFl", "3f9c1e"];

fn place(login: &str, rest: &str) -> Sandbox {
    Sandbox::new().playbook(&format!("firedrill: 1\nplaybook: playbook\nsteps:{login}{rest}"))
}

fn needs_token(id: &str, script: &str) -> String {
    format!(
        "  - {{id: {id}, run: {script:?}, env: {{TOKEN: \"${{{{ steps.login.outputs.token }}}}\"}}, read_only: true, timeout: 1m}}\n"
    )
}

fn holds_none(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            holds_none(&entry.path());
        } else if kind.is_file() {
            let bytes = fs::read(entry.path()).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            let found: Vec<&str> = FORMS.into_iter().filter(|form| text.contains(form)).collect();
            assert!(found.is_empty(), "{} holds {found:?}:\n{text}", entry.path().display());
        }
    }
}

fn said(sandbox: &Sandbox, command: &str) -> String {
    fs::read_to_string(sandbox.run_dir("r").join("out").join(command)).unwrap()
}

fn attempts(sandbox: &Sandbox, step: &str) -> usize {
    let is_attempt = |name: &String| name.starts_with(&format!("{step}.attempt."));
    started(&sandbox.events()).iter().map(ToString::to_string).filter(is_attempt).count()
}

#[test]
fn it_reaches_the_commands_that_name_it_and_no_disk() {
    let uses = "
  - id: use
    read_only: true
    timeout: 1m
    env: {TOKEN: \"${{ steps.login.outputs.token }}\", KEY: {file: \"${{ steps.login.outputs.token }}\"}}
    stdin: ${{ steps.login.outputs.token }}
    run: 'test \"$TOKEN\" = tok-1-3f9c$()1e; test \"$(cat $KEY)\" = $TOKEN; test \"$(cat)\" = $TOKEN; echo \"<$TOKEN>\"'
    verify: {run: 'test \"$TOKEN\" = tok-1-3f9c$()1e', within: 5s}
  - {id: apart, run: 'test -z \"${TOKEN:-}\"; echo tok-1-3f9c$()1e >&2', read_only: true, timeout: 1m}
";
    let sandbox = place(LOGIN, uses);
    let ran = sandbox.run(&[]).exit(0);
    assert!(!ran.out.contains("3f9c1e") && !ran.err.contains("3f9c1e"), "{}\n{}", ran.out, ran.err);
    assert_eq!(said(&sandbox, "login.attempt.1.1.stdout"), "my token is ***\n***\nstill ***\n");
    assert_eq!(said(&sandbox, "login.attempt.1.1.stderr"), "***\n");
    assert_eq!(said(&sandbox, "login.attempt.1.1.outputs"), "token=***\n");
    assert_eq!(said(&sandbox, "use.attempt.1.1.stdout"), "<***>\n");
    assert_eq!(said(&sandbox, "apart.attempt.1.1.stderr"), "***\n");
    holds_none(&sandbox.home());
    for args in [&["show", "r", "--json"][..], &["show", "r"], &["logs", "r"], &["runs", "--json"]] {
        let called = sandbox.call(args);
        assert!(!called.err.contains("3f9c1e") && !called.out.contains("3f9c1e"), "{args:?}\n{}", called.out);
    }
    let outputs = sandbox
        .events()
        .into_iter()
        .any(|event| matches!(event, Event::Judged { judgement, .. } if format!("{judgement:?}").contains("token")));
    assert!(!outputs, "the journal knows nothing of it");
}

#[test]
fn what_runs_beside_it_is_masked_from_then_on() {
    let login = LOGIN.replace("date +%N", "until test -e begun; do sleep 0.02; done; date +%N");
    let beside = "
  - id: beside
    needs: []
    read_only: true
    timeout: 1m
    run: 'touch begun; until test -e published; do sleep 0.02; done; echo tok-1-3f9c$()1e'
";
    let sandbox = place(
        &format!("{beside}{}", login.replace("read_only: true", "needs: []\n    read_only: true")),
        &format!(
            "  - {{id: tell, run: touch published, needs: [login], read_only: true, timeout: 1m}}\n{}",
            needs_token("use", "true").replace("read_only", "needs: [tell], read_only")
        ),
    );
    sandbox.run(&[]).exit(0);
    assert_eq!(said(&sandbox, "beside.attempt.1.1.stdout"), "***\n");
}

#[test]
fn what_cannot_be_a_secret_fails_the_attempt() {
    for (script, why) in [
        ("echo token=abc >> $FIREDRILL_OUTPUT", "output `token` cannot be a secret: it is shorter than 4 characters"),
        ("echo token= >> $FIREDRILL_OUTPUT", "output `token` cannot be a secret: it is shorter than 4 characters"),
        ("true", "output `token` was not written to $FIREDRILL_OUTPUT"),
        ("echo hunter2 >> $FIREDRILL_OUTPUT", "line 1 of $FIREDRILL_OUTPUT is neither"),
    ] {
        let login = format!(
            "\n  - {{id: login, run: '{script}', outputs: {{token: {{secret: true}}}}, read_only: true, timeout: 1m}}\n"
        );
        let sandbox = place(&login, &needs_token("use", "touch used"));
        let called = sandbox.run(&[]).exit(4);
        assert!(called.out.contains(why) || called.err.contains(why), "{script}\n{}\n{}", called.out, called.err);
        assert!(!sandbox.path("used").exists());
        let outputs = said(&sandbox, "login.attempt.1.1.outputs");
        assert!(!outputs.contains("hunter2") && !outputs.contains("abc"), "{outputs}");
    }
}

#[test]
fn more_than_a_pipe_holds_is_published() {
    let login = "
  - id: login
    read_only: true
    timeout: 1m
    run: 'printf \"pad=%0100000d\\n\" 7 >> $FIREDRILL_OUTPUT; echo token=hunter2 >> $FIREDRILL_OUTPUT; seq 1 300000; echo done'
    outputs: {token: {secret: true}}
";
    let use_it = "  - {id: use, run: 'test $(cat) = hunter2', stdin: \"${{ steps.login.outputs.token }}\", read_only: true, timeout: 1m}\n";
    let sandbox = place(login, use_it);
    sandbox.run(&[]).exit(0);
    let stdout = said(&sandbox, "login.attempt.1.1.stdout");
    assert!(stdout.contains("what follows is left out") && stdout.len() < 1_100_000, "{}", stdout.len());
}

#[test]
fn a_dead_engine_takes_it_along_and_it_is_had_again() {
    let wait = "touch begun; until test -e go; do sleep 0.02; done";
    let sandbox = place(
        LOGIN,
        &format!(
            "  - {{id: wait, run: '{wait}', read_only: true, timeout: 1m}}\n{}",
            needs_token("use", "test $TOKEN = tok-2-3f9c$()1e; echo $TOKEN")
        ),
    );
    sandbox.begin_and_lose_the_engine(&[]);
    assert_eq!(sandbox.resume_and_let_go(), Some(0));
    assert_eq!((attempts(&sandbox, "login"), attempts(&sandbox, "use")), (2, 1));
    let lost = sandbox.events().into_iter().filter(|event| matches!(event, Event::SecretsLost { .. })).count();
    assert_eq!(lost, 1);
    assert_eq!(said(&sandbox, "use.attempt.1.1.stdout"), "***\n");
    holds_none(&sandbox.home());
}

#[test]
fn everything_dies_and_it_is_had_again() {
    let sandbox = place(
        LOGIN,
        &format!(
            "  - {{id: wait, run: 'touch begun; test -e go || sleep 60', read_only: true, timeout: 2m, retry: {{max_attempts: 2}}}}\n{}",
            needs_token("use", "test $TOKEN = tok-2-3f9c$()1e")
        ),
    );
    let mut engine = sandbox.begin(&[]);
    until("the step runs", || sandbox.path("begun").exists());
    sandbox.kill_all();
    engine.wait().unwrap();
    sandbox.write("go", "");
    sandbox.call(&["resume", "r"]).exit(0);
    assert_eq!((attempts(&sandbox, "login"), attempts(&sandbox, "use")), (2, 1));
}

#[test]
fn one_that_nobody_needs_any_more_is_not_had_again() {
    let sandbox = place(
        LOGIN,
        &format!(
            "{}  - {{id: wait, run: 'touch begun; until test -e go; do sleep 0.02; done', read_only: true, timeout: 1m}}\n",
            needs_token("use", "test $TOKEN = tok-1-3f9c$()1e")
        ),
    );
    sandbox.begin_and_lose_the_engine(&[]);
    assert_eq!(sandbox.resume_and_let_go(), Some(0));
    assert_eq!((attempts(&sandbox, "login"), attempts(&sandbox, "use")), (1, 1));
}

#[test]
fn a_running_publisher_is_adopted() {
    let login = LOGIN.replace("date +%N", "touch begun; until test -e go; do sleep 0.02; done; date +%N");
    let sandbox = place(&login, &needs_token("use", "test $TOKEN = tok-1-3f9c$()1e"));
    sandbox.begin_and_lose_the_engine(&[]);
    let mut resumed = sandbox.spawn(&["resume", "r"]);
    until("it is adopted", || sandbox.events().iter().any(|event| matches!(event, Event::Adopted { .. })));
    sandbox.write("go", "");
    assert_eq!(resumed.wait().unwrap().code(), Some(0));
    assert_eq!((attempts(&sandbox, "login"), attempts(&sandbox, "use")), (1, 1));
    holds_none(&sandbox.home());
}

#[test]
fn one_that_is_published_while_there_is_no_engine_is_had() {
    let login = LOGIN.replace("date +%N", "touch begun; until test -e go; do sleep 0.02; done; date +%N");
    let right = "test $TOKEN = tok-$(wc -l < logins | tr -d ' ')-3f9c$()1e";
    let sandbox = place(&login, &needs_token("use", right));
    sandbox.begin_and_lose_the_engine(&[]);
    sandbox.write("go", "");
    let outputs = sandbox.run_dir("r").join("out/login.attempt.1.1.outputs");
    until("it is published", || fs::read_to_string(&outputs).is_ok_and(|text| text == "token=***\n"));
    // The supervisor may have ended by now, and then there is another attempt.
    sandbox.call(&["resume", "r"]).exit(0);
    assert!((1..=2).contains(&attempts(&sandbox, "login")));
    assert_eq!(attempts(&sandbox, "use"), 1);
    holds_none(&sandbox.home());
}

#[test]
fn one_that_fails_to_come_again_is_never_empty() {
    let login = LOGIN.replace("date +%N", "test ! -e go; date +%N");
    let sandbox = place(
        &login,
        &format!(
            "  - {{id: wait, run: 'touch begun; until test -e go; do sleep 0.02; done', read_only: true, timeout: 1m}}\n{}",
            needs_token("use", "touch used")
        ),
    );
    sandbox.begin_and_lose_the_engine(&[]);
    assert_eq!(sandbox.resume_and_let_go(), Some(4));
    assert!(!sandbox.path("used").exists());
    assert_eq!(attempts(&sandbox, "use"), 0);
}

#[test]
fn nobody_gives_one_by_hand() {
    let login = "
  - id: login
    run: 'kill -9 $PPID; exit 1'
    outputs: {token: {secret: true}}
    read_only: true
    timeout: 1m
";
    let sandbox = place(login, &needs_token("use", "true"));
    sandbox.run(&[]);
    let called = sandbox.call(&[
        "settle",
        "r",
        "login",
        "--as",
        "done",
        "--output",
        "token=hunter2",
        "--by",
        "me",
        "--note",
        "x",
    ]);
    assert!(called.code != Some(0) && !called.err.contains("hunter2"), "{}", called.err);
    assert!(called.err.contains("is a secret, which nobody gives"), "{}", called.err);
}

#[test]
fn it_is_rehearsed_and_swept() {
    let sandbox = place(LOGIN, &needs_token("use", "test -n \"$TOKEN\"; echo $TOKEN"));
    fs::create_dir_all(sandbox.path("world/bin")).unwrap();
    sandbox.write(
        "playbook.rehearsal.yaml",
        "firedrill: 1\nrehearsal: playbook\nsandbox: ./world\nscenarios:\n\
         \x20 - {name: it goes well, expect: {verdict: succeeded}}\n\
         \x20 - {name: the engine crashes, faults: [{step: use, fault: crash}], expect: {verdict: succeeded}}\n",
    );
    let called = sandbox.call(&["rehearse", "playbook.yaml"]).exit(0);
    assert!(!called.out.contains("3f9c1e"), "{}", called.out);
    sandbox.call(&["sweep", "playbook.yaml"]).exit(0);
}

#[test]
fn memory_with_secrets_is_private() {
    let sandbox = place(LOGIN, &needs_token("use", "touch begun; until test -e go; do sleep 0.02; done; ulimit -S -c"));
    let mut engine = sandbox.begin(&[]);
    until("the step runs", || sandbox.path("begun").exists());
    let command = sandbox.run_dir("r").display().to_string();
    let mut supervisors = 0;
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let arguments = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let arguments = String::from_utf8_lossy(&arguments).into_owned();
        let is_engine = entry.file_name().to_str() == Some(&engine.id().to_string());
        let is_supervisor = arguments.contains("__supervise") && arguments.contains(&command);
        if !is_engine && !is_supervisor {
            continue;
        }
        supervisors += usize::from(is_supervisor);
        let limits = fs::read_to_string(entry.path().join("limits")).unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
        if !rustix::process::geteuid().is_root() {
            assert!(fs::File::open(entry.path().join("mem")).is_err(), "{arguments}");
            assert!(fs::read(entry.path().join("environ")).is_err(), "{arguments}");
        }
    }
    assert_eq!(supervisors, 1);
    sandbox.write("go", "");
    assert_eq!(engine.wait().unwrap().code(), Some(0));
    assert_eq!(said(&sandbox, "use.attempt.1.1.stdout"), "0\n");
}
