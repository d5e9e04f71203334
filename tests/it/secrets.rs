//! Secrets: thirty of them, said aloud in every form a program writes one in, and looked for wherever firedrill leaves
//! something behind.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::rig::{Called, Sandbox};

const PEM: &str = "-----BEGIN PRIVATE KEY-----\nMIIBVAIBADANBgkqhkiG9w0BAQEFAASCAT4wggE6AgEAAkEA6fm0x9qJ3vQhLr5Y\n\
                   s0Zk+8c/PqfW==\n-----END PRIVATE KEY-----\n";

/// Names are `canary_NN`; several are parts of one another.
const SECRETS: [&str; 30] = [
    "hunter2hunter2",
    "hunter2",
    "2hunter",
    "q7Zx",
    "zzzz",
    "zzzzzzz",
    "abcdefgh",
    "efghijkl",
    "with newline at the end\n",
    "two newlines at the end\n\n",
    PEM,
    "100%sure%20of%it",
    "it's \"quoted\" `twice`",
    "$HOME and $(id) and \\n",
    "päßwörd-日本語-🔑",
    "tab\tand\u{1b}[31mred",
    "  leading and trailing  ",
    "a+b/c==&d?e#f",
    "<script>&amp;</script>",
    "{\"user\": \"u\", \"password\": \"nested json\"}",
    "line one of many\nline two of many\nab\nline four",
    "....",
    "EOF_OF_SECRETS",
    "-n --password=dashes",
    "******asterisks",
    "${{ inputs.other }}",
    "https://user:p%40ss@host.example/path?x=1",
    "correct horse battery staple correct horse battery staple correct horse battery staple 0123456789",
    "\r\nwindows-9f2\r\nlines-7c1\r\n",
    "0x1F600 \u{7f} delete",
];

/// Returns a place with the thirty secrets as files, and a playbook that says all of them.
fn place() -> Sandbox {
    let (mut inputs, mut env) = (String::new(), String::new());
    for name in names() {
        writeln!(inputs, "  {name}: {{type: string, secret: true}}").unwrap();
        writeln!(env, "      {}: \"${{{{ inputs.{name} }}}}\"", name.to_uppercase()).unwrap();
    }
    let around = format!(
        "    timeout: 1m\n    read_only: true\n    stdin: ${{{{ inputs.canary_00 }}}}\n    env:\n{env}      KEY_FILE: {{file: \"${{{{ inputs.canary_10 }}}}\"}}\n"
    );
    let sandbox = Sandbox::new().playbook(&format!(
        "firedrill: 1\nplaybook: playbook\ninputs:\n{inputs}steps:\n\
         \x20 - id: speak\n    argv: [speak.py]\n{around}      LISTING: listing\n\
         \x20   outputs: {{o0: {{optional: true}}, o1: {{optional: true}}, listing: {{from: file, path: listing}}, \
         first: {{from: stdout, line: first}}, told: {{from: stderr, regex: '<(.*)>'}}}}\n\
         \x20 - {{id: other, run: \"sleep 1; env\", needs: [], read_only: true, timeout: 1m}}\n\
         \x20 - id: repeat\n    run: \"echo ${{{{ steps.speak.outputs.o0 }}}} ${{{{ steps.speak.outputs.told }}}}\"\n    needs: [speak, other]\n    read_only: true\n    timeout: 1m\n\
         \x20 - id: fail\n    run: speak.py; exit 3\n{around}"
    ));
    fs::create_dir_all(sandbox.path("bin")).unwrap();
    fs::create_dir_all(sandbox.path("targets")).unwrap();
    fs::create_dir_all(sandbox.path("values")).unwrap();
    let speak = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/secrets/speak.py");
    fs::copy(speak, sandbox.path("bin/speak.py")).unwrap();
    let mut target = "target: lab\nsecrets:\n".to_owned();
    for (name, value) in names().zip(SECRETS) {
        // One newline at the end of a file is no part of the value.
        fs::write(sandbox.path("values").join(&name), format!("{value}\n")).unwrap();
        writeln!(target, "  {name}: {{file: values/{name}}}").unwrap();
    }
    sandbox.write("targets/lab.yaml", target);
    sandbox
}

