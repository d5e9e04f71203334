//! The third version of the platform's API: what playbooks ask for.

use serde_json::{Value, json};

use crate::foundation::Foundation;
use crate::platform::Catalog;
use crate::platform::catalog::{App, Broker, Desired, FLAGS, Org, Segment, ServiceInstance, Space};
use crate::platform::placement;
use crate::world::{World, WorldError};

use super::Answer;

/// Returns what the API answers to a request.
pub(super) fn answer(world: &World, method: &str, path: &str) -> Result<Answer, WorldError> {
    if method != "GET" {
        return Ok(Answer::error(405, 10_000, "CF-MethodNotAllowed", "The sandbox answers GET only"));
    }
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let words: Vec<&str> = path.trim_matches('/').split('/').collect();
    let reply = Reply { catalog: world.platform()?.catalog, foundation: world.foundation()?, query: Query(query) };
    let found = match words.as_slice() {
        ["v3", "organizations"] => Some(reply.orgs()),
        ["v3", "organizations", guid, "relationships", "default_isolation_segment"] => reply.org_segment(guid),
        ["v3", "organizations", guid] => reply.org(guid),
        ["v3", "spaces"] => Some(reply.spaces()),
        ["v3", "spaces", guid, "relationships", "isolation_segment"] => reply.space_segment(guid),
        ["v3", "spaces", guid] => reply.space(guid),
        ["v3", "apps"] => Some(reply.apps()),
        ["v3", "apps", guid] => reply.app(guid).map(app),
        ["v3", "apps", guid, "processes"] => reply.app(guid).map(|app| page(&[process(app)])),
        ["v3", "apps", guid, "processes", "web"] => reply.app(guid).map(process),
        ["v3", "apps", guid, "processes", "web", "stats"] => reply.app(guid).map(|app| reply.stats(app)),
        ["v3", "apps", guid, "droplets", "current"] => reply.droplet(guid),
        ["v3", "droplets"] => Some(reply.droplets()),
        ["v3", "isolation_segments"] => Some(reply.segments()),
        ["v3", "isolation_segments", guid, "organizations"] => Some(reply.entitled(guid)),
        ["v3", "service_instances"] => Some(reply.services()),
        ["v3", "service_brokers"] => Some(reply.brokers()),
        ["v3", "feature_flags"] => Some(reply.flags()),
        _ => None,
    };
    let missing = || Answer::error(404, 10_010, "CF-ResourceNotFound", "Resource not found");
    Ok(found.as_ref().map_or_else(missing, Answer::json))
}

struct Reply<'q> {
    catalog: Catalog,
    foundation: Foundation,
    query: Query<'q>,
}

/// The query of a request.
struct Query<'q>(&'q str);

impl Query<'_> {
    /// Returns whether a value is among those that the query wants, if it wants any.
    fn wants(&self, key: &str, value: &str) -> bool {
        let mut pairs = self.0.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(known, _)| *known == key).is_none_or(|(_, wanted)| wanted.split(',').any(|one| one == value))
    }
}

fn page(resources: &[Value]) -> Value {
    let pagination = json!({"total_results": resources.len(), "total_pages": 1, "next": null, "previous": null});
    json!({"pagination": pagination, "resources": resources})
}

fn related(guid: Option<&String>) -> Value {
    json!({"data": guid.map(|guid| json!({"guid": guid}))})
}

fn org(org: &Org) -> Value {
    json!({"guid": org.guid, "name": org.name, "suspended": false})
}

fn space(space: &Space) -> Value {
    json!({"guid": space.guid, "name": space.name, "relationships": {"organization": related(Some(&space.org))}})
}

fn app(app: &App) -> Value {
    let state = if app.desired == Desired::Started { "STARTED" } else { "STOPPED" };
    let relationships = json!({"space": related(Some(&app.space)), "current_droplet": related(app.droplet.as_ref())});
    json!({"guid": app.guid, "name": app.name, "state": state, "relationships": relationships})
}

fn process(app: &App) -> Value {
    json!({"guid": app.guid, "type": "web", "instances": app.instances, "memory_in_mb": 256})
}

fn segment(segment: &Segment) -> Value {
    json!({"guid": segment.guid, "name": segment.name})
}

fn service(service: &ServiceInstance) -> Value {
    json!({
        "guid": service.guid,
        "name": service.name,
        "type": "managed",
        "last_operation": {"type": "create", "state": service.operation.state()},
        "relationships": {"space": related(Some(&service.space))},
    })
}

