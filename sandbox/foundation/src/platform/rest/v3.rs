//! The third version of the platform's API: what playbooks ask for.

mod change;
mod query;

use serde_json::{Value, json};

use crate::foundation::Foundation;
use crate::platform::Catalog;
use crate::platform::catalog::{
    Access, App, Broker, Desired, FLAGS, Offering, Operation, Org, Segment, ServiceInstance, Space,
};
use crate::platform::placement;
use crate::world::{World, WorldError};

use super::{Answer, Request, url};

use query::Query;

/// Returns what the API answers to a request.
pub(super) fn answer(world: &World, request: Request) -> Result<Answer, WorldError> {
    let query = match Query::read(request.path) {
        Ok(query) => query,
        Err(refusal) => return Ok(refusal),
    };
    match request.method {
        "GET" | "HEAD" => {
            let reply = Reply { catalog: world.platform()?.catalog, foundation: world.foundation()?, query };
            Ok(reply.get().as_ref().map_or_else(missing, Answer::json))
        }
        "PATCH" => change::patch(world, &query.words(), request.body),
        method => {
            Ok(Answer::error(405, 10_000, "CF-MethodNotAllowed", &format!("The sandbox does not answer {method}")))
        }
    }
}

fn missing() -> Answer {
    Answer::error(404, 10_010, "CF-ResourceNotFound", "Resource not found")
}

struct Reply<'q> {
    catalog: Catalog,
    foundation: Foundation,
    query: Query<'q>,
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
    let Operation { verb, state, started_at, updated_at, .. } = &service.operation;
    json!({
        "guid": service.guid,
        "name": service.name,
        "type": "managed",
        "created_at": started_at,
        "updated_at": updated_at,
        "last_operation": {
            "type": verb.name(),
            "state": state.name(),
            "description": "",
            "created_at": started_at,
            "updated_at": updated_at,
        },
        "relationships": {
            "space": related(Some(&service.space)),
            "service_plan": related(Some(&service.offering)),
        },
    })
}

fn broker(broker: &Broker) -> Value {
    json!({"guid": broker.guid, "name": broker.name, "url": broker.url})
}

fn flag(catalog: &Catalog, name: &str) -> Value {
    let links = json!({"self": {"href": url(&format!("/v3/feature_flags/{name}"))}});
    json!({
        "name": name,
        "enabled": catalog.flag(name).unwrap_or_default(),
        "updated_at": null,
        "custom_error_message": null,
        "links": links,
    })
}

