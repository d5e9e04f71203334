//! Generated files: what the command says about itself, and the schemas it prints. Written anew with `UPDATE=1`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use clap::Command;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

#[test]
fn the_reference_is_fresh() {
    fresh("docs/reference/cli.md", &reference());
}

#[test]
fn the_schema_of_journals_is_fresh() {
    fresh("schemas/journal.v1.json", &firedrill_report::journal_schema());
}

#[test]
fn the_schema_of_plans_is_fresh() {
    fresh("schemas/plan.v1.json", &firedrill_report::plan_schema());
}

#[test]
fn the_schema_of_targets_is_fresh() {
    fresh("schemas/target.v1.json", &firedrill_report::target_schema());
}

#[test]
fn the_schemas_of_results_are_fresh() {
    fresh("schemas/rehearse-result.v1.json", &firedrill_report::rehearsal::rehearsed_schema());
    fresh("schemas/sweep-result.v1.json", &firedrill_report::rehearsal::swept_schema());
}

/// Compares a generated file with what it should hold, or writes it.
#[track_caller]
fn fresh(name: &str, content: &str) {
    let path = Path::new(ROOT).join(name);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, content).expect("the file can be written");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == content, "{name} is old: run `UPDATE=1 cargo test`");
}

#[test]
fn every_command_has_examples() {
    let command = built();
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
        let examples = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(examples.starts_with("Example"), "{} has no examples", verb.get_name());
    }
}

fn built() -> Command {
    let mut command = firedrill_cli::command().term_width(100).disable_help_subcommand(true);
    command.build();
    command
}

fn reference() -> String {
    let mut text =
        "# The firedrill command\n\nWhat `--help` says, of every command. Generated: do not edit.\n".to_owned();
    section(&mut text, built(), 2);
    text
}

fn section(text: &mut String, mut command: Command, depth: usize) {
    let name = command.get_bin_name().unwrap_or("firedrill").to_owned();
    let help = command.render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    write!(text, "\n{} {name}\n\n```text\n{}\n```\n", "#".repeat(depth), help.join("\n").trim_end())
        .expect("text grows");
    for verb in command.get_subcommands() {
        section(text, verb.clone(), depth + 1);
    }
}
