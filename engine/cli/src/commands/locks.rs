//! `firedrill locks`

use firedrill_exec::{Holding, Lock, Locks};
use serde::Serialize;

use crate::args::Format;
use crate::failure::{Failure, Status};
use crate::home::Home;
use crate::terminal::Terminal;

/// A lock as machines read it.
#[derive(Serialize)]
struct Row<'a> {
    lock: &'a str,
    run: &'a str,
    /// `driven`, `interrupted`, `owes` or `unreadable`.
    holding: &'static str,
    why: String,
}

pub(super) fn locks(format: Format, home: &Home, terminal: &Terminal) -> Result<Status, Failure> {
    let held = Locks::of(&home.store()?)?.held()?;
    terminal.print(&match format {
        Format::Json => json(&held),
        Format::Text if held.is_empty() => "no lock is held\n".to_owned(),
        Format::Text => text(&held),
    });
    Ok(Status::Done)
}

fn text(held: &[Lock]) -> String {
    let widest = held.iter().map(|lock| lock.name.chars().count()).max().unwrap_or(0);
    let lines = held.iter().map(|lock| {
        let padding = " ".repeat(widest - lock.name.chars().count());
        format!("{}{padding}  {}  {}\n", lock.name, lock.run, lock.holding)
    });
    lines.collect()
}

fn json(held: &[Lock]) -> String {
    let rows: Vec<Row> = held
        .iter()
        .map(|lock| Row {
            lock: &lock.name,
            run: &lock.run,
            holding: word(&lock.holding),
            why: lock.holding.to_string(),
        })
        .collect();
    serde_json::to_string_pretty(&rows).expect("texts are JSON") + "\n"
}

fn word(holding: &Holding) -> &'static str {
    match holding {
        Holding::Driven => "driven",
        Holding::Interrupted => "interrupted",
        Holding::Owes(_) => "owes",
        Holding::Unreadable => "unreadable",
    }
}