fn names() -> impl Iterator<Item = String> {
    (0..SECRETS.len()).map(|number| format!("canary_{number:02}"))
}

/// Returns every form of the values, as another program than the engine writes them.
fn needles<'v>(sandbox: &Sandbox, values: impl Iterator<Item = &'v str>) -> Vec<String> {
    let mut speak = Command::new(sandbox.path("bin/speak.py"));
    speak
        .arg("needles")
        .envs((0..).zip(values).map(|(number, value)| (format!("CANARY_{number:02}"), value.to_owned())));
    let output = speak.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Returns everything in a text that is a secret, except in what the playbook and the machine say themselves.
fn hits(needles: &[String], bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    needles.iter().filter(|needle| text.contains(needle.as_str())).cloned().collect()
}

#[track_caller]
fn holds_none(needles: &[String], what: &str, bytes: &[u8]) {
    let hits = hits(needles, bytes);
    assert!(hits.is_empty(), "{what} holds {hits:?}");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    files
}

#[track_caller]
fn on_disk(needles: &[String], folder: &Path) {
    for file in files(folder) {
        // The plan's copy of `bin/` is the program itself.
        let bytes = fs::read(&file).unwrap();
        holds_none(needles, &file.display().to_string(), &bytes);
    }
}

#[track_caller]
fn said(needles: &[String], what: &str, called: &Called) {
    holds_none(needles, what, called.out.as_bytes());
    holds_none(needles, what, called.err.as_bytes());
}

/// Looks at the arguments of every process of a place, and at the environment of every one that is not the command `speak`,
/// `fail` or `login`, over and over. Returns what it saw, and how often it looked.
fn sample(needles: &[String], place: &str, is_over: &AtomicBool) -> (BTreeSet<String>, usize) {
    let (mut seen, mut looks) = (BTreeSet::new(), 0);
    let own = std::process::id().to_string();
    while !is_over.load(Ordering::Relaxed) {
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let process = entry.path();
            if entry.file_name() == own.as_str() {
                continue;
            }
            let read = |name: &str| fs::read(process.join(name)).unwrap_or_default();
            let (arguments, environment) = (read("cmdline"), read("environ"));
            let is_here = [&arguments, &environment].iter().any(|text| String::from_utf8_lossy(text).contains(place));
            if !is_here {
                continue;
            }
            looks += 1;
            seen.extend(hits(needles, &arguments).into_iter().map(|hit| format!("argument {hit:?}")));
            let may = ["speak.attempt", "fail.attempt", "login.attempt"];
            let text = String::from_utf8_lossy(&environment).into_owned();
            if !may.iter().any(|command| text.contains(&format!("FIREDRILL_COMMAND={command}"))) {
                seen.extend(hits(needles, &environment).into_iter().map(|hit| format!("variable {hit:?}")));
            }
        }
    }
    (seen, looks)
}

/// Words that this machine and the playbook say without knowing any secret.
fn apart_from_common(needles: Vec<String>, common: &[u8]) -> Vec<String> {
    let common = String::from_utf8_lossy(common);
    needles.into_iter().filter(|needle| !common.contains(needle.as_str())).collect()
}

