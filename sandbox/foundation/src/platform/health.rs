//! What Healthwatch sees of the platform: it pushes a canary and asks it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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

/// Does what the errand `smoke_tests` does; the answer is its output, or why it failed.
pub(crate) fn smoke_tests(world: &World) -> Result<Result<String, String>, WorldError> {
    let checks = checks(world)?;
    if checks.push == 1 {
        return Ok(Ok("Ran 4 of 4 Specs\nSUCCESS! -- 4 Passed | 0 Failed\n".into()));
    }
    Ok(Err("Ran 4 of 4 Specs\nFAIL! -- 0 Passed | 4 Failed: cf push failed\n".into()))
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

    /// Returns the metrics as a document.
    pub(crate) fn document(self) -> Value {
        self.rows().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect::<Map<_, _>>().into()
    }

    /// Returns the metrics as the exporter prints them.
    pub(crate) fn metrics(self) -> String {
        self.rows().iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join("\n") + "\n"
    }
}
