//! The playbook language: text to Playbook to Plan. Pure.

pub mod check;
pub mod decode;
pub mod diagnostic;
pub mod expression;
mod graph;
pub mod jq;
pub mod judge;
pub mod pattern;
pub mod plan;
pub mod playbook;
pub mod rehearsal;
pub mod resolve;
pub mod schema;
pub mod shell;
pub mod source;
pub mod suggest;
pub mod target;
pub mod template;
pub mod units;
pub mod value;
mod yaml;
