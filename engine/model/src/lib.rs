//! The playbook language: text to Playbook to Plan. Pure.

pub mod diagnostic;
pub mod expression;
pub mod playbook;
pub mod shell;
pub mod source;
pub mod template;
pub mod units;
pub mod value;
mod yaml;
