//! The state machine of a run and the format of its journal. Pure.
//!
//! [`Run`] is the fold of [`Event`]s over a plan; [`Run::next`] says what is due. Dry run, rehearsal, sweep, live run and
//! resume are these two functions with different worlds around them.

mod attempt;
pub mod command;
mod deadline;
mod debts;
mod delay;
pub mod effect;
pub mod event;
mod future;
mod group;
pub mod injection;
pub mod journal;
mod lookup;
mod machine;
mod milestones;
mod next;
mod outputs;
mod people;
mod poll;
mod rest;
mod ruling;
mod scope;
mod secrets;
mod shape;
mod state;
mod steps;
mod task;
mod unwind;
mod verdict;

pub use command::{CommandId, Role, StepId, Subject};
pub use effect::{Effect, Pause};
pub use event::{Answer, DebtKind, Done, Event, Exit, Question, Rendered, Rendering, Response, Ruling, Wait};
pub use machine::{IllegalEvent, Run};
pub use people::{Ask, Waiting};
pub use state::{Answered, Cause, Conclusion, Debt, Doubt, Outcome, Phase, Stage, State, Task, TaskAt};
pub use verdict::{Open, Summary, Verdict};
