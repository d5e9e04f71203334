//! Ops Manager: staged products, pending changes and installations.

use serde::{Deserialize, Serialize};

use crate::world::Part;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpsManager {
    pub(crate) target: String,
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) products: Vec<Product>,
    pub(crate) installations: Vec<Installation>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Product {
    pub(crate) name: String,
    pub(crate) guid: String,
    pub(crate) staged: String,
    pub(crate) deployed: String,
    pub(crate) change: Change,
}

/// What Apply Changes would do with a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Change {
    Unchanged,
    Update,
}

impl Change {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Change::Unchanged => "unchanged",
            Change::Update => "update",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Installation {
    pub(crate) id: u32,
    pub(crate) user: String,
    pub(crate) status: String,
    pub(crate) started_at: String,
    pub(crate) finished_at: Option<String>,
}

impl Part for OpsManager {
    const FILE: &'static str = "opsman.json";
}

impl OpsManager {
    /// Stages or unstages a change of the first product that is not the director.
    pub(crate) fn stage(&mut self, change: Change) {
        for product in self.products.iter_mut().skip(1).take(1) {
            product.change = change;
        }
    }
}

impl Default for OpsManager {
    fn default() -> OpsManager {
        OpsManager {
            target: "https://opsman.sandbox".into(),
            username: "admin".into(),
            password: "sandbox".into(),
            products: vec![
                product("p-bosh", "p-bosh-7d1a", "3.0.25"),
                product("cf", "cf-21b4c9", "6.0.4"),
                product("p-isolation-segment", "p-isolation-segment-55e0", "6.0.4"),
            ],
            installations: vec![Installation {
                id: 1,
                user: "admin".into(),
                status: "succeeded".into(),
                started_at: "2026-11-02T01:12:09.316Z".into(),
                finished_at: Some("2026-11-02T02:03:55.106Z".into()),
            }],
        }
    }
}

fn product(name: &str, guid: &str, version: &str) -> Product {
    Product {
        name: name.into(),
        guid: guid.into(),
        staged: version.into(),
        deployed: version.into(),
        change: Change::Unchanged,
    }
}
