//! Values between the parts of a run: what an expression sees of a command, of guards, of earlier runs.

use crate::rig::Sandbox;

/// A step that exits with 3, and a guard and an attempt whose `that` is `THAT`.
const THAT: &str = "
firedrill: 1
playbook: playbook
inputs: {least: {type: integer, default: 2}}
guards:
  - id: room
    run: echo 5 free
    expect: {that: GUARD}
steps:
  - id: copy
    run: echo copied 3 files; echo slow >&2; exit 3
    expect: {exit: [0, 3], that: ATTEMPT}
    rollback: none
    timeout: 10s
";

fn that(guard: &str, attempt: &str) -> Sandbox {
    Sandbox::new().playbook(&THAT.replace("GUARD", guard).replace("ATTEMPT", attempt))
}

#[test]
fn an_expression_sees_the_end_of_the_command() {
    let attempt =
        r#""exit_code == 3 and 'copied' in stdout and 'slow' in stderr and duration < 10 and inputs.least == 2""#;
    that(r#""'free' in stdout""#, attempt).run(&[]).exit(0);
    let failed = that(r#""'free' in stdout""#, r#""'skipped' in stdout""#).run(&[]).exit(4);
    assert!(failed.out.contains("`'skipped' in stdout` is false"), "{}", failed.out);
}

#[test]
fn an_expression_without_a_value_fails_an_attempt_and_lets_a_probe_not_tell() {
    let attempt = that(r#""exit_code == 0""#, r#""stdout | int > 2""#).run(&[]).exit(4);
    assert!(attempt.out.contains("stdout | int > 2"), "{}", attempt.out);
    let guard = that(r#""stdout | int > 2""#, "'true'").run(&[]).exit(6);
    assert!(guard.out.contains("could not tell"), "{}", guard.out);
}

/// Returns what the step that tells has written.
fn told(sandbox: &Sandbox) -> String {
    std::fs::read_to_string(sandbox.path("told")).unwrap().trim().to_owned()
}

/// Counts how often its first guard was asked; the step of the end tells what was seen.
const SEEN: &str = "
firedrill: 1
playbook: playbook
guards:
  - id: base
    run: echo x >> asked; wc -l < asked; echo 7 > count
    outputs: {asked: {from: stdout, type: integer}}
steps:
  - {id: before, argv: ['true'], read_only: true, timeout: 10s}
  - id: change
    guards:
      - {id: own, argv: [cat, count], outputs: {count: {from: stdout, type: integer}}}
      - {id: next, run: 'test ${{ guards.own.outputs.count }} -eq 7'}
    run: echo changed with ${{ guards.own.outputs.count }} at ${{ guards.base.outputs.asked }} > told
    timeout: 10s
    rollback: none
    expect: {that: \"guards.own.outputs.count == 7 and guards.base.outputs.asked in [1, 2]\"}
    verify: {argv: [echo, '7'], expect: {jq: '. == $guards.own.outputs.count'}}
  - {id: skipped, when: 'false', guards: [{id: never, argv: ['true'], outputs: {x: {from: stdout}}}], argv: ['true'], read_only: true, timeout: 10s}
invariants:
  - {id: seen_first, run: 'test ${{ guards.base.outputs.asked }} -eq 1 -a $(wc -l < asked) -eq 2'}
outputs: {asked: '${{ guards.base.outputs.asked }}'}
";

#[test]
fn what_guards_have_seen_is_read_later_and_the_first_answer_counts() {
    let sandbox = Sandbox::new().playbook(SEEN);
    sandbox.run(&[]).exit(0);
    assert_eq!(told(&sandbox), "changed with 7 at 1");
    let plan = sandbox.call(&["plan", "playbook.yaml"]).exit(0);
    assert!(plan.out.contains("after guard own"), "{}", plan.out);
}

#[test]
fn a_guard_that_lacks_an_output_could_not_tell() {
    let text = SEEN.replace("argv: [cat, count]", "argv: ['true']");
    let called = Sandbox::new().playbook(&text).run(&[]);
    assert!(called.out.contains("guard own could not tell: output `count` is missing"), "{}", called.out);
}

/// Publishes what it was given and tells what the run before has published.
const LAST: &str = "
firedrill: 1
playbook: playbook
inputs: {name: {type: string}}
vars: {before: \"${{ last.name }}\", place: \"${{ target.name }}\"}
steps:
  - id: tell
    run: echo before=${{ last.name if last.name is not none else 'nothing' }} on ${{ target.name if target.name is not none else 'nowhere' }} > told; exit ${{ 0 if inputs.name != 'bad' else 1 }}
    timeout: 10s
    read_only: true
outputs: {name: '${{ inputs.name }}'}
";

#[test]
fn the_last_run_that_succeeded_on_the_target_is_read() {
    let sandbox = Sandbox::new().playbook(LAST);
    std::fs::create_dir(sandbox.path("targets")).unwrap();
    sandbox.write("targets/lab.yaml", "target: lab\n");
    let run = |id: &str, name: &str, more: &[&str]| {
        let input = format!("name={name}");
        let args = ["run", "playbook.yaml", "--id", id, "--input", &input];
        sandbox.call(&[&args, more].concat());
        told(&sandbox)
    };
    assert_eq!(run("one", "first", &[]), "before=nothing on nowhere");
    assert_eq!(run("two", "bad", &[]), "before=first on nowhere");
    assert_eq!(run("three", "third", &["--target", "lab"]), "before=nothing on lab");
    assert_eq!(run("four", "fourth", &[]), "before=first on nowhere");
    let plan = sandbox.call(&["plan", "playbook.yaml", "--input", "name=x", "--out", "approved"]).exit(0);
    assert!(plan.out.contains("fourth"), "{}", plan.out);
    run("five", "fifth", &[]);
    sandbox.call(&["run", "--plan", "approved", "--id", "six"]).exit(0);
    assert_eq!(told(&sandbox), "before=fourth on nowhere", "what was approved is what runs");
}

#[test]
fn a_rehearsal_says_what_the_run_before_was() {
    let sandbox = Sandbox::new().playbook(LAST);
    sandbox.write(
        "playbook.rehearsal.yaml",
        "firedrill: 1\nrehearsal: playbook\nsandbox: none\ninputs: {name: a}\nlast: {name: ${{ 'of' }}-the-file}\nscenarios:\n  \
         - {name: of the file, replies: [{command: of-the-file}], expect: {verdict: succeeded}}\n  \
         - {name: of its own, last: {name: 5}, replies: [{command: 'before=.5. on'}], expect: {verdict: succeeded}}\n  \
         - {name: none, last: {}, replies: [{command: nothing}], expect: {verdict: succeeded}}\n"
            .replace("${{ 'of' }}", "of"),
    );
    sandbox.call(&["rehearse", "playbook.yaml"]).exit(0);
}

/// Reads a file that it lists from the run's copy, not from beside the playbook.
const FILES: &str = "
firedrill: 1
playbook: playbook
files: [sql/schema.sql]
steps:
  - {id: change, run: 'echo changed > sql/schema.sql', timeout: 10s, rollback: none}
  - {id: tell, run: 'cat ${{ run.files }}/sql/schema.sql > told', timeout: 10s, rollback: none}
";

#[test]
fn listed_files_are_part_of_the_plan_and_come_along() {
    let sandbox = Sandbox::new().playbook(FILES);
    let missing = sandbox.call(&["plan", "playbook.yaml"]).exit(3);
    assert!(missing.err.contains("playbook.yaml:4:9") && missing.err.contains("FD0316"), "{}", missing.err);
    std::fs::create_dir(sandbox.path("sql")).unwrap();
    sandbox.write("sql/schema.sql", "as planned");
    sandbox.call(&["plan", "playbook.yaml", "--out", "approved"]).exit(0);
    sandbox.run(&[]).exit(0);
    assert_eq!(told(&sandbox), "as planned");
    let refused = sandbox.call(&["run", "--plan", "approved"]).exit(6);
    assert!(refused.err.contains("sql/schema.sql was changed"), "{}", refused.err);
    std::fs::remove_file(sandbox.path("sql/schema.sql")).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", sandbox.path("sql/schema.sql")).unwrap();
    let linked = sandbox.call(&["plan", "playbook.yaml"]).exit(3);
    assert!(linked.err.contains("outside of the playbook's folder"), "{}", linked.err);
}

#[test]
fn a_rehearsal_is_stale_when_a_stand_in_has_changed() {
    let playbook =
        "firedrill: 1\nplaybook: playbook\nsteps:\n  - {id: one, argv: [tool], read_only: true, timeout: 10s}\n";
    let sandbox = Sandbox::new().playbook(playbook);
    let rehearsal = "firedrill: 1\nrehearsal: playbook\nsandbox: ./stand-ins\nscenarios:\n  - {name: it works, expect: {verdict: succeeded}}\n";
    sandbox.write("playbook.rehearsal.yaml", rehearsal);
    std::fs::create_dir_all(sandbox.path("stand-ins/bin")).unwrap();
    let tool = sandbox.path("stand-ins/bin/tool");
    std::fs::write(&tool, "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(&tool, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    sandbox.call(&["rehearse", "playbook.yaml"]).exit(0);
    sandbox.call(&["stale", "playbook.yaml"]).exit(0);
    std::fs::write(&tool, "#!/bin/sh\nexit 0\n").unwrap();
    let stale = sandbox.call(&["stale", "playbook.yaml"]).exit(1);
    assert!(stale.out.contains("stand-ins/bin/tool"), "{}", stale.out);
}

/// Publishes two outputs, one of which is too large for a value.
const LARGE: &str = "
firedrill: 1
playbook: playbook
steps:
  - id: make
    run: head -c 100000 /dev/zero | tr '\\\\0' x; echo small >&2
    outputs: {large: {from: stdout}, small: {from: stderr}}
    timeout: 10s
    read_only: true
  - id: tell
    run: echo $(wc -c < ${{ steps.make.files.large }}) $(cat ${{ steps.make.files.small }}) ${{ MORE }} > told
    timeout: 10s
    rollback: none
";

#[test]
fn outputs_that_are_read_as_files_may_be_large() {
    let sandbox = Sandbox::new().playbook(&LARGE.replace("MORE", "steps.make.outputs.small"));
    sandbox.run(&[]).exit(0);
    assert_eq!(told(&sandbox), "100000 small small");
    assert!(std::fs::metadata(sandbox.journal_path()).unwrap().len() < 20_000, "nothing large is in the journal");
    let as_value = Sandbox::new().playbook(&LARGE.replace("MORE", "steps.make.outputs.large")).run(&[]);
    let why = "`steps.make.outputs.large` is larger than 64 KiB and kept in a file";
    assert!(as_value.code == Some(4) && as_value.out.contains(why), "{as_value:?}");
    let only_value = LARGE.replace("steps.make.files.large", "steps.make.outputs.large").replace("MORE", "'x'");
    let failed = Sandbox::new().playbook(&only_value).run(&[]);
    assert!(failed.code != Some(0) && failed.out.contains("let others read it as a file"), "{failed:?}");
}

/// Fails once, is cleaned up after and tried again; polls, decides, and knows texts only later.
const EVENTFUL: &str = "
firedrill: 1
playbook: playbook
guards:
  - {id: base, argv: [echo, '1'], outputs: {count: {from: stdout, type: integer}}}
steps:
  - id: copy
    run: test -e tried || { touch tried; exit 1; }; echo ${{ guards.base.outputs.count }}
    cleanup: {argv: ['true']}
    retry: {max_attempts: 2, delay: 10ms, when: exit_code == 1}
    outputs: {count: {from: stdout, type: integer}}
    timeout: 10s
    release: {argv: ['true'], when: \"steps.copy.outputs.count == 1\"}
  - {id: look, run: 'echo x >> looks; test $(wc -l < looks) -ge 2', read_only: true, every: 10ms, within: 10s}
  - {id: each, for_each: {in: '[steps.copy.outputs.count, 2]'}, argv: ['true'], read_only: true, timeout: 10s}
  - {id: fails, argv: ['false'], timeout: 10s, rollback: {argv: [no-such-program], retry: {max_attempts: 1}}}
finally:
  - {id: tell, argv: [echo, '${{ run.verdict }}']}
";

#[test]
fn every_line_of_a_journal_is_as_its_schema_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/journal.v1.json");
    let schema: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let sandbox = Sandbox::new().playbook(EVENTFUL);
    sandbox.run(&[]).exit(5);
    sandbox.call(&["settle", "r", "fails.rollback", "--as", "done", "--by", "me", "--note", "by hand"]).exit(0);
    let text = std::fs::read_to_string(sandbox.journal_path()).unwrap();
    assert!(text.lines().count() > 30, "{text}");
    let mut kinds = std::collections::BTreeSet::new();
    for line in text.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let faults: Vec<String> = validator.iter_errors(&line).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{line}: {faults:?}");
        kinds.extend(line["e"].as_object().unwrap().keys().cloned());
    }
    assert!(kinds.len() >= 9, "{kinds:?}");
    let altered = text.lines().next().unwrap().replace("\"n\":1", "\"n\":0");
    assert!(!validator.is_valid(&serde_json::from_str(&altered).unwrap()));
    assert!(!validator.is_valid(&serde_json::json!({"n": 1, "t": 1, "e": {"Unheard": {}}, "h": "0".repeat(32)})));
}
