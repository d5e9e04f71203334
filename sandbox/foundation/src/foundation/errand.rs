//! Errands: scripts that the director runs on an instance when it is asked to.

use serde::{Deserialize, Serialize};

use crate::fault::FaultPoint;
use crate::platform::{cluster, health};
use crate::world::{World, WorldError};

/// An errand of a deployment, and the instance that runs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Errand {
    pub(crate) deployment: String,
    pub(crate) name: String,
    /// `GROUP/ID`.
    pub(crate) instance: String,
}

/// What an errand left, as the director tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErrandResult {
    pub(crate) instance: String,
    pub(crate) exit_code: u8,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Errand {
    /// Does what its script does.
    pub(super) fn run(&self, world: &World) -> Result<ErrandResult, WorldError> {
        let Errand { name, instance, .. } = self;
        let result = |exit_code, stdout, stderr| ErrandResult { instance: instance.clone(), exit_code, stdout, stderr };
        if let Some(fault) = world.strike(FaultPoint::ERRAND)? {
            return Ok(result(fault.exit, String::new(), fault.said(name) + "\n"));
        }
        let done = match name.as_str() {
            "bootstrap" => cluster::bootstrap(world)?,
            "smoke_tests" => health::smoke_tests(world)?,
            _ => Ok(format!("{name}: done\n")),
        };
        Ok(match done {
            Ok(told) => result(0, told, String::new()),
            Err(why) => result(1, String::new(), why),
        })
    }
}

impl ErrandResult {
    /// Returns the result as a line of a task's output.
    pub(super) fn line(&self) -> String {
        serde_json::to_string(self).expect("a result has string keys and plain values")
    }
}