#[test]
fn thirty_secrets_are_nowhere() {
    let sandbox = place();
    let all = needles(&sandbox, SECRETS.iter().copied());
    let playbook = fs::read(sandbox.path("playbook.yaml")).unwrap();
    let common = [playbook, fs::read(sandbox.path("bin/speak.py")).unwrap(), b"....".to_vec()].concat();
    let wanted = apart_from_common(all, &common);
    assert!(wanted.len() > 300, "{}", wanted.len());
    let (is_over, run) = (AtomicBool::new(false), sandbox.run_dir("r"));
    thread::scope(|scope| {
        let sampler = scope.spawn(|| sample(&wanted, &sandbox.path("").display().to_string(), &is_over));
        said(&wanted, "plan", &sandbox.call(&["plan", "playbook.yaml", "--target", "lab"]).exit(0));
        said(&wanted, "plan --json", &sandbox.call(&["plan", "playbook.yaml", "--target", "lab", "--json"]).exit(0));
        let ran = sandbox.run(&["--target", "lab"]);
        is_over.store(true, Ordering::Relaxed);
        let (seen, looks) = sampler.join().unwrap();
        said(&wanted, "run", &ran);
        assert_eq!(ran.code, Some(4), "{}\n{}", ran.out, ran.err);
        assert_eq!(seen, BTreeSet::new());
        assert!(looks > 100, "{looks}");
    });
    let stdout = fs::read_to_string(run.join("out/speak.attempt.1.1.stdout")).unwrap();
    assert!(stdout.matches("***").count() > 300, "it has not said them: {stdout}");
    assert!(fs::read_to_string(run.join("out/speak.attempt.1.1.outputs")).unwrap().contains("***"));
    for args in [
        &["show", "r"][..],
        &["show", "r", "--json"],
        &["logs", "r"],
        &["logs", "r", "speak"],
        &["logs", "r", "fail"],
        &["runs"],
        &["runs", "--json"],
        &["resume", "r"],
    ] {
        said(&wanted, &args.join(" "), &sandbox.call(args));
    }
    // What a program writes into a file of its own is its own affair: `listing` lies beside the playbook.
    on_disk(&wanted, &sandbox.home());
}

/// Returns a place in which a step says all secrets and publishes them, and another names them and says them again.
fn place_of_outputs() -> Sandbox {
    let sandbox = place();
    let (mut outputs, mut env) = (String::new(), String::new());
    for name in published() {
        writeln!(outputs, "      {name}: {{secret: true}}").unwrap();
        writeln!(env, "      {}: \"${{{{ steps.login.outputs.{name} }}}}\"", name.to_uppercase()).unwrap();
    }
    sandbox.write(
        "playbook.yaml",
        format!(
            "firedrill: 1\nplaybook: playbook\nsteps:\n\
             \x20 - id: login\n    argv: [publish.py, values]\n    read_only: true\n    timeout: 1m\n    outputs:\n{outputs}\
             \x20 - id: speak\n    argv: [speak.py]\n    read_only: true\n    timeout: 1m\n    stdin: ${{{{ steps.login.outputs.canary_00 }}}}\n    env:\n{env}      KEY_FILE: {{file: \"${{{{ steps.login.outputs.canary_10 }}}}\"}}\n"
        ),
    );
    let publish = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/secrets/publish.py");
    fs::copy(publish, sandbox.path("bin/publish.py")).unwrap();
    sandbox
}

/// The lines of a value that is published end as lines do: one with `\\r` would become another.
fn published() -> impl Iterator<Item = String> {
    names().zip(SECRETS).filter(|(_, value)| !value.contains('\r')).map(|(name, _)| name)
}

#[test]
fn published_secrets_are_nowhere() {
    let sandbox = place_of_outputs();
    let values = SECRETS.iter().copied().filter(|value| !value.contains('\r'));
    let playbook = fs::read(sandbox.path("playbook.yaml")).unwrap();
    let common = [playbook, fs::read(sandbox.path("bin/speak.py")).unwrap(), b"....".to_vec()].concat();
    let wanted = apart_from_common(needles(&sandbox, values), &common);
    assert!(wanted.len() > 300, "{}", wanted.len());
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let sampler = scope.spawn(|| sample(&wanted, &sandbox.path("").display().to_string(), &is_over));
        said(&wanted, "plan --json", &sandbox.call(&["plan", "playbook.yaml", "--json"]).exit(0));
        let ran = sandbox.run(&[]);
        is_over.store(true, Ordering::Relaxed);
        let (seen, looks) = sampler.join().unwrap();
        said(&wanted, "run", &ran.exit(0));
        assert_eq!(seen, BTreeSet::new());
        assert!(looks > 100, "{looks}");
    });
    for command in ["login", "speak"] {
        let stdout = sandbox.run_dir("r").join(format!("out/{command}.attempt.1.1.stdout"));
        assert!(fs::read_to_string(stdout).unwrap().matches("***").count() > 300, "{command} has not said them");
    }
    for args in
        [&["show", "r"][..], &["show", "r", "--json"], &["logs", "r"], &["logs", "r", "login"], &["runs", "--json"]]
    {
        said(&wanted, &args.join(" "), &sandbox.call(args));
    }
    on_disk(&wanted, &sandbox.home());
}

