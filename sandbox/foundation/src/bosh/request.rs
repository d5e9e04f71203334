//! What the client says of its first request when the director refuses it.

use super::flags::{Command, Invocation};

/// The first request of a command.
pub(super) struct Request {
    /// What is being done: each level within the one before.
    pub(super) doing: Vec<String>,
    pub(super) path: String,
}

impl Request {
    pub(super) fn of(invocation: &Invocation) -> Request {
        if invocation.command.needs_deployment() {
            return Request::about_deployment(invocation);
        }
        let name = &invocation.deployment;
        let (doing, path) = match invocation.command {
            Command::Vms | Command::Instances if !name.is_empty() => {
                let infos = invocation.command.name();
                return Request::new(
                    &[&format!("Listing deployment '{name}' {infos} infos")],
                    format!("/deployments/{name}/{infos}"),
                );
            }
            Command::Tasks if invocation.has("recent") => ("Finding recent tasks", "/tasks"),
            Command::Tasks => ("Finding current tasks", "/tasks"),
            Command::Locks => ("Finding locks", "/locks"),
            Command::Disks => ("Finding orphaned disks", "/disks"),
            Command::Configs => ("Listing configs", "/configs"),
            Command::Events => ("Finding events", "/events"),
            Command::Stemcells => ("Finding stemcells", "/stemcells"),
            Command::Releases => ("Finding releases", "/releases"),
            Command::CleanUp => ("Cleaning up resources", "/cleanup"),
            Command::UploadStemcell => ("Uploading stemcell", "/stemcells"),
            Command::UpdateResurrection => ("Changing VM resurrection state for all", "/resurrection"),
            _ => ("Finding deployments", "/deployments"),
        };
        Request::new(&[doing], path.to_owned())
    }

    fn about_deployment(invocation: &Invocation) -> Request {
        let (name, first) = (&invocation.deployment, invocation.arg(0));
        let below = |path: &str| format!("/deployments/{name}{path}");
        match invocation.command {
            Command::CloudCheck | Command::CreateRecoveryPlan | Command::Recover => {
                Request::new(&[&format!("Performing a scan on deployment '{name}'")], below("/scans"))
            }
            Command::Manifest | Command::Deployment => {
                Request::new(&["Fetching manifest", &format!("Finding deployment '{name}'")], below(""))
            }
            Command::Snapshots => {
                Request::new(&[&format!("Finding snapshots for deployment '{name}'")], below("/snapshots"))
            }
            Command::Errands => Request::new(&["Finding errands"], below("/errands")),
            Command::RunErrand => {
                Request::new(&[&format!("Running errand '{first}'")], below(&format!("/errands/{first}/runs")))
            }
            Command::Deploy => Request::new(&["Fetching diff result"], below("/diff")),
            Command::Ssh | Command::Scp => {
                Request::new(&[&format!("Setting up SSH in deployment '{name}'")], below("/ssh"))
            }
            Command::Ignore | Command::Unignore => {
                let doing = format!("Changing ignore state for '{first}' in deployment '{name}'");
                Request::new(&[&doing], below(&format!("/instance_groups/{first}/ignore")))
            }
            Command::AttachDisk => Request::new(&[], format!("/disks/{}/attachments", invocation.arg(1))),
            _ => Request::new(&["Changing state"], below("/jobs/*")),
        }
    }

    fn new(doing: &[&str], path: String) -> Request {
        Request { doing: doing.iter().map(ToString::to_string).collect(), path }
    }

    /// Returns what is being done, in one line.
    pub(super) fn shown(&self) -> String {
        self.doing.last().cloned().unwrap_or_default()
    }
}
