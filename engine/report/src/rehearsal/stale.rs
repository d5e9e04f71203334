//! Playbooks by how long ago they were last seen to work.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::page::{Page, took};
use crate::ink::Tone;
use crate::text::{table, width};
use crate::words;

/// When a playbook was last rehearsed, and what has changed since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LastGreen {
    /// The playbook's path.
    pub playbook: String,
    /// How long ago all its scenarios were green, in milliseconds; none if they never were.
    pub green_ms_ago: Option<u64>,
    /// What has changed since: files, inputs, as words.
    pub changed: Vec<String>,
    /// Whether it must be rehearsed again.
    pub is_stale: bool,
}

/// Returns a table of playbooks with the age of their last green rehearsal, and how many are stale.
pub fn stale_text(rehearsals: &[LastGreen], page: Page) -> String {
    let heads: Vec<Vec<String>> = rehearsals.iter().map(|it| vec![it.playbook.clone(), age(it)]).collect();
    let rows = rehearsals.iter().zip(table(&heads)).map(|(rehearsal, head)| row(rehearsal, &head, &page));
    let stale = rehearsals.iter().filter(|it| it.is_stale).count();
    let tone = if stale == 0 { Tone::Good } else { Tone::Bad };
    let stale = page.paint(tone, &format!("{stale} stale"));
    rows.collect::<String>() + &format!("{}: {stale}\n", words::count(rehearsals.len(), "playbook"))
}

fn age(rehearsal: &LastGreen) -> String {
    let age = rehearsal.green_ms_ago.map(|ms| format!("green {} ago", took(Duration::from_millis(ms))));
    age.unwrap_or_else(|| "never green".to_owned())
}

fn row(rehearsal: &LastGreen, head: &[String], page: &Page) -> String {
    let (name, age) = (&head[0], head[1].trim_end());
    let tone = if rehearsal.is_stale { Tone::Bad } else { Tone::Plain };
    let begin = format!("  {} {name}  {}", page.mark(!rehearsal.is_stale), page.paint(tone, age));
    if rehearsal.green_ms_ago.is_none() {
        return begin + "\n";
    }
    let changed = match rehearsal.changed.as_slice() {
        [] => "nothing has changed".to_owned(),
        changed => format!("changed: {}", changed.join(", ")),
    };
    let begin_width = 4 + width(name) + 2 + width(&head[1]);
    if begin_width + 2 + width(&changed) <= page.columns {
        let blanks = " ".repeat(width(&head[1]) - width(age));
        format!("{begin}{blanks}  {changed}\n")
    } else {
        format!("{begin}\n{}", page.reason(Tone::Plain, 6, &changed))
    }
}
