//! Secrets: values that exist in memory only, and what keeps them from every disk.
//!
//! A plan names its secrets and says where each comes from. The values are fetched when an engine takes a run, are handed
//! to the supervisor over its socket, and reach exactly the commands that name them. What commands print is masked before
//! its first byte is written.

mod fetch;
mod forms;
mod mask;
mod memory;
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
pub(crate) use fetch::{fetch, made_up};
pub(crate) use mask::MaskedReader;
pub(crate) use memory::{Memory, stdin};
pub(crate) use spoken::{mask_word, unspoken};
pub(crate) use tap::{Captured, Level, Manner, Tap};


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
    values: BTreeMap<String, Secret>,
    patterns: Option<Arc<Patterns>>,
}

impl Vault {
    pub(crate) fn new(values: BTreeMap<String, Secret>) -> Vault {
        let patterns = (!values.is_empty()).then(|| Arc::new(Patterns::of(values.values().map(Secret::expose))));
        Vault { values, patterns }
    }

    /// Returns whether there is nothing to keep.
    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Returns a value by its name.
    pub(crate) fn get(&self, name: &str) -> Option<&Secret> {
        self.values.get(name)
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

impl fmt::Debug for Vault {
    /// Names the secrets, not their values.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

/// Writes the values of a vault for the supervisor's socket, the only way that they are ever written.
pub(crate) fn to_socket<S: Serializer>(vault: &Vault, serializer: S) -> Result<S::Ok, S::Error> {
    let exposed: BTreeMap<&str, &str> = vault.values.iter().map(|(name, it)| (name.as_str(), it.expose())).collect();
    exposed.serialize(serializer)
}

/// Reads the values of a vault from the supervisor's socket.
pub(crate) fn from_socket<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Vault>, D::Error> {
    let values = BTreeMap::<String, String>::deserialize(deserializer)?;
    let values = values.into_iter().map(|(name, value)| (name, Secret::new(value)));
    Ok(Arc::new(Vault::new(values.collect())))
}
