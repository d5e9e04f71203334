//! Commands inside of VMs: real programs over the VM's tree, with stand-ins for what would reach beyond it.
//!
//! A script is run by the real shell. Absolute paths in it become paths of the tree before, and are themselves again in
//! what it prints. A VM's users exist in the world only, so programs that write are preceded by stand-ins that refuse what
//! the user must not do; `sudo` makes the user root.

mod files;
mod filesystem;
mod monit;
mod mysql_diag;
mod owners;
mod ps;
mod script;
mod session;
mod users;

use std::path::PathBuf;

use crate::foundation::{Foundation, Instance, InstanceId};
use crate::platform::balancer::From;
use crate::world::{World, WorldError};

pub(crate) use owners::Owners;
pub(crate) use session::{Ran, run_script};

/// The environment variable that names the instance on whose VM a program runs.
pub(crate) const INSTANCE_VARIABLE: &str = "FIREDRILL_VM";

/// The environment variable that names the user who runs it.
const USER_VARIABLE: &str = "FIREDRILL_VM_USER";

/// The environment variable that holds the script of the session.
const SCRIPT_VARIABLE: &str = "FIREDRILL_VM_SCRIPT";

/// What runs inside of a VM in place of the real program; the result is its exit status.
#[derive(Clone, Copy)]
pub(crate) enum Program {
    /// It changes the world.
    Changing(fn(&Inside, &[String]) -> Result<u8, WorldError>),
    /// It does not.
    Plain(fn(&Inside, &[String]) -> u8),
}

/// The programs of VMs, by name. Those that are [`users::missing`] would reach beyond the tree.
const PROGRAMS: [(&str, Program); 42] = [
    ("chmod", Program::Changing(files::run)),
    ("chown", Program::Changing(users::chown)),
    ("cp", Program::Changing(files::run)),
    ("curl", Program::Changing(curl)),
    ("dd", Program::Changing(files::run)),
    ("df", Program::Plain(filesystem::df)),
    ("halt", Program::Plain(users::missing)),
    ("hostname", Program::Plain(users::hostname)),
    ("id", Program::Plain(users::id)),
    ("install", Program::Changing(files::run)),
    ("iptables", Program::Plain(users::missing)),
    ("killall", Program::Plain(users::missing)),
    ("ln", Program::Changing(files::run)),
    ("mkdir", Program::Changing(files::run)),
    ("mkfs", Program::Plain(users::missing)),
    ("monit", Program::Changing(monit::run)),
    ("mount", Program::Plain(users::missing)),
    ("mountpoint", Program::Plain(filesystem::mountpoint)),
    ("mv", Program::Changing(files::run)),
    ("mysql-diag", Program::Changing(mysql_diag::run)),
    ("passwd", Program::Plain(users::missing)),
    ("pgrep", Program::Changing(ps::pgrep)),
    ("pkill", Program::Plain(users::missing)),
    ("poweroff", Program::Plain(users::missing)),
    ("ps", Program::Changing(ps::run)),
    ("reboot", Program::Plain(users::missing)),
    ("rm", Program::Changing(files::run)),
    ("rmdir", Program::Changing(files::run)),
    ("rsync", Program::Changing(files::run)),
    ("service", Program::Plain(users::missing)),
    ("shutdown", Program::Plain(users::missing)),
    ("sleep", Program::Plain(users::sleep)),
    ("stat", Program::Changing(users::stat)),
    ("su", Program::Plain(users::refuse)),
    ("sudo", Program::Plain(users::sudo)),
    ("systemctl", Program::Plain(users::missing)),
    ("tar", Program::Changing(files::run)),
    ("tee", Program::Changing(files::run)),
    ("touch", Program::Changing(files::run)),
    ("umount", Program::Plain(users::missing)),
    ("useradd", Program::Plain(users::missing)),
    ("whoami", Program::Plain(users::whoami)),
];

/// Returns the program of VMs that is called so.
pub(crate) fn program(name: &str) -> Option<Program> {
    std::env::var_os(INSTANCE_VARIABLE)?;
    PROGRAMS.iter().find(|(known, _)| *known == name).map(|(_, program)| *program)
}

/// Runs a program of VMs where its environment says.
pub(crate) fn run(world: &World, program: Program, args: &[String]) -> Result<u8, WorldError> {
    let id = InstanceId(std::env::var(INSTANCE_VARIABLE).unwrap_or_default());
    let foundation = world.foundation()?;
    let found = foundation.instances().find(|(_, instance)| instance.id == id).map(|(_, instance)| instance.clone());
    let instance = found.ok_or_else(|| WorldError::NoInstance { name: id.to_string() })?;
    let user = User(std::env::var(USER_VARIABLE).unwrap_or_default());
    let root = world.vm_tree(&instance);
    let inside = Inside { world: world.clone(), foundation, instance, user, root };
    match program {
        Program::Changing(run) => run(&inside, args),
        Program::Plain(run) => Ok(run(&inside, args)),
    }
}

/// Where a program of VMs runs, and as whom.
pub(crate) struct Inside {
    pub(crate) world: World,
    pub(crate) foundation: Foundation,
    pub(crate) instance: Instance,
    user: User,
    /// The VM's tree.
    root: PathBuf,
}

/// A user of a VM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User(pub(crate) String);

impl User {
    const ROOT: &'static str = "root";

    /// The user that the director makes for a session of SSH.
    pub(crate) fn of_session() -> User {
        User("bosh_4f0c2b7d9e1a385".into())
    }

    pub(crate) fn is_root(&self) -> bool {
        self.0 == User::ROOT
    }
}

/// A VM asks the platform from inside.
fn curl(inside: &Inside, args: &[String]) -> Result<u8, WorldError> {
    crate::curl::run_from(&inside.world, args, From::Inside)
}

impl Inside {
    /// Returns a path of the tree as the VM sees it.
    fn seen(&self, path: &str) -> String {
        script::unmapped(path, &self.root)
    }
}
