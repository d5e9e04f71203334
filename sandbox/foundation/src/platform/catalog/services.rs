//! Services: brokers, what they offer, and the instances that they made.

use serde::{Deserialize, Serialize};

use super::Catalog;

/// When the service instances of the beginning were made.
const LONG_AGO: &str = "2025-11-03T09:12:44Z";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Broker {
    pub(crate) guid: String,
    pub(crate) name: String,
    pub(crate) url: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Offering {
    pub(crate) guid: String,
    pub(crate) name: String,
    pub(crate) broker: String,
    pub(crate) plan: String,
    pub(crate) access: Access,
}

/// Who may create instances of an offering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Access {
    All,
    None,
}

impl Access {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Access::All => "all",
            Access::None => "none",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServiceInstance {
    pub(crate) guid: String,
    pub(crate) name: String,
    pub(crate) space: String,
    pub(crate) offering: String,
    pub(crate) operation: Operation,
}

/// The last operation of a service instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Operation {
    pub(crate) verb: Verb,
    pub(crate) state: OperationState,
    /// The task of the director that the broker waits for; without one, nobody ends it.
    pub(crate) task: Option<u32>,
    pub(crate) started_at: String,
    pub(crate) updated_at: String,
}

/// What an operation does to its service instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verb {
    Create,
    Delete,
}

impl Verb {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Verb::Create => "create",
            Verb::Delete => "delete",
        }
    }
}

/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OperationState {
    InProgress,
    Succeeded,
    Failed,
}

impl OperationState {
    /// Returns the state as the API names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            OperationState::InProgress => "in progress",
            OperationState::Succeeded => "succeeded",
            OperationState::Failed => "failed",
        }
    }
}

impl Operation {
    /// Returns an operation that begins at a time.
    pub(crate) fn begun(verb: Verb, task: Option<u32>, at: &str) -> Operation {
        Operation { verb, state: OperationState::InProgress, task, started_at: at.into(), updated_at: at.into() }
    }

    pub(crate) fn is_in_progress(&self) -> bool {
        self.state == OperationState::InProgress
    }

    /// Ends it at a time.
    pub(crate) fn end(&mut self, state: OperationState, at: &str) {
        self.state = state;
        self.task = None;
        at.clone_into(&mut self.updated_at);
    }

    /// Returns what people read: `create in progress`.
    pub(crate) fn said(&self) -> String {
        format!("{} {}", self.verb.name(), self.state.name())
    }
}

impl Catalog {
    pub(super) fn add_mysql(&mut self, space: &str) {
        let broker = self.add_broker("dedicated-mysql-broker", "https://dedicated-mysql-broker.sys.sandbox");
        let offering = self.fresh_guid();
        self.offerings.push(Offering {
            guid: offering.clone(),
            name: "p.mysql".into(),
            broker,
            plan: "db-small".into(),
            access: Access::All,
        });
        let mut operation = Operation::begun(Verb::Create, None, LONG_AGO);
        operation.end(OperationState::Succeeded, LONG_AGO);
        self.add_service(space, "ledger-db", &offering, operation);
    }

    pub(crate) fn add_broker(&mut self, name: &str, url: &str) -> String {
        let guid = self.fresh_guid();
        self.brokers.push(Broker { guid: guid.clone(), name: name.into(), url: url.into() });
        guid
    }

    pub(crate) fn add_service(&mut self, space: &str, name: &str, offering: &str, operation: Operation) -> String {
        let guid = self.fresh_guid();
        let (name, space, offering) = (name.into(), space.into(), offering.into());
        self.services.push(ServiceInstance { guid: guid.clone(), name, space, offering, operation });
        guid
    }

    pub(crate) fn service(&self, space: &str, name: &str) -> Option<&ServiceInstance> {
        self.services.iter().find(|service| service.space == space && service.name == name)
    }

    pub(crate) fn offering(&self, guid: &str) -> Option<&Offering> {
        self.offerings.iter().find(|offering| offering.guid == guid)
    }

    pub(crate) fn broker(&self, name: &str) -> Option<&Broker> {
        self.brokers.iter().find(|broker| broker.name == name)
    }

    /// Returns the names of the service instances that a broker made.
    pub(crate) fn services_of(&self, broker: &str) -> Vec<&str> {
        let is_of = |one: &&ServiceInstance| self.offering(&one.offering).is_some_and(|offer| offer.broker == broker);
        self.services.iter().filter(is_of).map(|service| service.name.as_str()).collect()
    }
}
