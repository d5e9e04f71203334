//! How a playbook is swept.

use crate::source::Spanned;

/// How a playbook is swept.
#[derive(Clone, Debug, Default)]
pub struct SweepRules {
    /// The name of the scenario in whose situation the playbook is swept; a fresh world and the inputs of the file if not said.
    pub scenario: Option<Spanned<String>>,
    /// Faults in one history; 1 if not said.
    pub depth: Option<Spanned<u32>>,
    /// Names of the kinds of faults; all if not said.
    pub faults: Option<Spanned<Vec<Spanned<SweptKind>>>>,
    /// Conditions that must hold in every state.
    pub always: Vec<Spanned<String>>,
    /// Conditions that must hold in no state.
    pub never: Vec<Spanned<String>>,
}

/// A kind of fault that a sweep tries at every point where it can strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SweptKind {
    /// The command fails without an effect.
    Exit,
    /// The command hangs.
    Timeout,
    /// The effect happened, and the command reported failure.
    LateFailure,
    /// The command is killed half-way.
    Killed,
    /// The program cannot be started.
    NotStarted,
    /// What is printed is not what was expected.
    WrongOutput,
    /// A probe does not hold.
    DoesNotHold,
    /// A probe could not tell.
    CouldNotTell,
    /// The engine crashes before the command's intent, after it, and while it runs.
    Crash,
    /// The supervisor dies with the engine.
    LostSupervisor,
    /// The run is cancelled.
    Cancel,
    /// Nobody answers what people are asked.
    NoAnswer,
    /// Whoever is asked declines, or says that it failed.
    Declined,
}

impl SweptKind {
    /// Every kind, in the order in which it is tried.
    pub const ALL: [SweptKind; 13] = [
        SweptKind::Exit,
        SweptKind::Timeout,
        SweptKind::LateFailure,
        SweptKind::Killed,
        SweptKind::NotStarted,
        SweptKind::WrongOutput,
        SweptKind::DoesNotHold,
        SweptKind::CouldNotTell,
        SweptKind::Crash,
        SweptKind::LostSupervisor,
        SweptKind::Cancel,
        SweptKind::NoAnswer,
        SweptKind::Declined,
    ];

    /// Returns whether it strikes a command while it runs.
    pub fn strikes_while_running(self) -> bool {
        match self {
            SweptKind::Timeout
            | SweptKind::Killed
            | SweptKind::Crash
            | SweptKind::LostSupervisor
            | SweptKind::Cancel => true,
            SweptKind::Exit
            | SweptKind::LateFailure
            | SweptKind::NotStarted
            | SweptKind::WrongOutput
            | SweptKind::DoesNotHold
            | SweptKind::CouldNotTell
            | SweptKind::NoAnswer
            | SweptKind::Declined => false,
        }
    }

    /// Returns the word of the language.
    pub fn word(self) -> &'static str {
        match self {
            SweptKind::Exit => "exit",
            SweptKind::Timeout => "timeout",
            SweptKind::LateFailure => "late_failure",
            SweptKind::Killed => "killed",
            SweptKind::NotStarted => "not_started",
            SweptKind::WrongOutput => "wrong_output",
            SweptKind::DoesNotHold => "does_not_hold",
            SweptKind::CouldNotTell => "could_not_tell",
            SweptKind::Crash => "crash",
            SweptKind::LostSupervisor => "lost_supervisor",
            SweptKind::Cancel => "cancel",
            SweptKind::NoAnswer => "no_answer",
            SweptKind::Declined => "declined",
        }
    }
}
