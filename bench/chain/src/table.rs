//! The figures, for people and for machines.

use std::fmt::Write;

use crate::measure::Cost;

/// All rounds of one contestant.
pub(crate) struct Row {
    name: String,
    pub(crate) costs: Vec<Cost>,
    pub(crate) syncs: Option<usize>,
}

impl Row {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), costs: Vec::new(), syncs: None }
    }

    /// Returns the median of the ratios to another contestant in the same round.
    fn ratio(&self, limit: &Self, part: fn(&Cost) -> f64) -> f64 {
        median(self.costs.iter().zip(&limit.costs).map(|(own, limit)| part(own) / part(limit)))
    }

    /// Returns the median cost of one step in microseconds.
    fn per_step(&self, steps: usize, part: fn(&Cost) -> f64) -> f64 {
        median(self.costs.iter().map(part)) * 1e6 / count(steps)
    }

    fn syncs_per_step(&self, steps: usize) -> Option<f64> {
        self.syncs.map(|syncs| count(syncs) / count(steps))
    }
}

fn wall(cost: &Cost) -> f64 {
    cost.wall.as_secs_f64()
}

fn cpu(cost: &Cost) -> f64 {
    cost.cpu.as_secs_f64()
}

fn count(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}

/// Renders the figures as a table.
pub(crate) fn text(rows: &[Row], steps: usize) -> String {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or_default();
    let mut text = format!("{:width$}  wall us/step  ratio  cpu us/step  ratio  syncs/step", "");
    for row in rows {
        let syncs = row.syncs_per_step(steps).map_or_else(String::new, |syncs| format!("{syncs:.3}"));
        write!(
            text,
            "\n{:width$}  {:>12.0}  {:>5.2}  {:>11.0}  {:>5.2}  {syncs:>10}",
            row.name,
            row.per_step(steps, wall),
            row.ratio(&rows[0], wall),
            row.per_step(steps, cpu),
            row.ratio(&rows[0], cpu),
        )
        .expect("a string takes any text");
    }
    text
}

/// Renders the figures as JSON.
pub(crate) fn json(rows: &[Row], steps: usize) -> String {
    let rows = rows.iter().map(|row| {
        serde_json::json!({
            "contestant": row.name,
            "wall_us_per_step": row.per_step(steps, wall),
            "wall_ratio": row.ratio(&rows[0], wall),
            "cpu_us_per_step": row.per_step(steps, cpu),
            "cpu_ratio": row.ratio(&rows[0], cpu),
            "syncs_per_step": row.syncs_per_step(steps),
        })
    });
    serde_json::json!({ "version": 1, "steps": steps, "contestants": rows.collect::<Vec<_>>() }).to_string()
}
