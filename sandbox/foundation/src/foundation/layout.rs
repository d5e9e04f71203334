//! Which deployments a new world has: tables of instance groups.

use serde::{Deserialize, Serialize};

use super::disk::{Disk, DiskCid, Standing};
use super::instance::{Agent, Instance, InstanceId, JobState, Process, ProcessState, Vm, VmCid};
use super::{Deployment, Foundation, uuid};

/// The TAS deployment of the standard layout.
pub(crate) const TAS: &str = "cf-0123456789abcdef0123";

/// The isolation segment.
pub(crate) const ISOLATION_SEGMENT: &str = "p-isolation-segment-3210fedcba9876543210";

/// The tile of a database service, whose broker creates deployments.
pub(crate) const SERVICE_TILE: &str = "pivotal-mysql-00112233445566778899";

/// The deployment of a service instance.
pub(crate) const SERVICE_INSTANCE: &str = "service-instance_6f4c1f9e-0d7b-4a52-9c5e-2f1b8f0d3a77";

/// Which deployments a world begins with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Layout {
    /// TAS, an isolation segment, a service tile and one of its service instances.
    #[default]
    Standard,
    /// The same with the groups of Small Footprint TAS.
    SmallFootprint,
    /// A deployment `cf` of four instances: the one in front of which the clients were recorded.
    Laboratory,
}

/// A row of a table: an instance group.
struct Group {
    name: &'static str,
    count: u32,
    vm_type: &'static str,
    /// The size of its persistent disks; 0 is none.
    disk_gb: u64,
    jobs: &'static [&'static str],
    processes: &'static [&'static str],
}

const fn group(
    name: &'static str,
    count: u32,
    vm_type: &'static str,
    disk_gb: u64,
    jobs: &'static [&'static str],
    processes: &'static [&'static str],
) -> Group {
    Group { name, count, vm_type, disk_gb, jobs, processes }
}

const BACKUP_JOBS: &[&str] = &[
    "bbr-cfnetworkingdb",
    "bbr-cloudcontrollerdb",
    "bbr-credhubdb",
    "bbr-routingdb",
    "bbr-uaadb",
    "bbr-usage-servicedb",
    "database-backup-restorer",
];
const BLOBSTORE: &[&str] = &["blobstore_nginx", "blobstore_url_signer", "route_registrar"];
const MYSQL_JOBS: &[&str] = &["pxc-mysql", "galera-agent", "cluster-health-logger", "gra-log-purger"];
const MYSQL: &[&str] = &["galera-init", "galera-agent", "cluster-health-logger", "gra-log-purger"];
const CLOUD_CONTROLLER: &[&str] = &["cloud_controller_ng", "nginx_cc", "route_registrar"];
const CELL: &[&str] = &["rep", "garden", "route_emitter", "vxlan-policy-agent"];
const ROUTER: &[&str] = &["gorouter"];

const TAS_GROUPS: [Group; 15] = [
    group("nfs_server", 1, "medium.disk", 100, &["blobstore", "route_registrar"], BLOBSTORE),
    group("mysql", 3, "large.disk", 100, MYSQL_JOBS, MYSQL),
    group("mysql_proxy", 1, "small", 0, &["proxy"], &["proxy"]),
    group("mysql_monitor", 1, "small", 0, &["mysql-diag", "replication-canary"], &["replication-canary"]),
    group("backup_restore", 1, "medium", 200, BACKUP_JOBS, &["bosh-dns"]),
    group("cloud_controller", 2, "medium.disk", 0, &["cloud_controller_ng", "route_registrar"], CLOUD_CONTROLLER),
    group("cloud_controller_worker", 1, "small", 0, &["cloud_controller_worker"], &["cloud_controller_worker_1"]),
    group(
        "clock_global",
        1,
        "small",
        0,
        &["cloud_controller_clock", "cc_deployment_updater"],
        &["cloud_controller_clock", "cc_deployment_updater"],
    ),
    group("uaa", 1, "medium", 0, &["uaa", "route_registrar"], &["uaa", "route_registrar"]),
    group("credhub", 1, "medium", 0, &["credhub"], &["credhub"]),
    group("diego_database", 1, "small", 0, &["bbs", "locket", "policy-server"], &["bbs", "locket", "policy-server"]),
    group(
        "diego_brain",
        1,
        "small",
        0,
        &["auctioneer", "cc_uploader", "tps"],
        &["auctioneer", "cc_uploader", "tps-watcher"],
    ),
    group("diego_cell", 3, "xlarge", 0, &["rep", "garden", "route_emitter"], CELL),
    group("router", 2, "micro", 0, &["gorouter"], ROUTER),
    group("tcp_router", 1, "micro", 0, &["tcp_router", "routing-api"], &["tcp_router", "routing-api"]),
];

