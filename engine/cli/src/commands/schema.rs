//! `firedrill schema`

use firedrill_model::schema::{Draft, playbook_schema, rehearsal_schema};
use firedrill_report::rehearsal::{rehearsed_schema, swept_schema};
use firedrill_report::{journal_schema, plan_schema, target_schema};

use crate::failure::{Failure, Status};
use crate::terminal::Terminal;

/// The name of a form, and how its schema is made.
type Named = (&'static str, fn() -> String);

/// The forms that have a schema.
const SCHEMAS: [Named; 9] = [
    ("playbook", || playbook_schema(Draft::Y2020)),
    ("rehearsal", || rehearsal_schema(Draft::Y2020)),
    ("playbook.draft-07", || playbook_schema(Draft::D07)),
    ("rehearsal.draft-07", || rehearsal_schema(Draft::D07)),
    ("plan", plan_schema),
    ("journal", journal_schema),
    ("target", target_schema),
    ("rehearse-result", rehearsed_schema),
    ("sweep-result", swept_schema),
];

pub(super) fn schema(name: Option<&str>, terminal: &Terminal) -> Result<Status, Failure> {
    let names: Vec<&str> = SCHEMAS.iter().map(|(name, _)| *name).collect();
    let Some(name) = name else {
        terminal.print(&format!("{}\n", names.join("\n")));
        return Ok(Status::Done);
    };
    let schema = SCHEMAS.iter().find(|(known, _)| *known == name).map(|(_, schema)| schema);
    let unknown = || Failure::usage(format!("there is no schema `{name}`"));
    let schema = schema.ok_or_else(|| unknown().help(format!("there are: {}", names.join(", "))))?;
    terminal.print(&schema());
    Ok(Status::Done)
}
