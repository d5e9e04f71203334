//! `docs/reference/cli.md` is what the command says about itself. Written anew with `UPDATE=1`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use clap::Command;

const REFERENCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/cli.md");

#[test]
fn the_reference_is_fresh() {
    let reference = reference();
    let path = Path::new(REFERENCE);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, &reference).expect("the reference can be written");
    }
    let written = fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == reference,
        "docs/reference/cli.md is old: run `UPDATE=1 cargo test`"
    );
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
    write!(
        text,
        "\n{} {name}\n\n```text\n{}\n```\n",
        "#".repeat(depth),
        help.join("\n").trim_end()
    )
    .expect("text grows");
    for verb in command.get_subcommands() {
        section(text, verb.clone(), depth + 1);
    }
}
