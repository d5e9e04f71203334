//! The BOSH director as its API shows it: who it is, who may use it, what it deployed.

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
    pub(crate) deployments: Vec<Deployment>,
    pub(crate) orphaned_disks: Vec<OrphanedDisk>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deployment {
    pub(crate) name: String,
    pub(crate) releases: Vec<String>,
    pub(crate) stemcells: Vec<String>,
    pub(crate) instances: Vec<Instance>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Instance {
    pub(crate) name: String,
    pub(crate) index: u32,
    pub(crate) az: String,
    pub(crate) ip: String,
    pub(crate) process_state: String,
    pub(crate) vm_cid: String,
    pub(crate) vm_type: String,
    pub(crate) disk_cid: String,
    pub(crate) processes: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrphanedDisk {
    pub(crate) cid: String,
    pub(crate) size: String,
    pub(crate) deployment: String,
    pub(crate) instance: String,
    pub(crate) az: String,
    pub(crate) orphaned_at: String,
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

    pub(crate) fn deployment(&self, name: &str) -> Option<&Deployment> {
        self.deployments.iter().find(|deployment| deployment.name == name)
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
            deployments: vec![cf()],
            orphaned_disks: Vec::new(),
        }
    }
}

fn cf() -> Deployment {
    Deployment {
        name: "cf".into(),
        releases: vec!["cf/58.0.0".into()],
        stemcells: vec!["bosh-vsphere-esxi-ubuntu-jammy-go_agent/1.506".into()],
        instances: vec![
            instance("backup_restore/b1c0", 0, "disk-b1", &["monit"]),
            instance("cloud_controller/c0c0", 0, "", &["cloud_controller_ng", "nginx_cc"]),
            instance("cloud_controller/c0c1", 1, "", &["cloud_controller_ng", "nginx_cc"]),
            instance("nfs_server/8d2c", 0, "disk-n1", &["blobstore_nginx", "blobstore_url_signer", "route_registrar"]),
        ],
    }
}

fn instance(name: &str, index: u32, disk_cid: &str, processes: &[&str]) -> Instance {
    let id = name.split('/').next_back().expect("split yields at least one piece");
    let octet = 10 + u32::from(id.as_bytes()[0] % 50) + index;
    Instance {
        name: name.into(),
        index,
        az: "az1".into(),
        ip: format!("10.0.4.{octet}"),
        process_state: "running".into(),
        vm_cid: format!("vm-{id}"),
        vm_type: "large".into(),
        disk_cid: disk_cid.into(),
        processes: processes.iter().map(ToString::to_string).collect(),
    }
}
