//! Every example of the pages on the sandbox foundation and its platform, in a new world for each section.

use std::fs;
use std::path::Path;

use crate::clock::Clock;
use crate::rig::Rig;

#[test]
fn examples_of_the_foundation_are_what_happens() {
    check("sandbox-foundation.md");
}

#[test]
fn examples_of_the_platform_are_what_happens() {
    check("sandbox-platform.md");
}

fn check(page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(page);
    let written = fs::read_to_string(&path).unwrap();
    let sections: Vec<String> = split(&written).into_iter().map(played).collect();
    let happens = sections.concat();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &happens).unwrap();
    }
    let differing = written.lines().zip(happens.lines()).find(|(written, happens)| written != happens);
    assert!(written == happens, "UPDATE=1 writes the page anew: {differing:?}");
}

/// Splits a page before each heading of the second level.
fn split(page: &str) -> Vec<&str> {
    let starts = page.match_indices("\n## ").map(|(at, _)| at + 1);
    let bounds: Vec<usize> = std::iter::once(0).chain(starts).chain([page.len()]).collect();
    bounds.windows(2).map(|pair| &page[pair[0]..pair[1]]).collect()
}

/// Returns a section with what its commands print.
fn played(section: &str) -> String {
    let (rig, clock) = (Rig::new(), Clock::new());
    let mut text = String::new();
    let mut is_example = false;
    for line in section.split_inclusive('\n') {
        match line.trim_end() {
            "```console" => is_example = true,
            "```" => is_example = false,
            _ => {}
        }
        if let Some(command) = line.trim_end().strip_prefix("$ ").filter(|_| is_example) {
            text += line;
            text += &printed(&rig, &clock, command);
        } else if !is_example || line.starts_with("```") {
            text += line;
        }
    }
    text
}

fn printed(rig: &Rig, clock: &Clock, line: &str) -> String {
    let path = format!("{}:{}", rig.world.bin().display(), std::env::var("PATH").unwrap());
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", line]).current_dir(rig.work()).stdin(std::process::Stdio::null());
    shell.envs(rig.world.environment().unwrap()).env("PATH", path).env("TAS", "cf-0123456789abcdef0123");
    let ran = clock.run(&mut shell);
    let mut lines: Vec<String> = [ran.out, ran.err].iter().flat_map(|text| text.lines().map(shown)).collect();
    lines.dedup_by(|a, b| a.is_empty() && b.is_empty());
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    if let Some(code) = ran.code.filter(|code| *code != 0) {
        lines.push(format!("[exit {code}]"));
    }
    let lines = lines.into_iter().skip_while(String::is_empty);
    lines.map(|line| line + "\n").collect()
}

/// Tabs are shown as two spaces, and the space at the end is not.
fn shown(line: &str) -> String {
    line.replace('\t', "  ").trim_end().to_owned()
}