const SMALL_FOOTPRINT_GROUPS: [Group; 6] = [
    group("blobstore", 1, "medium.disk", 100, &["blobstore", "route_registrar"], BLOBSTORE),
    group("database", 1, "large.disk", 100, MYSQL_JOBS, MYSQL),
    group("backup_restore", 1, "medium", 200, BACKUP_JOBS, &["bosh-dns"]),
    group(
        "control",
        1,
        "xlarge",
        0,
        &["cloud_controller_ng", "cloud_controller_worker", "uaa", "credhub", "bbs", "auctioneer", "mysql-diag"],
        &["cloud_controller_ng", "nginx_cc", "cloud_controller_worker_1", "uaa", "credhub", "bbs", "auctioneer"],
    ),
    group("compute", 1, "xlarge", 0, &["rep", "garden", "route_emitter"], CELL),
    group("router", 1, "micro", 0, &["gorouter"], ROUTER),
];

const ISOLATED_GROUPS: [Group; 2] = [
    group("isolated_diego_cell", 2, "xlarge", 0, &["rep", "garden", "route_emitter"], CELL),
    group("isolated_router", 1, "micro", 0, &["gorouter"], ROUTER),
];

const BROKER_GROUPS: [Group; 1] =
    [group("dedicated-mysql-broker", 1, "small", 10, &["broker", "dedicated-mysql-adapter"], &["broker"])];

const SERVICE_GROUPS: [Group; 1] =
    [group("mysql", 1, "medium.disk", 10, &["mysql", "mysql-agent"], &["mysql", "mysql-agent"])];

const STEMCELL: &str = "bosh-vsphere-esxi-ubuntu-jammy-go_agent/1.506";

impl Layout {
    /// Every layout.
    pub const ALL: [Layout; 3] = [Layout::Standard, Layout::SmallFootprint, Layout::Laboratory];

    /// Returns the name by which it is chosen.
    pub fn name(self) -> &'static str {
        match self {
            Layout::Standard => "standard",
            Layout::SmallFootprint => "small-footprint",
            Layout::Laboratory => "laboratory",
        }
    }

    /// Returns the foundation of a new world.
    pub(crate) fn build(self, seed: u64) -> Foundation {
        let mut foundation = Foundation::bare(seed);
        match self {
            Layout::Laboratory => build_laboratory(&mut foundation),
            Layout::Standard => build_tas(&mut foundation, &TAS_GROUPS),
            Layout::SmallFootprint => build_tas(&mut foundation, &SMALL_FOOTPRINT_GROUPS),
        }
        foundation
    }
}

fn build_tas(foundation: &mut Foundation, groups: &[Group]) {
    let releases = [
        "capi/1.181.0",
        "cf-networking/3.46.0",
        "credhub/2.12.78",
        "diego/2.99.0",
        "pxc/1.0.29",
        "routing/0.297.0",
        "uaa/77.9.0",
    ];
    let errands = ["bootstrap", "deploy-notifications", "nfsbrokerpush", "push-apps-manager", "smoke_tests"];
    deploy(foundation, 4, TAS, &releases, &errands, groups);
    deploy(foundation, 5, ISOLATION_SEGMENT, &["diego/2.99.0", "routing/0.297.0"], &[], &ISOLATED_GROUPS);
    let errands = ["register-broker", "smoke-tests", "upgrade-all-service-instances"];
    deploy(foundation, 6, SERVICE_TILE, &["dedicated-mysql/0.170.4"], &errands, &BROKER_GROUPS);
    deploy(foundation, 7, SERVICE_INSTANCE, &["dedicated-mysql/0.170.4"], &[], &SERVICE_GROUPS);
}