#[test]
fn a_json_run_says_none() {
    let sandbox = place();
    let wanted = needles(&sandbox, [SECRETS[0], PEM, SECRETS[14]].into_iter());
    said(&wanted, "run --json", &sandbox.run(&["--target", "lab", "--json"]));
}

#[test]
fn a_rehearsal_makes_its_own_up() {
    let sandbox = place();
    let rehearsal = "firedrill: 1\nrehearsal: playbook\nsandbox: none\nscenarios: []\n";
    fs::create_dir_all(sandbox.path("world/bin")).unwrap();
    let rehearsal = rehearsal.replace("sandbox: none", "sandbox: ./world").replace(
        "scenarios: []",
        "scenarios:\n  - {name: it fails at its end, expect: {verdict: rolled_back, steps: {speak: {outcome: succeeded}}}}",
    );
    sandbox.write("playbook.rehearsal.yaml", rehearsal);
    let made_up: Vec<String> = names().map(|name| format!("canary-{name}")).collect();
    let real = needles(&sandbox, SECRETS.iter().copied());
    let common = [
        fs::read(sandbox.path("playbook.yaml")).unwrap(),
        fs::read(sandbox.path("bin/speak.py")).unwrap(),
        b"....".to_vec(),
    ];
    let wanted = apart_from_common(real, &common.concat());
    let wanted: Vec<String> = needles(&sandbox, made_up.iter().map(String::as_str)).into_iter().chain(wanted).collect();
    let mut rehearse = sandbox.command(&["rehearse", "playbook.yaml", "--trace", "--keep"]);
    fs::create_dir(sandbox.path("tmp")).unwrap();
    let called: Called = rehearse.env("TMPDIR", sandbox.path("tmp")).output().unwrap().into();
    said(&wanted, "rehearse", &called);
    assert!(called.out.contains("speak"), "{}\n{}", called.out, called.err);
    let kept: Vec<PathBuf> = files(&sandbox.path("tmp"));
    let spoken = kept.iter().find(|path| path.ends_with("out/speak.attempt.1.1.stdout")).expect("the run is kept");
    assert!(fs::read_to_string(spoken).unwrap().matches("***").count() > 100, "{}", spoken.display());
    on_disk(&wanted, &sandbox.path("tmp"));
    said(&wanted, "sweep", &sandbox.call(&["sweep", "playbook.yaml"]));
}

/// Returns a place with a playbook whose only step is this, and one secret from a file.
fn simple(step: &str, value: &str) -> Sandbox {
    let sandbox = Sandbox::new().playbook(&format!(
        "firedrill: 1\nplaybook: playbook\ninputs: {{pw: {{type: string, secret: true}}}}\nsteps:\n  - {step}\n"
    ));
    sandbox.write("pw", value);
    sandbox
}

const SAYS: &str = "{id: one, run: 'echo \"<$PW>\"', env: {PW: \"${{ inputs.pw }}\"}, read_only: true, timeout: 1m}";

#[test]
fn what_cannot_be_a_secret_is_refused_before_anything_starts() {
    for (value, why) in [
        (&b"abc\n"[..], "secret `pw`: its value is shorter than 4 characters"),
        (b"", "secret `pw`: its value is shorter than 4 characters"),
        (b" a \n\n", "secret `pw`: its value is shorter than 4 characters"),
        (b"hunter\xff2", "secret `pw`: its value is no text"),
        (b"hunter\x002", "secret `pw`: its value is no text"),
    ] {
        let sandbox = simple(SAYS, "");
        sandbox.write("pw", value);
        let called = sandbox.run(&["--secret", "pw=file:pw"]).exit(6);
        assert!(called.err.contains(why) && !called.err.contains("hunter"), "{}", called.err);
        assert!(!sandbox.run_dir("r").exists());
    }
}

