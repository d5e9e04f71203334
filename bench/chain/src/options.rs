//! What to measure, from the command line.

use std::path::PathBuf;

use crate::BenchError;

pub(crate) struct Options {
    pub(crate) steps: usize,
    pub(crate) rounds: usize,
    /// Where the journals, logs and sockets are written: the disk that is measured.
    pub(crate) dir: PathBuf,
    pub(crate) commands: Vec<String>,
    pub(crate) is_json: bool,
    pub(crate) counts_syncs: bool,
}

impl Options {
    pub(crate) fn parse(args: &[String]) -> Result<Self, BenchError> {
        let mut options = Self {
            steps: 1000,
            rounds: 5,
            dir: std::env::current_dir()?,
            commands: Vec::new(),
            is_json: false,
            counts_syncs: false,
        };
        let mut args = args.iter();
        while let Some(name) = args.next() {
            let mut value = || args.next().ok_or_else(|| BenchError::Usage(format!("{name} needs a value")));
            match name.as_str() {
                "--json" => options.is_json = true,
                "--count-syncs" => options.counts_syncs = true,
                "--steps" => options.steps = number(value()?)?,
                "--rounds" => options.rounds = number(value()?)?,
                "--dir" => options.dir = std::path::absolute(value()?)?,
                "--command" => options.commands.push(value()?.clone()),
                _ => {
                    return Err(BenchError::Usage(format!("unknown option {name}; the source's first lines explain")));
                }
            }
        }
        Ok(options)
    }
}

/// Parses a count of at least one.
pub(crate) fn number(text: &str) -> Result<usize, BenchError> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(BenchError::Usage(format!("`{text}` is no count"))),
    }
}
