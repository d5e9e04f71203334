//! What a command finds: exactly the declared environment, three descriptors, its folder.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::rig::{Called, Sandbox, firedrill};

/// Copies what the process finds, without adding to it as a shell would.
const STEPS: &str = "steps:
  - id: variables
    argv: [cp, /proc/self/environ, \"${{ inputs.place }}/environ\"]
    env: {OWN: \"it's\\ttwo\", DEFAULT: own}
    read_only: true
  - id: descriptors
    run: for n in $(seq 0 255); do readlink /proc/$$/fd/$n || true; done
    read_only: true
  - {id: last, argv: [readlink, /proc/self/cwd], read_only: true}
";

/// Calls firedrill with open descriptors and a full environment, as a careless caller would.
fn carelessly(sandbox: &Sandbox, args: &[&str]) -> Called {
    let script = "exec 3</etc/passwd 7<>/dev/null 9>leak; exec \"$0\" \"$@\"";
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).arg(firedrill()).args(args).current_dir(sandbox.path("")).stdin(Stdio::null());
    shell.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", "/nowhere").env("LANG", "C");
    shell.env("FIREDRILL_HOME", sandbox.home()).env("TOKEN", "secret").env("LD_BIND_NOW", "1").env("LC_ALL", "C");
    shell.output().unwrap().into()
}

fn place() -> Sandbox {
    let head = "firedrill: 1\nplaybook: playbook\ninputs: {place: {type: path}}\ndefaults: {env: {DEFAULT: default, SHARED: both}}\n";
    let sandbox = Sandbox::new().playbook(&format!("{head}{STEPS}"));
    fs::create_dir(sandbox.path("targets")).unwrap();
    sandbox.write("targets/dev.yaml", "target: dev\nenv: {SHARED: target, OF_TARGET: yes}\n");
    sandbox
}

/// Returns the variables that a command found, with the folders of this test named.
fn variables(sandbox: &Sandbox, found: &Path) -> Vec<String> {
    let bytes = fs::read(found.join("environ")).unwrap();
    let text = String::from_utf8(bytes).unwrap().replace(&sandbox.path("").display().to_string(), "PLACE/");
    let mut variables: Vec<String> = text.split_terminator('\0').map(str::to_owned).collect();
    variables.sort();
    variables
}

/// Returns the files behind the descriptors that a command found, by the folder of what it printed.
fn descriptors(out: &Path) -> Vec<String> {
    let text = fs::read_to_string(out.join("descriptors.attempt.1.1.stdout")).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Returns the three descriptors that a command shall find.
fn standard(out: &Path) -> [String; 3] {
    let captured = |kind: &str| out.join(format!("descriptors.attempt.1.1.{kind}")).display().to_string();
    ["/dev/null".to_owned(), captured("stdout"), captured("stderr")]
}

#[test]
fn a_command_finds_what_is_declared_and_nothing_else() {
    let sandbox = place();
    let given = format!("place={}", sandbox.path("").display());
    carelessly(&sandbox, &["run", "playbook.yaml", "--id", "r", "--target", "dev", "-i", &given]).exit(0);
    let expected = [
        "DEFAULT=own",
        "FIREDRILL_COMMAND=variables.attempt.1.1",
        "FIREDRILL_OUTPUT=PLACE/home/runs/r/out/variables.attempt.1.1.outputs",
        "FIREDRILL_RUN=PLACE/home/runs/r",
        "FIREDRILL_RUN_DIR=PLACE/home/runs/r/work",
        "FIREDRILL_RUN_ID=r",
        "HOME=/nowhere",
        "LANG=C",
        "OF_TARGET=yes",
        "OWN=it's\ttwo",
        "PATH=PLACE/home/runs/r/bin:/usr/local/bin:/usr/bin:/bin",
        "SHARED=both",
    ];
    assert_eq!(variables(&sandbox, &sandbox.path("")), expected);
    let out = sandbox.run_dir("r").join("out");
    assert_eq!(descriptors(&out), standard(&out));
    let cwd = fs::read_to_string(out.join("last.attempt.1.1.stdout")).unwrap();
    assert_eq!(Path::new(cwd.trim()), fs::canonicalize(sandbox.path("")).unwrap());
}

#[test]
fn a_rehearsed_command_finds_the_sandbox_besides() {
    let sandbox = place();
    sandbox.write(
        "playbook.rehearsal.yaml",
        "firedrill: 1\nrehearsal: playbook\nsandbox: ./world\ninputs: {place: \"${{ sandbox.dir }}\"}\nscenarios:\n  - {name: all, expect: {verdict: succeeded}}\n",
    );
    fs::create_dir_all(sandbox.path("world/bin")).unwrap();
    let called = carelessly(&sandbox, &["rehearse", "playbook.yaml", "--keep"]).exit(0);
    let kept = called.out.lines().find_map(|line| line.split_once("are kept in ")).unwrap().1.trim().to_owned();
    let world = find(Path::new(&kept), "environ");
    let names: Vec<String> =
        variables(&sandbox, &world).iter().map(|it| it.split_once('=').unwrap().0.to_owned()).collect();
    let expected = [
        "DEFAULT",
        "FIREDRILL_CLOCK",
        "FIREDRILL_COMMAND",
        "FIREDRILL_OUTPUT",
        "FIREDRILL_RUN",
        "FIREDRILL_RUN_DIR",
        "FIREDRILL_RUN_ID",
        "FIREDRILL_SANDBOX",
        "FIREDRILL_TOOK",
        "HOME",
        "LANG",
        "OWN",
        "PATH",
        "SHARED",
    ];
    let out = find(Path::new(&kept), "descriptors.attempt.1.1.stdout");
    let (found, standard) = (descriptors(&out), standard(&out));
    fs::remove_dir_all(kept).unwrap();
    assert_eq!(names, expected);
    assert_eq!(found, standard);
}

/// Returns the folder below a folder that holds a file of this name.
fn find(folder: &Path, name: &str) -> std::path::PathBuf {
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        if folder.join(name).is_file() {
            return folder;
        }
        open.extend(fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()));
    }
    panic!("there is no {name}");
}
