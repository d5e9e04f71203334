//! `firedrill explain`

use firedrill_model::diagnostic::Code;

use crate::failure::{Failure, Status};
use crate::terminal::Terminal;

pub(super) fn explain(code: &str, terminal: &Terminal) -> Result<Status, Failure> {
    let known = Code::ALL.iter().find(|known| known.id().eq_ignore_ascii_case(code));
    let known = known.ok_or_else(|| {
        Failure::usage(format!("there is no diagnostic `{code}`"))
            .help("a code looks like FD0107; diagnostics show theirs")
    })?;
    terminal.print(&format!("{}: {}\n\n{}\n", known.id(), known.title(), known.explanation().trim()));
    Ok(Status::Done)
}
