//! What a run came to against its objectives, in a line or two.

use crate::ink::{Ink, Tone};
use crate::measure::{Measures, Objective};
use crate::text::wrap;
use crate::words::{self, took};

/// Returns the lines about the objectives of a run: `recovery time 41m of 4h, copying 22m · recovery point 44m of 24h`,
/// then what was missed.
pub(crate) fn objectives(measures: &Measures, run: &str, columns: usize, ink: Ink) -> String {
    let parts: Vec<String> = [Some(time(measures)), point(measures, run)].into_iter().flatten().collect();
    let columns = columns.saturating_sub(2);
    let said = wrap(&parts.join(" · "), columns).into_iter();
    let missed = measures.missed().into_iter().flat_map(|missed| wrap(&format!("missed: {missed}"), columns));
    let missed = missed.map(|line| ink.paint(Tone::Bad, &line));
    said.chain(missed).map(|line| format!("  {line}") + "\n").collect()
}

fn time(measures: &Measures) -> String {
    let mut parts = vec![format!("recovery time {}{}", took(measures.machine_ms), of(measures.rto))];
    // Without a phase in the playbook everything is `other`, which says nothing.
    let phases = measures.phases.iter().filter(|_| measures.phases.len() > 1);
    parts.extend(phases.map(|phase| format!("{} {}", phase.phase, took(phase.ms))));
    parts.extend((measures.people_ms > 0).then(|| format!("and {} waiting for people", took(measures.people_ms))));
    parts.join(", ")
}

fn point(measures: &Measures, run: &str) -> Option<String> {
    let age = measures.recovery_point_ms.map(took);
    if age.is_none() && measures.rpo.is_none() {
        return None;
    }
    let age = age.unwrap_or_else(|| "unknown".to_owned());
    let earlier = measures.artifact.as_ref().filter(|artifact| artifact.run != run);
    let earlier = earlier.map(|artifact| format!(", artifact of run {}", artifact.run)).unwrap_or_default();
    Some(format!("recovery point {age}{}{earlier}", of(measures.rpo)))
}

fn of(objective: Option<Objective>) -> String {
    let Some(objective) = objective else { return String::new() };
    let missed = if objective.is_met { "" } else { " (missed)" };
    format!(" of {}{missed}", words::objective(objective.limit_ms))
}
