//! `firedrill completion`

use clap_complete::Shell;

use crate::failure::Status;
use crate::terminal::Terminal;

pub(super) fn completion(shell: Shell, terminal: &Terminal) -> Status {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut crate::command(), "firedrill", &mut script);
    terminal.print(&String::from_utf8_lossy(&script));
    Status::Done
}
