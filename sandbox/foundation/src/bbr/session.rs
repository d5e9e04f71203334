//! What backup, restore and the cleanups share: the way to the VMs, and the checks before.

use std::cell::{OnceCell, RefCell};
use std::fs;
use std::rc::Rc;
use std::sync::Arc;

use crate::clock::Moment;
use crate::director::Director;
use crate::foundation::Deployment;
use crate::later;
use crate::ledger::Ledger;
use crate::pace::{Pace, Phase};
use crate::scripts::{Life, ScriptKind, Scripts, Workplace, path};
use crate::vm::{BACKUP_DIRECTORY, Holder, Vm};
use crate::world::{World, WorldError};

use super::console::{self, Console, Purpose};
use super::errors::{Failure, Failures, Kind};
use super::flags::{Access, DeploymentAccess};
use super::help::VERSION;
use super::site::{self, Machine, Placed, Site, Stage};

/// One run of bbr against a director or a deployment.
pub(super) struct Session<'a> {
    pub(super) world: &'a World,
    pub(super) console: Arc<Console>,
    pub(super) pace: Pace,
    pub(super) site: Site<'a>,
    director: Director,
    machines: RefCell<Vec<Rc<Machine>>>,
    /// Begins with the first script.
    life: OnceCell<Life>,
}