impl Reply<'_> {
    fn orgs(&self) -> Value {
        let wanted = self.catalog.orgs.iter().filter(|one| self.query.wants("names", &one.name));
        page(&wanted.map(org).collect::<Vec<_>>())
    }

    fn org(&self, guid: &str) -> Option<Value> {
        self.catalog.orgs.iter().find(|one| one.guid == guid).map(org)
    }

    fn org_segment(&self, guid: &str) -> Option<Value> {
        let found = self.catalog.orgs.iter().find(|one| one.guid == guid);
        found.map(|org| related(org.default_segment.as_ref()))
    }

    fn spaces(&self) -> Value {
        let wanted = self.catalog.spaces.iter().filter(|one| {
            self.query.wants("organization_guids", &one.org)
                && self.query.wants("names", &one.name)
                && self.query.wants("guids", &one.guid)
        });
        page(&wanted.map(space).collect::<Vec<_>>())
    }

    fn space(&self, guid: &str) -> Option<Value> {
        self.catalog.spaces.iter().find(|one| one.guid == guid).map(space)
    }

    fn space_segment(&self, guid: &str) -> Option<Value> {
        let found = self.catalog.spaces.iter().find(|one| one.guid == guid);
        found.map(|space| related(space.segment.as_ref()))
    }

    fn apps(&self) -> Value {
        let org_of = |space: &str| {
            self.catalog.spaces.iter().find(|one| one.guid == space).map_or("", |space| space.org.as_str())
        };
        let wanted = self.catalog.apps.iter().filter(|one| {
            self.query.wants("space_guids", &one.space)
                && self.query.wants("organization_guids", org_of(&one.space))
                && self.query.wants("names", &one.name)
                && self.query.wants("guids", &one.guid)
        });
        page(&wanted.map(app).collect::<Vec<_>>())
    }

    fn app(&self, guid: &str) -> Option<&App> {
        self.catalog.apps.iter().find(|one| one.guid == guid)
    }

    fn stats(&self, app: &App) -> Value {
        let running = placement::running(&self.foundation, &self.catalog, app);
        let count = if app.desired == Desired::Started { app.instances } else { 0 };
        let segment = app.placed.as_deref().and_then(|guid| self.catalog.segment_by_guid(guid));
        let state =
            |index: u32| if index < running { "RUNNING".into() } else { placement::failing_state(app).to_uppercase() };
        let stat = |index| {
            json!({
                "type": "web",
                "index": index,
                "state": state(index),
                "isolation_segment": segment.map(|segment| &segment.name),
            })
        };
        json!({"resources": (0..count).map(stat).collect::<Vec<_>>()})
    }

    fn droplet(&self, guid: &str) -> Option<Value> {
        let droplet = self.app(guid)?.droplet.as_ref()?;
        Some(json!({"guid": droplet, "state": "STAGED"}))
    }

    fn droplets(&self) -> Value {
        let staged = self.catalog.apps.iter().filter_map(|app| {
            let droplet = app.droplet.as_ref()?;
            Some(json!({"guid": droplet, "state": "STAGED", "relationships": {"app": related(Some(&app.guid))}}))
        });
        page(&staged.collect::<Vec<_>>())
    }

    fn segments(&self) -> Value {
        let is_entitled = |one: &Segment| {
            let mut orgs = self.catalog.orgs.iter().filter(|org| org.entitled.contains(&one.guid));
            !self.query.0.contains("organization_guids")
                || orgs.any(|org| self.query.wants("organization_guids", &org.guid))
        };
        let wanted = self.catalog.segments.iter().filter(|one| {
            self.query.wants("names", &one.name) && self.query.wants("guids", &one.guid) && is_entitled(one)
        });
        page(&wanted.map(segment).collect::<Vec<_>>())
    }

    fn entitled(&self, guid: &str) -> Value {
        let is_entitled = |org: &&Org| org.entitled.iter().any(|one| one == guid);
        page(&self.catalog.orgs.iter().filter(is_entitled).map(org).collect::<Vec<_>>())
    }

    fn services(&self) -> Value {
        let wanted = self.catalog.services.iter().filter(|one| self.query.wants("space_guids", &one.space));
        page(&wanted.map(service).collect::<Vec<_>>())
    }

    fn brokers(&self) -> Value {
        let row = |broker: &Broker| json!({"guid": broker.guid, "name": broker.name, "url": broker.url});
        page(&self.catalog.brokers.iter().map(row).collect::<Vec<_>>())
    }

    fn flags(&self) -> Value {
        let row = |(name, first): &(&str, bool)| json!({"name": name, "enabled": self.catalog.flags.get(*name).copied().unwrap_or(*first)});
        page(&FLAGS.iter().map(row).collect::<Vec<_>>())
    }
}
