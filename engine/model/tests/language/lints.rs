//! What is warned of, and what is not: false alarms teach people to overlook warnings.

use std::path::PathBuf;

use firedrill_model::check;
use firedrill_model::diagnostic::{Diagnostic, Severity};
use firedrill_model::source::Source;

fn review(text: &str) -> Vec<&'static str> {
    let (checked, found) = check::review(&Source::new("x", text), None);
    assert!(checked.is_some(), "{found:?}");
    assert!(found.iter().all(|found| found.severity == Severity::Warning && found.help.is_some()), "{found:?}");
    found.iter().map(|found| found.code.id()).collect()
}

/// Returns what is found in a step of these keys besides its command and a time limit.
fn step(keys: &str) -> Vec<&'static str> {
    review(&format!("firedrill: 1\nplaybook: x\nsteps:\n  - {{id: one, timeout: 1m, {keys}}}\n"))
}

/// Returns what is found in a script.
fn script(shell: &str, text: &str) -> Vec<&'static str> {
    let indented = text.replace('\n', "\n      ");
    review(&format!(
        "firedrill: 1\nplaybook: x\nsteps:\n  - id: one\n    read_only: true\n    timeout: 1m\n    shell: {shell}\n    \
         run: |\n      {indented}\n"
    ))
}

#[test]
fn whatever_says_how_a_step_is_undone_is_enough() {
    assert_eq!(step("argv: [a]"), ["FD0601"]);
    for key in ["rollback: none", "rollback: {argv: [b]}", "cleanup: {argv: [b]}", "release: {argv: [b]}"] {
        assert_eq!(step(&format!("argv: [a], {key}")), [""; 0], "{key}");
    }
    for key in ["read_only", "idempotent"] {
        assert_eq!(step(&format!("argv: [a], {key}: true")), [""; 0], "{key}");
    }
    assert_eq!(step("argv: [a], irreversible: true"), ["FD0621"]);
}

#[test]
fn steps_that_share_a_lock_have_an_order() {
    let locked = |id: &str, keys: &str| {
        format!("  - {{id: {id}, argv: [a], timeout: 1m, rollback: none, locks: [x, y], {keys}}}\n")
    };
    let steps = |steps: &[String]| review(&format!("firedrill: 1\nplaybook: x\nsteps:\n{}", steps.concat()));
    let [one, beside] = [locked("one", "needs: []"), locked("two", "needs: []")];
    assert_eq!(steps(&[one.clone(), beside.clone()]), ["FD0616"]);
    assert_eq!(steps(&[one.clone(), beside.replace("[x, y]", "[z]")]), [""; 0]);
    assert_eq!(steps(&[one.clone(), locked("two", "needs: [one]")]), [""; 0]);
    assert_eq!(steps(&[one.clone(), beside.clone(), locked("three", "needs: []")]), ["FD0616", "FD0616"]);
    let signals = locked("one", "milestones: {half: 'half'}");
    assert_eq!(steps(&[signals.clone(), locked("two", "needs: [one.half]")]), ["FD0617"]);
    assert_eq!(steps(&[signals.clone(), locked("two", "needs: [one.half]").replace("[x, y]", "[z]")]), [""; 0]);
    let group = |needs: &str| {
        let member = one.replace("  - ", "      - ");
        format!("  - id: box\n    locks: [x]\n    needs: [{needs}]\n    steps:\n{member}")
    };
    assert_eq!(steps(&[group("")]), [""; 0]);
    assert_eq!(steps(&[beside.clone(), group("")]), ["FD0616", "FD0616"]);
    assert_eq!(steps(&[beside, group("two")]), [""; 0]);
    let two = locked("two", "milestones: {half: 'half'}");
    assert_eq!(steps(&[two.clone(), group("two.half")]), ["FD0617"]);
    assert_eq!(steps(&[two.replace("[x, y]", "[y]"), group("two.half")]), ["FD0617"]);
    assert_eq!(steps(&[two.replace("[x, y]", "[z]"), group("two.half")]), [""; 0]);
}

