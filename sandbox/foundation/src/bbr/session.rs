//! What backup, restore and the cleanups share: the connection to the VM, and its lock, unlock and cleanup steps.

use std::cell::RefCell;
use std::fs;
use std::sync::Arc;

use crate::director::Director;
use crate::fault::FaultPoint;
use crate::later;
use crate::pace::{Pace, Phase};
use crate::vm::{BACKUP_DIRECTORY, Holder, Job, LOCK_JOB, Vm};
use crate::world::{World, WorldError};

use super::console::{Console, Purpose};
use super::errors::{Failure, Failures, Kind};
use super::flags::Access;
use super::help::VERSION;

const LOCK_METADATA: &str = "---
backup_should_be_locked_before:
- job_name: blobstore
  release: bosh
restore_should_be_locked_before:
- job_name: blobstore
  release: bosh";

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

/// One run of bbr against the director's VM.
pub(super) struct Session<'a> {
    pub(super) world: &'a World,
    pub(super) console: Arc<Console>,
    pub(super) vm: Vm,
    pub(super) pace: Pace,
    access: &'a Access,
    director: Director,
    scripts: RefCell<Vec<String>>,
}

impl<'a> Session<'a> {
    pub(super) fn new(world: &'a World, access: &'a Access, console: Arc<Console>) -> Result<Session<'a>, WorldError> {
        let (vm, pace, director) = (world.vm(), Pace::of(world)?, world.read()?);
        Ok(Session { world, console, vm, pace, access, director, scripts: RefCell::default() })
    }

    /// Returns the name under which bbr speaks of the director: its host without scheme and port.
    pub(super) fn name(&self) -> &str {
        let (host, _) = split_address(&self.access.host);
        host
    }

    /// Connects and looks for the scripts.
    pub(super) fn connect(&self) -> Result<(), Failure> {
        self.console.info("Looking for scripts");
        self.pass(Phase::CONNECT)?;
        self.log_in()?;
        self.console.debug("Attempting to find scripts on bosh/0");
        let scripts = self.vm.scripts().map_err(|error| broken(&error))?;
        *self.scripts.borrow_mut() = scripts;
        self.log_scripts();
        Ok(())
    }

    /// Returns the jobs that have a script of this name.
    pub(super) fn jobs_with(&self, script: &str) -> Vec<Job> {
        Job::ALL.into_iter().filter(|job| self.has_script(job.name, script)).collect()
    }

    pub(super) fn check_backupable(&self) -> Result<(), Failure> {
        self.console.info(&format!("Running pre-checks for backup of {}...", self.name()));
        self.pass(Phase::CHECK)?;
        if self.jobs_with("backup").is_empty() {
            return Err(Failure::new(Kind::Other, format!("Deployment '{}' has no backup scripts", self.name())));
        }
        self.check_directory()
    }

    /// Lets the time of a phase pass after which bbr looks at what others may have changed meanwhile.
    fn pass(&self, phase: Phase) -> Result<(), Failure> {
        self.pace.pass(phase);
        later::catch_up(self.world).map_err(|error| broken(&error))
    }

    pub(super) fn check_directory(&self) -> Result<(), Failure> {
        self.trying(&format!("stat {BACKUP_DIRECTORY}"));
        if self.vm.directory_holder().is_none() {
            return Ok(());
        }
        let text = format!("Directory {BACKUP_DIRECTORY} already exists on instance bosh/0");
        Err(Failure::new(Kind::Directory, text))
    }

    pub(super) fn lock(&self, purpose: Purpose) -> Result<(), Failure> {
        let name = purpose.name();
        self.console.info(&format!("Running pre-{name}-lock scripts..."));
        let script = format!("pre-{name}-lock");
        let locked = if self.has_script(LOCK_JOB, &script) { self.run_lock(name, &script) } else { Ok(()) };
        self.console.info(&format!("Finished running pre-{name}-lock scripts."));
        // A lock that fails before a restore sets no bit of its own in bbr's exit status.
        let kind = if purpose == Purpose::Backup { Kind::Lock } else { Kind::Other };
        locked.map_err(|text| Failure::nested(kind, &[text]))
    }

    fn run_lock(&self, purpose: &str, script: &str) -> Result<(), String> {
        self.console.debug(&format!("> {}", script_path(LOCK_JOB, script)));
        self.console.info(&format!("Locking {LOCK_JOB} on bosh/0 for {purpose}..."));
        self.remote_script(LOCK_JOB, script, "");
        let ran = self.hold_lock(script);
        match &ran {
            Ok(()) => self.console.info(&format!("Finished locking {LOCK_JOB} on bosh/0 for {purpose}.")),
            Err(_) => self.console.error(&format!("Error locking {LOCK_JOB} on bosh/0.")),
        }
        ran
    }

    /// The script holds the lock from its start, so that a bbr that is killed meanwhile leaves it.
    fn hold_lock(&self, script: &str) -> Result<(), String> {
        self.vm.lock(&Holder::this_process()).map_err(|error| error.to_string())?;
        self.pace.pass(Phase::LOCK);
        self.script(FaultPoint::LOCK, LOCK_JOB, script, || Ok(()))
            .or_else(|text| self.vm.unlock().map_err(|error| error.to_string()).and(Err(text)))
    }

    pub(super) fn unlock(&self, purpose: Purpose, scripts: Scripts) -> Result<(), Failure> {
        let name = purpose.name();
        self.console.info(&format!("Running post-{name}-unlock scripts..."));
        let script = format!("post-{name}-unlock");
        let variables = if purpose == Purpose::Backup { scripts.variable() } else { "" };
        let unlocked = if self.has_script(LOCK_JOB, &script) { self.run_unlock(&script, variables) } else { Ok(()) };
        self.console.info(&format!("Finished running post-{name}-unlock scripts."));
        unlocked.map_err(|text| Failure::nested(Kind::Unlock, &[text]))
    }

    fn run_unlock(&self, script: &str, variables: &str) -> Result<(), String> {
        self.console.debug(&format!("> {}", script_path(LOCK_JOB, script)));
        self.console.info(&format!("Unlocking {LOCK_JOB} on bosh/0..."));
        self.remote_script(LOCK_JOB, script, variables);
        self.pace.pass(Phase::UNLOCK);
        let ran =
            self.script(FaultPoint::UNLOCK, LOCK_JOB, script, || self.vm.unlock().map_err(|error| error.to_string()));
        match &ran {
            Ok(()) => self.console.info(&format!("Finished unlocking {LOCK_JOB} on bosh/0.")),
            Err(_) => self.console.error(&format!("Error unlocking {LOCK_JOB} on bosh/0.")),
        }
        ran
    }

    /// Logs a command on the VM and what it printed.
    pub(super) fn remote(&self, command: &str, stdout: &str) {
        self.trying(command);
        self.console.debug(&format!("stdout: {stdout}"));
        self.console.debug("stderr: ");
    }

    /// Logs the run of a job's script.
    pub(super) fn remote_script(&self, job: &str, script: &str, variables: &str) {
        self.trying(&format!("{variables}{}", script_path(job, script)));
        self.console.debug("stderr: ");
    }

    fn trying(&self, command: &str) {
        self.console.debug(&format!("Trying to execute 'sudo {command}' on remote"));
    }

    /// Removes bbr's directory from the VM after this run.
    pub(super) fn clean_up(&self) -> Result<(), Failure> {
        self.remove_directory().map_err(|text| {
            let doing = format!("Deployment '{}' failed while cleaning up with error", self.name());
            Failure::nested(Kind::Cleanup, &[text]).within(&doing)
        })
    }

    /// Unlocks and removes bbr's directory after an earlier run, whoever's it was: bbr cannot tell.
    pub(super) fn clean_up_previous(&self, purpose: Purpose) -> Failures {
        let mut failures = Failures::default();
        if !failures.note(self.connect()) {
            return failures;
        }
        failures.note(self.unlock(purpose, Scripts::Failed));
        failures.note(self.remove_directory().map_err(|text| Failure::nested(Kind::Other, &[text])));
        if failures.is_empty() {
            self.console.info(&format!("'{}' cleaned up", self.name()));
        }
        failures
    }

    /// Runs a script of the VM unless a fault at `point` strikes; the error says what was run and how it exited.
    pub(super) fn script(
        &self,
        point: FaultPoint,
        job: &str,
        script: &str,
        effect: impl FnOnce() -> Result<(), String>,
    ) -> Result<(), String> {
        let failed = |text: String| format!("Error attempting to run {script} for job {job} on bosh/0: {text}");
        match self.struck(point, &format!("{job}/{script}")).map_err(failed)? {
            Some(text) => Err(failed(text)),
            None => effect().map_err(|text| failed(format!("{text} - exit code 1"))),
        }
    }

    /// Returns what a fault at `point` prints, if one strikes.
    pub(super) fn struck(&self, point: FaultPoint, at: &str) -> Result<Option<String>, String> {
        let fault = self.world.strike(point).map_err(|error| error.to_string())?;
        Ok(fault.map(|fault| format!("{} - exit code {}", fault.said(at), fault.exit)))
    }

    fn remove_directory(&self) -> Result<(), String> {
        self.console.info("Cleaning up...");
        self.remote(&format!("rm -rf {BACKUP_DIRECTORY}"), "");
        self.pace.pass(Phase::CLEANUP);
        let struck = self.struck(FaultPoint::CLEANUP, BACKUP_DIRECTORY);
        let removed = struck.and_then(|struck| match struck {
            Some(text) => Err(text),
            None => self.vm.remove_backup_directory().map_err(|error| error.to_string()),
        });
        removed.map_err(|text| {
            self.console.error("Backup artifact clean up failed");
            format!("Unable to clean up backup artifact: {text}")
        })
    }

    fn log_in(&self) -> Result<(), Failure> {
        let other = |text: String| Failure::new(Kind::Other, text);
        let path = &self.access.key;
        let key = fs::read_to_string(path)
            .map_err(|error| other(format!("failed reading private key: open {path}: {}", reason(&error))))?;
        let (host, port) = split_address(&self.access.host);
        let dialled = "finding scripts failed on bosh/0: ssh.Run failed: ssh.Stream failed: ssh.Dial failed";
        let is_here = host == self.director.host && port == self.director.ssh_port && self.director.is_reachable();
        if !is_here {
            return Err(other(format!("{dialled}: dial tcp {host}:{port}: connect: connection refused")));
        }
        let known = fs::read_to_string(self.world.key()).unwrap_or_default();
        if key != known || self.access.username != self.director.ssh_user {
            return Err(other(format!(
                "{dialled}: ssh: handshake failed: ssh: unable to authenticate, attempted methods [none publickey], no supported methods remain"
            )));
        }
        Ok(())
    }

    fn log_scripts(&self) {
        self.trying("sh -c 'find /var/vcap/jobs/*/bin/bbr/* -type f'");
        let paths: Vec<String> = self
            .scripts
            .borrow()
            .iter()
            .filter_map(|script| script.split_once('/'))
            .map(|(job, script)| script_path(job, script))
            .collect();
        self.console.debug(&format!("[find files] stdout: {}", paths.join("\n")));
        self.console.debug("[find files] stderr: ");
        if self.has_script(LOCK_JOB, "metadata") {
            let metadata = format!("BBR_VERSION={VERSION} {}", script_path(LOCK_JOB, "metadata"));
            self.remote(&metadata, LOCK_METADATA);
            for purpose in [Purpose::Backup, Purpose::Restore] {
                let order =
                    format!("Detected order: {LOCK_JOB} should be locked before blobstore during {}", purpose.name());
                self.console.info(&order);
            }
        }
        for script in self.scripts.borrow().iter() {
            self.console.info(&format!("bosh/0/{script}"));
        }
    }

    fn has_script(&self, job: &str, script: &str) -> bool {
        self.scripts.borrow().iter().any(|found| *found == format!("{job}/{script}"))
    }
}

/// Returns where a script of a job lies on the VM.
pub(super) fn script_path(job: &str, script: &str) -> String {
    format!("/var/vcap/jobs/{job}/bin/bbr/{script}")
}

/// Wraps trouble with the world itself, which no real client knows.
pub(super) fn broken(error: &WorldError) -> Failure {
    Failure::new(Kind::Other, error.to_string())
}

/// Returns an I/O error in Go's words.
pub(super) fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or directory".into(),
        std::io::ErrorKind::PermissionDenied => "permission denied".into(),
        std::io::ErrorKind::NotADirectory => "not a directory".into(),
        std::io::ErrorKind::IsADirectory => "is a directory".into(),
        _ => error.to_string(),
    }
}

fn split_address(address: &str) -> (&str, u16) {
    let address = address.split_once("://").map_or(address, |(_, rest)| rest);
    match address.split_once(':') {
        Some((host, port)) => (host, port.parse().unwrap_or(22)),
        None => (address, 22),
    }
}
