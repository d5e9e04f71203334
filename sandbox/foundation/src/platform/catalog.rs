//! What the Cloud Controller's database holds: orgs, spaces, apps, isolation segments, services.

mod consistency;
mod services;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::foundation::uuid;

pub(crate) use services::{Access, Broker, Offering, Operation, OperationState, ServiceInstance, Verb};

/// The isolation segment that every foundation has.
const SHARED: &str = "shared";

/// The feature flags, and whether they are enabled at first.
pub(crate) const FLAGS: [(&str, bool); 18] = [
    ("app_bits_upload", true),
    ("app_scaling", true),
    ("diego_cnb", false),
    ("diego_docker", false),
    ("env_var_visibility", true),
    ("hide_marketplace_from_unauthenticated_users", false),
    ("private_domain_creation", true),
    ("resource_matching", true),
    ("route_creation", true),
    ("route_sharing", false),
    ("service_instance_creation", true),
    ("service_instance_sharing", false),
    ("set_roles_by_username", true),
    ("space_developer_env_var_visibility", true),
    ("space_scoped_private_broker_creation", true),
    ("task_creation", true),
    ("unset_roles_by_username", true),
    ("user_org_creation", false),
];

/// The rows of the Cloud Controller's database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Catalog {
    pub(crate) orgs: Vec<Org>,
    pub(crate) spaces: Vec<Space>,
    pub(crate) apps: Vec<App>,
    pub(crate) segments: Vec<Segment>,
    pub(crate) brokers: Vec<Broker>,
    pub(crate) offerings: Vec<Offering>,
    pub(crate) services: Vec<ServiceInstance>,
    /// The feature flags that were changed.
    pub(crate) flags: BTreeMap<String, bool>,
    seed: u64,
    next_guid: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Org {
    pub(crate) guid: String,
    pub(crate) name: String,
    /// The segments that it may use, by guid.
    pub(crate) entitled: Vec<String>,
    /// The segment of its spaces that have none of their own, by guid.
    pub(crate) default_segment: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Space {
    pub(crate) guid: String,
    pub(crate) name: String,
    pub(crate) org: String,
    pub(crate) segment: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct App {
    pub(crate) guid: String,
    pub(crate) name: String,
    pub(crate) space: String,
    pub(crate) desired: Desired,
    pub(crate) instances: u32,
    /// The droplet in the blobstore.
    pub(crate) droplet: Option<String>,
    /// The package in the blobstore.
    pub(crate) package: Option<String>,
    /// The segment on whose cells it runs since it was started last.
    pub(crate) placed: Option<String>,
    pub(crate) actual: Actual,
}

/// Whether an app is meant to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Desired {
    Started,
    Stopped,
}

impl Desired {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Desired::Started => "started",
            Desired::Stopped => "stopped",
        }
    }
}

/// Whether the instances of a started app run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Actual {
    Running,
    /// The last start found no droplet, and will find none.
    Crashed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Segment {
    pub(crate) guid: String,
    pub(crate) name: String,
}

impl Catalog {
    /// Returns what a platform knows that nobody uses: the shared segment.
    pub(crate) fn bare(seed: u64) -> Catalog {
        let mut catalog = Catalog { seed, ..Catalog::default() };
        catalog.add_segment(SHARED);
        catalog
    }

    /// Returns the catalog of a platform in use: three orgs, one of them on an isolation segment.
    pub(crate) fn furnished(seed: u64) -> Catalog {
        let mut catalog = Catalog::bare(seed);
        let isolated = catalog.add_segment("iso-01");
        let system = catalog.add_org("system");
        let retail = catalog.add_org("retail");
        let payments = catalog.add_org("payments");
        for (app, space, instances) in [("apps-manager-js", "apps-manager", 2), ("canary", "healthwatch", 1)] {
            let space = catalog.space_named(&system, space);
            catalog.add_app(&space, app, instances);
        }
        for (app, space, instances) in [("web", "production", 3), ("orders", "production", 2), ("web", "staging", 1)] {
            let space = catalog.space_named(&retail, space);
            catalog.add_app(&space, app, instances);
        }
        let production = catalog.space_named(&payments, "production");
        catalog.isolate(&payments, &production, &isolated);
        catalog.add_app(&production, "ledger", 2);
        catalog.add_app(&production, "gateway", 2);
        catalog.add_mysql(&production);
        catalog
    }

