//! `firedrill schema`

use firedrill_report::{plan_schema, target_schema};

use crate::failure::{Failure, Status};
use crate::terminal::Terminal;

/// The forms that have a schema.
const NAMES: [&str; 2] = ["plan", "target"];

pub(super) fn schema(name: Option<&str>, terminal: &Terminal) -> Result<Status, Failure> {
    match name {
        None => terminal.print(&format!("{}\n", NAMES.join("\n"))),
        Some("plan") => terminal.print(&plan_schema()),
        Some("target") => terminal.print(&target_schema()),
        Some(other) => {
            let names = NAMES.join(", ");
            return Err(Failure::usage(format!("there is no schema `{other}`")).help(format!("there are: {names}")));
        }
    }
    Ok(Status::Done)
}
