//! `date`, `sleep` and `firedrill-sleep`, in virtual and in real time.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::clock::{Clock, START};
use crate::rig::{Ran, Rig};

/// A command that needs no world.
fn without_world(rig: &Rig, program: &str, arguments: &[&str]) -> Command {
    let mut command = rig.command(program, arguments);
    command.env_remove("FIREDRILL_SANDBOX");
    command
}

fn run(mut command: Command) -> Ran {
    command.output().unwrap().into()
}

#[test]
fn date_tells_virtual_time() {
    let (rig, clock) = (Rig::new(), Clock::new());
    for (arguments, text) in [
        ([].as_slice(), "Mon Jan  5 02:00:00 UTC 2026"),
        (&["+%s"], "1767578400"),
        (&["+%s%3N"], "1767578400000"),
        (&["-u", "+%Y%m%dT%H%M%SZ"], "20260105T020000Z"),
        (&["-Iseconds"], "2026-01-05T02:00:00+00:00"),
        (&["-I"], "2026-01-05"),
        (&["-uIs"], "2026-01-05T02:00:00+00:00"),
        (&["--iso-8601=ns"], "2026-01-05T02:00:00,000000000+00:00"),
        (&["--rfc-3339=seconds"], "2026-01-05 02:00:00+00:00"),
        (&["-R"], "Mon, 05 Jan 2026 02:00:00 +0000"),
        (&["-d", "2 days ago", "+%F"], "2026-01-03"),
        (&["-d@0", "+%F %T"], "1970-01-01 00:00:00"),
        (&["--date", "yesterday", "+%F"], "2026-01-04"),
        (&["--date=2026-01-05T04:00:00+02:00", "+%s"], "1767578400"),
        (&["-ud", "2026/01/05 02:00:07", "+%s"], "1767578407"),
    ] {
        let ran = clock.run(&mut without_world(&rig, "date", arguments));
        assert_eq!((ran.out.trim_end_matches('\n'), ran.err.as_str(), ran.code), (text, "", Some(0)), "{arguments:?}");
    }
    assert_eq!(clock.elapsed(), 0);
}

#[test]
fn date_has_the_zone_of_the_environment() {
    let (rig, clock) = (Rig::new(), Clock::new());
    let in_zone = |zone: &str, arguments: &[&str]| {
        let ran = clock.run(without_world(&rig, "date", arguments).env("TZ", zone));
        if ran.code == Some(0) { ran.out } else { ran.err }
    };
    assert_eq!(in_zone("CET-1CEST,M3.5.0,M10.5.0/3", &[]), "Mon Jan  5 03:00:00 CET 2026\n");
    assert_eq!(in_zone("CET-1CEST,M3.5.0,M10.5.0/3", &["-u"]), "Mon Jan  5 02:00:00 UTC 2026\n");
    assert_eq!(in_zone("Mars/Olympus", &[]), "date: no time zone is called `Mars/Olympus` (from TZ)\n");
}

#[test]
fn date_refuses_what_it_does_not_know() {
    let rig = Rig::new();
    for (arguments, refusal) in [
        (["-s", "2026-01-05"].as_slice(), "date: the sandbox's date has no option `-s`\n"),
        (&["--reference=x"], "date: the sandbox's date has no option `--reference=x`\n"),
        (&["010502002026"], "date: the sandbox's date cannot be set, and knows no `010502002026`\n"),
        (&["-d", "last monday"], "date: invalid date 'last monday'\n"),
        (&["-d"], "date: option `-d` needs a value\n"),
        (&["-I", "+%s"], "date: multiple output formats specified\n"),
        (&["--rfc-3339=hours"], "date: invalid argument 'hours' for '--rfc-3339'\n"),
        (&["+%Q"], "date: the sandbox's date knows no `%Q`\n"),
    ] {
        let ran = run(without_world(&rig, "date", arguments));
        assert_eq!((ran.out.as_str(), ran.err.as_str(), ran.code), ("", refusal, Some(1)), "{arguments:?}");
    }
}

