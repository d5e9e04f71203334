//! What cannot be: rows of the Cloud Controller's database that refer to none, or say the same twice.

use std::collections::BTreeSet;

use super::{Catalog, Space};

impl Catalog {
    /// Returns a sentence for each contradiction.
    pub(crate) fn contradictions(&self) -> Vec<String> {
        let found = [self.strays(), self.misplaced(), self.namesakes()];
        found.concat()
    }

    /// Rows that refer to a row that is not there.
    fn strays(&self) -> Vec<String> {
        let has_space = |guid: &str| self.spaces.iter().any(|space| space.guid == guid);
        let has_org = |guid: &str| self.orgs.iter().any(|org| org.guid == guid);
        let has_broker = |guid: &str| self.brokers.iter().any(|broker| broker.guid == guid);
        let spaces = self.spaces.iter().filter(|one| !has_org(&one.org));
        let apps = self.apps.iter().filter(|one| !has_space(&one.space));
        let services = self.services.iter().filter(|one| !has_space(&one.space));
        let unoffered = self.services.iter().filter(|one| self.offering(&one.offering).is_none());
        let offerings = self.offerings.iter().filter(|one| !has_broker(&one.broker));
        let said = [
            spaces.map(|one| format!("space {} is in no org", one.name)).collect::<Vec<_>>(),
            apps.map(|one| format!("app {} is in no space", one.name)).collect(),
            services.map(|one| format!("service instance {} is in no space", one.name)).collect(),
            unoffered.map(|one| format!("service instance {} is of no offering", one.name)).collect(),
            offerings.map(|one| format!("offering {} is of no broker", one.name)).collect(),
        ];
        said.concat()
    }

    /// Orgs and spaces on segments that their org may not use.
    fn misplaced(&self) -> Vec<String> {
        let exists = |guid: &String| self.segment_by_guid(guid).is_some();
        let orgs = self.orgs.iter().filter(|org| {
            !org.entitled.iter().all(exists)
                || org.default_segment.as_ref().is_some_and(|one| !org.entitled.contains(one))
        });
        let may_use = |space: &Space, segment: &String| {
            self.orgs.iter().any(|org| org.guid == space.org && org.entitled.contains(segment))
        };
        let spaces = self.spaces.iter().filter(|space| space.segment.as_ref().is_some_and(|one| !may_use(space, one)));
        let orgs = orgs.map(|org| format!("org {} has an isolation segment that it may not use", org.name));
        let spaces = spaces.map(|space| format!("space {} is on an isolation segment that it may not use", space.name));
        orgs.chain(spaces).collect()
    }

    /// Rows of one name in one place.
    fn namesakes(&self) -> Vec<String> {
        let apps = self.apps.iter().map(|one| ("app", &one.space, &one.name));
        let services = self.services.iter().map(|one| ("service instance", &one.space, &one.name));
        let spaces = self.spaces.iter().map(|one| ("space", &one.org, &one.name));
        let mut seen = BTreeSet::new();
        let twice = apps.chain(services).chain(spaces).filter(|row| !seen.insert(*row));
        twice.map(|(kind, _, name)| format!("{kind} {name} is there twice")).collect()
    }
}
