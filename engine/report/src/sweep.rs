//! What a sweep found, for an operator and for machines.

mod json;
mod page;

use firedrill_run::Verdict;

pub use json::sweep_json;
pub use page::{Detail, sweep_text};

/// What a sweep of one playbook found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepReport {
    /// The playbook's name.
    pub playbook: String,
    /// The digest of its plan.
    pub plan: String,
    /// How far the sweep came.
    pub extent: SweepExtent,
    /// The only kinds of faults that were tried; none if all were.
    pub only: Option<Vec<&'static str>>,
    /// Whether every history comes to rest.
    pub is_always_at_rest: bool,
    /// Every fault point of the plan whose kind was tried, in its order.
    pub points: Vec<SweepPoint>,
    /// The verdicts that histories without a fault come to, best first.
    pub without_fault: Vec<Verdict>,
    /// What must not be.
    pub violations: Vec<SweepFinding>,
    /// What may be meant and is worth a look.
    pub advice: Vec<SweepFinding>,
}

/// How far a sweep came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SweepExtent {
    /// Different states visited.
    pub states: usize,
    /// Different states met, visited or not.
    pub met: usize,
    /// The number of faults up to which everything was to be visited.
    pub wanted: u32,
    /// The number of faults up to which everything was visited; none if not even everything without faults was.
    pub complete: Option<u32>,
}

/// One kind of fault at one place of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepPoint {
    /// The fault as a sentence: "the cleanup of `backup` (line 12) fails once".
    pub what: String,
    /// Where it strikes, as it is written on a command line: `backup.cleanup`.
    pub site: String,
    /// What it is, in a word: `fails`.
    pub kind: &'static str,
    /// The fewest faults of a history that ends with this one; none if the sweep did not come to it.
    pub faults: Option<u32>,
    /// The verdicts that follow, best first.
    pub verdicts: Vec<Verdict>,
    /// What a human then finds, by verdict.
    pub remains: Vec<(Verdict, Vec<String>)>,
}

/// Something that was found, with the shortest history that leads to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepFinding {
    /// What is looked for: the rule as a sentence, or the property as it is printed.
    pub rule: String,
    /// What is wrong, in one sentence that names step and line.
    pub why: String,
    /// What to change in the playbook.
    pub hint: String,
    /// How many faults the history has.
    pub faults: u32,
    /// The history as sentences.
    pub story: Vec<String>,
}

impl SweepExtent {
    /// Returns whether everything that was wanted was visited.
    pub fn is_complete(&self) -> bool {
        self.complete == Some(self.wanted)
    }
}