impl<'a> Session<'a> {
    pub(super) fn new(world: &'a World, site: Site<'a>, console: Arc<Console>) -> Result<Session<'a>, WorldError> {
        let (pace, director) = (Pace::of(world)?, world.read()?);
        Ok(Session { world, console, pace, site, director, machines: RefCell::default(), life: OnceCell::new() })
    }

    /// Returns the name under which bbr speaks of the site: a director's host without scheme and port, or a deployment.
    pub(super) fn name(&self) -> &str {
        match &self.site {
            Site::Director(access) => split_address(&access.host).0,
            Site::Deployment(_, name) => name,
        }
    }

    /// Answers interrupts of this run.
    pub(super) fn answer_interrupts(&self, purpose: Purpose, ledger: &Arc<Ledger>) -> Result<(), WorldError> {
        console::answer_interrupts(&self.console, purpose, ledger)
            .map_err(|source| WorldError::io("watch for", "interrupts".as_ref(), source))
    }

    /// Connects and looks for the scripts.
    pub(super) fn connect(&self) -> Result<(), Failure> {
        let machines = match &self.site {
            Site::Director(access) => self.connect_to_director(access)?,
            Site::Deployment(access, name) => self.connect_to_deployment(access, name)?,
        };
        *self.machines.borrow_mut() = machines.into_iter().map(Rc::new).collect();
        self.log_scripts();
        Ok(())
    }

    fn connect_to_director(&self, access: &Access) -> Result<Vec<Machine>, Failure> {
        self.console.info("Looking for scripts");
        self.pass(Phase::CONNECT)?;
        self.log_in(access)?;
        self.console.debug("Attempting to find scripts on bosh/0");
        Ok(vec![Machine::of_director(self.world.vm()).map_err(|error| broken(&error))?])
    }

    fn connect_to_deployment(&self, access: &DeploymentAccess, name: &str) -> Result<Vec<Machine>, Failure> {
        self.reach(access)?;
        self.console.info("Looking for scripts");
        self.pass(Phase::CONNECT)?;
        let deployment = self.deployment(access, name)?;
        let found = site::find(self.world, &deployment).map_err(|error| broken(&error))?;
        found.map_err(|text| Failure::new(Kind::Other, text))
    }

    /// Asks the director who it is, as every client does first.
    fn reach(&self, access: &DeploymentAccess) -> Result<(), Failure> {
        if site::is_target(&access.target, &self.director) {
            return Ok(());
        }
        let address = access.target.trim_start_matches("https://");
        let request = format!("Performing GET request: Retry: Get \"https://{address}/info\"");
        let text = format!(
            "Fetching info: Performing request GET 'https://{address}/info': {request}: dial tcp {address}: connect: connection refused"
        );
        Err(Failure::new(Kind::Other, text))
    }

    /// Returns the deployment that this run is for.
    pub(super) fn deployment(&self, access: &DeploymentAccess, name: &str) -> Result<Deployment, Failure> {
        let doing = format!("failed to find instances for deployment {name}: couldn't get vm infos");
        let refused = |status: u32, response: &str| {
            let text = format!(
                "{doing}: Listing deployment '{name}' vms infos: Director responded with non-successful status code '{status}' response '{response}'"
            );
            Failure::new(Kind::Other, text)
        };
        if access.username != self.director.client || access.password != self.director.client_secret {
            return Err(refused(401, "Not authorized: '/deployments'"));
        }
        let foundation = self.world.foundation().map_err(|error| broken(&error))?;
        let missing = format!("{{\"code\": 70000, \"description\": \"Deployment '{name}' doesn't exist\"}}");
        foundation.deployment(name).cloned().ok_or_else(|| refused(404, &missing))
    }

    /// Returns the jobs that have a script of this name.
    pub(super) fn jobs_with(&self, script: &str) -> Vec<Placed> {
        site::jobs_with(&self.machines.borrow(), script)
    }

    /// Returns the VM on which a restore is marked as half done: the director's, or one that stands for a deployment.
    pub(super) fn half_done(&self) -> Vm {
        match &self.site {
            Site::Director(_) => self.world.vm(),
            Site::Deployment(_, name) => self.world.restore_mark(name),
        }
    }

    pub(super) fn machines(&self) -> Vec<Rc<Machine>> {
        self.machines.borrow().clone()
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
    pub(super) fn pass(&self, phase: Phase) -> Result<(), Failure> {
        self.pause(phase).map_err(|text| Failure::new(Kind::Other, text))
    }

    /// Does the same where errors are collected.
    pub(super) fn pause(&self, phase: Phase) -> Result<(), String> {
        self.pace.pass(phase);
        later::catch_up(self.world).map_err(|error| error.to_string())
    }

    pub(super) fn check_directory(&self) -> Result<(), Failure> {
        let mut found = Vec::new();
        for machine in self.machines() {
            self.trying(&format!("stat {BACKUP_DIRECTORY}"));
            if machine.vm.directory_holder().is_some() {
                found.push(format!("Directory {BACKUP_DIRECTORY} already exists on instance {}", machine.slug()));
            }
        }
        match found.as_slice() {
            [] => Ok(()),
            [text] => Err(Failure::new(Kind::Directory, text)),
            texts => Err(Failure::nested(Kind::Directory, texts)),
        }
    }

    /// Logs a command on a VM and what it printed.
    pub(super) fn remote(&self, command: &str, stdout: &str) {
        self.trying(command);
        self.console.debug(&format!("stdout: {stdout}"));
        self.console.debug("stderr: ");
    }

    /// Logs the run of a job's script.
    pub(super) fn remote_script(&self, job: &str, script: &str, variables: &str) {
        self.trying(&format!("{variables}{}", path(job, script)));
        self.console.debug("stderr: ");
    }

    fn trying(&self, command: &str) {
        self.console.debug(&format!("Trying to execute 'sudo {command}' on remote"));
    }

    /// Removes bbr's directory from the VMs after this run.
    pub(super) fn clean_up(&self) -> Result<(), Failure> {
        self.remove_directories().map_err(|texts| {
            let doing = format!("Deployment '{}' failed while cleaning up with error", self.name());
            Failure::nested(Kind::Cleanup, &texts).within(&doing)
        })
    }

    /// Unlocks and removes bbr's directory after an earlier run, whoever's it was: bbr cannot tell.
    pub(super) fn clean_up_previous(&self, purpose: Purpose) -> Failures {
        let mut failures = Failures::default();
        if !failures.note(self.connect()) {
            return failures;
        }
        failures.note(self.unlock(purpose, super::lock::Scripts::Failed));
        failures.note(self.remove_directories().map_err(|texts| Failure::nested(Kind::Other, &texts)));
        if failures.is_empty() {
            self.console.info(&format!("'{}' cleaned up", self.name()));
        }
        failures
    }

    /// Starts a script of a job, which takes as long as its stage and goes on without this process.
    pub(super) fn begin(&self, stage: Stage, placed: &Placed, script: ScriptKind) -> Result<(), String> {
        let life = self.life().map_err(|error| error.to_string())?;
        let due = Moment::now().after(self.pace.takes(self.site.phase(stage)));
        let script = (placed.job.as_str(), script);
        let begun = self.world.update(|scripts: &mut Scripts| scripts.begin(&placed.machine.host, script, due, life));
        begun.map_err(|error| error.to_string())
    }

    /// Ends a script that was started, with its effect unless a fault of the stage strikes it; the error says what was run and
    /// how it exited.
    pub(super) fn end(&self, stage: Stage, placed: &Placed, script: ScriptKind) -> Result<(), String> {
        let (job, slug, name) = (&placed.job, placed.slug(), script.name());
        let failed = |text: String| format!("Error attempting to run {name} for job {job} on {slug}: {text}");
        let ran = match self.struck(stage, placed, name, &format!("{job}/{name}")).map_err(failed)? {
            Some(text) => Err(failed(text)),
            None => self.work(placed, script).map_err(|text| failed(format!("{text} - exit code 1"))),
        };
        let ended = self.life().and_then(|life| {
            let script = (job.as_str(), script);
            self.world.update(|scripts: &mut Scripts| scripts.end(&placed.machine.host, script, life))
        });
        ended.map_err(|error| error.to_string()).and(ran)
    }

    fn work(&self, placed: &Placed, script: ScriptKind) -> Result<(), String> {
        let deployment = match &self.site {
            Site::Director(_) => None,
            Site::Deployment(_, name) => Some(name.clone()),
        };
        let place = Workplace { vm: placed.vm().clone(), deployment };
        place.work(self.world, (&placed.job, script), &Holder::this_process())
    }

    fn life(&self) -> Result<&Life, WorldError> {
        if let Some(life) = self.life.get() {
            return Ok(life);
        }
        let life = Life::begin(self.world, self.name())?;
        Ok(self.life.get_or_init(|| life))
    }

    /// Returns what a fault of a stage prints, if one strikes a job: `script` says among which jobs it looks for a victim.
    pub(super) fn struck(
        &self,
        stage: Stage,
        placed: &Placed,
        script: &str,
        at: &str,
    ) -> Result<Option<String>, String> {
        let is_victim = match self.site.victim(stage) {
            Some(victim) => placed.job == victim,
            None => self.jobs_with(script).first().is_some_and(|first| first.slot() == placed.slot()),
        };
        if is_victim { self.strike(stage, at) } else { Ok(None) }
    }

    fn strike(&self, stage: Stage, at: &str) -> Result<Option<String>, String> {
        let fault = self.world.strike(self.site.point(stage)).map_err(|error| error.to_string())?;
        Ok(fault.map(|fault| format!("{} - exit code {}", fault.said(at), fault.exit)))
    }

    fn remove_directories(&self) -> Result<(), Vec<String>> {
        if matches!(self.site, Site::Director(_)) {
            self.console.info("Cleaning up...");
        }
        self.pace.pass(Phase::CLEANUP);
        let mut errors = Vec::new();
        for (index, machine) in self.machines().iter().enumerate() {
            self.remote(&format!("rm -rf {BACKUP_DIRECTORY}"), "");
            let struck = if index == 0 { self.strike(Stage::Cleanup, BACKUP_DIRECTORY) } else { Ok(None) };
            let removed = struck.and_then(|struck| match struck {
                Some(text) => Err(text),
                None => machine.vm.remove_backup_directory().map_err(|error| error.to_string()),
            });
            if let Err(text) = removed {
                self.console.error("Backup artifact clean up failed");
                errors.push(format!("Unable to clean up backup artifact: {text}"));
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    fn log_in(&self, access: &Access) -> Result<(), Failure> {
        let other = |text: String| Failure::new(Kind::Other, text);
        let path = &access.key;
        let key = fs::read_to_string(path)
            .map_err(|error| other(format!("failed reading private key: open {path}: {}", reason(&error))))?;
        let (host, port) = split_address(&access.host);
        let dialled = "finding scripts failed on bosh/0: ssh.Run failed: ssh.Stream failed: ssh.Dial failed";
        let is_here = host == self.director.host && port == self.director.ssh_port && self.director.is_reachable();
        if !is_here {
            return Err(other(format!("{dialled}: dial tcp {host}:{port}: connect: connection refused")));
        }
        let known = fs::read_to_string(self.world.key()).unwrap_or_default();
        if key != known || access.username != self.director.ssh_user {
            return Err(other(format!(
                "{dialled}: ssh: handshake failed: ssh: unable to authenticate, attempted methods [none publickey], no supported methods remain"
            )));
        }
        Ok(())
    }

    fn log_scripts(&self) {
        for machine in self.machines() {
            self.trying("sh -c 'find /var/vcap/jobs/*/bin/bbr/* -type f'");
            let named = machine.scripts.iter().filter_map(|script| script.split_once('/'));
            let paths: Vec<String> = named.map(|(job, script)| path(job, script)).collect();
            self.console.debug(&format!("[find files] stdout: {}", paths.join("\n")));
            self.console.debug("[find files] stderr: ");
            for (job, order) in machine.orders() {
                self.remote(&format!("BBR_VERSION={VERSION} {}", path(&job, "metadata")), &order.metadata());
                for purpose in [Purpose::Backup, Purpose::Restore] {
                    let (before, purpose) = (order.before, purpose.name());
                    let order = format!("Detected order: {job} should be locked before {before} during {purpose}");
                    self.console.info(&order);
                }
            }
            for script in &machine.scripts {
                self.console.info(&format!("{}/{script}", machine.slug()));
            }
        }
    }
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