    fn isolate(&mut self, org: &str, space: &str, segment: &str) {
        for org in self.orgs.iter_mut().filter(|one| one.guid == org) {
            org.entitled.push(segment.to_owned());
        }
        for space in self.spaces.iter_mut().filter(|one| one.guid == space) {
            space.segment = Some(segment.to_owned());
        }
    }

    /// Returns a guid that nothing in this catalog has had, the same in every run.
    pub(crate) fn fresh_guid(&mut self) -> String {
        self.next_guid += 1;
        uuid(&format!("{}/catalog/{}", self.seed, self.next_guid))
    }

    pub(crate) fn add_segment(&mut self, name: &str) -> String {
        let guid = self.fresh_guid();
        self.segments.push(Segment { guid: guid.clone(), name: name.into() });
        guid
    }

    fn add_org(&mut self, name: &str) -> String {
        let guid = self.fresh_guid();
        let org = Org { guid: guid.clone(), name: name.into(), entitled: Vec::new(), default_segment: None };
        self.orgs.push(org);
        guid
    }

    fn space_named(&mut self, org: &str, name: &str) -> String {
        if let Some(space) = self.spaces.iter().find(|space| space.org == org && space.name == name) {
            return space.guid.clone();
        }
        let guid = self.fresh_guid();
        self.spaces.push(Space { guid: guid.clone(), name: name.into(), org: org.into(), segment: None });
        guid
    }

    /// Adds a running app with a droplet and a package, which must be put into the blobstore.
    pub(crate) fn add_app(&mut self, space: &str, name: &str, instances: u32) -> String {
        let guid = self.fresh_guid();
        let app = App {
            guid: guid.clone(),
            name: name.into(),
            space: space.into(),
            desired: Desired::Started,
            instances,
            droplet: Some(self.fresh_guid()),
            package: Some(self.fresh_guid()),
            placed: self.segment_of(space).map(|segment| segment.guid.clone()),
            actual: Actual::Running,
        };
        self.apps.push(app);
        guid
    }

    /// Returns whether a feature flag is enabled; `None` if there is no such flag.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        let (_, first) = FLAGS.iter().find(|(known, _)| *known == name)?;
        Some(self.flags.get(name).copied().unwrap_or(*first))
    }

    /// Returns the segment on which an app of a space is placed; `None` is the shared one.
    pub(crate) fn segment_of(&self, space: &str) -> Option<&Segment> {
        let space = self.spaces.iter().find(|one| one.guid == space)?;
        let org = self.orgs.iter().find(|org| org.guid == space.org);
        let guid = space.segment.as_ref().or(org.and_then(|org| org.default_segment.as_ref()))?;
        self.segments.iter().find(|segment| segment.guid == *guid && segment.name != SHARED)
    }

    pub(crate) fn org(&self, name: &str) -> Option<&Org> {
        self.orgs.iter().find(|org| org.name == name)
    }

    pub(crate) fn space(&self, org: &str, name: &str) -> Option<&Space> {
        self.spaces.iter().find(|space| space.org == org && space.name == name)
    }

    pub(crate) fn segment(&self, name: &str) -> Option<&Segment> {
        self.segments.iter().find(|segment| segment.name == name)
    }

    /// Returns the segment with a guid.
    pub(crate) fn segment_by_guid(&self, guid: &str) -> Option<&Segment> {
        self.segments.iter().find(|segment| segment.guid == guid)
    }

    pub(crate) fn app(&self, space: &str, name: &str) -> Option<&App> {
        self.apps.iter().find(|app| app.space == space && app.name == name)
    }

    pub(crate) fn app_mut(&mut self, guid: &str) -> Option<&mut App> {
        self.apps.iter_mut().find(|app| app.guid == guid)
    }

    pub(crate) fn org_mut(&mut self, guid: &str) -> Option<&mut Org> {
        self.orgs.iter_mut().find(|org| org.guid == guid)
    }

    pub(crate) fn space_mut(&mut self, guid: &str) -> Option<&mut Space> {
        self.spaces.iter_mut().find(|space| space.guid == guid)
    }
}
