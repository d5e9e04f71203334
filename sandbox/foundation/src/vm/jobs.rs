//! Jobs with bbr scripts: what they back up, what they lock, and in which order.

/// The job whose scripts lock and unlock the director.
pub(crate) const LOCK_JOB: &str = "lock-director";

/// The job whose backup script meets the faults of `bbr.backup`.
pub(crate) const DIRECTOR_JOB: &str = "director";

/// The job whose lock takes the API of the platform away.
pub(crate) const API_JOB: &str = "cloud_controller_ng";

const SCRIPTS: [&str; 2] = ["backup", "restore"];
const LOCK_SCRIPTS: [&str; 5] =
    ["metadata", "post-backup-unlock", "post-restore-unlock", "pre-backup-lock", "pre-restore-lock"];

/// A job that bbr backs up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) name: &'static str,
    pub(crate) content: Content,
}

/// What a job backs up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// What lies at `stored` on the persistent disk, as `member` of the artifact.
    Stored { stored: &'static str, member: &'static str },
    /// A database of the platform, as `member` of the artifact.
    Database { member: &'static str },
}

const fn stored(name: &'static str, stored: &'static str, member: &'static str) -> Job {
    Job { name, content: Content::Stored { stored, member } }
}

const fn database(name: &'static str, member: &'static str) -> Job {
    Job { name, content: Content::Database { member } }
}

impl Job {
    /// The jobs of the director's VM.
    pub(crate) const ALL: [Job; 4] = [
        stored("bbr-credhubdb", "postgres/credhub.sql", "credhubdb-artifact-file"),
        stored("bbr-uaadb", "postgres/uaa.sql", "uaadb-artifact-file"),
        stored("blobstore", "blobstore", "store"),
        stored(DIRECTOR_JOB, "postgres/bosh.sql", "bosh-director-artifact-file"),
    ];

    /// The jobs of deployments.
    const DEPLOYED: [Job; 7] = [
        database("bbr-cfnetworkingdb", "cfnetworking-artifact-file"),
        database("bbr-cloudcontrollerdb", "cloudcontroller-artifact-file"),
        database("bbr-credhubdb", "credhubdb-artifact-file"),
        database("bbr-routingdb", "routingdb-artifact-file"),
        database("bbr-uaadb", "uaadb-artifact-file"),
        database("bbr-usage-servicedb", "usage-servicedb-artifact-file"),
        stored("blobstore", "shared", "shared"),
    ];

    pub(crate) fn named(name: &str) -> Option<Job> {
        Job::ALL.into_iter().find(|job| job.name == name)
    }

    /// Returns the job of a deployment that is called so, if bbr backs it up.
    pub(crate) fn deployed(name: &str) -> Option<Job> {
        Job::DEPLOYED.into_iter().find(|job| job.name == name)
    }
}

/// The jobs of deployments that bbr locks.
const LOCKED: [&str; 9] = [
    API_JOB,
    "cc_deployment_updater",
    "cloud_controller_clock",
    "cloud_controller_worker",
    "credhub",
    "policy-server",
    "routing-api",
    "tps",
    "uaa",
];

/// That a job is locked before another one, as its metadata script says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Order {
    job: &'static str,
    pub(crate) before: &'static str,
    release: &'static str,
}

const ORDERS: [Order; 5] = [
    Order { job: LOCK_JOB, before: "blobstore", release: "bosh" },
    Order { job: "cc_deployment_updater", before: API_JOB, release: "capi" },
    Order { job: "cloud_controller_clock", before: API_JOB, release: "capi" },
    Order { job: "cloud_controller_worker", before: API_JOB, release: "capi" },
    Order { job: "routing-api", before: "uaa", release: "uaa" },
];

impl Order {
    /// Returns what the metadata script of a job says, if it has one.
    pub(crate) fn of(job: &str) -> Option<Order> {
        ORDERS.into_iter().find(|order| order.job == job)
    }

    /// Returns what the metadata script prints.
    pub(crate) fn metadata(self) -> String {
        let entry = |phase: &str| {
            format!("{phase}_should_be_locked_before:\n- job_name: {}\n  release: {}", self.before, self.release)
        };
        format!("---\n{}\n{}", entry("backup"), entry("restore"))
    }
}

/// Returns the bbr scripts that a job has.
pub(super) fn scripts(job: &str) -> &'static [&'static str] {
    let is_locked = job == LOCK_JOB || LOCKED.contains(&job);
    match (is_locked, Order::of(job)) {
        (true, Some(_)) => &LOCK_SCRIPTS,
        (true, None) => &LOCK_SCRIPTS[1..],
        (false, _) if Job::named(job).or_else(|| Job::deployed(job)).is_some() => &SCRIPTS,
        (false, _) => &[],
    }
}
