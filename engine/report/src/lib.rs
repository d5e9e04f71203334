//! Folds over events into what people and machines read. Pure.

pub mod console;
pub mod diagnostics;
mod ending;
pub mod estimate;
mod foreign;
mod ink;
mod journal_schema;
pub mod measure;
pub mod past;
mod people;
mod plan_json;
mod plan_text;
pub mod rehearsal;
mod runs;
mod show;
pub mod stale;
mod sweep;
mod targets;
mod text;
pub mod view;
mod words;

pub use console::{Console, Holder, Purpose};
pub use diagnostics::Colour;
pub use ending::{AtRest, ending};
pub use foreign::{Tail, harmless};
pub use journal_schema::journal_schema;
pub use people::left_waiting;
pub use plan_json::{plan_json, plan_schema};
pub use plan_text::plan_text;
pub use runs::{RunRow, RunState, runs_json, runs_text};
pub use show::{Shown, event_json, show_json, show_text, verdict_json};
pub use sweep::{Detail, SweepExtent, SweepFinding, SweepPoint, SweepReport, sweep_json, sweep_text};
pub use targets::{TargetRow, target_schema, targets_json, targets_text};
pub use view::View;
pub use words::Zone;
