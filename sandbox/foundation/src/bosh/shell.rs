//! `ssh` and `scp`: into VMs, as a user whom the director makes for the session.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::foundation::{Deed, Deployment, Instance};
use crate::inside::{Owners, Ran, User, run_script};
use crate::pace::Phase;
use crate::tasks::{Claim, Order, Step};
use crate::vm::copy_tree;
use crate::world::WorldError;

use super::flags::Asking;
use super::follow::Telling;
use super::session::{Session, Stop};
use super::table::Table;

/// `ssh -c COMMAND`: on every instance that is meant, one after another.
pub(super) fn ssh(session: &mut Session) -> Result<(), Stop> {
    let command = session.invocation.values("command").join(" ");
    let is_alone = session.invocation.has("results") || session.invocation.asking == Asking::Never;
    if command.is_empty() {
        let why = if is_alone {
            "Non-interactive SSH requires non-empty command"
        } else {
            "The sandbox has no terminal for SSH: give it a command with -c"
        };
        return Err(Stop::failed(&[why]));
    }
    let slug = session.invocation.arg(0).to_owned();
    let hosts = set_up(session, &slug)?;
    let mut results = Vec::new();
    for host in &hosts {
        let ran = run_script(session.world, host, &User::of_session(), &command)?;
        results.push((host.name(), ran));
    }
    if session.invocation.has("results") {
        session.screen.table(results_table(&results));
    } else {
        for (name, ran) in &results {
            stream(session, name, ran);
        }
    }
    clean_up(session, &hosts)?;
    let failed = results.iter().filter(|(_, ran)| ran.code != 0).map(|(_, ran)| (format!("ssh {command}"), ran.code));
    conclude("Running SSH", &failed.collect::<Vec<_>>())
}

/// Prints each line behind the name of its instance and of its stream, all on standard output.
fn stream(session: &mut Session, name: &str, ran: &Ran) {
    for (stream, text) in [("stdout", &ran.stdout), ("stderr", &ran.stderr)] {
        for line in text.split_inclusive('\n') {
            session.screen.block(&format!("{name}: {stream} | "));
            session.screen.block(line.trim_end_matches('\n'));
            if line.ends_with('\n') {
                session.screen.block("\n");
            }
        }
    }
}

fn results_table(results: &[(String, Ran)]) -> Table {
    let row = |(name, ran): &(String, Ran)| {
        let error = if ran.code == 0 { "-".to_owned() } else { format!("exit status {}", ran.code) };
        vec![name.clone(), ran.stdout.clone(), ran.stderr.clone(), ran.code.to_string(), error]
    };
    let titles = ["Instance", "Stdout", "Stderr", "Exit Code", "Error"];
    Table::new("results", &titles, results.iter().map(row).collect()).transposed()
}

/// Fails if commands did; the status of each is only in the text.
fn conclude(doing: &str, failed: &[(String, u8)]) -> Result<(), Stop> {
    if failed.is_empty() {
        return Ok(());
    }
    let count = match failed.len() {
        1 => "1 error occurred".to_owned(),
        count => format!("{count} errors occurred"),
    };
    let each = failed.iter().map(|(command, code)| {
        format!("\t* Running command: '{command}', stdout: '', stderr: '': exit status {code}\n")
    });
    Err(Stop::failed(&[doing, &format!("{count}:\n{}", each.collect::<String>())]))
}

/// Lets the agents of the meant instances make a user, and returns the instances.
fn set_up(session: &mut Session, slug: &str) -> Result<Vec<Instance>, Stop> {
    let name = session.invocation.deployment.clone();
    let doing = format!("Setting up SSH in deployment '{name}'");
    let (_, deployment) = session.deployment()?;
    let hosts = meant(&deployment, slug);
    if hosts.is_empty() {
        return Err(session.not_found(140_003, &format!("No instance in deployment '{name}' matched '{slug}'")));
    }
    let silent = hosts.iter().find(|host| !host.answers());
    let deed = silent.map_or(Deed::Nothing, |silent| {
        Deed::Fail(format!("Timed out sending 'ssh' to instance: '{}' after 45 seconds", silent.name()))
    });
    let waits = silent.map_or(Duration::ZERO, |_| session.takes(Phase::BOSH_AGENT));
    let step = Step::new("", "", session.takes(Phase::BOSH_SSH) + waits, deed);
    let order = Order { claim: Claim::None, ..session.new_order(&name, "ssh: setup", vec![step]) };
    session.order(&doing, order, Telling::Nothing)?;
    Ok(hosts)
}

fn meant(deployment: &Deployment, slug: &str) -> Vec<Instance> {
    let meant = deployment.instances.iter().filter(|instance| slug.is_empty() || instance.is_meant_by(slug));
    meant.cloned().collect()
}