#[test]
fn a_value_is_never_given() {
    let sandbox = simple(SAYS, "hunter2\n");
    sandbox.write("inputs.yaml", "pw: hunter2\n");
    for args in [
        &["--input", "pw=hunter2"][..],
        &["--inputs", "inputs.yaml"],
        &["--secret", "pw=hunter2"],
        &["--secret", "hunter2"],
        &["--secret", "pw=command:hunter2"],
    ] {
        let called = sandbox.run(args);
        assert!(matches!(called.code, Some(2 | 3)), "{:?} {}", called.code, called.err);
        assert!(!called.err.contains("hunter2") && !called.out.contains("hunter2"), "{}", called.err);
    }
    let missing = sandbox.run(&[]);
    assert!(missing.err.contains("--secret pw=env:VARIABLE"), "{}", missing.err);
}

#[test]
fn each_source_reaches_each_place() {
    let step = "{id: one, run: 'cat; cat $KEY; test \"$PW\" = hunter2; stat -c %a $KEY; test \"$(cat $KEY)\" = hunter2', stdin: \"${{ inputs.pw }}\", \
                env: {PW: \"${{ inputs.pw }}\", KEY: {file: \"${{ inputs.pw }}\"}}, read_only: true, timeout: 1m}";
    for source in ["env:MY_PW", "file:pw", "command:[\"cat\", \"pw\"]"] {
        let sandbox = simple(step, "hunter2\n");
        let secret = format!("pw={source}");
        let mut run = sandbox.command(&["run", "playbook.yaml", "--id", "r", "--secret", &secret]);
        let called: Called = run.env("MY_PW", "hunter2").output().unwrap().into();
        let called = called.exit(0);
        assert!(!called.out.contains("hunter2"));
        let stdout = fs::read_to_string(sandbox.run_dir("r").join("out/one.attempt.1.1.stdout")).unwrap();
        assert_eq!(stdout, "******600\n", "{source}");
    }
}

#[test]
fn a_killed_engine_leaves_the_mask_to_the_supervisor() {
    let step = "{id: one, run: 'touch begun; until test -e go; do sleep 0.05; done; echo \"<$PW>\"', \
                env: {PW: \"${{ inputs.pw }}\"}, read_only: true, timeout: 1m}";
    let sandbox = simple(step, "hunter2\n");
    sandbox.begin_and_lose_the_engine(&["--secret", "pw=file:pw"]);
    assert_eq!(sandbox.resume_and_let_go(), Some(0));
    let stdout = fs::read_to_string(sandbox.run_dir("r").join("out/one.attempt.1.1.stdout")).unwrap();
    assert_eq!(stdout, "<***>\n");
    on_disk(&["hunter2".to_owned()], &sandbox.home());
}

#[test]
fn nothing_of_a_run_stays_in_memory() {
    let step = "{id: one, run: 'echo $KEY; cp $KEY.. x || true', env: {KEY: {file: \"${{ inputs.pw }}\"}}, read_only: true, timeout: 1m}";
    let sandbox = simple(step, "hunter2\n");
    sandbox.run(&["--secret", "pw=file:pw"]).exit(0);
    let stdout = fs::read_to_string(sandbox.run_dir("r").join("out/one.attempt.1.1.stdout")).unwrap();
    let key = Path::new(stdout.trim());
    assert!(key.is_absolute() && !key.exists() && !key.parent().unwrap().exists(), "{}", key.display());
}

#[test]
fn a_note_does_not_keep_a_secret() {
    let step = "{id: one, run: 'kill -9 $PPID; exit 1', env: {PW: \"${{ inputs.pw }}\"}, timeout: 1m, in_doubt: ask, rollback: none}";
    let sandbox = simple(step, "hunter2\n");
    sandbox.run(&["--secret", "pw=file:pw"]);
    let settle = ["settle", "r", "one", "--as", "done", "--by", "me", "--note", "used hunter2 by hand"];
    sandbox.call(&settle);
    on_disk(&["hunter2".to_owned()], &sandbox.home());
}
