//! The errors of one run of bbr: their exit bits and how they are printed.

/// What went wrong, as far as bbr's exit status and advice depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Lock,
    Unlock,
    Cleanup,
    Directory,
    Drain,
    Other,
}

impl Kind {
    fn bit(self) -> u8 {
        match self {
            Kind::Lock => 1 << 2,
            Kind::Unlock => 1 << 3,
            Kind::Cleanup => 1 << 4,
            Kind::Directory | Kind::Drain | Kind::Other => 1,
        }
    }

    fn calls_for_cleanup(self) -> bool {
        !matches!(self, Kind::Lock | Kind::Other)
    }
}

#[derive(Debug)]
pub(super) struct Failure {
    kind: Kind,
    text: String,
}

impl Failure {
    pub(super) fn new(kind: Kind, text: impl Into<String>) -> Failure {
        Failure { kind, text: text.into() }
    }

    /// Returns the failure of a step in which several things can go wrong: its text is a list of its own.
    pub(super) fn nested(kind: Kind, texts: &[String]) -> Failure {
        Failure { kind, text: pretty(texts) }
    }

    /// Returns the same failure, its text wrapped in what was being done.
    pub(super) fn within(self, doing: &str) -> Failure {
        Failure { text: format!("{doing}: {}", self.text), ..self }
    }

    /// Returns the same failure without the kind on which advice and exit bits depend.
    pub(super) fn into_other(self) -> Failure {
        Failure { kind: Kind::Other, ..self }
    }
}

/// All errors of a run, in the order in which they happened.
#[derive(Debug, Default)]
pub(super) struct Failures(Vec<Failure>);

impl Failures {
    /// Keeps the failure of a step, if there was one, and returns whether the step succeeded.
    pub(super) fn note(&mut self, step: Result<(), Failure>) -> bool {
        let succeeded = step.is_ok();
        self.0.extend(step.err());
        succeeded
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn exit_code(&self) -> u8 {
        self.0.iter().fold(0, |code, failure| code | failure.kind.bit())
    }

    pub(super) fn call_for_cleanup(&self) -> bool {
        self.0.iter().any(|failure| failure.kind.calls_for_cleanup())
    }

    pub(super) fn pretty(&self) -> String {
        let texts: Vec<String> = self.0.iter().map(|failure| failure.text.clone()).collect();
        if texts.is_empty() { String::new() } else { pretty(&texts) }
    }
}

impl From<Failure> for Failures {
    fn from(failure: Failure) -> Failures {
        Failures(vec![failure])
    }
}

fn pretty(texts: &[String]) -> String {
    let plural = if texts.len() == 1 { "" } else { "s" };
    let listed = texts.iter().enumerate().map(|(index, text)| format!("error {}:\n{text}", index + 1));
    format!("{} error{plural} occurred:\n{}", texts.len(), listed.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_bits_of_kinds_are_ored() {
        let cases: [(&[Kind], u8); 9] = [
            (&[], 0),
            (&[Kind::Other], 1),
            (&[Kind::Directory], 1),
            (&[Kind::Drain], 1),
            (&[Kind::Lock], 4),
            (&[Kind::Unlock], 8),
            (&[Kind::Cleanup], 16),
            (&[Kind::Other, Kind::Unlock], 9),
            (&[Kind::Lock, Kind::Unlock, Kind::Cleanup], 28),
        ];
        for (kinds, code) in cases {
            let failures = Failures(kinds.iter().map(|kind| Failure::new(*kind, "x")).collect());
            assert_eq!(failures.exit_code(), code, "{kinds:?}");
        }
    }
}
