//! The lock and unlock scripts of jobs, in the order that their metadata asks for.

use crate::scripts::{ScriptKind, path};
use crate::vm::Holder;

use super::console::Purpose;
use super::errors::{Failure, Kind};
use super::session::Session;
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
        let script = match purpose {
            Purpose::Backup => ScriptKind::PreBackupLock,
            Purpose::Restore => ScriptKind::PreRestoreLock,
        };
        self.console.info(&format!("Running {} scripts...", script.name()));
        let mut errors = Vec::new();
        for layer in layers(self.jobs_with(script.name())) {
            in_turns(purpose, &layer, |jobs, pause| {
                errors.extend(self.run_locks(purpose.name(), script, jobs, pause));
            });
        }
        self.console.info(&format!("Finished running {} scripts.", script.name()));
        // A lock that fails before a restore sets no bit of its own in bbr's exit status.
        let kind = if purpose == Purpose::Backup { Kind::Lock } else { Kind::Other };
        if errors.is_empty() { Ok(()) } else { Err(Failure::nested(kind, &errors)) }
    }

    fn run_locks(&self, purpose: &str, script: ScriptKind, jobs: &[Placed], pause: Pause) -> Vec<String> {
        let mut errors = Vec::new();
        for placed in jobs {
            self.console.debug(&format!("> {}", path(&placed.job, script.name())));
            self.console.info(&format!("Locking {} on {} for {purpose}...", placed.job, placed.slug()));
            self.remote_script(&placed.job, script.name(), "");
            // A script holds the lock from its start, so that a bbr that is killed meanwhile leaves it.
            let held = placed.vm().lock(&placed.job, &Holder::this_process()).map_err(|error| error.to_string());
            errors.extend(held.and_then(|()| self.begin(Stage::Lock, placed, script)).err());
        }
        errors.extend(self.wait(Stage::Lock, pause).err());
        for placed in jobs {
            let (job, slug) = (&placed.job, placed.slug());
            let ran = self
                .end(Stage::Lock, placed, script)
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
        let (script, variables) = match purpose {
            Purpose::Backup => (ScriptKind::PostBackupUnlock, scripts.variable()),
            Purpose::Restore => (ScriptKind::PostRestoreUnlock, ""),
        };
        self.console.info(&format!("Running {} scripts...", script.name()));
        let mut errors = Vec::new();
        for layer in layers(self.jobs_with(script.name())).iter().rev() {
            in_turns(purpose, layer, |jobs, pause| {
                errors.extend(self.run_unlocks(script, variables, jobs, pause));
            });
        }
        self.console.info(&format!("Finished running {} scripts.", script.name()));
        if errors.is_empty() { Ok(()) } else { Err(Failure::nested(Kind::Unlock, &errors)) }
    }

    fn run_unlocks(&self, script: ScriptKind, variables: &str, jobs: &[Placed], pause: Pause) -> Vec<String> {
        let mut errors = Vec::new();
        for placed in jobs {
            self.console.debug(&format!("> {}", path(&placed.job, script.name())));
            self.console.info(&format!("Unlocking {} on {}...", placed.job, placed.slug()));
            self.remote_script(&placed.job, script.name(), variables);
            errors.extend(self.begin(Stage::Unlock, placed, script).err());
        }
        errors.extend(self.wait(Stage::Unlock, pause).err());
        for placed in jobs {
            let ran = self.end(Stage::Unlock, placed, script);
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