#[test]
fn people_are_asked_before_something_is_held_and_before_what_cannot_be_undone() {
    let steps = |steps: &str| review(&format!("firedrill: 1\nplaybook: x\nsteps:\n{steps}"));
    let ask = "  - {id: ask, approve: {prompt: Now?, timeout: 1h}}\n";
    let take = "  - {id: take, argv: [a], timeout: 1m, release: {argv: [b], until: [work]}}\n";
    let work = "  - {id: work, argv: [c], timeout: 1m, rollback: none}\n";
    let erase = "  - {id: erase, argv: [d], timeout: 1m, irreversible: true}\n";
    assert_eq!(steps(&[ask, take, work].concat()), [""; 0]);
    assert_eq!(steps(&[take, ask, work].concat()), ["FD0620"]);
    assert_eq!(steps(&[take, work, ask].concat()), [""; 0]);
    assert_eq!(steps(&[ask, erase].concat()), [""; 0]);
    assert_eq!(steps(&[erase, ask].concat()), ["FD0621"]);
    let skippable = ask.replace("approve:", "when: inputs.x, approve:");
    let inputs = "firedrill: 1\nplaybook: x\ninputs: {x: {type: boolean, default: true}}\nsteps:\n";
    assert_eq!(review(&[inputs, &skippable, erase].concat()), ["FD0621"]);
    assert_eq!(steps(&ask.replace(", timeout: 1h", "")), ["FD0602"]);

    // After a failure, too.
    let asked = work.replace("rollback", "on_failure: ask, rollback");
    assert_eq!(steps(&[take, &asked].concat()), ["FD0620"]);
    assert_eq!(
        steps(&[&take.replace("until", "timeout: 1m, until"), work, &asked.replace("work", "more")].concat()),
        [""; 0]
    );
    assert_eq!(
        steps(
            &[take, &work.replace("rollback: none", "cleanup: {manual: {instructions: Look}, timeout: 1h}")].concat()
        ),
        ["FD0620"]
    );
    assert_eq!(review(&["firedrill: 1\nplaybook: x\non_failure: ask\nsteps:\n", take, work].concat()), ["FD0620"]);

    // What begins on a milestone comes after the step as well.
    let moving = work.replace("rollback: none", "rollback: none, milestones: {moving: moving}");
    let after = "  - {id: after, argv: [e], timeout: 1m, read_only: true, needs: [work.moving]}\n";
    assert_eq!(steps(&[&take.replace("[work]", "[after]"), ask, &moving, after].concat()), ["FD0620"]);
    assert_eq!(steps(&[ask, &take.replace("[work]", "[after]"), &moving, after].concat()), [""; 0]);
}

#[test]
fn people_are_found_in_groups_and_around_them() {
    let steps = |steps: &[&str]| review(&format!("firedrill: 1\nplaybook: x\nsteps:\n{}", steps.concat()));
    let grouped = |steps: &[&str]| {
        let members = steps.concat().replace("  - ", "    - ");
        format!("  - id: box{}\n    steps:\n{members}", steps.len())
    };
    let ask = "  - {id: ask, approve: {prompt: Now?, timeout: 1h}}\n";
    let take = "  - {id: take, argv: [a], timeout: 1m, rollback: none, release: {argv: [b]}}\n";
    let until = take.replace("[b]}", "[b], until: [work]}");
    let work = "  - {id: work, argv: [c], timeout: 1m, rollback: none}\n";
    let erase = "  - {id: erase, argv: [d], timeout: 1m, irreversible: true}\n";
    assert_eq!(steps(&[take, &grouped(&[ask]), work]), ["FD0620"]);
    assert_eq!(steps(&[&until, &grouped(&[ask]), work]), ["FD0620"]);
    assert_eq!(steps(&[&until, work, &grouped(&[ask])]), [""; 0]);
    assert_eq!(steps(&[&grouped(&[take, work]), ask]), [""; 0], "it is given back at the end of its group");
    assert_eq!(steps(&[&grouped(&[take, ask, work])]), ["FD0620"]);
    assert_eq!(steps(&[ask, &grouped(&[erase])]), [""; 0]);
    assert_eq!(steps(&[&grouped(&[ask]), &grouped(&[erase, work])]), [""; 0]);
    assert_eq!(steps(&[&grouped(&[erase]), ask]), ["FD0621"]);
    let skippable = grouped(&[ask]).replace("id: box1", "id: box1\n    when: 1 > 2");
    assert_eq!(steps(&[&skippable, erase]), ["FD0621"]);
    let undone = work.replace("none", "{argv: [undo]}");
    assert_eq!(steps(&[&until.replace("[work]", "[box1]"), &grouped(&[&undone]), erase]), ["FD0604", "FD0621"]);
}

#[test]
fn steps_of_finally_need_a_time_limit_only() {
    let text = "firedrill: 1\nplaybook: x\nsteps: [{id: a, argv: [a], read_only: true, timeout: 1m}]\n";
    assert_eq!(review(&format!("{text}finally: [{{id: b, argv: [b]}}]\n")), ["FD0602"]);
    assert_eq!(review(&format!("{text}finally: [{{id: b, argv: [b], timeout: 1m}}]\n")), [""; 0]);
}

