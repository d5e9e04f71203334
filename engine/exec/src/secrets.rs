//! Secrets: values that exist in memory only, and what keeps them from every disk.
//!
//! A plan names its secrets and says where each comes from. The values are fetched when an engine takes a run, are handed
//! to the supervisor over its socket, and reach exactly the commands that name them. What commands print is masked before
//! its first byte is written.

mod fetch;
mod forms;
mod mask;
mod memory;
mod pipe;
mod spoken;
mod tap;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use self::mask::{Mask, Patterns};

pub use firedrill_model::judge::MASKED;

pub use fetch::{SecretError, check_secrets};
pub(crate) use fetch::{fetch, made_up, rehearsed};
pub(crate) use mask::MaskedReader;
pub(crate) use memory::{Memory, stdin};
pub(crate) use pipe::Pipe;
pub(crate) use spoken::{mask_word, unspoken};
pub(crate) use tap::{Captured, Manner, Tap, follow, pump};

/// The least number of characters of a secret: a shorter one cannot be told from ordinary text.
pub const SHORTEST: usize = 4;

/// A value that nobody may read by accident: it cannot be shown, copied or serialised, and is wiped when dropped.
///
/// ```compile_fail
/// fn shown(secret: &firedrill_exec::Secret) -> String {
///     format!("{secret}")
/// }
/// ```
///
/// ```compile_fail
/// fn shown(secret: &firedrill_exec::Secret) -> String {
///     format!("{secret:?}")
/// }
/// ```
///
/// ```compile_fail
/// fn copied(secret: &firedrill_exec::Secret) -> firedrill_exec::Secret {
///     secret.clone()
/// }
/// ```
///
/// ```compile_fail
/// fn written(secret: &firedrill_exec::Secret) -> String {
///     serde_json::to_string(secret).expect("a value")
/// }
/// ```
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a value, of at least [`SHORTEST`] characters and without NUL.
    fn new(value: String) -> Secret {
        Secret(Zeroizing::new(value))
    }

    /// Returns the value, for those who hand it on to a command or mask it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

/// The values of a run's secrets, by name, with what masks them.
#[derive(Default)]
pub struct Vault {
    values: BTreeMap<String, Arc<Secret>>,
    /// What were values once and are masked still.
    former: Vec<Arc<Secret>>,
    /// What masks them, in a run that has secrets or will have some.
    patterns: Option<Arc<Patterns>>,
}

/// Secrets that a step has published, by the names under which the run keeps them.
#[derive(Clone, Default)]
pub struct Published(BTreeMap<String, Arc<Secret>>);

impl Vault {
    fn new(values: BTreeMap<String, Arc<Secret>>, former: Vec<Arc<Secret>>) -> Vault {
        let all = values.values().chain(&former).map(|secret| secret.expose());
        let patterns = Some(Arc::new(Patterns::of(all)));
        Vault { values, former, patterns }
    }

    /// Returns the vault of a run without secrets, of which nothing need be masked.
    fn unneeded() -> Vault {
        Vault::default()
    }

    /// Returns this vault with what a step has published. What that takes the place of is masked still.
    pub(crate) fn with(&self, published: &Published) -> Vault {
        let mut former = self.former.clone();
        let mut values = self.values.clone();
        for (name, secret) in &published.0 {
            former.extend(values.insert(name.clone(), Arc::clone(secret)));
        }
        Vault::new(values, former)
    }

    /// Returns all that it holds, to add it to another.
    pub(crate) fn all(&self) -> Published {
        Published(self.values.clone())
    }

    /// Returns this vault with what another one had masked.
    pub(crate) fn after(&self, earlier: &Vault) -> Vault {
        let former = earlier.former.iter().chain(earlier.values.values()).cloned().collect();
        Vault::new(self.values.clone(), former)
    }

    /// Returns whether there is nothing to mask and never will be.
    pub(crate) fn is_unneeded(&self) -> bool {
        self.patterns.is_none()
    }

    /// Returns a value by its name.
    pub(crate) fn get(&self, name: &str) -> Option<&Secret> {
        self.values.get(name).map(|secret| &**secret)
    }

    /// Returns a mask for one stream, if there is anything to mask.
    pub(crate) fn mask(&self) -> Option<Mask> {
        self.patterns.as_ref().map(|patterns| Mask::new(Arc::clone(patterns)))
    }

    /// Returns a text with every secret in it masked.
    pub(crate) fn masked(&self, text: &str) -> String {
        match self.mask() {
            Some(mask) => String::from_utf8_lossy(&mask.whole(text.as_bytes())).into_owned(),
            None => text.to_owned(),
        }
    }
}

impl Published {
    /// Returns whether nothing was published.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Vault {
    /// Names the secrets, not their values.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

impl fmt::Debug for Published {
    /// Names the secrets, not their values.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl PartialEq for Published {
    fn eq(&self, other: &Published) -> bool {
        let exposed = |all: &Published| all.0.iter().map(|(name, it)| (name.clone(), it.0.clone())).collect::<Vec<_>>();
        exposed(self) == exposed(other)
    }
}

impl Eq for Published {}

/// Writes the values of a vault for the supervisor's socket, the only way that they are ever written.
pub(crate) fn to_socket<S: Serializer>(vault: &Vault, serializer: S) -> Result<S::Ok, S::Error> {
    exposed(&vault.values).serialize(serializer)
}

/// Reads the values of a vault from the supervisor's socket.
pub(crate) fn from_socket<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Vault>, D::Error> {
    Ok(Arc::new(Vault::new(values_from(deserializer)?, Vec::new())))
}

/// Writes what was published for the supervisor's socket.
pub(crate) fn published_to_socket<S: Serializer>(published: &Published, serializer: S) -> Result<S::Ok, S::Error> {
    exposed(&published.0).serialize(serializer)
}

/// Reads what was published from the supervisor's socket.
pub(crate) fn published_from_socket<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Published, D::Error> {
    values_from(deserializer).map(Published)
}

fn exposed(values: &BTreeMap<String, Arc<Secret>>) -> BTreeMap<&str, &str> {
    values.iter().map(|(name, it)| (name.as_str(), it.expose())).collect()
}

fn values_from<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Arc<Secret>>, D::Error> {
    let values = BTreeMap::<String, String>::deserialize(deserializer)?;
    Ok(values.into_iter().map(|(name, value)| (name, Arc::new(Secret::new(value)))).collect())
}
