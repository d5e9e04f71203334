//! The public JSON forms of rehearsals and sweeps, with versions of their own.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Coverage, End, Finding, Mutant, Performed, Rehearsed, Struck, Swept};

/// The version of both forms.
const VERSION: u32 = 1;

/// What rehearsals came to.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "firedrill rehearsal, version 1")]
struct RehearsalDocument<'a> {
    /// The version of this form, 1.
    version: u32,
    /// Whether every scenario is green.
    is_green: bool,
    /// Real time, in milliseconds.
    real_ms: u64,
    /// The rehearsals.
    rehearsals: Vec<RehearsalFile<'a>>,
}

/// A rehearsal file whose scenarios were played.
#[derive(Serialize, JsonSchema)]
struct RehearsalFile<'a> {
    /// Its path.
    file: &'a str,
    /// The path of its playbook.
    playbook: &'a str,
    /// Its scenarios in their order.
    scenarios: Vec<Scenario<'a>>,
    /// What they exercised of the playbook, if that was asked for.
    coverage: Option<&'a Coverage>,
}

/// A scenario that was played.
#[derive(Serialize, JsonSchema)]
struct Scenario<'a> {
    /// Its name.
    name: &'a str,
    /// Whether everything was as expected.
    is_green: bool,
    /// The verdict, or `stood still`, `hung`, `broken`.
    end: &'static str,
    /// Virtual time, in milliseconds.
    virtual_ms: u64,
    /// Real time, in milliseconds.
    real_ms: u64,
    /// Recovery time, in milliseconds, if it was measured.
    rto_ms: Option<u64>,
    /// Recovery point, in milliseconds, if there is one.
    rpo_ms: Option<u64>,
    /// What is not as it was expected to be; lines are those of the playbook.
    findings: &'a [Finding],
}

/// What a playbook came to under every fault.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "firedrill sweep, version 1")]
struct SweepDocument<'a> {
    /// The version of this form, 1.
    version: u32,
    /// Whether every point was struck, every fault ended safe, and nothing else was found.
    is_green: bool,
    /// The path of the playbook.
    playbook: &'a str,
    /// How many points the plan has.
    counted: usize,
    /// How many of them are at steps that are skipped in this situation.
    elsewhere: usize,
    /// How many more moments there are inside commands that wait.
    inside: usize,
    /// How many faults struck.
    struck: usize,
    /// How many of these ended safe.
    safe: usize,
    /// Real time, in milliseconds.
    real_ms: u64,
    /// Virtual time of all runs together, in milliseconds.
    virtual_ms: u64,
    /// Every run under faults.
    faults: Vec<Fault<'a>>,
    /// Mutants of the playbook, if they were asked for.
    mutants: Option<&'a [Mutant]>,
}

/// A run under faults.
#[derive(Serialize, JsonSchema)]
struct Fault<'a> {
    /// The faults as they are written.
    faults: Vec<String>,
    /// What they do, in words.
    what: &'a str,
    /// The line of the playbook that the first of them is about.
    line: Option<u32>,
    /// The verdict, or `stood still`, `hung`, `broken`.
    end: &'static str,
    /// Whether every fault struck.
    has_struck: bool,
    /// Whether the end is safe.
    is_safe: bool,
    /// Why the end is not safe.
    why: &'a [Finding],
    /// What failed although nothing was injected at it.
    unprovoked: &'a [Finding],
    /// The words of the command that does the same again.
    reproduce: &'a [String],
}

/// Returns rehearsals as one JSON document.
pub fn rehearsed_json(rehearsed: &[Rehearsed], real_time: Duration) -> String {
    let is_green = rehearsed.iter().flat_map(|file| &file.scenarios).all(Performed::is_green);
    let rehearsals = rehearsed.iter().map(RehearsalFile::of).collect();
    json(&RehearsalDocument { version: VERSION, is_green, real_ms: ms(real_time), rehearsals })
}

/// Returns a sweep as one JSON document, with the mutants of the playbook if there are any to be told of.
pub fn swept_json(swept: &Swept, mutants: Option<&[Mutant]>) -> String {
    let is_proven = mutants.is_none_or(|mutants| mutants.iter().all(|mutant| mutant.killed_by.is_some()));
    json(&SweepDocument {
        version: VERSION,
        is_green: swept.is_green() && is_proven,
        playbook: &swept.playbook,
        counted: swept.counted,
        elsewhere: swept.elsewhere,
        inside: swept.inside,
        struck: swept.struck(),
        safe: swept.safe(),
        real_ms: ms(swept.real_time),
        virtual_ms: ms(swept.virtual_time),
        faults: swept.struck.iter().map(Fault::of).collect(),
        mutants,
    })
}

/// Returns the JSON Schema of rehearsals.
pub fn rehearsed_schema() -> String {
    json(&schemars::schema_for!(RehearsalDocument<'_>)) + "\n"
}

/// Returns the JSON Schema of sweeps.
pub fn swept_schema() -> String {
    json(&schemars::schema_for!(SweepDocument<'_>)) + "\n"
}

impl<'a> RehearsalFile<'a> {
    fn of(rehearsed: &'a Rehearsed) -> RehearsalFile<'a> {
        RehearsalFile {
            file: &rehearsed.file,
            playbook: &rehearsed.playbook,
            scenarios: rehearsed.scenarios.iter().map(Scenario::of).collect(),
            coverage: rehearsed.coverage.as_ref(),
        }
    }
}

impl<'a> Scenario<'a> {
    fn of(performed: &'a Performed) -> Scenario<'a> {
        Scenario {
            name: &performed.name,
            is_green: performed.is_green(),
            end: performed.end.words(),
            virtual_ms: ms(performed.virtual_time),
            real_ms: ms(performed.real_time),
            rto_ms: performed.measured.rto.map(ms),
            rpo_ms: performed.measured.rpo.map(ms),
            findings: &performed.findings,
        }
    }
}

impl<'a> Fault<'a> {
    fn of(struck: &'a Struck) -> Fault<'a> {
        Fault {
            faults: struck.faults.iter().map(ToString::to_string).collect(),
            what: &struck.what,
            line: struck.line,
            end: End::words(&struck.end),
            has_struck: struck.has_struck,
            is_safe: struck.is_safe(),
            why: &struck.why,
            unprovoked: &struck.unprovoked,
            reproduce: &struck.reproduce,
        }
    }
}

fn json(document: &impl Serialize) -> String {
    serde_json::to_string_pretty(document).expect("texts and numbers are always JSON")
}

fn ms(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}
