//! The lock and unlock scripts of jobs, in the order that their metadata asks for.

use crate::platform::balancer::From;
use crate::platform::cluster;
use crate::vm::{API_JOB, Holder};
use crate::world::WorldError;

use super::console::Purpose;
use super::errors::{Failure, Kind};
use super::session::{Session, script_path};
use super::site::{Placed, Stage, layers};

/// How the scripts between lock and unlock ended, which the unlock script is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scripts {
    Succeeded,
    Failed,
}

impl Scripts {
    fn variable(self) -> &'static str {
        match self {
            Scripts::Succeeded => "BBR_AFTER_BACKUP_SCRIPTS_SUCCESSFUL=true ",
            Scripts::Failed => "BBR_AFTER_BACKUP_SCRIPTS_SUCCESSFUL=false ",
        }
    }
}

impl Session<'_> {
    pub(super) fn lock(&self, purpose: Purpose) -> Result<(), Failure> {
        let name = purpose.name();
        let script = format!("pre-{name}-lock");
        self.console.info(&format!("Running {script} scripts..."));
        let mut errors = Vec::new();
        for layer in layers(self.jobs_with(&script)) {
            in_turns(purpose, &layer, |jobs, pause| errors.extend(self.run_locks(name, &script, jobs, pause)));
        }
        self.console.info(&format!("Finished running {script} scripts."));
        // A lock that fails before a restore sets no bit of its own in bbr's exit status.
        let kind = if purpose == Purpose::Backup { Kind::Lock } else { Kind::Other };
        if errors.is_empty() { Ok(()) } else { Err(Failure::nested(kind, &errors)) }
    }

    fn run_locks(&self, purpose: &str, script: &str, jobs: &[Placed], pause: Pause) -> Vec<String> {
        let mut errors = Vec::new();
        for placed in jobs {
            self.console.debug(&format!("> {}", script_path(&placed.job, script)));
            self.console.info(&format!("Locking {} on {} for {purpose}...", placed.job, placed.slug()));
            self.remote_script(&placed.job, script, "");
            // A script holds the lock from its start, so that a bbr that is killed meanwhile leaves it.
            let held = placed.vm().lock(&placed.job, &Holder::this_process());
            errors.extend(held.err().map(|error| error.to_string()));
        }
        errors.extend(self.wait(Stage::Lock, pause).err());
        for placed in jobs {
            let (job, slug) = (&placed.job, placed.slug());
            let ran = self
                .script(Stage::Lock, placed, script, || Ok(()))
                .or_else(|text| placed.vm().unlock(job).map_err(|error| error.to_string()).and(Err(text)));
            match &ran {
                Ok(()) => self.console.info(&format!("Finished locking {job} on {slug} for {purpose}.")),
                Err(_) => self.console.error(&format!("Error locking {job} on {slug}.")),
            }
            errors.extend(ran.err());
        }
        errors
    }

    pub(super) fn unlock(&self, purpose: Purpose, scripts: Scripts) -> Result<(), Failure> {
        let script = format!("post-{}-unlock", purpose.name());
        let variables = if purpose == Purpose::Backup { scripts.variable() } else { "" };
        self.console.info(&format!("Running {script} scripts..."));
        let mut errors = Vec::new();
        for layer in layers(self.jobs_with(&script)).iter().rev() {
            in_turns(purpose, layer, |jobs, pause| {
                errors.extend(self.run_unlocks(&script, variables, jobs, pause));
            });
        }
        self.console.info(&format!("Finished running {script} scripts."));
        if errors.is_empty() { Ok(()) } else { Err(Failure::nested(Kind::Unlock, &errors)) }
    }

    fn run_unlocks(&self, script: &str, variables: &str, jobs: &[Placed], pause: Pause) -> Vec<String> {
        for placed in jobs {
            self.console.debug(&format!("> {}", script_path(&placed.job, script)));
            self.console.info(&format!("Unlocking {} on {}...", placed.job, placed.slug()));
            self.remote_script(&placed.job, script, variables);
        }
        let mut errors: Vec<String> = self.wait(Stage::Unlock, pause).err().into_iter().collect();
        for placed in jobs {
            let ran = self.script(Stage::Unlock, placed, script, || self.unlock_job(placed));
            match &ran {
                Ok(()) => self.console.info(&format!("Finished unlocking {} on {}.", placed.job, placed.slug())),
                Err(_) => self.console.error(&format!("Error unlocking {} on {}.", placed.job, placed.slug())),
            }
            errors.extend(ran.err());
        }
        errors
    }

    fn wait(&self, stage: Stage, pause: Pause) -> Result<(), String> {
        match pause {
            Pause::Yes => self.pause(self.site.phase(stage)),
            Pause::No => Ok(()),
        }
    }

    /// Does what the unlock script of a job does. The Cloud Controller's waits for its own public address to answer.
    fn unlock_job(&self, placed: &Placed) -> Result<(), String> {
        if placed.job == API_JOB {
            self.await_api()?;
        }
        placed.vm().unlock(&placed.job).map_err(|error| error.to_string())
    }

    fn await_api(&self) -> Result<(), String> {
        let say = |error: WorldError| error.to_string();
        if !self.world.platform().map_err(say)?.balancer.lets_through(From::Inside) {
            return Err("Public health check of https://api.sys.sandbox/info timed out".into());
        }
        let foundation = self.world.foundation().map_err(say)?;
        if !cluster::has_database(self.world, &foundation).map_err(say)? {
            return Err("Health check of /healthz timed out: Mysql2::Error::ConnectionError".into());
        }
        Ok(())
    }
}

/// Runs the jobs of a layer at once for a backup, and one after another for a restore; time passes once.
fn in_turns(purpose: Purpose, layer: &[Placed], mut run: impl FnMut(&[Placed], Pause)) {
    let at_once = if purpose == Purpose::Backup { layer.len() } else { 1 };
    for (index, jobs) in layer.chunks(at_once.max(1)).enumerate() {
        run(jobs, if index == 0 { Pause::Yes } else { Pause::No });
    }
}

/// Whether the time of a stage passes with these scripts, or has passed with earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pause {
    Yes,
    No,
}
