//! Folds over events into what people and machines read. Pure.

pub mod console;
pub mod diagnostics;
mod ending;
mod foreign;
mod ink;
mod text;
pub mod view;
mod words;

pub use console::Console;
pub use diagnostics::Colour;
pub use ending::ending;
pub use foreign::{Tail, harmless};
pub use view::View;
pub use words::Zone;
