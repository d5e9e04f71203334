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