#[test]
fn pitfalls_of_scripts() {
    for (text, code) in [
        ("x=1 sudo -u vcap ls", "FD0611"),
        ("if ssh host ls; then echo; fi", "FD0611"),
        ("echo \"$(sudo ls)\"", "FD0611"),
        ("rm -fr ${DIR}/\"x\"", "FD0612"),
        ("rm -rf -- \"$DIR\"/*", "FD0612"),
        ("kill -9 $$", "FD0613"),
        ("a && [ -z $x ]", "FD0614"),
        ("test $x != y", "FD0614"),
        ("readonly X=$(a)", "FD0608"),
        ("cat f |\n  while read -r x; do b; done", "FD0609"),
        ("set +eu", "FD0610"),
        ("set +o errexit", "FD0610"),
    ] {
        assert_eq!(script("sh", text), [code], "{text}");
    }
}

#[test]
fn no_false_alarms_of_scripts() {
    for text in [
        "echo 'sudo ls; set +e' # ssh host",
        "cat <<END\nsudo ls\nkill -9 1\nEND\ntrue",
        "cd /x\nset +x\nset -e",
        "sudo -n ls\nssh -o BatchMode=yes host ls\nssh -V",
        "rm -rf \"${DIR:?}/x\" /tmp/x \"$DIR.old/x\"\nrm \"$DIR/x\"\nrm -rf \"$DIR\"",
        "kill -TERM 9\nkill -0 9",
        "[ \"$x\" = y ] || [ $# -gt 0 ]\ntest -n \"$x\"\n[ $? = 0 ]",
        "export X=1 Y=\"$Z\"\nx=\"$(a)\"\nexport x",
        "while read -r x; do b; done < f\na | sort | uniq",
        "! a || true",
    ] {
        assert_eq!(script("sh", text), [""; 0], "{text}");
    }
    assert_eq!(script("bash", "a | while read -r x; do b; done\nif [[ $x = y ]]; then c; fi"), [""; 0]);
}

#[test]
fn outputs_that_are_none_with_a_skipped_step() {
    let playbook = |when: &str, text: &str| {
        review(&format!(
            "firedrill: 1\nplaybook: x\ninputs: {{wanted: {{type: boolean}}}}\nsteps:\n  - {{id: a, when: inputs.wanted, argv: \
             [a], read_only: true, timeout: 1m, outputs: {{x: {{from: stdout}}}}}}\n  - {{id: b, when: {when}, argv: [b, \
             '{text}'], read_only: true, timeout: 1m}}\n"
        ))
    };
    assert_eq!(playbook("'true'", "${{ steps.a.outputs.x }}"), ["FD0607"]);
    assert_eq!(playbook("'true'", "${{ steps.a.outputs.x or 1 }}"), [""; 0]);
    assert_eq!(playbook("inputs.wanted", "${{ steps.a.outputs.x }}"), [""; 0]);
    assert_eq!(playbook("steps.a.outcome == \"succeeded\"", "${{ steps.a.outputs.x }}"), [""; 0]);
    assert_eq!(playbook("'true'", "${{ steps.a.outcome }}"), [""; 0]);
}

fn shipped(folder: &str) -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder);
    let files = std::fs::read_dir(&folder).expect("a folder").map(|file| file.expect("an entry").path());
    let files = files.filter(|path| path.is_file());
    files.map(|path| (path.display().to_string(), std::fs::read_to_string(&path).expect("a text"))).collect()
}

fn shown(found: &[Diagnostic]) -> Vec<String> {
    found.iter().map(|found| format!("{} {}", found.code, found.message)).collect()
}

#[test]
fn shipped_playbooks_give_no_warning() {
    for (name, text) in shipped("playbooks").into_iter().filter(|(name, _)| !name.ends_with(".rehearsal.yaml")) {
        let (_, found) = check::review(&Source::new(name.clone(), text), None);
        assert_eq!(shown(&found), [""; 0], "{name}");
    }
}

/// Scripts of `bin/` are held against the pitfalls too, except for FD0612: their arguments come from the engine, which
/// gives no empty ones where the playbook's inputs have none.
#[test]
fn shipped_scripts_give_no_warning() {
    for (name, text) in shipped("playbooks/bin") {
        let shell = if text.lines().next().is_some_and(|line| line.contains("bash")) { "bash" } else { "sh" };
        let mut found = script(shell, &text.replace("${{", "$ {{"));
        found.retain(|code| *code != "FD0612");
        assert_eq!(found, [""; 0], "{name}");
    }
}