#[test]
fn sleeps_pass_virtual_time() {
    let rig = Rig::new();
    for (program, arguments, millis) in [
        ("sleep", ["0"].as_slice(), 0),
        ("sleep", &["90"], 90_000),
        ("sleep", &["1.5m", "2", ".25s"], 92_250),
        ("sleep", &["--", "1d"], 86_400_000),
        ("sleep", &["0.0001"], 1),
        ("firedrill-sleep", &["40m"], 2_400_000),
        ("firedrill-sleep", &["1h30m", "90s", "250ms"], 5_490_250),
    ] {
        let clock = Clock::new();
        let ran = clock.run(&mut without_world(&rig, program, arguments));
        assert_eq!((ran.code, clock.elapsed()), (Some(0), millis), "{program} {arguments:?}: {}", ran.err);
    }
}

#[test]
fn sleeps_refuse_what_is_no_time_and_do_not_sleep() {
    let rig = Rig::new();
    for (program, arguments, refusal) in [
        ("sleep", [].as_slice(), "sleep: missing operand\n"),
        ("sleep", &["1h", "1h30m"], "sleep: invalid time interval '1h30m'\n"),
        ("sleep", &["-1"], "sleep: invalid time interval '-1'\n"),
        ("firedrill-sleep", &[], "firedrill-sleep: a duration is missing, such as `40m` or `1h30m`\n"),
        (
            "firedrill-sleep",
            &["1h", "40"],
            "firedrill-sleep: `40`: `40` has no unit, the units are d, h, m, s and ms\n",
        ),
    ] {
        let clock = Clock::new();
        let ran = clock.run(&mut without_world(&rig, program, arguments));
        assert_eq!((ran.err.as_str(), ran.code, clock.elapsed()), (refusal, Some(1), 0), "{program} {arguments:?}");
    }
}

#[test]
fn shell_scripts_live_in_virtual_time() {
    let (rig, clock) = (Rig::new(), Clock::new());
    let script = "a=$(date +%s); sleep 2h; firedrill-sleep 30m; b=$(date +%s); echo $((b - a))";
    let path = format!("{}:{}", rig.world.bin().display(), std::env::var("PATH").unwrap());
    let ran = clock.run(Command::new("sh").args(["-c", script]).env("PATH", path));
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("9000\n", ""));
    assert_eq!(clock.elapsed(), 9_000_000);
}

#[test]
fn real_time_passes_without_a_clock() {
    let rig = Rig::new();
    let started = std::time::Instant::now();
    assert_eq!(run(without_world(&rig, "sleep", &["0.02"])).code, Some(0));
    assert_eq!(run(without_world(&rig, "firedrill-sleep", &["20ms"])).code, Some(0));
    assert!(started.elapsed().as_millis() >= 40);
    let now: u64 = run(without_world(&rig, "date", &["+%s%3N"])).out.trim_end().parse().unwrap();
    assert_ne!(now / 1000, START / 1000);
}

/// Returns the example of the protocol's page in a language, as a program in the working directory.
fn example(rig: &Rig, language: &str) -> Command {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sandbox-protocol.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, rest) = page.split_once(&format!("```{language}\n")).unwrap();
    let path = rig.work().join(format!("example.{language}"));
    fs::write(&path, rest.split_once("```").unwrap().0).unwrap();
    let mut command = Command::new(if language == "sh" { "sh" } else { "python3" });
    let paths = format!("{}:{}", rig.world.bin().display(), std::env::var("PATH").unwrap());
    command.arg(path).envs(rig.world.environment().unwrap()).env("PATH", paths);
    command
}

#[test]
fn examples_of_the_protocol_live_in_virtual_time() {
    let (rig, clock) = (Rig::new(), Clock::new());
    let dump = clock.run(&mut example(&rig, "sh"));
    assert_eq!((dump.err.as_str(), dump.code, clock.elapsed()), ("", Some(0), 1_200_000));
    let dumped = fs::read_to_string(rig.world.root().join("dump.sql")).unwrap();
    assert_eq!(dumped, "-- dump of 2026-01-05T02:20:00Z\n");
    fs::create_dir(rig.world.root().join("dumping")).unwrap();
    assert_eq!(clock.run(&mut example(&rig, "sh")).err, "pg_dump: another dump is running\n");

    let copied = clock.run(&mut example(&rig, "python"));
    assert_eq!((copied.out.as_str(), copied.err.as_str()), ("copied in 2400000 ms\n", ""));
    assert!(rig.world.root().join("copying").exists());
}
