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
