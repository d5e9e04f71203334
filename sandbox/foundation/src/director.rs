//! The BOSH director as its API shows it: who it is and who may use it.

use serde::{Deserialize, Serialize};

use crate::world::Part;

/// Whether anything answers at the director's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reachability {
    Reachable,
    Unreachable,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Director {
    pub(crate) name: String,
    pub(crate) uuid: String,
    pub(crate) version: String,
    pub(crate) cpi: String,
    pub(crate) host: String,
    pub(crate) ssh_port: u16,
    pub(crate) ssh_user: String,
    pub(crate) api_port: u16,
    pub(crate) client: String,
    pub(crate) client_secret: String,
    pub(crate) reachability: Reachability,
}

impl Part for Director {
    const FILE: &'static str = "director.json";
}

impl Director {
    pub(crate) fn url(&self) -> String {
        format!("https://{}:{}", self.host, self.api_port)
    }

    pub(crate) fn is_reachable(&self) -> bool {
        self.reachability == Reachability::Reachable
    }
}

impl Default for Director {
    fn default() -> Director {
        Director {
            name: "bosh-sandbox".into(),
            uuid: "0a6c8d3e-5b0f-4c27-9a5e-3f1d7c2b9e40".into(),
            version: "280.1.14 (00000000)".into(),
            cpi: "vsphere_cpi".into(),
            host: "10.0.0.6".into(),
            ssh_port: 22,
            ssh_user: "bbr".into(),
            api_port: 25555,
            client: "lab".into(),
            client_secret: "lab-secret".into(),
            reachability: Reachability::Reachable,
        }
    }
}
