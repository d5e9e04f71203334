//! The form of a journal's lines, drawn from the events themselves.

use firedrill_run::Event;
use schemars::JsonSchema;

/// One line of a journal.
#[derive(JsonSchema)]
#[schemars(title = "firedrill journal, version 1", deny_unknown_fields)]
#[expect(dead_code, reason = "it is there for its schema")]
struct Line {
    /// Its number, from 1.
    #[schemars(range(min = 1))]
    n: u64,
    /// When it was recorded, in milliseconds since 1970. For display only.
    t: u64,
    /// The fact.
    e: Event,
    /// The first 16 bytes of SHA-256 over the hash of the line before and this line up to here, in hex.
    #[schemars(regex(pattern = "^[0-9a-f]{32}$"))]
    h: String,
}

/// Returns the JSON schema of a line of a journal.
pub fn journal_schema() -> String {
    let schema = schemars::schema_for!(Line);
    serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n"
}
