//! What Healthwatch sees of the platform: it pushes a canary and asks it.

use serde::{Deserialize, Serialize};

use crate::world::{World, WorldError};

use super::api::{Api, api};
use super::balancer::From;

/// What Healthwatch's canary says, whatever the platform does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Canary {
    /// It tells what the platform is able to do.
    #[default]
    Honest,
    /// It fails for a reason of its own.
    Red,
}

/// One value of each check: 1 passed, 0 failed, -1 did not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Checks {
    login: i8,
    push: i8,
    app: i8,
}

/// Runs Healthwatch's checks, which come from inside of the platform.
pub(crate) fn checks(world: &World) -> Result<Checks, WorldError> {
    let is_red = world.platform()?.canary == Canary::Red;
    let login = i8::from(api(world, From::Inside)? == Api::Answers);
    let push = if login == 0 { -1 } else { i8::from(!is_red && world.has_blobstore()?) };
    Ok(Checks { login, push, app: i8::from(!is_red) })
}

impl Checks {
    /// Returns every metric with its value, as the exporter names it.
    fn rows(self) -> Vec<(&'static str, i8)> {
        let after_push = if self.push == 1 { 1 } else { -1 };
        vec![
            ("health_check_cliCommand_login", self.login),
            ("health_check_cliCommand_push", self.push),
            ("health_check_cliCommand_start", after_push),
            ("health_check_cliCommand_logs", after_push),
            ("health_check_cliCommand_stop", after_push),
            ("health_check_cliCommand_delete", after_push),
            ("health_check_cliCommand_success", i8::from(self.login == 1 && self.push == 1)),
            ("health_check_cliCommand_probe_available", 1),
            ("health_check_CanaryApp_available", self.app),
            ("health_check_OpsMan_available", 1),
        ]
    }

    /// Returns the metrics as the exporter prints them.
    pub(crate) fn metrics(self) -> String {
        self.rows().iter().map(|(name, value)| format!("{name} {value}\n")).collect()
    }
}
