//! Folds over events into what people and machines read. Pure.

pub mod diagnostics;