impl Reply<'_> {
    /// Returns the document at the path, if there is one.
    fn get(&self) -> Option<Value> {
        match self.query.words().as_slice() {
            ["v3", "organizations"] => Some(self.orgs()),
            ["v3", "organizations", guid, "relationships", "default_isolation_segment"] => self.org_segment(guid),
            ["v3", "organizations", guid] => self.org(guid),
            ["v3", "spaces"] => Some(self.spaces()),
            ["v3", "spaces", guid, "relationships", "isolation_segment"] => self.space_segment(guid),
            ["v3", "spaces", guid] => self.space(guid),
            ["v3", "apps"] => Some(self.apps()),
            ["v3", "apps", guid] => self.app(guid).map(app),
            ["v3", "apps", guid, "processes"] => self.app(guid).map(|app| self.query.page(&[process(app)])),
            ["v3", "apps", guid, "processes", "web"] => self.app(guid).map(process),
            ["v3", "apps", guid, "processes", "web", "stats"] => self.app(guid).map(|app| self.stats(app)),
            ["v3", "apps", guid, "droplets", "current"] => self.droplet(guid),
            ["v3", "droplets"] => Some(self.droplets()),
            ["v3", "isolation_segments"] => Some(self.segments()),
            ["v3", "isolation_segments", guid] => self.catalog.segment_by_guid(guid).map(segment),
            ["v3", "isolation_segments", guid, "organizations"] => Some(self.entitled(guid)),
            words => self.get_service(words),
        }
    }

    /// Returns the document of services, or of feature flags.
    fn get_service(&self, words: &[&str]) -> Option<Value> {
        match words {
            ["v3", "service_instances"] => Some(self.services()),
            ["v3", "service_instances", guid] => {
                self.catalog.services.iter().find(|one| one.guid == *guid).map(service)
            }
            ["v3", "service_brokers"] => Some(self.brokers()),
            ["v3", "service_brokers", guid] => self.catalog.brokers.iter().find(|one| one.guid == *guid).map(broker),
            ["v3", "service_offerings"] => Some(self.offerings()),
            ["v3", "service_plans"] => Some(self.plans()),
            ["v3", "feature_flags"] => Some(self.flags()),
            ["v3", "feature_flags", name] => self.catalog.flag(name).map(|_| flag(&self.catalog, name)),
            _ => None,
        }
    }

    fn orgs(&self) -> Value {
        let wanted = self.catalog.orgs.iter().filter(|one| self.query.wants("names", &one.name));
        self.query.page(&wanted.map(org).collect::<Vec<_>>())
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
        self.query.page(&wanted.map(space).collect::<Vec<_>>())
    }

    fn space(&self, guid: &str) -> Option<Value> {
        self.catalog.spaces.iter().find(|one| one.guid == guid).map(space)
    }

    fn space_segment(&self, guid: &str) -> Option<Value> {
        let found = self.catalog.spaces.iter().find(|one| one.guid == guid);
        found.map(|space| related(space.segment.as_ref()))
    }

    fn apps(&self) -> Value {
        let wanted = self.catalog.apps.iter().filter(|one| {
            self.query.wants("space_guids", &one.space)
                && self.query.wants("organization_guids", self.org_of(&one.space))
                && self.query.wants("names", &one.name)
                && self.query.wants("guids", &one.guid)
        });
        self.query.page(&wanted.map(app).collect::<Vec<_>>())
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
        self.query.page(&staged.collect::<Vec<_>>())
    }

    fn segments(&self) -> Value {
        let is_entitled = |one: &Segment| {
            let mut orgs = self.catalog.orgs.iter().filter(|org| org.entitled.contains(&one.guid));
            !self.query.names("organization_guids") || orgs.any(|org| self.query.wants("organization_guids", &org.guid))
        };
        let wanted = self.catalog.segments.iter().filter(|one| {
            self.query.wants("names", &one.name) && self.query.wants("guids", &one.guid) && is_entitled(one)
        });
        self.query.page(&wanted.map(segment).collect::<Vec<_>>())
    }

    fn entitled(&self, guid: &str) -> Value {
        let is_entitled = |org: &&Org| org.entitled.iter().any(|one| one == guid);
        self.query.page(&self.catalog.orgs.iter().filter(is_entitled).map(org).collect::<Vec<_>>())
    }

    fn services(&self) -> Value {
        let wanted = self.catalog.services.iter().filter(|one| {
            self.query.wants("space_guids", &one.space)
                && self.query.wants("organization_guids", self.org_of(&one.space))
                && self.query.wants("names", &one.name)
                && self.query.wants("guids", &one.guid)
                && self.query.wants("service_plan_guids", &one.offering)
                && self.query.wants("type", "managed")
        });
        self.query.page(&wanted.map(service).collect::<Vec<_>>())
    }

    fn org_of(&self, space: &str) -> &str {
        self.catalog.spaces.iter().find(|one| one.guid == space).map_or("", |space| space.org.as_str())
    }

    fn brokers(&self) -> Value {
        let wanted = self.catalog.brokers.iter().filter(|one| self.query.wants("names", &one.name));
        self.query.page(&wanted.map(broker).collect::<Vec<_>>())
    }

    fn offerings(&self) -> Value {
        let wanted = self.catalog.offerings.iter().filter(|one| {
            self.query.wants("names", &one.name) && self.query.wants("service_broker_guids", &one.broker)
        });
        let row = |one: &Offering| {
            let relationships = json!({"service_broker": related(Some(&one.broker))});
            json!({"guid": one.guid, "name": one.name, "available": true, "relationships": relationships})
        };
        self.query.page(&wanted.map(row).collect::<Vec<_>>())
    }

    /// Every offering has one plan, with its guid.
    fn plans(&self) -> Value {
        let wanted = self.catalog.offerings.iter().filter(|one| {
            self.query.wants("names", &one.plan)
                && self.query.wants("service_offering_names", &one.name)
                && self.query.wants("service_broker_guids", &one.broker)
        });
        let row = |one: &Offering| {
            let visibility = if one.access == Access::All { "public" } else { "admin" };
            let relationships = json!({"service_offering": related(Some(&one.guid))});
            json!({"guid": one.guid, "name": one.plan, "visibility_type": visibility, "relationships": relationships})
        };
        self.query.page(&wanted.map(row).collect::<Vec<_>>())
    }

    fn flags(&self) -> Value {
        self.query.page(&FLAGS.map(|(name, _)| flag(&self.catalog, name)))
    }
}
