//! Targets: which values win, what a protected one asks for, and where its runs show.

use std::fs;
use std::process::Command;

use crate::rig::{Called, Sandbox};

const PLAYBOOK: &str = "firedrill: 1
playbook: playbook
inputs:
  host: {type: string, default: localhost}
  size: {type: integer, default: 1}
  mode: {type: string, default: slow}
  user: {type: string, default: root}
steps:
  - id: one
    run: echo ${{ inputs.host }} ${{ inputs.size }} ${{ inputs.mode }} ${{ inputs.user }} $ZONE $REGION >> ledger
    env: {REGION: mine}
    read_only: true
";

const PROD: &str = "target: prod
description: The foundation that counts.
inputs: {host: prod.example, size: 2, mode: fast, unrelated: [1]}
env: {ZONE: '7', REGION: theirs}
protected: true
";

/// Returns a playbook with a protected target and another one.
fn place() -> Sandbox {
    let sandbox = Sandbox::new().playbook(PLAYBOOK);
    fs::create_dir(sandbox.path("targets")).unwrap();
    sandbox.write("targets/prod.yaml", PROD);
    sandbox.write("targets/dev.yaml", PROD.replace("prod", "dev").replace("protected: true", "protected: false"));
    sandbox
}

impl Called {
    #[track_caller]
    fn complains(self, text: &str) -> Called {
        assert!(self.err.contains(text), "`{text}` is missing in\n{}", self.err);
        self
    }

    #[track_caller]
    fn says(self, text: &str) -> Called {
        assert!(self.out.contains(text), "`{text}` is missing in\n{}", self.out);
        self
    }
}

fn written(sandbox: &Sandbox) -> String {
    fs::read_to_string(sandbox.path("ledger")).unwrap_or_default()
}

#[test]
fn later_values_win_and_the_plan_says_whose_they_are() {
    let sandbox = place();
    sandbox.write("more.yaml", "size: 3\nmode: faster\n");
    let given = ["--target", "dev", "--inputs", "more.yaml", "-i", "mode=fastest"];
    let plan = sandbox.call(&[&["plan", "playbook.yaml"], &given[..]].concat()).exit(0);
    let plan = plan.says("for target dev,");
    let inputs: Vec<&str> = plan.out.lines().skip_while(|line| !line.starts_with("inputs")).skip(1).take(4).collect();
    let cells: Vec<Vec<&str>> = inputs.iter().map(|line| line.split_whitespace().collect()).collect();
    let expected = [
        vec!["host", "dev.example", "target", "dev"],
        vec!["mode", "fastest", "--input"],
        vec!["size", "3", "more.yaml"],
        vec!["user", "root", "default"],
    ];
    assert_eq!(cells, expected);
    let json = sandbox.call(&[&["plan", "playbook.yaml", "--json"], &given[..]].concat()).exit(0);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["inputs"]["host"]["origin"], "target dev");
    assert_eq!(json["target"]["env"]["ZONE"], "7");
    sandbox.run(&given).exit(0);
    assert_eq!(written(&sandbox), "dev.example 3 fastest root 7 mine\n");
}

#[test]
fn runs_show_their_target() {
    let sandbox = place();
    sandbox.run(&["--target", "dev"]).exit(0);
    sandbox.call(&["runs"]).exit(0).says("playbook on dev");
    sandbox.call(&["show", "r"]).exit(0).says("run r on dev, ");
    let runs: serde_json::Value = serde_json::from_str(&sandbox.call(&["runs", "--json"]).out).unwrap();
    assert_eq!(runs["runs"][0]["target"], "dev");
}

#[test]
fn history_belongs_to_one_target() {
    let sandbox = place();
    for id in ["a", "b", "c"] {
        sandbox.call(&["run", "playbook.yaml", "--id", id, "--target", "dev"]).exit(0);
    }
    let estimate = |args: &[&str]| sandbox.call(&[&["plan", "playbook.yaml"], args].concat()).exit(0).out;
    assert!(estimate(&["--target", "dev"]).contains("from 3 runs"));
    assert!(!estimate(&["--target", "prod"]).contains("takes"));
    assert!(!estimate(&[]).contains("takes"));
}

