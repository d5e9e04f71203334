//! What a script of bbr has done when it ends.

use crate::foundation::Foundation;
use crate::platform::balancer::From;
use crate::platform::{cluster, database};
use crate::vm::{API_JOB, BACKUP_DIRECTORY, Content, Holder, Job, Vm};
use crate::world::{World, WorldError};

use super::{Host, ScriptKind};

/// Where a script works.
#[derive(Debug)]
pub(crate) struct Workplace {
    pub(crate) vm: Vm,
    /// The deployment that the VM belongs to; `None` for the director's.
    pub(crate) deployment: Option<String>,
}

/// Returns the variables by which a script finds its part of bbr's directory.
pub(crate) fn variables(job: &str) -> String {
    let folder = format!("{BACKUP_DIRECTORY}/{job}/");
    format!("BBR_ARTIFACT_DIRECTORY={folder} ARTIFACT_DIRECTORY={folder} ")
}

impl Workplace {
    /// Returns where a script on this VM works, if the VM is there.
    pub(super) fn of(world: &World, host: &Host, foundation: &Foundation) -> Result<Option<Workplace>, WorldError> {
        if *host == Host::Director {
            return Ok(Some(Workplace { vm: world.vm(), deployment: None }));
        }
        let Some((deployment, instance)) = host.find(foundation) else { return Ok(None) };
        Ok(Some(Workplace { vm: Vm::at(world.enter(instance)?), deployment: Some(deployment.name.clone()) }))
    }

    /// Does what the script of a job does; the error is what it prints.
    pub(crate) fn work(&self, world: &World, (job, kind): (&str, ScriptKind), holder: &Holder) -> Result<(), String> {
        match kind {
            ScriptKind::PreBackupLock | ScriptKind::PreRestoreLock => {
                self.vm.lock(job, holder).map_err(|error| error.to_string())
            }
            ScriptKind::Backup => self.dump(world, job),
            ScriptKind::Restore => self.restore(world, job),
            ScriptKind::PostBackupUnlock | ScriptKind::PostRestoreUnlock => self.unlock(world, job),
        }
    }

    /// Returns what a job backs up.
    fn content(&self, job: &str) -> Result<Content, String> {
        let known = if self.deployment.is_none() { Job::named(job) } else { Job::deployed(job) };
        known.map(|job| job.content).ok_or_else(|| format!("the sandbox does not know the job {job}"))
    }

    fn dump(&self, world: &World, job: &str) -> Result<(), String> {
        match self.content(job)? {
            Content::Stored { stored, member } => {
                self.vm.back_up(job, stored, member).map_err(|error| error.to_string())
            }
            Content::Database { member } => {
                let foundation = world.foundation().map_err(|error| error.to_string())?;
                if !cluster::has_database(world, &foundation).map_err(|error| error.to_string())? {
                    return Err(
                        "mysqldump: Got error: 1047: WSREP has not yet prepared node for application use".into()
                    );
                }
                database::dump(world, job, &self.vm.artifact_of(job).join(member))
            }
        }
    }

    /// Databases come back to a cluster of one node only.
    fn restore(&self, world: &World, job: &str) -> Result<(), String> {
        match self.content(job)? {
            Content::Stored { stored, member } => {
                self.vm.restore(job, stored, member).map_err(|error| error.to_string())
            }
            Content::Database { member } => {
                let foundation = world.foundation().map_err(|error| error.to_string())?;
                let deployment = self.deployment.as_ref().and_then(|name| foundation.deployment(name));
                if deployment.map_or(0, cluster::node_count) > 1 {
                    return Err("Monit start failed: Timed out waiting for monit: 2m0s".into());
                }
                if !cluster::has_database(world, &foundation).map_err(|error| error.to_string())? {
                    return Err("ERROR 1047 (08S01): WSREP has not yet prepared node for application use".into());
                }
                database::restore(world, job, &self.vm.artifact_of(job).join(member))
            }
        }
    }

    /// The Cloud Controller's script waits for its own public address to answer.
    fn unlock(&self, world: &World, job: &str) -> Result<(), String> {
        if job == API_JOB {
            await_api(world)?;
        }
        self.vm.unlock(job).map_err(|error| error.to_string())
    }
}

fn await_api(world: &World) -> Result<(), String> {
    if !world.platform().map_err(|error| error.to_string())?.balancer.lets_through(From::Inside) {
        return Err("Public health check of https://api.sys.sandbox/info timed out".into());
    }
    let foundation = world.foundation().map_err(|error| error.to_string())?;
    if !cluster::has_database(world, &foundation).map_err(|error| error.to_string())? {
        return Err("Health check of /healthz timed out: Mysql2::Error::ConnectionError".into());
    }
    Ok(())
}