fn deploy(foundation: &mut Foundation, subnet: u32, name: &str, releases: &[&str], errands: &[&str], groups: &[Group]) {
    let mut instances = Vec::new();
    for group in groups {
        for index in 0..group.count {
            let ip = format!("10.0.{subnet}.{}", 10 + instances.len());
            instances.push(instance(foundation, name, group, index, ip));
        }
    }
    foundation.deployments.push(Deployment {
        name: name.into(),
        releases: texts(releases),
        stemcells: texts(&[STEMCELL]),
        instances,
        errands: texts(errands),
        manifest: None,
    });
}

fn instance(foundation: &mut Foundation, deployment: &str, group: &Group, index: u32, ip: String) -> Instance {
    let id = |kind: &str| uuid(&format!("{}/{deployment}/{}/{index}/{kind}", foundation.seed, group.name));
    let vm = VmCid(format!("vm-{}", id("vm")));
    let disk = (group.disk_gb > 0).then(|| DiskCid(format!("disk-{}", id("disk"))));
    let row = Row { id: id("instance"), vm, agent: id("agent"), disk, ip, az: format!("az{}", index % 3 + 1), index };
    row.add(foundation, group)
}

/// What differs between the instances of a group.
struct Row {
    id: String,
    vm: VmCid,
    agent: String,
    disk: Option<DiskCid>,
    ip: String,
    az: String,
    index: u32,
}

impl Row {
    fn add(self, foundation: &mut Foundation, group: &Group) -> Instance {
        let running =
            |name: &&str| Process { name: (*name).to_owned(), state: ProcessState::Running, holds: self.disk.clone() };
        let size_mb = group.disk_gb * 1024;
        foundation.disks.extend(self.disk.iter().map(|cid| Disk {
            cid: cid.clone(),
            size_mb,
            exists_in_iaas: true,
            attached_to: Some(self.vm.clone()),
            standing: Standing::Active,
            is_full: false,
        }));
        Instance {
            group: group.name.into(),
            id: InstanceId(self.id),
            index: self.index,
            az: self.az,
            ip: self.ip,
            vm_type: group.vm_type.into(),
            jobs: texts(group.jobs),
            processes: group.processes.iter().map(running).collect(),
            state: JobState::Started,
            vm: Some(Vm { cid: self.vm, agent_id: self.agent, agent: Agent::Responsive, exists_in_iaas: true }),
            disk_mb: self.disk.as_ref().map(|_| size_mb),
            disk: self.disk,
            is_ignored: false,
        }
    }
}

const LABORATORY_MANIFEST: &str = "\
name: cf
releases:
- {name: cf, version: 58.0.0}
instance_groups:
- name: backup_restore
  jobs:
  - {name: bbr-cloudcontrollerdb, release: capi}
- name: nfs_server
  jobs:
  - {name: blobstore, release: capi}
- name: cloud_controller
  jobs:
  - {name: cloud_controller_ng, release: capi}
";

const LABORATORY_GROUPS: [Group; 3] = [
    group("backup_restore", 1, "large", 100, &["bbr-cloudcontrollerdb"], &["monit"]),
    group("cloud_controller", 2, "large", 0, &["cloud_controller_ng"], &["cloud_controller_ng", "nginx_cc"]),
    group("nfs_server", 1, "large", 100, &["blobstore"], BLOBSTORE),
];

fn build_laboratory(foundation: &mut Foundation) {
    let [backup_restore, cloud_controller, nfs_server] = &LABORATORY_GROUPS;
    let rows = [
        (backup_restore, "b1c0", 0, "disk-b1", 2324),
        (cloud_controller, "c0c0", 0, "", 2326),
        (cloud_controller, "c0c1", 1, "", 2327),
        (nfs_server, "8d2c", 0, "disk-n1", 2323),
    ];
    let instances = rows.map(|(group, id, index, disk, port)| {
        let row = Row {
            id: id.into(),
            vm: VmCid(format!("vm-{id}")),
            agent: format!("ag-{id}"),
            disk: (!disk.is_empty()).then(|| DiskCid(disk.into())),
            ip: format!("127.0.0.1:{port}"),
            az: "az1".into(),
            index,
        };
        row.add(foundation, group)
    });
    foundation.deployments.push(Deployment {
        name: "cf".into(),
        releases: texts(&["cf/58.0.0"]),
        stemcells: texts(&[STEMCELL]),
        instances: instances.into(),
        errands: Vec::new(),
        manifest: Some(LABORATORY_MANIFEST.into()),
    });
}

fn texts(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