#[test]
fn a_protected_target_must_be_confirmed() {
    let sandbox = place();
    sandbox.run(&["--target", "prod"]).exit(6).complains("add --confirm prod");
    sandbox.run(&["--target", "prod", "--confirm", "dev"]).exit(2).complains("the target is `prod`");
    sandbox.run(&["--confirm", "prod"]).exit(2).complains("there is no target");
    sandbox.run(&["--target", "prod", "--sandbox", "--confirm", "prod"]).exit(6).complains("not for a sandbox");
    sandbox.call(&["rehearse", "playbook.yaml", "--target", "prod"]).exit(2).complains("a rehearsal has no target");
    assert!(!sandbox.home().exists());
    sandbox.run(&["--target", "prod", "--confirm", "prod"]).exit(0);
    assert_eq!(written(&sandbox), "prod.example 2 fast root 7 mine\n");
}

/// Calls git in the sandbox.
fn git(sandbox: &Sandbox, args: &[&str]) {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=kim", "-c", "user.email=kim@example.org"]).args(args);
    git.current_dir(sandbox.path("")).env("GIT_CONFIG_GLOBAL", "/dev/null");
    let output = git.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_protected_target_takes_only_what_is_committed() {
    let sandbox = place();
    fs::create_dir(sandbox.path("bin")).unwrap();
    sandbox.write("bin/tool", "x");
    sandbox.write("playbook.rehearsal.yaml", "firedrill: 1\nrehearsal: playbook\nsandbox: none\n");
    git(&sandbox, &["init", "--quiet"]);
    let refused = |what: &str| {
        sandbox.run(&["--target", "prod", "--confirm", "prod"]).exit(6).complains("not as committed").complains(what);
        assert_eq!(written(&sandbox), "");
    };
    refused("playbook.yaml");
    sandbox.write(".gitignore", "bin/hidden\nledger\nhome\n");
    git(&sandbox, &["add", "."]);
    git(&sandbox, &["commit", "--quiet", "-m", "all"]);
    for name in ["playbook.yaml", "playbook.rehearsal.yaml", "targets/prod.yaml", "bin/tool", "bin/new", "bin/hidden"] {
        let before = fs::read_to_string(sandbox.path(name)).ok();
        sandbox.write(name, format!("{}# changed\n", before.as_deref().unwrap_or_default()));
        refused(name);
        match before {
            Some(text) => sandbox.write(name, text),
            None => fs::remove_file(sandbox.path(name)).unwrap(),
        }
    }
    sandbox.write("unrelated", "x");
    fs::create_dir(sandbox.path("bin/__pycache__")).unwrap();
    sandbox.write("bin/__pycache__/m.pyc", "x");
    sandbox.run(&["--target", "prod", "--confirm", "prod"]).exit(0);
    fs::write(sandbox.path(".git/HEAD"), "nonsense").unwrap();
    let again = sandbox.call(&["run", "playbook.yaml", "--target", "prod", "--confirm", "prod"]).exit(6);
    again.complains("git does not say");
}

#[test]
fn targets_are_listed_and_found() {
    let sandbox = place();
    sandbox.call(&["targets"]).exit(0).says("protected  4       targets/prod.yaml  The foundation that counts.");
    let listed: serde_json::Value = serde_json::from_str(&sandbox.call(&["targets", "--json"]).out).unwrap();
    assert_eq!(
        (&listed["targets"][0]["target"], &listed["targets"][0]["is_protected"]),
        (&"dev".into(), &false.into())
    );
    assert_eq!((&listed["targets"][1]["inputs"], &listed["targets"][1]["is_protected"]), (&4.into(), &true.into()));
    sandbox.call(&["plan", "playbook.yaml", "--target", "prd"]).exit(2).complains("did you mean `prod`?");
    sandbox.call(&["plan", "playbook.yaml", "--target", "./targets/dev.yaml"]).exit(0).says("dev.example");
    sandbox.write("targets/dev.yaml", "target: dev\ninputs: {host: 1, hots: 2}\nprotectd: true\n");
    let plan = sandbox.call(&["plan", "playbook.yaml", "--target", "dev"]).exit(3);
    plan.complains("unknown key `protectd`").complains("targets/dev.yaml:3:1").complains("^");
    sandbox.call(&["targets"]).exit(3).says("prod").complains("unknown key `protectd`");
}
