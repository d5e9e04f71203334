//! Instances: what the director wants to run, the VM on which it runs, and the processes that monit watches there.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::disk::DiskCid;

/// The id of an instance, which it keeps for life.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct InstanceId(pub(crate) String);

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The cloud id of a VM.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct VmCid(pub(crate) String);

impl fmt::Display for VmCid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A member of an instance group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Instance {
    pub(crate) group: String,
    pub(crate) id: InstanceId,
    pub(crate) index: u32,
    pub(crate) az: String,
    pub(crate) ip: String,
    pub(crate) vm_type: String,
    pub(crate) jobs: Vec<String>,
    /// In the order of monit.
    pub(crate) processes: Vec<Process>,
    /// What an operator asked for.
    pub(crate) state: JobState,
    /// The VM as the director's record has it; the infrastructure may have lost it.
    pub(crate) vm: Option<Vm>,
    /// The disk as the director's record has it; the infrastructure may have lost it, or attached it to nothing.
    pub(crate) disk: Option<DiskCid>,
    /// The size of its persistent disk; `None` if the group has none.
    pub(crate) disk_mb: Option<u64>,
    pub(crate) is_ignored: bool,
}

impl Instance {
    /// Returns `GROUP/ID`.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.group, self.id)
    }

    /// Returns whether `GROUP/ID`, `GROUP/INDEX` or `GROUP` means this instance or its group.
    pub(crate) fn is_meant_by(&self, slug: &str) -> bool {
        match slug.split_once('/') {
            None => self.group == slug,
            Some((group, which)) => self.group == group && (self.id.0 == which || self.index.to_string() == which),
        }
    }

    /// Returns the state of its processes as the director tells it.
    pub(crate) fn process_state(&self) -> &'static str {
        let Some(vm) = &self.vm else {
            return if self.state == JobState::Detached { "-" } else { "unresponsive agent" };
        };
        if !vm.answers() {
            return "unresponsive agent";
        }
        let is_all = |state| self.processes.iter().all(|process| process.state == state);
        let is_any = |state| self.processes.iter().any(|process| process.state == state);
        if self.state != JobState::Started || (is_all(ProcessState::Stopped) && !self.processes.is_empty()) {
            "stopped"
        } else if is_any(ProcessState::Starting) {
            "starting"
        } else if is_all(ProcessState::Running) {
            "running"
        } else {
            "failing"
        }
    }

    /// Returns whether its agent answers.
    pub(crate) fn answers(&self) -> bool {
        self.vm.as_ref().is_some_and(Vm::answers)
    }

    /// Puts all its processes into a state.
    pub(crate) fn set_processes(&mut self, state: ProcessState) {
        for process in &mut self.processes {
            process.state = state;
        }
    }
}

/// What an operator asked of an instance: `bosh start`, `bosh stop`, `bosh stop --hard`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum JobState {
    Started,
    Stopped,
    Detached,
}

impl JobState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            JobState::Started => "started",
            JobState::Stopped => "stopped",
            JobState::Detached => "detached",
        }
    }
}

/// A VM of the director's records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vm {
    pub(crate) cid: VmCid,
    pub(crate) agent_id: String,
    pub(crate) agent: Agent,
    /// Whether the infrastructure has it.
    pub(crate) exists_in_iaas: bool,
}

impl Vm {
    /// Returns whether its agent answers, which takes a VM that exists.
    pub(crate) fn answers(&self) -> bool {
        self.exists_in_iaas && self.agent == Agent::Responsive
    }
}

/// Whether the BOSH agent of a VM answers the director.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Agent {
    Responsive,
    Silent,
}

/// A process that monit watches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Process {
    pub(crate) name: String,
    pub(crate) state: ProcessState,
    /// The disk that was mounted when it was started: it keeps to that one, whatever is mounted later.
    #[serde(default)]
    pub(crate) holds: Option<DiskCid>,
}

impl Process {
    /// Starts it while a disk is mounted, or none.
    pub(crate) fn start(&mut self, mounted: Option<DiskCid>) {
        self.state = ProcessState::Running;
        self.holds = mounted;
    }
}

/// What monit says of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ProcessState {
    Running,
    /// monit does not watch it.
    Stopped,
    /// monit has just been told to start it.
    Starting,
    /// monit cannot keep it running.
    Failing,
}

impl ProcessState {
    /// Returns the state as the director tells it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            ProcessState::Running => "running",
            ProcessState::Stopped => "stopped",
            ProcessState::Starting => "starting",
            ProcessState::Failing => "failing",
        }
    }

    /// Returns the state as `monit summary` prints it.
    pub(crate) fn of_monit(self) -> &'static str {
        match self {
            ProcessState::Running => "running",
            ProcessState::Stopped => "not monitored",
            ProcessState::Starting => "initializing",
            ProcessState::Failing => "Execution failed",
        }
    }
}
