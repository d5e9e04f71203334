//! What people answer in a scenario.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::source::Spanned;
use crate::value::Value;

/// What people answer when they are asked, each time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// What they say; yes if not given: it is done, the run may go on.
    pub says: Option<Spanned<Says>>,
    /// The values that are asked for; each placed at its name.
    pub outputs: BTreeMap<String, Spanned<Value>>,
    /// How long they take.
    pub after: Duration,
    /// Who answers; as many as it takes if empty.
    pub by: Vec<String>,
}

/// What people say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Says {
    /// The run may go on.
    Approved,
    /// It may not.
    Declined,
    /// It is done.
    Done,
    /// It could not be done.
    Failed,
}