/// The user goes, and their home with them.
fn clean_up(session: &mut Session, hosts: &[Instance]) -> Result<(), Stop> {
    for host in hosts {
        let home = home(session, host)?;
        if home.exists() {
            fs::remove_dir_all(&home).map_err(|source| WorldError::io("remove", &home, source))?;
        }
        Owners::of(session.world, host).forget(&home)?;
    }
    let name = session.invocation.deployment.clone();
    let order = Order { claim: Claim::None, ..session.new_order(&name, "ssh: cleanup", Vec::new()) };
    session.order("Cleaning up SSH", order, Telling::Nothing)?;
    Ok(())
}

fn home(session: &Session, host: &Instance) -> Result<PathBuf, WorldError> {
    Ok(session.world.enter(host)?.join("home").join(User::of_session().0))
}

/// `scp FILE... GROUP/ID:PATH`, or the other way round.
pub(super) fn scp(session: &mut Session) -> Result<(), Stop> {
    let args = session.invocation.args.clone();
    let Some(slug) = args.iter().find_map(|arg| Some(arg.split_once(':')?.0.to_owned())) else {
        return Err(Stop::failed(&["Missing remote host information in source/destination arguments"]));
    };
    let hosts = set_up(session, &slug)?;
    let (target, sources) = args.split_last().expect("the command line was checked");
    let mut failed = Vec::new();
    for host in &hosts {
        for source in sources {
            let copied = copy(session, host, source, target)?;
            if let Err(why) = copied {
                session.screen.block(&format!("{}: stderr | scp: {why}\n", host.name()));
                failed.push((format!("scp {}", args.join(" ")), 1));
            }
        }
    }
    clean_up(session, &hosts)?;
    conclude("Running SCP", &failed)
}

/// Copies one file to or from an instance; the inner error is what scp says.
fn copy(session: &Session, host: &Instance, source: &str, target: &str) -> Result<Result<(), String>, Stop> {
    let named = |path: &str| path.replace("((instance_id))", &host.id.0);
    let (source, target) = (named(source), named(target));
    let home = home(session, host)?;
    fs::create_dir_all(&home).map_err(|source| WorldError::io("create", &home, source))?;
    let owners = Owners::of(session.world, host);
    let user = User::of_session();
    owners.set(&home, &user.0)?;
    let root = session.world.enter(host)?;
    let remote = |path: &str| match path.strip_prefix('/') {
        Some(below) => root.join(below),
        None => home.join(path.strip_prefix("~/").unwrap_or(path)),
    };
    let [from, to] = [&source, &target].map(|path| match path.split_once(':') {
        Some((_, path)) => (remote(path), path.to_owned()),
        None => (PathBuf::from(path), path.clone()),
    });
    let is_upload = target.contains(':');
    let to = if to.0.is_dir() { (to.0.join(from.0.file_name().unwrap_or_default()), to.1) } else { to };
    if let Some(why) = refusal(session, &from, &to.0) {
        return Ok(Err(why));
    }
    if is_upload && !owners.may_write(&to.0, &user) {
        return Ok(Err(format!("dest open \"{}\": Permission denied", to.1)));
    }
    if is_upload && is_full(session, host, &root, &to.0)? {
        return Ok(Err(format!("write remote \"{}\": No space left on device", to.1)));
    }
    transfer(session, &from.0, &to.0).map_err(|source| WorldError::io("copy", &from.0, source))?;
    if is_upload && owners.owner(&to.0) != user.0 {
        owners.set(&to.0, &user.0)?;
    }
    Ok(Ok(()))
}

fn refusal(session: &Session, (from, said): &(PathBuf, String), to: &Path) -> Option<String> {
    if !from.exists() {
        return Some(format!("{said}: No such file or directory"));
    }
    if from.is_dir() && !session.invocation.has("recursive") {
        return Some(format!("{said}: not a regular file"));
    }
    let is_homeless = to.parent().is_some_and(|folder| !folder.as_os_str().is_empty() && !folder.is_dir());
    is_homeless
        .then(|| format!("dest open \"{}\": No such file or directory", to.file_name().unwrap_or_default().display()))
}

fn is_full(session: &Session, host: &Instance, root: &Path, to: &Path) -> Result<bool, WorldError> {
    let foundation = session.world.foundation()?;
    let disk = foundation.mounted_on(host);
    Ok(to.starts_with(root.join("var/vcap/store")) && disk.is_some_and(|disk| disk.is_full))
}

/// While a file is on its way, half of it has arrived.
fn transfer(session: &Session, from: &Path, to: &Path) -> std::io::Result<()> {
    if from.is_dir() {
        session.pace.pass(Phase::BOSH_COPY);
        return copy_tree(from, to);
    }
    let content = fs::read(from)?;
    fs::write(to, &content[..content.len() / 2])?;
    session.pace.pass(Phase::BOSH_COPY);
    fs::write(to, content)
}
