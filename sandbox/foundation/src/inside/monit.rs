//! `monit`: what it says of processes, and what it does to them.

use crate::foundation::{Process, ProcessState};
use crate::pace::{Pace, Phase};
use crate::world::WorldError;
use crate::{err, out};

use super::Inside;

/// `monit summary`, or `monit start|stop|restart|monitor|unmonitor NAME|all`: for root only.
pub(super) fn run(inside: &Inside, args: &[String]) -> Result<u8, WorldError> {
    if !inside.user.is_root() {
        err("monit: Cannot read the control file: Permission denied\n");
        return Ok(1);
    }
    match args {
        [summary] if matches!(summary.as_str(), "summary" | "status") => {
            summarize(inside);
            Ok(0)
        }
        [verb, name] if matches!(verb.as_str(), "start" | "stop" | "restart" | "monitor" | "unmonitor") => {
            change(inside, verb, name)
        }
        _ => {
            err("monit: invalid argument -- see monit -h for help\n");
            Ok(1)
        }
    }
}

fn summarize(inside: &Inside) {
    out("The Monit daemon 5.2.5 uptime: 12d 3h 4m \n\n");
    for Process { name, state, .. } in &inside.instance.processes {
        let quoted = format!("'{name}'");
        out(&format!("Process {quoted:<25} {}\n", state.of_monit()));
    }
    out("System 'system_localhost'         running\n");
}

fn change(inside: &Inside, verb: &str, name: &str) -> Result<u8, WorldError> {
    let is_meant = |process: &Process| name == "all" || process.name == name;
    if !inside.instance.processes.iter().any(is_meant) {
        err("monit: action failed -- There is no service by that name\n");
        return Ok(1);
    }
    Pace::of(&inside.world)?.pass(Phase::MONIT);
    inside.world.change_foundation(|foundation| {
        let mounted = foundation.mounted_on(&inside.instance).map(|disk| disk.cid.clone());
        let Some(instance) = foundation.instance_mut(&inside.instance.id) else { return };
        for process in instance.processes.iter_mut().filter(|process| is_meant(process)) {
            match verb {
                "stop" | "unmonitor" => process.state = ProcessState::Stopped,
                "start" | "monitor" if process.state == ProcessState::Running => {}
                _ => process.start(mounted.clone()),
            }
        }
    })?;
    Ok(0)
}
